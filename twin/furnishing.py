"""How an application is furnished from a runbook alone: services make what its lines name.

A service takes part by a `furnish.py` in its folder (`Furnisher`): it says which types of names it takes,
what it cannot furnish of them, and furnishes the others in the Room that it is given. What no service takes
cannot be furnished: the runbook then needs an application of its own.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any, Literal, Protocol

from .application import Dataset, Journey, Route
from .cloud import Cloud
from .net import HttpAnswer, HttpRequest, Net
from .rows import folders
from .verb import AGAIN, MADE_UP, Verb

Role = Literal["keeps", "shows", "lets in", "leads", ""]
"""What a name is to customers: it keeps what they write, shows them pages, lets their requests in, or leads
them to a Region; or they never meet it."""
ORDER: tuple[Role, ...] = ("keeps", "shows", "lets in", "leads", "")
"""In which services furnish: who leads customers needs to know where they are let in."""


@dataclass(frozen=True)
class Named:
    """One text of a line that names something."""

    type: str
    """Its type's name, as TableName."""
    text: str
    at: tuple[str | int, ...]
    """Where it stands in the line's inputs; of a key, with the key itself."""
    region: str
    """Whose it is, as the inputs say; "" where they do not."""

    @property
    def keyed(self) -> bool:
        """It stands under a Region, and so each Region has one of its own."""
        return self.region != "" and self.region in self.at


@dataclass(frozen=True)
class Line:
    """One step of a procedure, with its Regions written out."""

    where: str
    """For a message: the runbook's file and line, and the step."""
    procedure: str
    inputs: Mapping[str, Any]
    names: tuple[Named, ...]

    @property
    def compares(self) -> bool:
        """It looks whether one Region has what the other has: no customer meets what it names for that."""
        return "other" in self.inputs

    @property
    def writes(self) -> bool:
        """It says where to write, and where to read it back."""
        paths = {name.at[0] for name in self.of("UrlPath")}
        return {"write", "read"} <= paths and "body" in self.inputs

    def of(self, *types: str) -> list[Named]:
        return [name for name in self.names if name.type in types]

    def entry(self, name: Named) -> Mapping[str, Any]:
        """The mapping in which the name stands."""
        found: Any = self.inputs
        for step in name.at[:-1]:
            found = found[step]
        return dict(found)

    def by_region(self, type: str) -> dict[str, str]:
        """Of names that each Region has one of: the text by Region."""
        return {name.region: name.text for name in self.of(type) if name.keyed}


PAST_THE_NAME = ("direct",)
"""Where the one URL stands that is a Region's own, past the name that customers call."""


@dataclass(frozen=True)
class Hosts:
    """Where requests go, by the runbook's URLs."""

    own: Mapping[str, Sequence[str]]
    """By Region, those that lead there and nowhere else."""
    shared: tuple[str, ...]
    """What customers call: at least one, which is made up where the runbook has none."""


@dataclass(frozen=True)
class Topology:
    """What is said of an application besides its runbook, in place of what is assumed."""

    name: str = ""
    """The file that says it; "" where none does."""
    customers: int = 0
    """How many there are; 0: as many as ever."""
    stale: int = 0
    """How many of them never look a name up again."""
    pace: tuple[float, float] = (2.0, 6.0)
    """Seconds from the end of one visit to the next of the same customer, at least and at most."""
    hosts: Mapping[str, str] = field(default_factory=dict)
    """The Region to which each leads, and to no other; "" where customers call it."""
    verbs: tuple[Verb, ...] = ()
    """What customers do."""


