"""Game days and prepared applications of the samples, each played once, and what their functions called.

Whoever asks for one again gets the same: a test that needs what all of them did plays none for itself.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from roles import needed

from farshore.compile.policy import function_name
from farshore.operate.plan import plan_of
from farshore.runbook.find import find
from farshore.runbook.registry import steps
from farshore.simulate.rehearsal import WARM_UP, Rehearsal
from farshore.simulate.report import Report
from farshore.simulate.simulation import Simulation
from functions.planned import Planned
from functions.run import Mode
from twin.applications.foundation import Build, Foundation, builder
from twin.faults import Request

FAST: dict[str, Any] = {"data": "memory", "backed": "doubles"}
WAYS: tuple[tuple[Mode, bool], ...] = (("graceful", False), ("ungraceful", False), ("ungraceful", True))
"""Modes, and whether the primary goes dark."""

Change = Callable[[Foundation], object]
STEPS = {function_name(name): name for name in steps()}

CALLED: defaultdict[str, set[str]] = defaultdict(set)
"""IAM's actions that the functions of each step have needed, in each game day and preparation by now."""


@dataclass(frozen=True)
class GameDay:
    report: Report
    before: Mapping[str, object]
    """The application's settings."""
    after: Mapping[str, object]
    found: object
    """What whoever asked for it wants to know of its end."""


@dataclass(frozen=True)
class Prepared:
    """What `prepare` would do, how it ends, and what it would do then."""

    before: tuple[Planned, ...]
    status: str
    why: str
    after: tuple[Planned, ...]


def note(request: Request) -> None:
    if request.caller in STEPS:
        CALLED[STEPS[request.caller]] |= needed(request)


def changed(app: str, change: Change) -> Build:
    """The application, and then something else of it than its own `build` has made."""

    def build(on: Foundation) -> Any:
        made = builder(app)(on)
        change(on)
        return made

    return build


def played(
    app: str,
    mode: Mode = "graceful",
    dark: bool = False,
    build: Build | None = None,
    find_out: Callable[[Simulation], object] = lambda simulation: None,
    noted: bool = False,
) -> GameDay:
    """With what its functions call `noted`: of an application as it stands."""
    runbook = find(app)
    region = runbook.regions.primary if dark else None
    with Rehearsal(runbook, mode, region, 1, lambda moment: None, build=build, **FAST) as rehearsal:
        simulation = rehearsal.simulation
        if noted:
            simulation.cloud.faults.injectors.append(note)
        before = dict(simulation.application.settings())
        report = rehearsal.play()
        return GameDay(report, before, dict(simulation.application.settings()), find_out(simulation))


@functools.cache
def game_day(app: str, mode: Mode, dark: bool) -> GameDay:
    return played(app, mode, dark, noted=True)


@functools.cache
def prepared(app: str, change: Change) -> Prepared:
    with Simulation(find(app), 1, build=changed(app, change), **FAST) as simulation:
        simulation.cloud.faults.injectors.append(note)
        simulation.clock.sleep(WARM_UP)
        before = _plan(simulation)
        execution = simulation.begin("prepare", {"mode": "graceful"})
        simulation.clock.wait_for(lambda: simulation.status(execution) != "RUNNING", 3 * 3600)
        run = simulation.report(execution)
        return Prepared(before, run.status, run.why, _plan(simulation))


def _plan(simulation: Simulation) -> tuple[Planned, ...]:
    """As `farshore plan --procedure prepare --twin` makes it."""
    deployment, records = simulation.deployment, simulation.operator.records()
    return tuple(plan_of(deployment.machines["prepare"].definition, "graceful", deployment.outside, records))
