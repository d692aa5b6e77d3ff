"""CloudWatch. Its reads of metrics and alarms cannot be scoped to any of them."""

from ...rows import READ, Rows

ROWS = (
    Rows(
        "cloudwatch",
        operations={"GetMetricData": READ, "DescribeAlarms": READ},
        denial="AccessDenied",
        span=frozenset({"StartTime", "EndTime"}),
    ),
)
