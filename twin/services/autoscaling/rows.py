"""EC2 Auto Scaling. A group's ARN has an id of its own, which here is always the same."""

from ...rows import READ, WRITE, Rows

GROUP_ID = "0f000000-0000-4000-8000-000000000000"

ROWS = (
    Rows(
        "autoscaling",
        operations={
            "DescribeAutoScalingGroups": READ,
            "DescribeInstanceRefreshes": READ,
            "UpdateAutoScalingGroup": WRITE,
        },
        # docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2autoscaling.html
        resources={
            "AutoScalingGroupName": "autoscaling:{region}:{account}:autoScalingGroup:"
            + GROUP_ID
            + ":autoScalingGroupName/{given}"
        },
        denial="AccessDenied",
    ),
)
