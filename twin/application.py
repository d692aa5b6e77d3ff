"""What an application says of itself, in five words. Whoever judges it reads only these.

    dataset   data that must survive: who accepts writes now, and what became of a promise
    route     how customers are led: by what is set, and by what names answer now
    entry     where a Region takes requests
    session   one customer's visit; a write that it was acknowledged is a promise
    settings  by Region, what a run may change and must give back

And one fact: which Regions shall serve after a procedure, one or both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Literal, Protocol

Fate = Literal["kept", "late", "overwritten", "lost"]
"""Of a promise: in the surviving data; there, but only after its Region could be reached again; thrown
away for a write that had not seen it; in no surviving data."""
Journey = str | Callable[[], bool]
"""What a canary does: asks a URL, which must answer 2xx, or does what must come true."""


@dataclass(frozen=True)
class Promise:
    """A write that the application acknowledged: it must be in the data that survives, or be named."""

    name: str
    """How a report calls it."""
    dataset: str
    key: str
    region: str
    """Which Region acknowledged it."""
    at: float
    """Seconds since 1970."""


class Dataset(Protocol):
    """Data that must survive."""

    name: str
    many_writers: bool
    """Several Regions may accept writes at once, and it is right that they do."""

    def writers(self) -> set[str]:
        """Regions that accept writes now from whoever reaches them, and can be reached."""

    def caught_up(self, region: str) -> bool:
        """The Region has, or is about to have, all that the others have: it was not left behind."""

    def lag(self, region: str) -> float:
        """How old the oldest write is that the Region has not got yet, in seconds; 0 where it has all. By
        what has happened, whatever a metric says; takes no time."""

    def fates(self, promises: Sequence[Promise]) -> dict[Promise, Fate]:
        """What became of each promise of this dataset."""

    def stall(self) -> None:
        """Replication stops: what is written from now on stays where it is."""

    def resume(self) -> None: ...

    def glance(self) -> object:
        """A small value that changes whenever `writers` would, but for the dark: asked after every event."""


class Route(Protocol):
    """How customers are led to Regions."""

    name: str

    def intent(self) -> Mapping[str, float]:
        """The share of new customers that each Region is to get, by what is set: Regions that get any."""

    def led_to(self) -> Mapping[str, float]:
        """The same by what names, and clients, come to now."""

    def glance(self) -> object:
        """A small value that changes whenever `intent` would. Asked after every event."""


class Entry(Protocol):
    """Where a Region takes requests."""

    region: str
    address: str
    """The host that customers find, and may have cached."""
    datasets: tuple[str, ...]
    """To which it writes."""

    def is_open(self) -> bool:
        """It lets a request in: it is not dark, and nothing keeps requests out."""

    def glance(self) -> object:
        """A small value that changes whenever `is_open` would, but for the dark: asked after every event."""


class Visitor(Protocol):
    """A customer as a session sees one."""

    name: str
    dice: Random
    """The customer's own."""

    def number(self) -> int:
        """One that this customer has not used yet, for what is about to be written."""

    def ask(self, method: str, url: str, body: Any = None, *, looked_up: bool = False) -> Any:
        """What the URL answers, as JSON; at an address from before, unless the name is to be looked up.

        Raises urllib3's errors, and Refusal where it is no 2xx.
        """

    def promised(self, name: str, dataset: str, key: str, region: str) -> None:
        """A write was acknowledged by this Region, just now."""


class Refusal(Exception):
    """The application answered, and not with what the customer wanted."""


class Session(Protocol):
    """What one customer does on a visit."""

    dataset: str
    """To which a bare visit writes."""
    pace: tuple[float, float]
    """Seconds from the end of one visit to the next of the same customer, at least and at most."""

    def visit(self, visitor: Visitor) -> None:
        """Through the network. Raises urllib3's errors, and Refusal where an answer is not as wanted."""

    def write(self, region: str, key: str) -> None:
        """The write of a bare visit, straight to the data: there is no network on its way. Raises Refusal
        where it is not acknowledged."""


class Application(Protocol):
    """An application in its Regions."""

    regions: tuple[str, ...]
    datasets: Sequence[Dataset]
    routes: Sequence[Route]
    entries: Sequence[Entry]
    """One a Region."""
    session: Session

    def settings(self) -> Mapping[str, object]:
        """By Region, what a run may change."""

    def shall_serve(self, procedure: str, source: str, target: str) -> set[str]:
        """Regions in which customers are to be served once the procedure has succeeded."""

    def journey(self, region: str) -> Journey:
        """What a canary in this Region does, as a customer would."""


# What follows from the five words.


def open_regions(application: Application) -> set[str]:
    """Regions that let requests in."""
    return {entry.region for entry in application.entries if entry.is_open()}


def intended(application: Application) -> set[str]:
    """Regions to which any route is to lead new customers."""
    return {region for route in application.routes for region in route.intent()}


def led_to(application: Application) -> set[str]:
    """Regions to which names lead new customers now."""
    return {region for route in application.routes for region in route.led_to()}


def serving(application: Application) -> set[str]:
    """Regions in which a customer who looks names up now gets what they want: led there, let in, written."""
    found = open_regions(application) & intended(application) & led_to(application)
    return {region for region in found if writable(application, region)}


def writable(application: Application, region: str) -> bool:
    """Every dataset that the Region's entry writes to accepts writes there."""
    written = {name for entry in application.entries if entry.region == region for name in entry.datasets}
    return all(region in dataset.writers() for dataset in application.datasets if dataset.name in written)


def fates(application: Application, promises: Iterable[Promise]) -> dict[Promise, Fate]:
    """What became of each promise, in their order."""
    every = list(promises)
    found: dict[Promise, Fate] = {}
    for dataset in application.datasets:
        found |= dataset.fates([promise for promise in every if promise.dataset == dataset.name])
    return {promise: found[promise] for promise in every}
