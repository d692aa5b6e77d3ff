"""ECS services, some tasks of each, behind a load balancer at each Region's address."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from glob import escape

from ...furnishing import Role, Room, Way
from ...verb import MARKER
from ..application_autoscaling.model import ApplicationAutoScaling
from ..ec2.model import SecurityGroups
from ..ecs.model import Ecs, EcsService, Image
from .model import LoadBalancers, TargetGroup

SERVICE = "EcsService"
TAKES: Mapping[str, Role] = {SERVICE: "lets in"}
TASKS = 2
"""Of each service, in each Region. Nothing scales them by itself."""


class Tasks:
    """A service behind a load balancer, as a gate: it has a task that is healthy."""

    def __init__(self, group: TargetGroup, service: EcsService) -> None:
        self._group, self._service = group, service

    def is_open(self) -> bool:
        return self._group.is_healthy()

    def setting(self) -> object:
        """As many as usually, or fewer."""
        return min(self._service.desired, TASKS)


def furnish(room: Room) -> None:
    found = room.wanted.places(SERVICE)
    for region in room.regions:
        if services := [name for name, regions in found.items() if region in regions]:
            _balanced(room, region, services)


def _balanced(room: Room, region: str, names: list[str]) -> None:
    """What customers call is answered by the first service that it is said to go through, or by the first
    there is; the others have paths of their own."""
    ecs, balancers = Ecs.of(room.cloud), LoadBalancers.of(room.cloud, room.net)
    ApplicationAutoScaling.of(room.cloud)
    groups: dict[str, TargetGroup] = {}
    lets_in = _lets_in(room, region)
    for name in names:
        cluster, _, service = name.partition("/")
        groups[name] = group = balancers.target_group(region, f"{cluster}-{service}", lets_in)
        made = ecs.create(region, cluster, service, Image(name, room.door[region]), TASKS, group.arn)
        group.services.append(made)
        room.add_way(region, Way(SERVICE, name, Tasks(group, made)))
        if (security := room.cloud.enlisted(SecurityGroups)) is not None:
            security.on_change.append(group.reachable_again)
    balancers.load_balancer(region, room.addresses[region], [*_rules(room, groups)])


def _rules(room: Room, groups: Mapping[str, TargetGroup]) -> Iterator[tuple[str, TargetGroup]]:
    """Patterns of paths in the order in which they are tried, each with the group that it leads to: the paths
    themselves come first, then what is below them, so that no entry hides another, whatever their order."""
    said = [
        (verb, min(named, key=[*groups].index))
        for verb in room.wanted.answered
        if (named := verb.through & groups.keys())
    ]
    reads = [(escape(verb.read.partition("?")[0]).replace(MARKER, "*"), groups[name]) for verb, name in said]
    yield from ((escape(verb.write), groups[name]) for verb, name in said)
    yield from sorted(reads, key=lambda rule: -len(rule[0]))
    first, *others = dict.fromkeys([*(name for _, name in said), *groups])
    yield from ((f"/{name.partition('/')[2]}/*", groups[name]) for name in others[::-1])
    yield "*", groups[first]


def _lets_in(room: Room, region: str) -> Callable[[], bool]:
    """What requests of the Region meet before there are any tasks: its security groups."""
    gates = [way.gate for way in room.ways.get(region, ())]
    return lambda: all(gate.is_open() for gate in gates)
