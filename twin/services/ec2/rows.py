"""EC2: what is described of networks, which cannot be scoped, and security groups' rules."""

from ...rows import READ, WRITE, Quota, Rows

ROWS = (
    Rows(
        "ec2",
        operations={
            "DescribeSecurityGroupRules": READ,
            "DescribeSubnets": READ,
            "ModifySecurityGroupRules": WRITE,
        },
        # docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
        resources={
            "GroupId": "ec2:{region}:{account}:security-group/{given}",
            "SecurityGroupRuleId": "ec2:{region}:{account}:security-group-rule/{given}",
        },
        entries="SecurityGroupRules",
        denial="UnauthorizedOperation",
        # Of filtered descriptions. docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
        quotas=(Quota(frozenset({"DescribeSubnets"}), per_second=20, at_once=100),),
    ),
)
