"""What a rehearsal remembers of its way: who called whom and when, what was changed, who decided what.

It looks on at the seams where everything passes, and changes nothing of what it sees. Times are seconds since
1970, as the clock's.
"""

from __future__ import annotations

import contextvars
import itertools
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from functions.planned import legible
from twin.application import intended, led_to, open_regions, writable
from twin.faults import Kind, Request

from ..checkers.events import TICK, Call, Tick, invoked, invokes
from .simulation import Simulation

CALLING: contextvars.ContextVar[Request | None] = contextvars.ContextVar("calling", default=None)
"""What was called last here; whatever AWS begins on that account inherits it."""


@dataclass(frozen=True)
class Asked:
    """Somebody calls AWS, or asks over HTTP."""

    at: float
    what: str
    """The service and its operation."""


@dataclass(frozen=True)
class Work:
    """AWS is at work on something that a run has asked of it."""

    what: str
    at: float
    until: float


@dataclass(frozen=True)
class Change:
    """What AWS has changed for a run."""

    at: float
    execution: str
    state: str
    what: str
    region: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class Plan:
    """What a run has proposed, and what a person said to it."""

    at: float
    execution: str
    hash: str
    mode: str
    steps: tuple[Mapping[str, Any], ...]
    approvers: int = 1
    """How many people must have approved it."""
    decisions: tuple[Mapping[str, Any], ...] = ()
    """What people have said to it, each with its time."""

    @property
    def decided(self) -> float | None:
        """When somebody had declined, or enough had approved; None while neither has."""
        declined = (word["at"] for word in self.decisions if word["decision"] != "approve")
        enough = (word["at"] for word in self.decisions[self.approvers - 1 :])
        return next(itertools.chain(declined, enough), None)


@dataclass(frozen=True)
class Road:
    """Whether customers are led where they are served, from an instant on."""

    at: float
    set: bool
    """By what is set."""
    named: bool
    """By what names answer."""


class Witness:
    """Of one simulation, from its making on."""

    def __init__(self, simulation: Simulation) -> None:
        self.asked: defaultdict[int, list[Asked]] = defaultdict(list)
        """By the identity of the tick that asks."""
        self.invoked: defaultdict[tuple[str, str], list[Asked]] = defaultdict(list)
        """How a machine asked for the ticks of a state, by execution and state."""
        self.work: defaultdict[tuple[str, str], list[Work]] = defaultdict(list)
        """By execution and state."""
        self.changes: list[Change] = []
        self.plans: list[Plan] = []
        self.roads: list[Road] = []
        self._clock, self._application = simulation.clock, simulation.application
        self._glanced: list[object] = []
        cloud = simulation.cloud
        self._dark = cloud.faults.dark
        cloud.faults.injectors.append(self._asks)
        cloud.latency.watchers.append(self._takes)
        simulation.on_call.append(self._has_done)
        simulation.clock.after_each.append(self._look)

    def ticks(self, simulation: Simulation, execution: str) -> list[Tick]:
        """Of a run, but for those that only plan, in the order in which they began."""
        every = (tick for ticks in simulation.deployment.ticks.values() for tick in ticks)
        mine = (tick for tick in every if tick.execution == execution and not _plans(tick))
        return sorted(mine, key=lambda tick: tick.began)

    def _asks(self, request: Request) -> Kind | None:
        """Nothing is injected."""
        tick, asked = TICK.get(), Asked(self._clock.now, f"{request.service}:{request.operation}")
        if tick is not None:
            CALLING.set(request)
            self.asked[id(tick)].append(asked)
        elif invokes(request):
            event = invoked(request)
            self.invoked[event["execution"]["Id"], event["state"]["Name"]].append(asked)
        return None

    def _takes(self, name: str, seconds: float) -> None:
        """AWS begins something, and that is how long it will take."""
        tick, request = TICK.get(), CALLING.get()
        if tick is not None and request is not None and tick.change(request) is not None:
            what, now = f"{request.service}:{request.operation}", self._clock.now
            self.work[tick.execution, state_of(tick)].append(Work(what, now, now + seconds))

    def _has_done(self, call: Call) -> None:
        now, request, tick = self._clock.now, call.request, call.tick
        if call.change is not None and tick is not None:
            what, given = f"{request.service}:{request.operation}", legible(request.parameters)
            self.changes.append(Change(now, tick.execution, state_of(tick), what, request.region, given))
        if call.written is None or call.written.body is None:
            return
        item, _, about = call.written.item.partition("#")
        body = call.written.body
        if item == "proposal" and not any(p.hash == body["hash"] for p in self.plans):
            plan = tuple(body["plan"])
            asked = body["execution"], body["hash"], body["mode"]
            self.plans.append(Plan(now, *asked, plan, body.get("approvers", 1)))
        elif item == "decision":
            self.plans = [
                replace(plan, decisions=(*plan.decisions, {**body, "at": now}))
                if plan.hash == about.partition("#")[0] and plan.decided is None
                else plan
                for plan in self.plans
            ]

    def _look(self) -> None:
        """Whether the road to a Region that serves has changed: names may take their time to follow."""
        application = self._application
        glanced = [
            sorted(self._dark),
            *(dataset.glance() for dataset in application.datasets),
            *(route.glance() for route in application.routes),
            *(entry.glance() for entry in application.entries),
        ]
        behind = bool(self.roads) and self.roads[-1].set != self.roads[-1].named
        if glanced == self._glanced and not behind:
            return
        self._glanced = glanced
        good = {region for region in open_regions(application) if writable(application, region)}
        road = Road(self._clock.now, _leads(intended(application), good), _leads(led_to(application), good))
        if not self.roads or (road.set, road.named) != (self.roads[-1].set, self.roads[-1].named):
            self.roads.append(road)


def state_of(tick: Tick) -> str:
    return str(tick.event["state"]["Name"])


def _plans(tick: Tick) -> bool:
    given = tick.event["input"]
    return isinstance(given, Mapping) and bool(given.get("dry_run"))


def _leads(led: set[str], good: set[str]) -> bool:
    return bool(led) and led <= good
