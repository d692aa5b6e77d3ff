"""Names that customers call: each follows the routing controls of a line.

Their clusters have the endpoints that lines give, and no safety rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from ...furnishing import Line, Room, Wanted
from ..arc.model import Arc, Cluster, State
from .model import Route53

CONTROL, ENDPOINT = "RoutingControlArn", "ClusterEndpoint"
NOWHERE = "nowhere"
"""As `off_in`: several Regions serve at once."""


class Controls:
    """A route: the Regions whose control of these is On."""

    def __init__(
        self, name: str, cluster: Cluster, arns: Mapping[str, str], led_to: Callable[[], set[str]]
    ) -> None:
        """`arns` are the Regions' controls; `led_to` are the Regions to which the name leads somebody now."""
        self.name, self._cluster, self._arns, self._led_to = name, cluster, arns, led_to

    def intent(self) -> Mapping[str, float]:
        return _shared({region for region, arn in self._arns.items() if self._cluster.states[arn] == "On"})

    def led_to(self) -> Mapping[str, float]:
        return _shared(self._led_to())

    def glance(self) -> object:
        return [self._cluster.states[arn] for arn in self._arns.values()]


def refused(wanted: Wanted) -> Iterator[str]:
    for line in _lines(wanted):
        if len({arn.rpartition("/routingcontrol/")[0] for arn in line.by_region(CONTROL).values()}) > 1:
            yield f"the controls of {line.where} are of several control panels"


def furnish(room: Room, dns: Route53) -> None:
    wanted = room.wanted
    names = list(wanted.hosts.shared)
    arc = Arc.of(room.cloud)
    at_home = {arn: state for line in _lines(wanted) for arn, state in _at_home(wanted, line).items()}
    for endpoints in _clusters(wanted):
        mine = [line for line in _lines(wanted) if _endpoints(line) == endpoints]
        arns = {arn: at_home[arn] for line in mine for arn in line.by_region(CONTROL).values()}
        cluster = arc.cluster(endpoints[0][1], arns, given=dict(endpoints))
        for group in dict.fromkeys(tuple(line.by_region(CONTROL).items()) for line in mine):
            name = (
                names.pop(0)
                if names
                else f"{group[0][1].rpartition('/')[2].lower()}.{wanted.application}.example"
            )
            _name(room, dns, name, cluster, dict(group))


def _name(room: Room, dns: Route53, name: str, cluster: Cluster, arns: Mapping[str, str]) -> None:
    """The name leads to the first Region whose control is On; to the nearest of them, where several are."""
    regions = {host: region for region, host in room.addresses.items()}
    checks = {r: (room.addresses[r], dns.health_check(cluster, arns[r])) for r in room.regions if r in arns}
    several = sum(cluster.states[arn] == "On" for arn in arns.values()) > 1
    if several:
        dns.latency_records(name, checks)
    else:
        dns.record(name, list(checks.values()))
    near = room.regions if several else ("",)
    route = Controls(name, cluster, arns, lambda: {regions[room.net.resolve(name, each)] for each in near})
    room.lead(route, name)


def _lines(wanted: Wanted) -> Iterator[Line]:
    return (line for line in wanted.lines if line.of(CONTROL))


def _endpoints(line: Line) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name.region, name.text) for name in line.of(ENDPOINT)))


def _clusters(wanted: Wanted) -> list[tuple[tuple[str, str], ...]]:
    return list(dict.fromkeys(map(_endpoints, _lines(wanted))))


def _at_home(wanted: Wanted, line: Line) -> Mapping[str, State]:
    """On in the primary; and in the other Region where a line that leads customers home turns none off."""
    controls = line.by_region(CONTROL)
    both = any(
        each.procedure == "failback"
        and each.inputs.get("off_in") == NOWHERE
        and each.by_region(CONTROL) == controls
        for each in _lines(wanted)
    )
    return {arn: "On" if both or region == wanted.primary else "Off" for region, arn in controls.items()}


def _shared(regions: set[str]) -> dict[str, float]:
    return {region: 1 / len(regions) for region in sorted(regions)}
