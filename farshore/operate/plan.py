"""What a procedure would do now: observe and decide for each of its steps, in order, and change nothing.

The same step code as a run, in this process: no lease is taken, nothing is written, no function is asked.
Each step answers for the world as it is now, not as the steps before it would leave it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from functions.errors import NotYet, Refused
from functions.fence import UNKNOWN
from functions.handler import assume_from, assumed, step_from
from functions.later import ITSELF
from functions.ledger import Records, Remember
from functions.outside import Outside
from functions.planned import Outcome, Planned
from functions.run import Mode, Run
from functions.step import Done, Step, Wait
from functions.world import World

from ..compile.definition import happy_path, step_of
from ..runbook.registry import StepType


def plan_of(
    definition: Mapping[str, Any], mode: Mode, outside: Outside, records: Records, execution: str = "plan"
) -> Iterator[Planned]:
    """Each step of a machine, compiled or deployed, in the order of a run that goes well."""
    for state, task in happy_path(definition):
        payload = task["Parameters"]["Payload"]
        kind = step_of(payload)
        if kind is None:
            function = task["Parameters"]["FunctionName"]
            why = f"{function} is no step of this version of Farshore: check out its own"
            yield Planned("unknown", why, state=state)
        elif kind.written:
            yield _look(kind, state, payload, mode, outside, records, execution)


def fencing_states(definition: Mapping[str, Any]) -> frozenset[str]:
    """The states of a machine that take something from customers."""
    kinds = {state: step_of(task["Parameters"]["Payload"]) for state, task in happy_path(definition)}
    return frozenset(state for state, kind in kinds.items() if kind is not None and kind.fences)


def _look(
    kind: StepType,
    state: str,
    payload: Mapping[str, Any],
    mode: Mode,
    outside: Outside,
    records: Records,
    execution: str,
) -> Planned:
    """One look as a run's first, and where that meets silence another, as if patience were over."""
    run = Run(**payload["run"], mode=mode, dry_run=True, execution=execution, redrives=0, state=state)
    assume = assume_from(payload)
    outside = outside if assume is None else outside.assuming(assume, execution)
    facts = assumed(assume)
    blank = Planned("unknown", "", facts=facts, state=state, no_return=kind.moves(), fences=kind.fences)
    try:
        inputs = {name: value for name, value in payload["inputs"].items() if name != ITSELF}
        step: Step[Any] = step_from(kind, inputs)
        world = World(outside, run, records, outside.clock(), step)
        decision = step.decide(step.observe(world))
        if isinstance(decision, Wait) and world.silent:
            first, world = world, World(outside, run, records, 0.0, step)
            world.silent = first.silent
            decision = step.decide(step.observe(world))
    except NotYet as silence:
        return replace(blank, why=str(silence))
    except Refused as refusal:
        return replace(blank, outcome="would refuse", why=str(refusal))
    looked = replace(blank, facts={**decision.facts, **facts})
    if isinstance(decision, Done):
        if decision.outcome == UNKNOWN:
            return replace(looked, why=str(decision.facts.get("why", "")))
        return replace(looked, outcome="done", why=decision.outcome)
    if isinstance(decision, Wait):
        return replace(looked, outcome="unknown" if world.silent else "would wait", why=decision.why)
    remembers = {n.memory.resource: n.memory.value for n in decision.notes if isinstance(n, Remember)}
    sure: Outcome = "would change" if decision.calls or not world.silent else "unknown"
    return replace(looked, outcome=sure, why=decision.why, calls=decision.calls, remembers=remembers)
