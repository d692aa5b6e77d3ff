"""S5: a run ends SUCCEEDED, FAILED, ABORTED or TIMED_OUT with its reason, or waits for a person.

Only a run that did everything is SUCCEEDED, or one that another has made needless; and one that failed before
it had moved anything leaves customers where they were.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from functions.tick import LEFT_FOR_LATER

from ..compile.fences import is_fence
from ..operate.history import RunReport, StepReport
from ..runbook.model import Runbook, lines
from ..runbook.registry import steps
from .checker import Checker
from .final_state import FinalState


class ARunEnds(Checker):
    invariant = "S5"

    def on_end(self, final: FinalState) -> None:
        if final.stuck:
            self.breach(final.stuck)
        for report in final.reports.values():
            if report.status == "RUNNING" and not final.circumstances.left_under_way:
                waits = next(
                    (f"{step.name}: {step.why}" for step in report.steps if not step.ended), "nobody knows"
                )
                self.breach(f"{report.procedure} is still running after hours: {waits}")
            elif report.status not in ("SUCCEEDED", "RUNNING") and not report.why:
                self.breach(f"{report.procedure} ended {report.status} without a reason")
        if final.last.status == "SUCCEEDED":
            for missing in self._left_undone(final):
                self.breach(f"{final.last.procedure} SUCCEEDED, but {missing}")
        self._left_customers_nowhere(final)

    def _left_undone(self, final: FinalState) -> Iterator[str]:
        """What only a run that did everything leaves behind, and this one did not."""
        runbook, procedure = self.subject.runbook, final.last.procedure
        purpose, (source, _) = self.subject.purpose(procedure), runbook.direction(procedure)
        if final.held_by in final.reports:
            yield "the lease was not released"
        if purpose == "move":
            yield from _not_moved(final, final.last, runbook)
        run_holds = _within(source, final.withheld)
        if purpose == "mend" and final.unlike[source] and not run_holds:
            yield f"{source} has not got back what the outage took"
        if purpose == "break" and not final.unlike[source]:
            yield f"nothing is broken in {source}"

    def _left_customers_nowhere(self, final: FinalState) -> None:
        """A run that fails by itself gives back at once, though what is given back may have to start; one
        that was stopped, that nobody could call any more, or that was denied its ledger, as soon as the
        schedule that pays debts has found it."""
        procedure, circumstances = final.first.procedure, final.circumstances
        if final.moved or self.subject.purpose(procedure) != "move":
            return
        by_itself = final.status == "FAILED" and not circumstances.lasting and not circumstances.ledger_denied
        source, _ = self.subject.runbook.direction(procedure)
        served = final.served_at_first
        if by_itself:
            served = final.served_at_end or (served if source in final.back_at_end else frozenset())
        if final.status not in ("SUCCEEDED", "RUNNING") and not served and not _by_outage(final, source):
            self.breach(
                f"{procedure} ended {final.status} before it had moved anything, "
                "and left customers nowhere to go"
            )


def _by_outage(final: FinalState, source: str) -> bool:
    """An outage took from the Region what customers went to, and the run took nothing besides."""
    return bool(_within(source, final.broken)) and not _within(source, final.kept)


def _within(region: str, resources: Iterable[str]) -> list[str]:
    """Those of the Region, by the ledger's names of them."""
    return [resource for resource in resources if f":{region}:" in resource]


def _not_moved(final: FinalState, run: RunReport, runbook: Runbook) -> Iterator[str]:
    source, target = runbook.direction(run.procedure)
    if final.circumstances.only_an_alarm and not final.repaired:
        yield "only an alarm said that anything was wrong"
    if final.served != final.shall_serve:
        yield f"customers are served in {_and(final.served)}, not in {_and(final.shall_serve)}"
    if stuck := _within(target, final.withheld):
        yield f"{', '.join(stuck)} was never given back"
    for step in run.steps:
        if step.outcome == LEFT_FOR_LATER and not any(_same(step, other) for other in run.steps):
            yield f"{step.name} was left for later, and never came"
    if source not in final.shall_serve and source in final.open and _fences(runbook, run.procedure):
        yield f"{source} still lets requests in, and was to be fenced"
    if final.unlike[target]:
        yield f"{target} has not got back what it had while all was well"


def _same(step: StepReport, other: StepReport) -> bool:
    """The other one did what the step left."""
    alike = step.function == other.function and step.event.get("inputs") == other.event.get("inputs")
    return alike and other.outcome not in (LEFT_FOR_LATER, "skipped")


def _fences(runbook: Runbook, procedure: str) -> bool:
    """The procedure takes something away from the Region that it leaves."""
    return any(
        is_fence(line) and not steps()[line.step].for_the_run and line.inputs.get("region") == "$from"
        for line in lines(runbook.entries(procedure))
    )


def _and(regions: frozenset[str]) -> str:
    return " and ".join(sorted(regions)) or "no Region"
