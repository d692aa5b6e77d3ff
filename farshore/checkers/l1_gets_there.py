"""L1: it gets there: a transient fault, anywhere, delays a run and does not stop it.

A permanent one is ridden out where the runbook can, and otherwise ends the run with the call named; and once
it is gone, what a person is told to do then (redrive it, or start another) ends well. Nothing is owed for
ever, and customers are served somewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from functions.run import Purpose

from .checker import Checker
from .final_state import FinalState, SettlingRun


class GetsThere(Checker):
    invariant = "L1"

    def on_end(self, final: FinalState) -> None:
        purpose = self.subject.purpose(final.first.procedure)
        stories = (
            _runs(final, purpose),
            _prepared(final, purpose),
            _second_run(final),
            _denials(final),
            _afterwards(final, purpose),
        )
        for story in chain.from_iterable(stories):
            self.breach(story)


def _runs(final: FinalState, purpose: Purpose) -> Iterator[str]:
    circumstances, procedure = final.circumstances, final.first.procedure
    must = circumstances.must_succeed and not circumstances.lasting  # where it lasts, that is S7
    if must and not final.stuck and final.status != "SUCCEEDED":
        yield f"{procedure} ended {final.status}: {final.why}"
    if circumstances.refused and final.moved and final.status != "SUCCEEDED":
        yield f"{procedure} was to be refused before it moved anything, and ended {final.status}: {final.why}"
    if final.last.status not in ("SUCCEEDED", "RUNNING"):
        what = "even when repaired" if final.repaired else "the last of all runs"
        if not circumstances.last_may_fail or final.repaired:
            yield f"{final.last.procedure}, {what}, ended {final.last.status}: {final.last.why}"
    if circumstances.undisturbed and not final.pages and purpose == "move":
        yield "nobody was paged to approve the plan"


def _prepared(final: FinalState, purpose: Purpose) -> Iterator[str]:
    """What was broken before is found in peace."""
    said = final.circumstances.prepare_says
    if (
        purpose == "prepare"
        and said
        and not (final.status == "FAILED" and any(text in final.why for text in said))
    ):
        yield f"{final.first.procedure} ended {final.status}, and did not name {said[0]}: {final.why}"


def _second_run(final: FinalState) -> Iterator[str]:
    """Of two runs one gets there, and the other is refused by a step that says why."""
    if not final.circumstances.second_run:
        return
    if not any(report.status == "SUCCEEDED" for report in final.reports.values()):
        yield "two runs, and neither got there"
    for report in final.reports.values():
        if report.status == "FAILED" and not report.why.startswith("Refused"):
            yield f"{report.procedure} ended FAILED, and no step refused it: {report.why}"


def _denials(final: FinalState) -> Iterator[str]:
    """Who is denied a call says which."""
    for call in final.circumstances.denied if final.status == "FAILED" else ():
        operation = call.split(" in ")[0].partition(":")[2]
        if operation not in final.why:
            yield f"{call} was denied, and the run ended without naming it: {final.why}"


def _afterwards(final: FinalState, purpose: Purpose) -> Iterator[str]:
    failure = next((_settled(run, final) for run in final.settling if _settled(run, final)), "")
    if failure:
        yield f"settling ended {failure}"
    if final.debts:
        yield f"owed for ever: {', '.join(final.debts)}"
    if not final.served and purpose != "break":
        yield "no customer is served anywhere, long after the end"


def _settled(run: SettlingRun, final: FinalState) -> str:
    """What is wrong with a settling run: it failed in peace, or ended well and left a debt unpaid."""
    if run.status != "SUCCEEDED":
        idle = "is running and holds the lease" in run.why  # then there is nothing to do, and no mistake
        return run.why if final.circumstances.undisturbed or idle else ""
    for debt in final.owed if run.held_the_lease else ():
        if debt.owed_at < run.began and (debt.paid_at or run.ended + 1) > run.ended:
            return f"well at {run.ended:.0f} s, and {debt.resource} was still owed"
    return ""
