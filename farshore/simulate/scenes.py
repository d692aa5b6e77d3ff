"""How a Region and a run stand at an instant: by looking on, which takes no time and asks nobody."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import takewhile
from statistics import median
from typing import Protocol, TypeVar

from functions.ledger import Records
from functions.planned import Planned, planned_from
from twin.application import Dataset, intended

from ..checkers.events import Tick
from ..operate.plan import fencing_states
from ..operate.proposal import Proposal
from ..operate.render import described, given, point_of_no_return, what_is_at_stake
from ..operate.run_tree import RunTree, StateLine, lines_of
from .report import Fared, PlanScene, PlanStep, RegionScene, Row, Written
from .simulation import Simulation
from .witness import Witness, state_of

RECENT_SECONDS = 30.0
FARED_SECONDS = 10.0
FARED_KEPT = 24 * 60.0
"""Seconds of the customers' line."""
WRITES_SHOWN = 12


class Fares:
    """How customers fared lately, counted once."""

    def __init__(self, simulation: Simulation) -> None:
        self.kept: deque[Fared] = deque()
        self._clock, self._notebook = simulation.clock, simulation.customers.notebook
        self._counted = 0
        self._at = 0.0

    def count(self) -> None:
        """What has ended since the last time, where that is long enough ago."""
        now, visits = self._clock.elapsed, self._notebook.visits
        if now < self._at + FARED_SECONDS:
            return
        new = visits[self._counted :]
        self._counted, self._at = len(visits), now
        if new or self.kept:
            took = [visit.seconds for visit in new if visit.done]
            self.kept.append(Fared(now, len(took), len(new) - len(took), median(took) if took else None))
        while self.kept and self.kept[0].at <= now - FARED_KEPT:
            self.kept.popleft()


def scene_of(simulation: Simulation, region: str) -> RegionScene:
    """Its datasets, its entry, and its share of each route."""
    application = simulation.application
    rows = [
        Row(
            dataset.name,
            region in dataset.writers(),
            "writer",
            _follows(dataset.caught_up(region)),
            dataset.lag(region),
            newest_in(simulation, dataset, region),
        )
        for dataset in application.datasets
    ]
    rows += [
        Row("entry", entry.is_open(), "open", "closed")
        for entry in application.entries
        if entry.region == region
    ]
    for route in application.routes:
        share = route.intent().get(region, 0.0)
        rows.append(Row(route.name, share > 0, f"leads {share:.0%} here", "leads nobody here"))
    since = simulation.clock.now - RECENT_SECONDS
    notebook = simulation.customers.notebook
    writes = sum(promise.region == region for promise in since_then(notebook.promises, since))
    mine = [visit for visit in since_then(notebook.visits, since) if visit.region == region]
    took = [visit.seconds for visit in mine if visit.done]
    here = {visit.region for visit in since_then(notebook.visits, since) if visit.done} or intended(
        application
    )
    return RegionScene(
        simulation.cloud.faults.away(region),
        region in here,
        writes,
        len(took),
        len(mine) - len(took),
        median(took) if took else None,
        rows,
    )


class At(Protocol):
    @property
    def at(self) -> float: ...


Noted = TypeVar("Noted", bound=At)


def since_then(noted: Sequence[Noted], since: float) -> Iterator[Noted]:
    """The last ones of a list that grows with time, newest first: the others are not looked at."""
    return takewhile(lambda each: each.at > since, reversed(noted))


def newest_in(simulation: Simulation, dataset: Dataset, region: str) -> Written | None:
    """The last acknowledged write that the Region has: one of its own, or one of before all that it lacks."""
    lag, clock = dataset.lag(region), simulation.clock
    for promise in reversed(simulation.customers.notebook.promises):
        has = promise.region == region or not lag or promise.at < clock.now - lag
        if promise.dataset == dataset.name and has:
            return Written(promise.at - clock.start, promise.name, promise.region)
    return None


def at_risk(simulation: Simulation) -> int:
    """Acknowledged writes that some Region which is not away has not got, at most: all since the oldest."""
    application, notebook = simulation.application, simulation.customers.notebook
    there = [region for region in application.regions if not simulation.cloud.faults.away(region)]
    found = 0
    for dataset in application.datasets:
        if lag := max(map(dataset.lag, there), default=0.0):
            since = simulation.clock.now - lag - 0.001  # so that the oldest itself counts
            found += sum(promise.dataset == dataset.name for promise in since_then(notebook.promises, since))
    return found


def writes_of(simulation: Simulation) -> Sequence[Written]:
    """The last writes that customers were acknowledged, newest first."""
    last, start = simulation.customers.notebook.promises[-WRITES_SHOWN:], simulation.clock.start
    return [Written(promise.at - start, promise.name, promise.region) for promise in reversed(last)]


def run_to_come(simulation: Simulation, procedure: str) -> RunTree:
    """A run that nobody has started."""
    machine = simulation.deployment.machines[procedure]
    return RunTree(f"{machine.name}, to come", list(lines_of(machine.definition).values()))


def plan_scene_of(simulation: Simulation, witness: Witness) -> PlanScene | None:
    """The plan that was proposed last, while its run waits for a person."""
    plan = witness.plans[-1] if witness.plans else None
    if plan is None or plan.decided is not None or not simulation.running(plan.execution):
        return None
    procedure, _ = simulation.executions[plan.execution]
    fencing = fencing_states(simulation.deployment.machines[procedure].definition)
    steps = tuple(planned_from(step, step["state"] in fencing) for step in plan.steps)
    proposal = Proposal(plan.hash, "", plan.execution, 0.0, plan.at, steps, mode=plan.mode)
    runbook, now = simulation.runbook, simulation.clock.now
    at_stake = what_is_at_stake(runbook, Records(), proposal, plan.mode, now)
    first = point_of_no_return(steps)
    return PlanScene(
        plan.hash, plan.mode, [_plan_step(each, each is first) for each in steps], list(at_stake)
    )


def _plan_step(step: Planned, edge: bool) -> PlanStep:
    facts = {name: value for name, value in step.facts.items() if name != "doubts" and value != step.why}
    says = [*_alike(step.why.split("; ")), *filter(None, [described(facts)])]
    calls = [(str(call), given(call)) for call in step.calls]
    return PlanStep(step.state, step.outcome, says, _alike(step.facts.get("doubts", ())), calls, edge)


def _alike(texts: Iterable[str]) -> list[str]:
    """Each once, with how often it is said."""
    return [f"{text} ({times} times)" if times > 1 else text for text, times in Counter(texts).items()]


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
