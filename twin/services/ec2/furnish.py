"""Security groups, whose rules let in whoever is in the VPC: customers' requests pass each."""

from __future__ import annotations

from collections.abc import Mapping

from ...furnishing import Role, Room, Wanted, Way
from .model import VPC, SecurityGroups
from .subnets import Subnets

GROUP, RULE, SOURCE = "SecurityGroupId", "SecurityGroupRuleId", "Cidr"
SUBNET, NETWORK = "SubnetId", "VpcId"
TAKES: Mapping[str, Role] = {GROUP: "lets in", RULE: "", SOURCE: "", SUBNET: "", NETWORK: ""}


class Rules:
    """A group's, as a gate."""

    def __init__(self, groups: SecurityGroups, region: str, group: str) -> None:
        self._groups, self._region, self._group = groups, region, group

    def is_open(self) -> bool:
        return self._groups.lets_in(self._region, self._group)

    def setting(self) -> object:
        rules = self._groups.rules.items()
        return [it.source for (where, _), it in rules if (where, it.group) == (self._region, self._group)]


def furnish(room: Room) -> None:
    wanted = room.wanted
    known = set[tuple[str, str]]()
    for line, group in wanted.naming(GROUP):
        if (group.region, group.text) not in known:
            known.add((group.region, group.text))
            groups = SecurityGroups.of(room.cloud)
            ids = [rule.text for rule in line.of(RULE) if rule.region == group.region]
            for number, rule in enumerate(ids):  # no two rules of a group are alike
                groups.rule(group.region, group.text, rule, VPC, protocol="tcp", ports=(8080 + number,) * 2)
            gate = Rules(groups, group.region, group.text)
            room.add_way(group.region, Way(GROUP, group.text, gate))
    for subnet, regions in wanted.places(SUBNET).items():
        for region in regions:
            Subnets.of(room.cloud).subnet(region, subnet, _vpc(wanted, subnet))


def _vpc(wanted: Wanted, subnet: str) -> str:
    """Beside which the subnet stands: in the same entry of its line."""
    for line, name in wanted.naming(SUBNET):
        for vpc in line.of(NETWORK):
            if name.text == subnet and vpc.at[:2] == name.at[:2]:
                return vpc.text
    return ""
