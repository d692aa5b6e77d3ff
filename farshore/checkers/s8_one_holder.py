"""S8: one holder: whatever changes the application was sent by the run that holds the lease.

A second run, in either Region, in either direction, changes nothing; and after a run is superseded no call of
it takes effect, even one delayed to the end of its time-out.
"""

from __future__ import annotations

from collections.abc import Callable

from functions.calls import LONGEST_CALL_SECONDS
from functions.ledger import LEASE

from .checker import Checker, Subject
from .events import Call, LedgerWrite
from .final_state import FinalState


class OneHolder(Checker):
    invariant = "S8"

    def __init__(self, subject: Subject, breach: Callable[[str], None]) -> None:
        super().__init__(subject, breach)
        self._holder = ""
        """The execution that holds the lease."""
        self._let_go = 0.0
        """When it was given back last, in seconds since 1970."""
        self._ended = 0.0
        """When the last run that moved the application ended, as the lease says."""

    def on_call(self, call: Call) -> None:
        self._passes_on(call.written)
        if call.tick is None or call.change is None:
            return
        lease = self.subject.lease()
        # A tick that was delivered twice may be under way still when its run lets go; until another holds the
        # lease, it is in nobody's way.
        held = lease is not None and (not lease.released or call.tick.began < self._let_go)
        mine = lease is not None and lease.holder == call.tick.execution and held
        # A call of the holder before may still arrive while the new one keeps quiet, and no longer.
        quiet_until = 0.0 if lease is None else lease.quiet_until
        if not mine and self.subject.cloud.clock.now >= quiet_until:
            holder = None if lease is None else lease.holder
            self.breach(f"{call.tick.label} sent {call.request}, but {holder} holds the lease")

    def _passes_on(self, written: LedgerWrite | None) -> None:
        """Whoever takes the lease finds it given back, or its holder ended."""
        if written is None or written.item != LEASE or written.body is None:
            return
        holder: str = written.body["holder"]
        if written.body["purpose"] != "move" and written.body["ended"] != self._ended:
            self.breach(
                f"{holder} moves nothing, and has changed when the last run ended: no alarm can start one"
            )
        self._ended = written.body["ended"]
        if written.body["released"]:
            self._let_go = self.subject.cloud.clock.now
        before, self._holder = self._holder, "" if written.body["released"] else holder
        if before not in ("", holder) and self.subject.running(before) and not self._just_redriven(before):
            self.breach(f"{before} runs and held the lease, and {holder} has taken it")

    def _just_redriven(self, execution: str) -> bool:
        """It had ended when whoever takes the lease asked: its redrive finds the lease gone, and ends."""
        return self.subject.cloud.clock.now < self.subject.redriven_at(execution) + LONGEST_CALL_SECONDS

    def on_end(self, final: FinalState) -> None:
        circumstances = final.circumstances
        if circumstances.second_run and circumstances.held_first and final.status != "SUCCEEDED":
            self.breach(
                f"{final.first.procedure} held the lease, another run was started, and it ended: {final.why}"
            )

    def state(self) -> object:
        return super().state(), self._holder  # when a run ended is past
