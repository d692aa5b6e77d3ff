"""Application Auto Scaling. A scalable target's ARN ends with an id that AWS made up: none is named here."""

from ...rows import READ, WRITE, Rows

ROWS = (
    Rows(
        "application-autoscaling",
        operations={"DescribeScalableTargets": READ, "RegisterScalableTarget": WRITE},
    ),
)
