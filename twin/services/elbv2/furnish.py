"""ECS services, some tasks of each, behind a load balancer at each Region's address."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...furnishing import Role, Room
from ..application_autoscaling.model import ApplicationAutoScaling
from ..ec2.model import SecurityGroups
from ..ecs.model import Ecs, EcsService, Image
from .model import LoadBalancer, LoadBalancers, TargetGroup

SERVICE = "EcsService"
TAKES: Mapping[str, Role] = {SERVICE: "lets in"}
TASKS = 2
"""Of each service, in each Region. Nothing scales them by itself."""


class Tasks:
    """The services behind a load balancer, as a gate: each has a task that is healthy."""

    def __init__(self, balancer: LoadBalancer, services: list[EcsService]) -> None:
        self._balancer, self._services = balancer, services

    def is_open(self) -> bool:
        return self._balancer.healthy()

    def setting(self) -> object:
        """As many as usually, or fewer."""
        return [min(service.desired, TASKS) for service in self._services]


def furnish(room: Room) -> None:
    found = room.wanted.places(SERVICE)
    for region in room.regions:
        if services := [name for name, regions in found.items() if region in regions]:
            _balanced(room, region, services)


def _balanced(room: Room, region: str, names: list[str]) -> None:
    """What customers call is answered by the first service; the others have paths of their own."""
    ecs, balancers = Ecs.of(room.cloud), LoadBalancers.of(room.cloud, room.net)
    ApplicationAutoScaling.of(room.cloud)
    groups: list[tuple[str, TargetGroup]] = []
    services, lets_in = [], _lets_in(room, region)
    for name in names:
        cluster, _, service = name.partition("/")
        group = balancers.target_group(region, f"{cluster}-{service}", lets_in)
        made = ecs.create(region, cluster, service, Image(name, room.door[region]), TASKS, group.arn)
        group.services.append(made)
        services.append(made)
        groups.append((f"/{service}/*" if groups else "*", group))
        if (security := room.cloud.enlisted(SecurityGroups)) is not None:
            security.on_change.append(group.reachable_again)
    balancer = balancers.load_balancer(region, room.addresses[region], groups[::-1])
    room.gates.setdefault(region, []).append(Tasks(balancer, services))


def _lets_in(room: Room, region: str) -> Callable[[], bool]:
    """What the Region's gates say before there are any tasks: its security groups."""
    gates = list(room.gates.get(region, ()))
    return lambda: all(gate.is_open() for gate in gates)
