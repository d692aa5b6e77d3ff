"""EC2's security groups, in the Cloud that has everything."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from every_service import EAST, client

from twin.cloud import Cloud
from twin.services.ec2.model import Rule, SecurityGroups


def furnish(cloud: Cloud, name: str) -> None:
    groups = SecurityGroups.of(cloud)
    groups.rule(EAST, f"sg-{name}", f"sgr-{name}", description="targets")
    groups.rule(EAST, f"sg-{name}", f"sgr-{name}-out", "0.0.0.0/0", egress=True)


def rule(cloud: Cloud) -> Rule:
    return SecurityGroups.of(cloud).rules[EAST, "sgr-one"]


def narrow(cloud: Cloud) -> None:
    it = rule(cloud)
    it.source, it.protocol, it.ports, it.description = "10.0.0.0/32", "tcp", (80, 80), ""


UNDER_WAY = {"a rule that was narrowed": narrow}
WHOLE = {"IpProtocol": "-1", "FromPort": -1, "ToPort": -1, "CidrIpv4": "10.0.0.0/32"}


def modify(group: str = "sg-one", name: str = "sgr-one", **rule: Any) -> None:
    client("ec2", EAST).modify_security_group_rules(
        GroupId=group, SecurityGroupRules=[{"SecurityGroupRuleId": name, "SecurityGroupRule": WHOLE | rule}]
    )


def test_a_rule_lets_in_whom_its_block_holds_and_blocks_are_kept_canonical(cloud: Cloud) -> None:
    groups = SecurityGroups.of(cloud)
    assert groups.lets_in(EAST, "sg-one")
    modify()
    assert not groups.lets_in(EAST, "sg-one")
    modify(CidrIpv4="10.0.3.4/15")
    (told,) = client("ec2", EAST).describe_security_group_rules(SecurityGroupRuleIds=["sgr-one"])[
        "SecurityGroupRules"
    ]
    assert (told["CidrIpv4"], told["IsEgress"]) == ("10.0.0.0/15", False)
    assert groups.lets_in(EAST, "sg-one")


def test_what_is_left_out_is_lost(cloud: Cloud) -> None:
    modify()
    assert rule(cloud).description == ""


def test_it_refuses_what_aws_refuses(cloud: Cloud) -> None:
    for more, said in (
        ({"name": "sgr-news"}, "does not exist"),
        ({"group": "sg-two"}, "not of this group"),
        ({"CidrIpv4": "10.0.0.0/40"}, "malformed"),
        ({"CidrIpv6": "::/0"}, "exactly one source"),
    ):
        with pytest.raises(ClientError, match=said):
            modify(**more)
    SecurityGroups.of(cloud).rule(EAST, "sg-one", "sgr-other", "10.0.0.0/32")
    with pytest.raises(ClientError, match="already exists"):
        modify()
