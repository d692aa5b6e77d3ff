"""CloudWatch. Its reads of metrics and alarms cannot be scoped to any of them."""

from ...rows import READ, WRITE, Quota, Rows

ROWS = (
    Rows(
        "cloudwatch",
        operations={
            "GetMetricData": READ,
            "DescribeAlarms": READ,
            "GetDashboard": READ,
            "PutDashboard": WRITE,
        },
        resources={"DashboardName": "cloudwatch::{account}:dashboard/{given}"},
        denial="AccessDenied",
        span=frozenset({"StartTime", "EndTime"}),
        # docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html
        quotas=(
            Quota(frozenset({"DescribeAlarms"}), per_second=9, at_once=9),
            Quota(frozenset({"GetMetricData"}), per_second=50, at_once=50),
        ),
    ),
)
