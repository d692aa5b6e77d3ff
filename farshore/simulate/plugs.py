"""What a person can take away in a rehearsal, and give back: what the twin of the runbook has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import cast

from twin.faults import Ailment, Faults
from twin.faults import Plug as OfAService
from twin.rows import rows_of

from ..compile.states import PREFIX
from .report import DARK, PlugKind, PlugScene
from .simulation import Simulation

HOWS: Mapping[str, str] = {
    DARK: "nobody answers",
    "mute": "every call is taken, and none is answered",
    "503": "every call is answered 503",
    "throttled": "every call is throttled",
}
"""How a place is away, and what that means: dark, or one of the twin's ailments."""
STATES = {"503": "answering 503"}
"""What is said of a place that is away so; of others their way says it."""


@dataclass(frozen=True)
class Plug:
    """One thing. Pulling and mending take no time."""

    name: str
    """Of this plug alone."""
    kind: PlugKind
    region: str
    """"" of what is between the Regions."""
    what: str
    verb: str
    """What is done to it."""
    how: Callable[[], str]
    """How it is while it is pulled, as "throttled"; "" while it is not."""
    pull: Callable[[str], None]
    """It takes how a Region or service is to be away; other plugs have one way."""
    mend: Callable[[], None]

    @property
    def said(self) -> str:
        """The thing, and where it is."""
        return f"{self.what} in {self.region}" if self.kind in ("thing", "service") else self.what

    @property
    def state(self) -> str:
        """What it is now, in a sentence: "dark", "throttled"; "" where it is not pulled."""
        return STATES.get(self.how(), self.how())

    def scene(self) -> PlugScene:
        return PlugScene(self.name, self.kind, self.region, self.what, self.verb, self.state)


def plugs_of(simulation: Simulation) -> Iterator[Plug]:
    """The Regions, the way between them, replication, what services say of themselves, and the services."""
    application, cloud = simulation.application, simulation.cloud
    faults, regions = cloud.faults, application.regions
    for region in regions:
        yield _place(faults, region, "region", region, f"Region {region}")
    yield _partition(faults, frozenset(regions))
    for dataset in application.datasets:
        yield _replication(dataset.name, dataset.stall, dataset.resume)
    for service in cloud.services:
        for plug in service.plugs():
            if plug.region in regions and not plug.what.partition(" ")[2].startswith(f"{PREFIX}-"):
                yield _thing(plug)
    named = dict.fromkeys(service.service for service in cloud.services if service.operations())
    for name in sorted(named):
        home = rows_of(name).home
        for region in (home,) if home else regions:
            yield _place(faults, f"{name}/{region}", "service", region, name)


def _thing(of: OfAService) -> Plug:
    return Plug(
        f"{of.what} {of.region}",
        "thing",
        of.region,
        of.what,
        of.verb,
        lambda: of.state if of.is_pulled() else "",
        lambda how: of.pull(),
        of.mend,
    )


def _place(faults: Faults, place: str, kind: PlugKind, region: str, what: str) -> Plug:
    def pull(how: str) -> None:
        mend()
        if how == DARK:
            faults.dark.add(place)
        else:
            faults.ailing[place] = cast(Ailment, how)

    def mend() -> None:
        faults.dark.discard(place)
        faults.ailing.pop(place, None)

    return Plug(place, kind, region, what, "darken", lambda: faults.away(place), pull, mend)


def _partition(faults: Faults, pair: frozenset[str]) -> Plug:
    def pull(how: str) -> None:
        faults.partitions.add(pair)

    what = f"the way between {' and '.join(sorted(pair))}"
    mend = partial(faults.partitions.discard, pair)
    return Plug(
        "partition",
        "between",
        "",
        what,
        "cut",
        lambda: "cut" if pair in faults.partitions else "",
        pull,
        mend,
    )


def _replication(name: str, stall: Callable[[], None], resume: Callable[[], None]) -> Plug:
    """Nobody asks a dataset whether it is stalled: this is who stalls it."""
    stalled: set[str] = set()

    def pull(how: str) -> None:
        stall()
        stalled.add(name)

    def mend() -> None:
        resume()
        stalled.discard(name)

    what = f"replication of {name}"
    how = lambda: "stopped" if stalled else ""  # noqa: E731
    return Plug(f"replication {name}", "between", "", what, "stop", how, pull, mend)
