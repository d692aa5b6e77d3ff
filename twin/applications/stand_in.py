"""A stand-in for an application of which only the runbook is known: what that names is in its Regions.

Customers do what the runbook's verifying write does, and are led as its traffic step leads them. A write goes
to every dataset, through one of the ways in, which take turns, and past everything else that the runbook can
shut. What is assumed beyond that is said (`assumed`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ..application import Dataset, Entry, Journey, Route, Session
from ..cloud import Cloud
from ..furnishing import Gate, Role, Room, Wanted, furnishers, roles
from ..verb import MADE_UP
from .foundation import Build, Foundation
from .front_door import FrontDoor
from .own_choice import OwnChoice
from .writers import Writers

WORDS: Mapping[Role, str] = {
    "keeps": "their writes are kept in",
    "shows": "they are shown",
    "lets in": "they are let in by",
    "leads": "they are led by",
}
MOST_SAID = 4
"""Names of one role that are said."""


def build_of(wanted: Wanted) -> Build:
    def build(on: Foundation) -> StandIn:
        return StandIn(on, wanted)

    vars(build)[_MARK] = True
    return build


_MARK = "is_a_stand_in"


def is_one(build: Build) -> bool:
    """It builds a stand-in."""
    return hasattr(build, _MARK)


def where(wanted: Wanted) -> str:
    """Where an application of its own would be."""
    return f"twin/applications/{wanted.application.replace('-', '_')}/"


def assumed(wanted: Wanted) -> str:
    """A sentence about the customers, and what they meet."""
    who = f"{wanted.topology.customers} of them" if wanted.topology.name else "they"
    verbs = " and ".join(verb.said for verb in wanted.verbs)
    made_up = f"call {wanted.hosts.shared[0]}, and what they write is made up"
    said = [f"{who} {verbs or made_up}"]
    for role, words in WORDS.items():
        if _is_said(wanted, role):
            continue
        if names := _playing(wanted, role):
            said.append(f"{words} {_some(names)}")
        elif role == "keeps":
            said.append("their writes are kept in a table that is made up")
        elif role == "leads":
            said.append("they try the primary first, and then the other Region")
    for each in furnishers():
        if assumes := getattr(each, "assumed", None):
            said.extend(assumes(wanted))
    by = f", as {wanted.topology.name} says" if wanted.topology.name else ""
    return f"the customers of {wanted.application} are a stand-in{by}: {', '.join(said)}"


def _is_said(wanted: Wanted, role: Role) -> bool:
    """Of each thing that customers do, with what they do."""
    verbs = wanted.topology.verbs
    if role == "keeps":
        return bool(verbs) and all(verb.data for verb in verbs)
    return role == "lets in" and bool(verbs) and all(verb.through for verb in verbs)


def _playing(wanted: Wanted, role: Role) -> list[str]:
    """What has this role, by its name alone. Only a Region's own bucket is shown, unless it is compared."""
    types = (type for type, its in roles().items() if its == role)
    found = (
        name for line, name in wanted.naming(*types) if role != "shows" or (name.keyed and not line.compares)
    )
    return [name.text.rpartition("/")[2] for name in found]


def _some(names: Sequence[str]) -> str:
    shown = list(dict.fromkeys(names))
    more = len(shown) - MOST_SAID
    return ", ".join(shown[:MOST_SAID]) + (f" and {more} more" if more > 0 else "")


class StandIn:
    """The application, of what the services have furnished."""

    def __init__(self, on: Foundation, wanted: Wanted) -> None:
        self.regions: tuple[str, ...] = wanted.regions
        self._wanted = wanted
        doors = {region: FrontDoor(region, wanted) for region in self.regions}
        self._room = room = Room(
            wanted,
            on.cloud,
            on.net,
            on.data == "real",
            on.stack,
            {region: door.work for region, door in doors.items()},
            {region: door.answer for region, door in doors.items()},
            self.journey,
        )
        for door in doors.values():
            door.open(room)
        for each in furnishers():
            each.furnish(room)
        self._call(own := not room.routes)
        self.datasets: Sequence[Dataset] = room.datasets
        self.routes: Sequence[Route] = room.routes
        self.entries: Sequence[Entry] = tuple(self._entries())
        self._home = self._led()
        hosts = list(room.addresses.values()) if own else [wanted.hosts.shared[0]]
        self.session: Session = Writers(wanted.verbs, hosts, room.datasets, wanted.topology.pace)

    def _led(self) -> set[str]:
        return {region for route in self._room.routes for region in route.intent()}

    def _call(self, own: bool) -> None:
        """What has no host yet gets one: each Region's address, and what else leads there."""
        room = self._room
        if own:
            choice = OwnChoice(self.regions, room.lets_in, room.datasets)
            room.lead(choice, self._wanted.hosts.shared[0], self_healing=True)
            room.net.name(room.led[0], self._anywhere)
        for region, address in room.addresses.items():
            if not room.net.serves(address):
                room.net.serve(address, region, room.door[region])
            for host in self._wanted.hosts.own[region]:
                if not room.net.knows(host):
                    room.net.name(host, lambda address=address: address)  # type: ignore[misc]
        for name in self._wanted.hosts.shared:
            if not room.net.knows(name):
                room.net.name(name, lambda: room.led[0])

    def _anywhere(self) -> str:
        """The address of the first Region to which the first route leads."""
        led = self._room.routes[0].led_to()
        return self._room.addresses[next(iter(led), self.regions[0])]

    def _entries(self) -> Iterator[WayIn]:
        room = self._room
        verbs = {(verb.through, verb.data): verb for verb in self._wanted.verbs or (MADE_UP,)}
        for region, address in room.addresses.items():
            for verb in verbs.values():
                names = tuple(kept.name for kept in room.datasets if verb.keeps_in(kept.name))
                ways = room.led_by(region, verb)
                common = [way.gate for way in ways if way.carry is None]
                gates = [[*common, way.gate] for way in ways if way.carry is not None] or [common]
                yield from (WayIn(room.cloud, region, address, each, names) for each in gates)

    def settings(self) -> Mapping[str, object]:
        room = self._room
        return {
            region: tuple(way.gate.setting() for way in room.ways.get(region, ())) for region in self.regions
        }

    def shall_serve(self, procedure: str, source: str, target: str) -> set[str]:
        """As many Regions as at first; one after a failover."""
        alone = procedure == "failover" or len(self._home) == 1
        return {target} if alone or any(not kept.many_writers for kept in self.datasets) else set(self._home)

    def journey(self, region: str) -> Journey:
        """The customers' name; the primary's own address, where that name leads away from what is ill."""
        room = self._room
        away = room.self_healing or len(self._led()) != 1
        host = room.addresses[self.regions[0]] if away else self._wanted.hosts.shared[0]
        return f"https://{host}/"


class WayIn:
    """A Region's, as an entry: it is shut where anything on the way is."""

    def __init__(
        self, cloud: Cloud, region: str, address: str, gates: Sequence[Gate], datasets: tuple[str, ...]
    ) -> None:
        self.region, self.address, self.datasets = region, address, datasets
        self._cloud, self._gates = cloud, gates

    def is_open(self) -> bool:
        return all(gate.is_open() for gate in self._gates) and not self._cloud.faults.is_dark(self.region)

    def glance(self) -> object:
        return [gate.is_open() for gate in self._gates]
