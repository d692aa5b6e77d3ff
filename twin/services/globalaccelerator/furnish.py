"""Accelerators before both Regions, whose dials lead all customers to the primary at first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ...cloud import ACCOUNT
from ...furnishing import Line, Role, Room, Wanted, host_of
from .model import GlobalAccelerator, Names
from .route import Dials

ACCELERATOR, GROUP = "AcceleratorArn", "EndpointGroupArn"
TAKES: Mapping[str, Role] = {ACCELERATOR: "leads", GROUP: ""}


@dataclass(frozen=True)
class Front:
    """Whatever answers at a Region's address, as an endpoint."""

    region: str
    host: str
    is_well: Callable[[str], bool]

    @property
    def arn(self) -> str:
        return f"arn:aws:elasticloadbalancing:{self.region}:{ACCOUNT}:loadbalancer/app/front/0123456789abcdef"

    def healthy(self) -> bool:
        return self.is_well(self.region)


def refused(wanted: Wanted) -> Iterator[str]:
    lines = list(_lines(wanted).values())
    known = {name.text for line in lines for name in line.of(GROUP)}
    for line, name in wanted.naming(GROUP):
        if name.text not in known:
            yield f"no line says of which accelerator the endpoint group {name.text} of {line.where} is"


def furnish(room: Room) -> None:
    wanted = room.wanted
    for arn, line in _lines(wanted).items():
        dns = next(host_of(url.text) for url in line.of("Url") if not url.keyed)
        fronts = {region: Front(region, room.addresses[region], room.all_open) for region in room.regions}
        dials = {wanted.primary: 100.0, wanted.standby: 0.0}
        names = Names(arn, dns, line.by_region(GROUP))
        made = GlobalAccelerator.of(room.cloud, room.net).accelerator(arn, fronts, dials, names)
        room.lead(Dials(made), dns, self_healing=True)


def _lines(wanted: Wanted) -> Mapping[str, Line]:
    """The first of each accelerator."""
    found: dict[str, Line] = {}
    for line, name in wanted.naming(ACCELERATOR):
        found.setdefault(name.text, line)
    return found
