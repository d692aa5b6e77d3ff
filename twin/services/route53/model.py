"""Route 53's data plane: what DNS answers, by the health of the records behind a name.

Nothing here can be edited while the twin runs: record changes are a control plane in us-east-1, which no
failover may need. Source: docs.aws.amazon.com/Route53/latest/DeveloperGuide/dns-failover.html and
.../health-checks-how-route-53-chooses-records.html (where no record is healthy, all count as healthy).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile, zip_longest
from typing import ClassVar

from ...cloud import Cloud
from ...net import Net
from ...service import APART, WIRING, Service, Stateful
from ..arc.model import Cluster

Health = Callable[[], bool]


class HealthCheck(Stateful):
    """A health check of type RECOVERY_CONTROL: follows the routing control after a drawn delay."""

    not_state: ClassVar = {"_cloud": APART, "_cluster": APART, "_control": WIRING}

    def __init__(self, cloud: Cloud, cluster: Cluster, control: str) -> None:
        self._cloud, self._cluster, self._control = cloud, cluster, control
        self._shows = cluster.states[control]
        self._to_look = 0
        cluster.on_change.append(self._changed)

    def __call__(self) -> bool:
        return self._shows == "On"

    def state(self) -> object:
        return self._shows, self._to_look > 0

    def _changed(self) -> None:
        self._to_look += 1
        self._cloud.clock.after(self._cloud.latency.draw("route53_routing_control"), self._look)

    def _look(self) -> None:
        """It reads the state when it arrives, so that two changes cannot overtake one another."""
        self._to_look -= 1
        self._shows = self._cluster.states[self._control]


class Route53(Service):
    """Failover records of hosted zones, and health checks."""

    service: ClassVar = "route53"
    not_state: ClassVar = {"cloud": APART, "_net": APART}

    def __init__(self, cloud: Cloud, net: Net) -> None:
        super().__init__(cloud)
        self._net = net
        self._checks: list[HealthCheck] = []

    def state(self) -> object:
        return [check.state() for check in self._checks]

    def record(self, name: str, hosts: Sequence[tuple[str, Health]]) -> None:
        """`name` stands for the first healthy host; for the first of all where none is healthy."""
        assert hosts, f"{name} needs a host"

        def answer() -> str:
            return next((host for host, healthy in hosts if healthy()), hosts[0][0])

        self._net.name(name, answer)

    def latency_records(self, name: str, hosts: Mapping[str, tuple[str, Health]]) -> None:
        """`name` stands for the host of the nearest Region whose record is healthy; of the nearest of all
        where none is. AWS measures what is near, and here a Region's name tells: the same one, one beside it
        (us-east), one of the same continent (us), any."""

        def answer(near: str) -> str:
            healthy = [region for region, (_, healthy) in hosts.items() if healthy()] or list(hosts)
            return hosts[min(healthy, key=lambda region: _apart(region, near))][0]

        self._net.name_by_place(name, answer)

    def health_check(self, cluster: Cluster, control: str) -> Health:
        """Follows one of the cluster's controls."""
        self._checks.append(HealthCheck(self.cloud, cluster, control))
        return self._checks[-1]


def _apart(one: str, other: str) -> int:
    """How little two Regions' names have in common, in parts from the left: 0 where they are the same."""
    words = zip_longest(one.replace("-", " ").split(), other.replace("-", " ").split())
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], words))
    return 3 - same
