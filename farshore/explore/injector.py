"""Injects a seed's faults: at their points, from the beginning, and for as long as they last."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from functions.run import GIVES_UP
from twin.faults import Kind as CallFault
from twin.faults import Request

from ..checkers.events import TICK
from ..simulate.simulation import Simulation
from .kinds import kind_of
from .kinds.kind import Met
from .person import Person
from .seed import Fault, Point, Seed
from .site import Site


@dataclass
class Injected:
    """A fault that has begun."""

    at: float
    """Seconds since 1970."""
    fault: Fault
    request: Request | None
    """The call that it met."""
    holder: str
    """The execution that held the lease last, by then; "" where none ever had."""
    gives_up: bool = False
    """It met a run that had failed, and gave back what it took."""
    ended: float = 0.0
    """When it was over, in seconds since 1970; 0 for what does not last."""


class Injector:
    """Of one run, from its beginning on."""

    def __init__(self, simulation: Simulation, person: Person, seed: Seed) -> None:
        self._clock = simulation.clock
        self._site = Site(simulation, person, seed, random.Random())  # noqa: S311
        self._begins: dict[Point, list[Fault]] = {}
        self._ends: dict[Point, list[Fault]] = {}
        self._lasting: list[Fault] = []
        self.injected: list[Injected] = []
        """What has gone wrong yet, in order."""
        self.add(seed, seed.faults)

    @property
    def seed(self) -> Seed:
        """All that happens in the run."""
        return self._site.seed

    def add(self, seed: Seed, faults: Sequence[Fault]) -> None:
        """From now on these may happen, too; `seed` is all that happens, and its dice are its own."""
        self._site.seed, self._site.dice = seed, random.Random(seed.dice)  # noqa: S311
        for fault in faults:
            if fault.at is None:
                self._begin(fault)
            else:
                self._begins.setdefault(fault.at, []).append(fault)

    def at(self, point: Point, request: Request, event: Mapping[str, Any]) -> CallFault | None:
        """A run is about to make the call at this point: what happens to it? `event` is its function's."""
        for fault in self._ends.pop(point, ()):
            self._end(fault)
        found: CallFault | None = None
        for fault in self._begins.pop(point, ()):
            found = self._begin(fault, _met(request, event)) or found
        return found or self._meanwhile(request)

    def to_come(self) -> tuple[object, ...]:
        """What has not begun or not ended yet."""
        return sorted(self._begins), sorted(self._ends), self._lasting

    def cease(self) -> None:
        """Nothing goes wrong any more, and what lasts ends."""
        self._begins.clear()
        self._ends.clear()
        for fault in list(self._lasting):
            self._end(fault)

    def _begin(self, fault: Fault, met: Met | None = None) -> CallFault | None:
        kind = kind_of(fault)
        lease = self._site.simulation.lease()
        holder = lease.holder if lease else ""
        gives_up = met is not None and met.event["run"]["purpose"] in GIVES_UP
        request = met.request if met else None
        self.injected.append(Injected(self._clock.now, fault, request, holder, gives_up))
        if kind.lasts:
            self._last(fault)
        if kind.begin is not None:
            kind.begin(self._site, fault)
        if kind.act is not None:
            assert met is not None, f"{fault}: this happens at a call"
            kind.act(self._site, met)
        return kind.to_the_call

    def _last(self, fault: Fault) -> None:
        self._lasting.append(fault)
        if isinstance(fault.until, Point):
            self._ends.setdefault(fault.until, []).append(fault)
        elif fault.until is not None:
            self._clock.after(fault.until, lambda: self._end(fault))

    def _end(self, fault: Fault) -> None:
        if fault in self._lasting:
            self._lasting.remove(fault)
            for each in self.injected:
                each.ended = self._clock.now if each.fault is fault else each.ended
            end = kind_of(fault).end
            if end is not None:
                end(self._site, fault)

    def _meanwhile(self, request: Request) -> CallFault | None:
        for fault in self._lasting:
            happens = kind_of(fault).while_it_lasts
            kind = happens(self._site, fault, request) if happens else None
            if kind is not None:
                return kind
        return None


def _met(request: Request, event: Mapping[str, Any]) -> Met:
    tick = TICK.get()
    function = tick.function if tick else (request.region, str(request.parameters["FunctionName"]))
    return Met(request, tick, str(event["execution"]["Id"]), function, event)
