"""CloudFront's control plane, which no failover may need."""

from ...rows import READ, WRITE, Rows

ROWS = (
    Rows(
        "cloudfront",
        operations={"GetDistribution": READ, "UpdateDistribution": WRITE},
        home="us-east-1",
        resources={"Id": "cloudfront::{account}:distribution/{given}"},
        denial="AccessDenied",
    ),
)
