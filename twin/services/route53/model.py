"""Route 53's data plane: what DNS answers, by the health of the records behind a name.

Nothing here can be edited while the twin runs: record changes are a control plane in us-east-1, which no
failover may need. Source: docs.aws.amazon.com/Route53/latest/DeveloperGuide/dns-failover.html and
.../health-checks-how-route-53-chooses-records.html (where no record is healthy, all count as healthy).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...aws import Cloud
from ...net import Net
from ..arc.model import Cluster

Health = Callable[[], bool]


class Zone:
    """Failover records of a hosted zone."""

    def __init__(self, cloud: Cloud, net: Net) -> None:
        self._cloud = cloud
        self._net = net

    def record(self, name: str, hosts: Sequence[tuple[str, Health]]) -> None:
        """`name` stands for the first healthy host; for the first of all where none is healthy."""
        assert hosts, f"{name} needs a host"

        def answer() -> str:
            return next((host for host, healthy in hosts if healthy()), hosts[0][0])

        self._net.name(name, answer)

    def health(self, cluster: Cluster, control: str) -> Health:
        """A health check of type RECOVERY_CONTROL: follows the routing control after a drawn delay."""
        seen = [cluster.states[control]]

        def look() -> None:
            seen[0] = cluster.states[control]

        # It reads the state when it arrives, so that two changes cannot overtake one another.
        cluster.on_change.append(
            lambda: self._cloud.clock.after(self._cloud.latency.draw("route53_routing_control"), look)
        )
        return lambda: seen[0] == "On"
