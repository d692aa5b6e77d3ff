"""Capacity: EC2 Auto Scaling groups of `region` have as many instances in service as customers need.

A number raises: a group that has more is let be. Minimum, maximum and desired capacity go out in one call,
since a desired capacity above the maximum is refused, and one above the minimum is undone by a scaling
policy. What they were is remembered, for an undo and for `restore`, which gives exactly that back.

A desired capacity is none: it holds once so many instances are in service and healthy. Instances of a warm
pool are not in service; weighted ones count as much as they weigh. A group whose Launch process is
suspended takes a desired capacity and never launches anything, and a group that is being refreshed may
give back what it launched: both are refused while the group lacks instances. Sources:
docs.aws.amazon.com/autoscaling/ec2/APIReference/API_UpdateAutoScalingGroup.html,
docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-suspend-resume-processes.html,
docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeInstanceRefreshes.html (the newest first),
docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2autoscaling.html (the ARN of a group
has an id that AWS made up in its middle, hence the wildcard there)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
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
from ..ledger import Adopt, Memory, Note, Remember
from ..run import MOVES
from ..step import Change, Decision, Done, Step, Wait
from ..world import World

AsgName = NewType("AsgName", str)
# docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CreateAutoScalingGroup.html, but for IAM's wildcards
FORMS[AsgName] = Form(
    "an Auto Scaling group's name",
    "Auto Scaling group names",
    r"(?!arn:)[A-Za-z0-9!#%&'()+,./;<=>@^_`|~-]{1,255}",
    "at most 255 printable characters, without spaces and colons",
    "shop-web",
    meant=lambda text: text.partition("autoScalingGroupName/")[2],
)

NO_RESOURCE = "no Describe action of EC2 Auto Scaling can be scoped to a group"
GROUPS = Api("autoscaling:DescribeAutoScalingGroups", why=NO_RESOURCE)
REFRESHES = Api("autoscaling:DescribeInstanceRefreshes", why=NO_RESOURCE)
UPDATE = Api(
    "autoscaling:UpdateAutoScalingGroup",
    resource="autoscaling:{region}:{account}:autoScalingGroup:*:autoScalingGroupName/{groups}",
)

SIZES = ("MinSize", "MaxSize", "DesiredCapacity")
REFRESHING = frozenset({"Pending", "InProgress", "Cancelling", "RollbackInProgress", "Baking"})
NOT_ASKED = Silence("not asked: its owner remembers nothing of it")


@dataclass(frozen=True)
class Group:
    """One group, as just read."""

    sizes: Value | Silence
    in_service: int = 0
    """Instances, or what they weigh together."""
    wrong: str = ""
    """Why it would never get what it lacks."""


@dataclass(frozen=True)
class Seen:
    held: FenceSight
    groups: tuple[Group, ...]
    """In the order of `held`."""


@dataclass(frozen=True, kw_only=True)
class AsgCapacity(Step[Seen]):
    """Each of these Auto Scaling groups has at least `desired` instances in service."""

    groups: Annotated[Mapping[Region, tuple[AsgName, ...]], "each Region's groups"]
    region: Annotated[Region, "where they are"] = Region("$to")
    desired: Annotated[
        int | Literal["restore"],
        "how many instances each, at least; or `restore`: the sizes that were before",
    ]
    patience: Annotated[Patience, "how long a silent Region is waited for where it gives back"] = PATIENCE

    name: ClassVar = "asg_capacity"
    reads: ClassVar = (GROUPS, REFRESHES)
    writes: ClassVar = (UPDATE,)
    notes: ClassVar = NOTES
    busy: ClassVar = frozenset({"ScalingActivityInProgress", "ResourceContention"})
    every: ClassVar = 15
    asks: ClassVar = ASKS
    fences: ClassVar = True
    phase: ClassVar = "capacity"
    block: ClassVar = "EC2AutoScaling"

    def __post_init__(self) -> None:
        patient(self.patience, self.within)
        if self.desired == 0:
            raise ValueError("desired is 0, which every group has: write how many instances customers need")

    def observe(self, world: World) -> Seen:
        mine = {self._resource(name): name for name in self.groups[self.region]}
        asked = [each for each in mine if self.desired != "restore" or remembered_here(world, each)]
        refreshed = asked if self.desired != "restore" else []
        calls = [
            *(GROUPS(self.region, AutoScalingGroupNames=[mine[each]]) for each in asked),
            *(REFRESHES(self.region, AutoScalingGroupName=mine[each]) for each in refreshed),
        ]
        sights = ask_all(world, calls, self.patience)
        described = dict(zip(asked, sights, strict=False))
        refreshes = dict(zip(refreshed, sights[len(asked) :], strict=True))
        groups = [
            _group(name, self.region, described[each], refreshes.get(each))
            if each in described
            else Group(NOT_ASKED)
            for each, name in mine.items()
        ]
        held = [
            Held(each, group.sizes, None, self._put(name))
            for (each, name), group in zip(mine.items(), groups, strict=True)
        ]
        return Seen(FenceSight.of(world, self.patience, held, self.region), tuple(groups))

    def decide(self, seen: Seen) -> Decision:
        if self.desired == "restore":
            return give_back(seen.held)
        if seen.held.settling or seen.held.again:
            return take_away(seen.held, None)  # nothing of it is ever owed but giving it back
        return self._raise(seen, self.desired)

    def _raise(self, seen: Seen, least: int) -> Decision:
        """Customers are led there next, so no run goes on without it. What a run before has left raised is
        this run's from now on."""
        sight = seen.held
        calls: list[Call] = []
        notes: list[Note] = []
        due: list[str] = []
        before: list[str] = []
        lacking: list[str] = []
        wrong: list[str] = []
        for held, group in zip(sight.held, seen.groups, strict=True):
            if isinstance(group.sizes, Silence):
                (wrong if group.wrong else lacking).append(group.wrong or group.sizes.why)
                continue
            mine = sight.mine(held.resource)
            if mine is not None and sight.purpose in MOVES and mine.by != sight.execution:
                before.append(held.resource)
                notes.append(Adopt(replace(mine, by=sight.execution)))
            wanted = _at_least(group.sizes, least)
            if wanted == group.sizes and group.in_service >= least:
                continue
            wrong += [group.wrong] if group.wrong else []
            lacking.append(f"{held.resource}: {group.in_service} of {least} in service")
            if wanted != group.sizes:
                due.append(held.resource)
                calls += held.put(wanted)
                if mine is None:
                    notes.append(Remember(Memory(sight.owner, held.resource, group.sizes, sight.execution)))
        if sight.denied(calls):
            wrong.append(sight.said_to(calls))
        if wrong:
            raise Refused("; ".join(wrong))
        if due:
            return Change(f"raise {', '.join(due)} to {least}", tuple(calls), tuple(notes))
        if before:
            return Change(f"note that {', '.join(before)} is raised", (), tuple(notes))
        if lacking:
            return Wait("; ".join(lacking))
        return Done(facts={"in_service": sum(group.in_service for group in seen.groups)})

    def _resource(self, name: str) -> str:
        """The ledger's name of it."""
        return f"autoscaling:{self.region}:{name}:capacity"

    def _put(self, name: str) -> Callable[[Value], tuple[Call, ...]]:
        def put(value: Value) -> tuple[Call, ...]:
            sizes = value if isinstance(value, Mapping) else {}
            return (UPDATE(self.region, AutoScalingGroupName=name, **{size: sizes[size] for size in SIZES}),)

        return put


