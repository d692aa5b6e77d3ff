"""S8: a run changes nothing outside the plan that a person approved for it, and nothing that one declined."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from functions.inputs import ClusterEndpoint
from functions.planned import Planned, legible

from ..compile.definition import step_of
from ..compile.undo import AGAIN
from ..runbook.typed import found
from .checker import Checker, Subject
from .events import Call, LedgerWrite, Tick
from .final_state import FinalState

UNREAD = "the plan that a person approved said that it had not read all of what the step changes"


class ApprovedPlan(Checker):
    invariant = "S8"

    def __init__(self, subject: Subject, breach: Callable[[str], None]) -> None:
        super().__init__(subject, breach)
        self._plans: dict[str, list[Mapping[str, Planned]]] = {}
        """By execution."""
        self._overruled: set[str] = set()
        """Executions of which a person has approved that they lose data, whatever the plan says of that."""
        self._overriding: set[str] = set()
        """Executions in which a person overrides safety rules, of which the plan says nothing."""

    def on_approval(self, execution: str, plan: Mapping[str, Planned]) -> None:
        self._plans.setdefault(execution, []).append(plan)

    def on_call(self, call: Call) -> None:
        tick, request = call.tick, call.request
        self._overrules(call.written)
        if tick is None or call.change is None or tick.purpose not in ("move", "again"):
            return
        if call.change.accepts_loss and tick.execution in self._overruled:
            return
        kind = step_of(tick.event)
        if kind is not None and kind.overrides is not None and tick.execution in self._overriding:
            return
        state = tick.event["state"]["Name"].removesuffix(AGAIN)
        approved = [plan[state] for plan in self._plans.get(tick.execution, ()) if state in plan]
        if any(_covers(step, call) for step in approved):
            return
        excuse = next(filter(None, map(_excuse, approved)), "")
        if excuse:
            self.excused.add(excuse)
        else:
            said = approved[-1].outcome if approved else "nothing"
            self.breach(f"{tick.label} sent {request}, but the approved plan says {said} for it")

    def _overrules(self, written: LedgerWrite | None) -> None:
        if written is None or written.body is None:
            return
        loses = (written.body.get("decision"), written.body.get("mode")) == ("approve", "ungraceful")
        if written.item.startswith("decision#") and loses:
            self._overruled.add(written.body["execution"])
        if written.item == "directive" and written.body.get("override"):
            self._overriding.add(written.body["execution"])

    def on_end(self, final: FinalState) -> None:
        if final.circumstances.declined and "declined" not in final.why:
            story = (
                f"a person declined the plan, and {final.first.procedure} ended {final.status}: {final.why}"
            )
            self.breach(story)


def _excuse(step: Planned) -> str:
    """Why the step may send what its plan did not name; "" where it may not."""
    if step.outcome == "would wait":
        return "the plan that a person approved said that the step would wait, and not for what"
    return UNREAD if step.facts.get("unread") else ""


def _covers(step: Planned, made: Call) -> bool:
    """The plan names this very call."""
    assert made.tick is not None
    request, others = made.request, _endpoints(made.tick)
    return any(
        call.api.operation_name == request.operation
        and (call.region == request.region or request.region in others)
        and call.parameters == legible(request.parameters)
        for call in step.calls
    )


def _endpoints(tick: Tick) -> set[str]:
    """The Regions of a cluster's endpoints: a plan names the one to be tried first, and any other will do."""
    kind = step_of(tick.event)
    if kind is None:
        return set()
    return {str(at[-1]) for at, _ in found(kind, tick.event["inputs"], ClusterEndpoint)}
