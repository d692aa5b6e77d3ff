"""S4: every acknowledged write is in the surviving data, or named as lost or overwritten.

A graceful run loses none, unless an alarm's own ungraceful one has moved the application instead. An
ungraceful one loses no more than the runbook's objective allows: nothing that was older than that when the
last write was acknowledged, or when the first thing went wrong.
"""

from __future__ import annotations

from .checker import Checker
from .final_state import FinalState


class AcknowledgedWrites(Checker):
    invariant = "S4"

    def on_end(self, final: FinalState) -> None:
        circumstances, lost = final.circumstances, [promise.at for promise in final.lost]
        may_lose = circumstances.may_lose or any(
            report.mode == "ungraceful" and self.subject.moved(execution)
            for execution, report in final.reports.items()
        )
        if not may_lose and final.loss_accepted_at is not None:
            self.breach("a graceful run let data be lost")
        elif not may_lose and lost:
            names = ", ".join(promise.name for promise in final.lost[:5])
            self.breach(f"a graceful run lost {len(lost)} acknowledged writes: {names}")
        since = min(final.last_write, circumstances.since or final.last_write)
        early = [at for at in lost if at < since - self.subject.runbook.objectives.rpo]
        if early:
            self.breach(
                f"{len(early)} writes are lost, the first {since - early[0]:.0f} s before the last one"
            )
