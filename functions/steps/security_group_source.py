"""Who is let in: rules of a security group in `region` let in `source` alone, or whom they let in before.

The game day's outage, and a fence for what stands behind a load balancer: a source that holds nobody shuts
its targets off, and its health checks with them. A rule is changed in place, by its id, and the whole of it
is sent, since what is left out is lost: its ports and its description stay, and it comes back as it was. A
connection that is tracked already goes on, so requests in flight do. Only rules with an IPv4 block as their
source can be narrowed: another rule of the group may let others in all the same. Sources:
docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifySecurityGroupRules.html,
docs.aws.amazon.com/AWSEC2/latest/UserGuide/security-group-connection-tracking.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_network
from typing import Annotated, Any, ClassVar, Literal, NewType

from ..calls import Absent, Api, Call, Sight, Silence
from ..errors import Refused
from ..fence import (
    ASKS,
    NOTES,
    PATIENCE,
    FenceSight,
    Held,
    Value,
    ask_all,
    give_back,
    patient,
    remembered_here,
    take_away,
)
from ..handler import lambda_handler
from ..inputs import FORMS, Form, Patience, Region
from ..step import Decision, Step
from ..world import World

SecurityGroupId = NewType("SecurityGroupId", str)
SecurityGroupRuleId = NewType("SecurityGroupRuleId", str)
Cidr = NewType("Cidr", str)


def _canonical(text: str) -> str:
    try:
        return str(ip_network(text, strict=False))
    except ValueError:
        return text


def _no_block(text: str) -> str:
    try:
        ip_network(text)
    except ValueError as why:
        return f"is no IPv4 block ({why})"
    return ""


_NUMBER = "[0-9a-f]{8}([0-9a-f]{9})?"
# docs.aws.amazon.com/AWSEC2/latest/UserGuide/resource-ids.html
FORMS[SecurityGroupId] = Form(
    "a security group's id",
    "security groups' ids",
    f"sg-{_NUMBER}",
    "sg- and 8 or 17 digits, a to f among them",
    "sg-0123456789abcdef0",
    regional=True,
)
FORMS[SecurityGroupRuleId] = Form(
    "a security group rule's id",
    "security group rules' ids",
    f"sgr-{_NUMBER}",
    "sgr- and 8 or 17 digits, a to f among them",
    "sgr-0123456789abcdef0",
    regional=True,
)
# docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpRange.html
FORMS[Cidr] = Form(
    "an IPv4 block",
    "IPv4 blocks",
    r"[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}",
    "an address and the length of its prefix",
    "10.0.0.0/32",
    keeper="EC2",
    canonical=_canonical,
    flaw=_no_block,
)

GROUP = "ec2:{region}:{account}:security-group/{groups}"
RULE = "ec2:{region}:{account}:security-group-rule/{rules}"
READ = Api("ec2:DescribeSecurityGroupRules", why="its reads cannot be scoped to a security group")
MODIFY = Api("ec2:ModifySecurityGroupRules", resource=(GROUP, RULE))

KEPT = ("IpProtocol", "FromPort", "ToPort", "CidrIpv4", "Description")
"""What a rule is, and what is sent to change it."""
NOBODY = "10.0.0.0/32"
"""In a VPC of that block an address that no interface gets.
Source: docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html"""


@dataclass(frozen=True, kw_only=True)
class SecurityGroupSource(Step[FenceSight]):
    """These rules of the security group in `region` let in `source`, and nobody else."""

    groups: Annotated[Mapping[Region, SecurityGroupId], "each Region's security group"]
    rules: Annotated[Mapping[Region, tuple[SecurityGroupRuleId, ...]], "the group's inbound rules"]
    region: Annotated[Region, "where"] = Region("$from")
    source: Annotated[
        Cidr | Literal["restore"],
        "the block that they let in: 10.0.0.0/32 is nobody, in a VPC that begins there; `restore`: as before",
    ]
    patience: Annotated[Patience, "how long a silent Region is waited for"] = PATIENCE

    name: ClassVar = "security_group_source"
    reads: ClassVar = (READ,)
    writes: ClassVar = (MODIFY,)
    notes: ClassVar = NOTES
    busy: ClassVar = frozenset({"InvalidPermission.Duplicate", "InvalidPermission.NotFound"})
    asks: ClassVar = ASKS
    fences: ClassVar = True
    closed: ClassVar = NOBODY

    def __post_init__(self) -> None:
        patient(self.patience, self.within)
        if self.source.endswith("/0"):
            raise ValueError(f"{self.source} lets in everybody: write a block that holds nobody")

    def _resource(self, rule: str) -> str:
        """The ledger's name of what is fenced."""
        return f"ec2:{self.region}:{rule}:rule"

    def observe(self, world: World) -> FenceSight:
        rules = self.rules[self.region]
        asked = [
            rule for rule in rules if self.source != "restore" or remembered_here(world, self._resource(rule))
        ]
        calls = [READ(self.region, SecurityGroupRuleIds=asked)] if asked else []
        sights = ask_all(world, calls, self.patience)
        held = [
            self._held(rule, sights[0] if rule in asked else Silence("not asked: nothing is remembered"))
            for rule in rules
        ]
        return FenceSight.of(world, self.patience, list(_no_two_alike(rules, held)), self.region)

    def _held(self, rule: str, sight: Sight) -> Held:
        resource = self._resource(rule)
        if isinstance(sight, Silence | Absent):
            silence = sight if isinstance(sight, Silence) else Silence(sight.code)
            return Held(resource, silence, None, self._put(rule))
        told = sight.get("SecurityGroupRules", ())
        it = next((each for each in told if each.get("SecurityGroupRuleId") == rule), None)
        if it is None or not {"IpProtocol", "FromPort", "ToPort", "IsEgress", "GroupId"} <= it.keys():
            return Held(
                resource, Silence(f"EC2 did not tell of {rule}", answered=True), None, self._put(rule)
            )
        return Held(
            resource,
            {name: it[name] for name in KEPT if name in it},
            confirmed=None,
            put=self._put(rule),
            barred=self._barred(rule, it),
            aim=lambda current: {**current, "CidrIpv4": self.source},
        )

    def _barred(self, rule: str, it: Mapping[str, Any]) -> str:
        group = self.groups[self.region]
        if it["GroupId"] != group:
            return f"{rule} is a rule of {it['GroupId']}, and not of {group}: write the group that it is of"
        if it["IsEgress"]:
            return f"{rule} is about what goes out of {group}: write an inbound rule"
        if "CidrIpv4" not in it:
            return f"{rule} lets in no IPv4 block, but another source: write a rule with a block"
        return ""

    def _put(self, rule: str) -> Callable[[Value], tuple[Call, ...]]:
        def put(value: Value) -> tuple[Call, ...]:
            update = {"SecurityGroupRuleId": rule, "SecurityGroupRule": value}
            return (MODIFY(self.region, GroupId=self.groups[self.region], SecurityGroupRules=[update]),)

        return put

    def decide(self, seen: FenceSight) -> Decision:
        if self.source == "restore":
            return give_back(seen)
        if flaws := [held.barred for held in seen.held if held.barred]:
            raise Refused("; ".join(flaws))
        return take_away(seen, None)


def _no_two_alike(rules: Sequence[str], held: Sequence[Held]) -> Iterator[Held]:
    """Of one source, two rules about the same ports are one, and EC2 keeps no rule twice."""
    first: dict[object, str] = {}
    for rule, each in zip(rules, held, strict=True):
        told = each.current if isinstance(each.current, Mapping) else {}
        about = tuple(told.get(name) for name in KEPT[:3]) if told else rule
        other = first.setdefault(about, rule)
        alike = f"{rule} and {other} are about the same ports, and of one source they would be one rule"
        barred = each.barred or (f"{alike}: name one, and delete the other" if other != rule else "")
        yield replace(each, barred=barred)


handler = lambda_handler(SecurityGroupSource)
