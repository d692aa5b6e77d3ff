"""What a person can take away in a rehearsal, and give back: what the twin of the runbook has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import get_args

from twin.faults import Ailment, Faults
from twin.rows import rows_of

from ..compile.states import PREFIX
from .report import PlugScene
from .simulation import Simulation

DARK = "dark"
HOWS = (DARK, *get_args(Ailment))
"""How a place is away: nobody answers there, or it takes every call and does nothing of it."""


@dataclass(frozen=True)
class Plug:
    """One thing. Pulling and mending take no time."""

    name: str
    """Of this plug alone."""
    region: str
    what: str
    verb: str
    is_pulled: Callable[[], bool]
    pull: Callable[[str], None]
    """It takes how, of which a place has several."""
    mend: Callable[[], None]

    def scene(self) -> PlugScene:
        return PlugScene(self.name, self.region, self.what, self.verb, self.is_pulled())


def plugs_of(simulation: Simulation) -> Iterator[Plug]:
    """The Regions, the way between them, replication, what services say of themselves, and the services."""
    application, cloud = simulation.application, simulation.cloud
    faults, regions = cloud.faults, application.regions
    for region in regions:
        yield _place(faults, region, region, f"Region {region}")
    yield _partition(faults, frozenset(regions))
    for dataset in application.datasets:
        yield _replication(dataset.name, dataset.stall, dataset.resume)
    for service in cloud.services:
        for plug in service.plugs():
            if plug.region in regions and not plug.what.partition(" ")[2].startswith(f"{PREFIX}-"):
                yield Plug(
                    f"{plug.what} {plug.region}",
                    plug.region,
                    plug.what,
                    plug.verb,
                    plug.is_pulled,
                    lambda how, plug=plug: plug.pull(),  # type: ignore[misc]
                    plug.mend,
                )
    named = dict.fromkeys(service.service for service in cloud.services if service.operations())
    for name in sorted(named):
        home = rows_of(name).home
        for region in (home,) if home else regions:
            yield _place(faults, f"{name}/{region}", region, name)


def _place(faults: Faults, place: str, region: str, what: str) -> Plug:
    def pull(how: str) -> None:
        mend()
        if how == DARK:
            faults.dark.add(place)
        else:
            faults.ailing[place] = next(each for each in get_args(Ailment) if each == how)

    def mend() -> None:
        faults.dark.discard(place)
        faults.ailing.pop(place, None)

    return Plug(place, region, what, "darken", lambda: place in {*faults.dark, *faults.ailing}, pull, mend)


def _partition(faults: Faults, pair: frozenset[str]) -> Plug:
    def pull(how: str) -> None:
        faults.partitions.add(pair)

    what = f"the way between {' and '.join(sorted(pair))}"
    mend = partial(faults.partitions.discard, pair)
    return Plug("partition", "", what, "cut", lambda: pair in faults.partitions, pull, mend)


def _replication(name: str, stall: Callable[[], None], resume: Callable[[], None]) -> Plug:
    """Nobody asks a dataset whether it is stalled: this is who stalls it."""
    stalled: set[str] = set()

    def pull(how: str) -> None:
        stall()
        stalled.add(name)

    def mend() -> None:
        resume()
        stalled.discard(name)

    return Plug(
        f"replication {name}", "", f"replication of {name}", "stop", lambda: bool(stalled), pull, mend
    )
