"""EC2: the rules of security groups, as far as they let a load balancer reach its targets.

CIDR blocks are kept in their canonical form. A changed rule acts at once on new connections. Sources:
docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifySecurityGroupRules.html,
docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroupRules.html,
docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, ip_network
from typing import Any, ClassVar

from ...cloud import ACCOUNT, Answer, AwsError, Cloud, Operation
from ...faults import Request
from ...service import APART, WIRING, Service, Stateful, register

VPC = "10.0.0.0/16"
"""Where load balancers and their targets are."""
CHANGEABLE = ("IpProtocol", "FromPort", "ToPort", "CidrIpv4", "Description")
SOURCES = ("CidrIpv4", "CidrIpv6", "PrefixListId", "ReferencedGroupId")


@dataclass
class Rule(Stateful):
    """One rule of a group, about IPv4."""

    not_state: ClassVar = {"group": WIRING, "egress": WIRING}

    group: str
    egress: bool
    protocol: str
    ports: tuple[int, int]
    source: str
    description: str = ""

    def description_of(self, rule_id: str) -> dict[str, Any]:
        described = {"Description": self.description} if self.description else {}
        return {
            "SecurityGroupRuleId": rule_id,
            "GroupId": self.group,
            "GroupOwnerId": ACCOUNT,
            "IsEgress": self.egress,
            "IpProtocol": self.protocol,
            "FromPort": self.ports[0],
            "ToPort": self.ports[1],
            "CidrIpv4": self.source,
            **described,
        }


class SecurityGroups(Service):
    """Every Region's security groups, rule by rule."""

    service: ClassVar = "ec2"
    not_state: ClassVar = {"cloud": APART, "on_change": WIRING}

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self.rules: dict[tuple[str, str], Rule] = {}
        """By Region and the rule's id."""
        self.on_change: list[Callable[[], None]] = []
        """Called after a rule was changed."""

    def operations(self) -> Mapping[str, Operation]:
        return {"DescribeSecurityGroupRules": self._describe, "ModifySecurityGroupRules": self._modify}

    def state(self) -> object:
        return [(it.protocol, it.ports, it.source, it.description) for it in self.rules.values()]

    def rule(
        self,
        region: str,
        group: str,
        rule_id: str,
        source: str = VPC,
        *,
        protocol: str = "-1",
        ports: tuple[int, int] = (-1, -1),
        egress: bool = False,
        description: str = "",
    ) -> Rule:
        """One more rule of a group, which may be new."""
        made = lambda: Rule(group, egress, protocol, ports, source, description)  # noqa: E731
        return register(self.rules, (region, rule_id), made)

    def lets_in(self, region: str, group: str) -> bool:
        """Some rule of the group lets in whoever is in the VPC."""
        return any(
            _is_wide(it.source)
            for (where, _), it in self.rules.items()
            if (where, it.group, it.egress) == (region, group, False)
        )

    def _describe(self, request: Request) -> Answer:
        if set(request.parameters) != {"SecurityGroupRuleIds"}:
            raise NotImplementedError("the twin's DescribeSecurityGroupRules knows only SecurityGroupRuleIds")
        names: Any = request.parameters["SecurityGroupRuleIds"]
        return {"SecurityGroupRules": [self._named(request, name).description_of(name) for name in names]}

    def _modify(self, request: Request) -> Answer:
        if set(request.parameters) != {"GroupId", "SecurityGroupRules"}:
            raise NotImplementedError("the twin's ModifySecurityGroupRules knows GroupId, SecurityGroupRules")
        updates: Any = request.parameters["SecurityGroupRules"]
        changes = [(self._named(request, each["SecurityGroupRuleId"]), each) for each in updates]
        for rule, update in changes:
            if rule.group != request.parameters["GroupId"]:
                why = f"The security group rule {update['SecurityGroupRuleId']} is not of this group"
                raise AwsError("InvalidSecurityGroupRuleId.NotFound", why)
            self._judge(request.region, rule, update["SecurityGroupRule"])
        for rule, update in changes:
            wanted = update["SecurityGroupRule"]
            rule.protocol, rule.ports = wanted["IpProtocol"], (wanted["FromPort"], wanted["ToPort"])
            rule.source, rule.description = _canonical(wanted["CidrIpv4"]), wanted.get("Description", "")
        for act in self.on_change:
            act()
        return {"Return": True}

    def _judge(self, region: str, rule: Rule, wanted: Mapping[str, Any]) -> None:
        if not set(wanted) <= {*CHANGEABLE, *SOURCES}:
            raise NotImplementedError(f"the twin changes {CHANGEABLE} of a rule")
        if [name for name in SOURCES if name in wanted] != ["CidrIpv4"]:
            raise AwsError("InvalidParameterValue", "A rule has exactly one source, of the kind that it had")
        if not {"IpProtocol", "FromPort", "ToPort"} <= set(wanted):
            raise AwsError("MissingParameter", "The request must contain the protocol and the ports")
        alike = (wanted["IpProtocol"], (wanted["FromPort"], wanted["ToPort"]), _canonical(wanted["CidrIpv4"]))
        for (where, _), other in self.rules.items():
            same = (other.protocol, other.ports, other.source) == alike and other.egress == rule.egress
            if other is not rule and where == region and other.group == rule.group and same:
                raise AwsError("InvalidPermission.Duplicate", "the specified rule already exists")

    def _named(self, request: Request, name: str) -> Rule:
        rule = self.rules.get((request.region, name))
        if rule is None:
            why = f"The security group rule ID '{name}' does not exist"
            raise AwsError("InvalidSecurityGroupRuleId.NotFound", why)
        return rule


@functools.lru_cache(maxsize=256)
def _is_wide(source: str) -> bool:
    """It takes in the whole VPC. Asked after every event."""
    return IPv4Network(VPC).subnet_of(IPv4Network(source))


def _canonical(cidr: str) -> str:
    try:
        return str(ip_network(cidr, strict=False))
    except ValueError:
        raise AwsError("InvalidParameterValue", f"CIDR block {cidr} is malformed") from None
