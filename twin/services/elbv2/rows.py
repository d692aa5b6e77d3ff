"""Elastic Load Balancing. Its reads cannot be scoped to a resource."""

from ...rows import READ, Rows

ROWS = (
    Rows(
        "elbv2",
        operations={"DescribeTargetHealth": READ},
        prefix="elasticloadbalancing",
        denial="AccessDenied",
    ),
)