def _at_least(sizes: Any, least: int) -> dict[str, int]:
    return {size: max(sizes[size], least) for size in SIZES}


def _group(name: str, region: str, described: Sight, refreshes: Sight | None) -> Group:
    if isinstance(described, Silence | Absent):
        return Group(described if isinstance(described, Silence) else Silence(described.code))
    where = f"Auto Scaling group {name} in {region}"
    found = described.get("AutoScalingGroups")
    if found is None or isinstance(refreshes, Silence | Absent):
        return Group(refreshes if isinstance(refreshes, Silence) else Silence(f"{where} is not told of"))
    mine = next((each for each in found if each.get("AutoScalingGroupName") == name), None)
    if mine is None and described.get("NextToken"):
        return Group(Silence(f"{where} is not told of on the first page"))
    if mine is None:
        why = f"there is no {where}"
        return Group(Silence(why), wrong=why)
    if not all(isinstance(mine.get(size), int) for size in SIZES):
        return Group(Silence(f"{where}: its sizes are not told"))
    sizes = {size: mine[size] for size in SIZES}
    return Group(sizes, sum(map(_weight, mine.get("Instances", ()))), _wrong(where, mine, refreshes))


def _weight(instance: Mapping[str, Any]) -> int:
    """What an instance counts: nothing unless it is in service and well."""
    well = str(instance.get("HealthStatus")).lower() == "healthy"
    if instance.get("LifecycleState") != "InService" or not well:
        return 0
    weight = str(instance.get("WeightedCapacity", "1"))
    return int(weight) if weight.isdecimal() else 1


def _wrong(where: str, group: Mapping[str, Any], refreshes: Mapping[str, Any] | None) -> str:
    if group.get("Status"):
        return f"{where}: {group['Status']}"
    for suspended in group.get("SuspendedProcesses", ()):
        if suspended.get("ProcessName") == "Launch":
            reason = suspended.get("SuspensionReason", "no reason told")
            return f"{where}: Launch is suspended ({reason}), and nothing would be launched: resume it"
    for refresh in (refreshes or {}).get("InstanceRefreshes", ()):
        if refresh.get("Status") in REFRESHING:
            which = f"instance refresh {refresh.get('InstanceRefreshId')} is {refresh['Status']}"
            return f"{where}: {which}: wait for its end, or cancel it, and redrive"
    return ""


handler = lambda_handler(AsgCapacity)
