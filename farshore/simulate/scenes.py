"""How a Region and a run stand at an instant: by looking on, which takes no time and asks nobody."""

from __future__ import annotations

from dataclasses import replace

from twin.application import intended

from ..checkers.events import Tick
from ..operate.run_tree import RunTree, StateLine, lines_of
from .report import RegionScene, Row
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


def run_scene_of(simulation: Simulation, witness: Witness, execution: str) -> RunTree:
    """Its states in order, as far as their ticks have told."""
    procedure, mode = simulation.executions[execution]
    machine = simulation.deployment.machines[procedure]
    ticked: dict[str, list[Tick]] = {}
    for tick in witness.ticks(simulation, execution):
        ticked.setdefault(state_of(tick), []).append(tick)
    lines = lines_of(machine.definition)
    lines |= {name: StateLine(name) for name in ticked if name not in lines}
    states = [_stands(line, ticked.get(line.name, []), simulation.clock.now) for line in lines.values()]
    return RunTree(f"{machine.name}, {mode}", states)


def _follows(caught_up: bool) -> str:
    return "follows" if caught_up else "left behind"


def _stands(line: StateLine, ticks: list[Tick], now: float) -> StateLine:
    if not ticks:
        return line
    told = [tick for tick in ticks if tick.ended]
    outcome, _, why = (told[-1].answer if told else "").partition(": ")
    why = why.removeprefix(f"{line.name}: ")
    if not told or ticks[-1] is not told[-1] or outcome == "NotYet":
        return replace(line, outcome="waiting", seconds=now - ticks[0].began, why=why)
    return replace(line, outcome=outcome, seconds=told[-1].ended - ticks[0].began, why=why)