@dataclass(frozen=True)
class Wanted:
    """All that a runbook, and a topology beside it, say of an application."""

    application: str
    primary: str
    standby: str
    lines: tuple[Line, ...]
    watched: frozenset[tuple[str, str]] = frozenset()
    """Alarms, by Region and name, that whoever simulates the runbook makes."""
    topology: Topology = field(default_factory=lambda: Topology())
    """What is said of it besides."""

    @property
    def regions(self) -> tuple[str, str]:
        return self.primary, self.standby

    def naming(self, *types: str) -> Iterator[tuple[Line, Named]]:
        return ((line, name) for line in self.lines for name in line.of(*types))

    @functools.cached_property
    def hosts(self) -> Hosts:
        """Of all URLs. One that stands under a Region, or has its name in it, is that Region's own, and so is
        one that is named for one Region only where another is named for the other."""
        under, beside = dict[str, set[str]](), dict[str, set[str]]()
        for _, name in self.naming("Url", "Origin"):
            where = under if name.keyed or name.at == PAST_THE_NAME else beside
            where.setdefault(host_of(name.text), set()).add(name.region)
        alone = {host: region for host, (region, *more) in beside.items() if not more and region}
        each_has_one = set(alone.values()) == set(self.regions)
        own: dict[str, list[str]] = {region: [] for region in self.regions}
        shared, said = list[str](), self.topology.hosts
        first = [host_of(name.text) for _, name in self.naming("Origin")]  # what customers call
        for host in dict.fromkeys([*first, *under, *beside]):
            if host in said:
                (own[said[host]] if said[host] else shared).append(host)
                continue
            regions = under.get(host) or {region for region in self.regions if region in host}
            if not regions and each_has_one and host in alone:
                regions = {alone[host]}
            if len(regions) == 1 and regions <= set(self.regions):
                own[next(iter(regions))].append(host)
            else:
                shared.append(host)
        return Hosts(own, tuple(shared) or (self.made_up(f"{self.application}.example"),))

    def made_up(self, host: str) -> str:
        """A host that no URL of the runbook has: this one, if it can be."""
        known = {host_of(name.text) for _, name in self.naming("Url", "Origin")}
        while host in known:
            host = f"made-up.{host}"
        return host

    @functools.cached_property
    def verifying(self) -> tuple[Verb, ...]:
        """Of the lines that say where to write, and where to read it back."""
        shared = self.hosts.shared
        found: dict[tuple[str, str, str], Verb] = {}
        for line in self.lines:
            if line.writes:
                write, body, read = (str(line.inputs[name]) for name in ("write", "body", "read"))
                host = host_of(str(line.inputs["url"]))
                said = f"POST {write} at {line.inputs['url']}"
                verb = Verb(host if host in shared else "", write, body, read, said)
                found.setdefault(verb.form, verb)
        return tuple(found.values())

    @property
    def verbs(self) -> tuple[Verb, ...]:
        """What customers do: what is said, or what the runbook verifies with; none where neither says it."""
        return self.topology.verbs or self.verifying

    @functools.cached_property
    def answered(self) -> tuple[Verb, ...]:
        """What the runbook verifies with, and what else customers do. What is said of a path, of what lets it
        in and which data keep it, is so of the runbook's own write to it."""
        said = {verb.write: verb for verb in self.topology.verbs}
        found = dict[tuple[str, str, str], Verb]()
        for verb in self.verifying:
            its = said.get(verb.write, verb)
            found[verb.form] = replace(verb, through=its.through, data=its.data)
        found |= {verb.form: verb for verb in self.topology.verbs}
        return tuple(found.values()) or (MADE_UP,)

    def texts(self, *types: str) -> list[str]:
        """Each once, in the order of the runbook."""
        return list(dict.fromkeys(name.text for _, name in self.naming(*types)))

    def says(self) -> Iterator[str]:
        """What steps look for in the answers that they get."""
        return (str(value) for line in self.lines for value in _under(line.inputs, "search_string") if value)

    def shown(self) -> dict[str, str]:
        """What pages show, as JSON: by the key that a line looks for, the URL that it wants there."""
        return {
            name.text: origin.text for line, name in self.naming("JsonKey") for origin in line.of("Origin")
        }

    def places(self, *types: str) -> dict[str, set[str]]:
        """In which of the application's Regions each text is, as its lines say; in both where they do not."""
        found: dict[str, set[str]] = {}
        for _, name in self.naming(*types):
            here = {name.region} if name.region else set(self.regions)
            found.setdefault(name.text, set()).update(here)
        return found


class Kept(Dataset, Protocol):
    """A dataset that customers can write to without knowing what it is."""

    def put(self, region: str, key: str, name: str) -> None:
        """A write that `name` is a report's word for. Raises what the data engine raises."""

    def has(self, region: str, key: str) -> bool: ...


class Gate(Protocol):
    """What requests in a Region pass, and a run may shut."""

    def is_open(self) -> bool:
        """But for the dark. Asked after every event."""

    def setting(self) -> object:
        """What a run may change, and must give back."""


Work = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Carries out a request of the Region: {"marker": …} is written, {"asked": …} is looked for, {} is read; in
the datasets that "data" names, if it does. Raises where it does not."""


@dataclass(frozen=True)
class Way:
    """What customers' requests meet on their way in, in a Region, and a run may shut."""

    type: str
    """Of its name, as FunctionName."""
    name: str
    gate: Gate
    carry: Work | None = None
    """Carries out a request, in turn with others that do; None where all requests pass it."""


