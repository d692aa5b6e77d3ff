"""X-Ray groups, by name and filter expression, are there in both Regions: their metrics are on the dashboard.

What is missing is created. A group of that name with another expression is refused and not updated: AWS
applies an update to later traces only, which makes one graph of two expressions, and advises to delete the
group and create it anew, and what is deleted is a person's to decide. X-Ray says InvalidRequestException of a
group that exists as of an expression that is none, so after it the groups are looked at again for a while.
Sources: docs.aws.amazon.com/xray/latest/devguide/xray-console-groups.html,
docs.aws.amazon.com/xray/latest/api/API_CreateGroup.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, NewType

from ..calls import Absent, Api, Missed, Sight, Silence, said_to
from ..errors import Refused
from ..handler import lambda_handler
from ..inputs import FORMS, Form, Region, Seconds
from ..pages import ask_pages
from ..planned import DOUBTS
from ..step import Change, Decision, Done, Step, Wait
from ..world import World

GroupName = NewType("GroupName", str)
# docs.aws.amazon.com/xray/latest/api/API_CreateGroup.html; Default is X-Ray's own.
FORMS[GroupName] = Form(
    "the name of an X-Ray group",
    "X-Ray groups' names",
    r"(?!Default$)[A-Za-z0-9_-]{1,32}",
    "at most 32 letters, digits, hyphens and underscores, and not Default",
    "orders-errors",
)

LIST = Api("xray:GetGroups", why="a list of groups has no resource that IAM could name")
CREATE = Api(
    "xray:CreateGroup",
    resource="xray:{region}:{account}:group/{groups.name}/*",
    why="X-Ray ends a group's ARN with an ID that it draws itself",
)
PAGES = 5
PATIENCE_SECONDS = 30
"""How long a refused creation may still turn out to be one that has been done."""


@dataclass(frozen=True)
class Group:
    """What a group is."""

    name: Annotated[GroupName, "the group"]
    filter: Annotated[str, 'its filter expression, as service("orders") AND error = true']


@dataclass(frozen=True)
class Seen:
    filters: Mapping[Region, Mapping[str, str] | Silence]
    """By Region, the filter expressions of its groups by name."""
    missed: tuple[Missed, ...]
    waited: float


@dataclass(frozen=True, kw_only=True)
class XrayGroups(Step[Seen]):
    """These X-Ray groups are there in both Regions, with these filter expressions."""

    groups: Annotated[tuple[Group, ...], "the groups"]
    within: Annotated[Seconds, "how long the state may take to come about"] = Seconds(120)

    name: ClassVar = "xray_groups"
    reads: ClassVar = (LIST,)
    writes: ClassVar = (CREATE,)
    busy: ClassVar = frozenset({"InvalidRequestException"})
    asks: ClassVar = PAGES

    def __post_init__(self) -> None:
        names = [group.name for group in self.groups]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"{', '.join(twice)} stands here twice: a group has one filter expression")

    def observe(self, world: World) -> Seen:
        regions = (world.run.source, world.run.target)
        sights = ask_pages(world, [LIST(region) for region in regions], PAGES)
        filters = {region: _filters(sight) for region, sight in zip(regions, sights, strict=True)}
        return Seen(filters, world.missed, world.waited)

    def decide(self, seen: Seen) -> Decision:
        """What is missing is created where the Region answers; what differs is refused after that."""
        silent, other, missing = [], [], []
        for region, filters in seen.filters.items():
            if isinstance(filters, Silence):
                silent.append(filters.why)
                continue
            for group in self.groups:
                if group.name not in filters:
                    missing.append((region, group))
                elif (there := filters[group.name]) != group.filter.strip():
                    delete = f"aws xray delete-group --group-name {group.name} --region {region}"
                    what = f"X-Ray group {group.name} in {region} is of {there or 'all traces'}"
                    instead = f"{delete}, and it is created anew; or correct the runbook"
                    other.append(f"{what}, not {group.filter}: {instead}")
        if missing:
            refused = [said_to(*each) for each in seen.missed if not _throttled(each)]
            if refused and seen.waited > PATIENCE_SECONDS:
                raise Refused("; ".join([*refused, *other]))
            what = ", ".join(f"{group.name} in {region}" for region, group in missing)
            calls = tuple(
                CREATE(region, GroupName=group.name, FilterExpression=group.filter.strip())
                for region, group in missing
            )
            return Change(f"create {what}", calls, facts={DOUBTS: other} if other else {})
        if other:
            raise Refused("; ".join([*other, *silent]))
        return Wait("; ".join(silent)) if silent else Done(facts={"groups": len(self.groups)})


def _throttled(missed: Missed) -> bool:
    reply = missed[1]
    return isinstance(reply, Silence) and (reply.throttled or not reply.answered)


def _filters(sight: Sight) -> Mapping[str, str] | Silence:
    """A group without an expression is of all traces."""
    assert not isinstance(sight, Absent)
    if isinstance(sight, Silence):
        return sight
    if "Groups" not in sight:
        return Silence("X-Ray did not tell its groups")
    named = [each for each in sight["Groups"] if "GroupName" in each]
    return {each["GroupName"]: each.get("FilterExpression", "").strip() for each in named}


handler = lambda_handler(XrayGroups)
