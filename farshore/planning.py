"""What a procedure would do now: observe and decide for each of its steps, in order, and change nothing.

The same step code as a run, in this process: no lease is taken, nothing is written, no function is asked.
Each step answers for the world as it is now, not as the steps before it would leave it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from functions.ledger import Page, Remember
from functions.steps.step import Change, Done, Mode, Run, Step, Wait, World, step_from
from functions.world import Call, NotYet, Outside, Refused, Sight, Silence

from .history import kind_of
from .registry import StepType

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
    parameters = {k: v.decode(errors="replace") if isinstance(v, bytes) else v for k, v in call.parameters.items()}
    return {"action": call.api.action, "region": call.region, "parameters": parameters}


def plan_of(
    definition: Mapping[str, Any], mode: Mode, outside: Outside, page: Page, execution: str = "plan"
) -> Iterator[Planned]:
    """Each step of a machine, compiled or deployed, in the order of a run that goes well."""
    for state, task in tasks(definition):
        kind = kind_of(task["Parameters"]["FunctionName"])
        if kind is None:
            function = task["Parameters"]["FunctionName"]
            yield Planned(state, "unknown", f"{function} is no step of this version of Farshore: check out its own")
        elif kind.written:
            yield _look(kind, state, task["Parameters"]["Payload"], mode, outside, page, execution)


def tasks(definition: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The Task states on the way of a run that goes well, by name; those of a Parallel one after the other."""
    name = definition["StartAt"]
    while name:
        state = definition["States"][name]
        if state["Type"] == "Task":
            yield name, state
        for branch in state.get("Branches", ()):
            yield from tasks(branch)
        name = state.get("Next") or state.get("Default")


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
    page: Page,
    execution: str,
) -> Planned:
    """One observation and one decision. Patience is over: what a run would owe is shown as owed."""
    run = Run(**payload["run"], mode=mode, dry_run=True, execution=execution, redrives=0, state=state)
    shown = {"no_return": bool(kind.point_of_no_return or kind.one_way), "fences": kind.fences}
    try:
        step: Step[Any] = step_from(kind, payload["inputs"])
        world = _Looking(outside, run, page, 0.0, step)
        decision = step.decide(step.observe(world))
    except NotYet as silence:
        return Planned(state, "unknown", str(silence), **shown)
    except Refused as refusal:
        return Planned(state, "would refuse", str(refusal), **shown)
    if isinstance(decision, Done):
        owed = decision.outcome == "unknown"
        outcome: Outcome = "unknown" if owed else "done"
        why = str(decision.facts.get("why", "")) if owed else decision.outcome
        return Planned(state, outcome, why, facts=decision.facts, **shown)
    if isinstance(decision, Wait):
        outcome = "unknown" if world.silent else "would wait"
        return Planned(state, outcome, decision.why, facts=decision.facts, **shown)
    assert isinstance(decision, Change)
    outcome = "unknown" if world.silent and not decision.calls else "would change"
    remembers = {n.memory.resource: n.memory.value for n in decision.notes if isinstance(n, Remember)}
    return Planned(state, outcome, decision.why, decision.calls, remembers, decision.facts, **shown)
