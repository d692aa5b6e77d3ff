"""How a Region and a run stand at an instant: by looking on, which takes no time and asks nobody."""

from __future__ import annotations

from twin.application import intended

from ..checkers.events import Tick
from ..compile.definition import happy_path
from .report import RegionScene, Row, RunScene, StepScene
from .simulation import Simulation
from .witness import Witness, state_of

RECENT_SECONDS = 30.0


def scene_of(simulation: Simulation, region: str) -> RegionScene:
    """Its datasets, its entry, and its share of each route."""
    application = simulation.application
    rows = [
        Row(dataset.name, region in dataset.writers(), "writer", _follows(dataset.caught_up(region)))
        for dataset in application.datasets
    ]
    rows += [
        Row("entry", entry.is_open(), "open", "closed")
        for entry in application.entries
        if entry.region == region
    ]
    for route in application.routes:
        share = route.intent().get(region, 0.0)
        rows.append(Row(route.name, share > 0, f"{share:.0%} of customers", "no customers"))
    dark = simulation.cloud.faults.is_dark(region)
    since = simulation.clock.now - RECENT_SECONDS
    promises = simulation.customers.notebook.promises[-500:]
    writes = sum(promise.region == region and promise.at > since for promise in promises)
    return RegionScene(dark, region in intended(application), writes, rows)


def run_scene_of(simulation: Simulation, witness: Witness, execution: str) -> RunScene:
    """Its states in order, as far as their ticks have told."""
    procedure, mode = simulation.executions[execution]
    machine = simulation.deployment.machines[procedure]
    ticked: dict[str, list[Tick]] = {}
    for tick in witness.ticks(simulation, execution):
        ticked.setdefault(state_of(tick), []).append(tick)
    names = dict.fromkeys((*(name for name, _ in happy_path(machine.definition)), *ticked))
    steps = [_step(name, ticked.get(name, []), simulation.clock.now) for name in names]
    return RunScene(f"{machine.name}, {mode}", steps)


def _follows(caught_up: bool) -> str:
    return "follows" if caught_up else "left behind"


def _step(name: str, ticks: list[Tick], now: float) -> StepScene:
    if not ticks:
        return StepScene(name, "", 0.0, "")
    told = [tick for tick in ticks if tick.ended]
    outcome, _, why = (told[-1].answer if told else "").partition(": ")
    why = why.removeprefix(f"{name}: ")
    if not told or ticks[-1] is not told[-1] or outcome == "NotYet":
        return StepScene(name, "waiting", now - ticks[0].began, why)
    return StepScene(name, outcome, told[-1].ended - ticks[0].began, why)