@dataclass
class Room:
    """What the services furnish, one after the other."""

    wanted: Wanted
    cloud: Cloud
    net: Net
    real: bool
    """Datasets live in real engines; else in lists."""
    stack: ExitStack
    """Closed when the twin is taken down."""
    work: Mapping[str, Work]
    """By Region, what a way in does."""
    door: Mapping[str, Callable[[HttpRequest], HttpAnswer]]
    """By Region, what answers customers there."""
    journey: Callable[[str], Journey]
    """By Region, what a canary there does."""
    datasets: list[Kept] = field(default_factory=list)
    ways: dict[str, list[Way]] = field(default_factory=dict)
    """By Region, in the order in which they were made."""
    routes: list[Route] = field(default_factory=list)
    led: list[str] = field(default_factory=list)
    """The name that each route leads."""
    self_healing: bool = False
    """A route leads customers away from a Region that is not well, whatever a run does."""

    @property
    def regions(self) -> tuple[str, str]:
        return self.wanted.regions

    @functools.cached_property
    def addresses(self) -> Mapping[str, str]:
        """By Region, the host where it takes requests: its own as the runbook has it, or one that is made up.
        A host that serves something else by now, as a website's does, is none."""
        found = {}
        for region in self.regions:
            own = [host for host in self.wanted.hosts.own[region] if not self.net.serves(host)]
            made_up = self.wanted.made_up(f"{region}.{self.wanted.application}.example")
            found[region] = next(iter(own), made_up)
        return found

    def keep(self, kept: Kept) -> None:
        """One more dataset; under another name where there is one of its name."""
        if any(kept.name == other.name for other in self.datasets):
            kept.name += AGAIN
        self.datasets.append(kept)

    def lead(self, route: Route, name: str, *, self_healing: bool = False) -> None:
        """One more route, and the name that it leads."""
        self.routes.append(route)
        self.led.append(name)
        self.self_healing |= self_healing

    def add_way(self, region: str, way: Way) -> None:
        """Customers' requests of the Region meet one thing more."""
        self.ways.setdefault(region, []).append(way)

    def led_by(self, region: str, verb: Verb) -> list[Way]:
        """What requests of this verb meet."""
        narrowed = {way.type for ways in self.ways.values() for way in ways if way.name in verb.through}
        ways = self.ways.get(region, [])
        return [way for way in ways if way.type not in narrowed or way.name in verb.through]

    def in_use(self, region: str) -> list[Way]:
        """What requests of any verb meet."""
        verbs = self.wanted.answered
        if not all(verb.through for verb in verbs):
            return self.ways.get(region, [])
        met = {id(way) for verb in verbs for way in self.led_by(region, verb)}
        return [way for way in self.ways.get(region, []) if id(way) in met]

    def all_open(self, region: str) -> bool:
        """Requests are let in by every way, but for the dark."""
        return all(way.gate.is_open() for way in self.in_use(region))

    def lets_in(self, region: str) -> bool:
        """Requests of some verb are let in by some way, and the Region is not dark."""
        if self.cloud.faults.is_dark(region):
            return False
        return any(self._lets_in(region, verb) for verb in self.wanted.answered)

    def _lets_in(self, region: str, verb: Verb) -> bool:
        ways = self.led_by(region, verb)
        carriers = [way for way in ways if way.carry is not None]
        return all(way.gate.is_open() for way in ways if way.carry is None) and (
            not carriers or any(way.gate.is_open() for way in carriers)
        )


def _under(value: Any, key: str) -> Iterator[Any]:
    """Whatever stands under the key, however deep."""
    if isinstance(value, Mapping):
        yield from (item for name, item in value.items() if name == key)
        yield from (found for item in value.values() for found in _under(item, key))
    elif isinstance(value, list | tuple):
        yield from (found for item in value for found in _under(item, key))


def host_of(url: str) -> str:
    """Without scheme, port and path."""
    return url.partition("://")[2].partition("/")[0].partition("?")[0].partition(":")[0].lower()


class Furnisher(Protocol):
    """A service's `furnish.py`. What it cannot furnish of the names that it takes, it says in
    `refused(wanted)`, and what it assumes of them in `assumed(wanted)`, a few words each, where there is any
    such."""

    TAKES: Mapping[str, Role]
    """Names of types."""

    def furnish(self, room: Room) -> None: ...


@functools.cache
def furnishers() -> Sequence[Furnisher]:
    """All that there are, in the order in which they furnish."""
    found: list[Any] = [import_module(name) for name in folders("furnish")]
    return sorted(found, key=lambda each: min(ORDER.index(role) for role in each.TAKES.values()))


def refusals(wanted: Wanted) -> Iterator[str]:
    """What cannot be furnished, a few words each."""
    for line in wanted.lines:
        if strange := [name.text for name in line.names if name.type not in roles()]:
            yield f"nothing in it stands for {', '.join(strange)} of {line.where}"
    for each in furnishers():
        if refused := getattr(each, "refused", None):
            yield from refused(wanted)


@functools.cache
def roles() -> Mapping[str, Role]:
    """Of each type that is furnished: by some service, or by the network, which has every host of a URL."""
    hosts: dict[str, Role] = dict.fromkeys(("Url", "Origin", "UrlPath"), "")
    return hosts | {name: role for each in furnishers() for name, role in each.TAKES.items()}
