"""EC2: what is described of networks, which cannot be scoped."""

from ...rows import READ, Quota, Rows

ROWS = (
    Rows(
        "ec2",
        operations={"DescribeSubnets": READ},
        denial="UnauthorizedOperation",
        # Of filtered descriptions. docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
        quotas=(Quota(frozenset({"DescribeSubnets"}), per_second=20, at_once=100),),
    ),
)
