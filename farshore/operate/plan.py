"""What a procedure would do now: observe and decide for each of its steps, in order, and change nothing.

The same step code as a run, in this process: no lease is taken, nothing is written, no function is asked.
Each step answers for the world as it is now, not as the steps before it would leave it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from functions.calls import Call, Sight, Silence
from functions.errors import NotYet, Refused
from functions.fence import UNKNOWN
from functions.handler import step_from
from functions.ledger import Records, Remember
from functions.outside import Outside
from functions.run import Mode, Run
from functions.step import Done, Step, Wait
from functions.world import World

from ..compile.definition import happy_path, step_of
from ..runbook.registry import StepType

Outcome = Literal["done", "would change", "would wait", "would refuse", "unknown"]


@dataclass(frozen=True)
class Planned:
    """What one step would do now."""

    state: str
    outcome: Outcome
    why: str
    """What is due, waited for, wrong or silent; of a step that is done, its own word."""
    calls: tuple[Call, ...] = ()
    remembers: Mapping[str, Any] = field(default_factory=dict)
    """What a run would write in the ledger before the calls: the values that they overwrite."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    no_return: bool = False
    """With it, customers' data or traffic moves."""
    fences: bool = False

    def as_json(self) -> dict[str, Any]:
        return {
            "state": self.state,
            "outcome": self.outcome,
            "why": self.why,
            "calls": [call_as_json(call) for call in self.calls],
            "remembers": dict(self.remembers),
            "facts": dict(self.facts),
            "no_return": self.no_return,
        }


def call_as_json(call: Call) -> dict[str, Any]:
    parameters = {
        k: v.decode(errors="replace") if isinstance(v, bytes) else v for k, v in call.parameters.items()
    }
    return {"action": call.api.action, "region": call.region, "parameters": parameters}


def plan_of(
    definition: Mapping[str, Any], mode: Mode, outside: Outside, records: Records, execution: str = "plan"
) -> Iterator[Planned]:
    """Each step of a machine, compiled or deployed, in the order of a run that goes well."""
    for state, task in happy_path(definition):
        payload = task["Parameters"]["Payload"]
        kind = step_of(payload)
        if kind is None:
            function = task["Parameters"]["FunctionName"]
            yield Planned(
                state, "unknown", f"{function} is no step of this version of Farshore: check out its own"
            )
        elif kind.written:
            yield _look(kind, state, payload, mode, outside, records, execution)


class _Looking(World):
    """A world that notes who was silent, so that a plan can tell waiting from not knowing."""

    silent: tuple[str, ...] = ()

    def ask(self, *calls: Call) -> list[Sight]:
        sights = super().ask(*calls)
        self.silent += tuple(sight.why for sight in sights if isinstance(sight, Silence))
        return sights


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
    blank = Planned(state, "unknown", "", no_return=kind.moves(), fences=kind.fences)
    try:
        step: Step[Any] = step_from(kind, payload["inputs"])
        world = _Looking(outside, run, records, outside.clock(), step)
        decision = step.decide(step.observe(world))
        if isinstance(decision, Wait) and world.silent:
            world.since = 0.0
            decision = step.decide(step.observe(world))
    except NotYet as silence:
        return replace(blank, why=str(silence))
    except Refused as refusal:
        return replace(blank, outcome="would refuse", why=str(refusal))
    told = replace(blank, facts=decision.facts)
    if isinstance(decision, Done):
        if decision.outcome == UNKNOWN:
            return replace(told, why=str(decision.facts.get("why", "")))
        return replace(told, outcome="done", why=decision.outcome)
    if isinstance(decision, Wait):
        return replace(told, outcome="unknown" if world.silent else "would wait", why=decision.why)
    remembers = {n.memory.resource: n.memory.value for n in decision.notes if isinstance(n, Remember)}
    sure: Outcome = "would change" if decision.calls or not world.silent else "unknown"
    return replace(told, outcome=sure, why=decision.why, calls=decision.calls, remembers=remembers)
