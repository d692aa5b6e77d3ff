"""What is counted of runs at the seam: their calls, the pages that people get, and the fences owed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from twin.clock import Clock
from twin.faults import Kind, Request

from ..checkers.events import TICK, Call, LedgerWrite, Tick
from ..checkers.final_state import Debt
from ..compile.definition import step_of


class Tally:
    """Of one simulation, from its making on."""

    def __init__(self, clock: Clock) -> None:
        self.calls: Counter[str] = Counter()
        """Calls to AWS and HTTP requests of the steps, by execution."""
        self.may_have_moved: set[str] = set()
        """Executions that have sent what moves data or customers, and were not denied it."""
        self.moved: set[str] = set()
        """Of those, the ones for which AWS has done it."""
        self.pages = 0
        """How often a person was paged."""
        self.loss_accepted_at: float | None = None
        """When a call first let data be lost, in seconds since 1970."""
        self._clock = clock
        self._debts: list[Debt] = []

    @property
    def debts(self) -> Sequence[Debt]:
        """Fences that were owed, in their order."""
        return self._debts

    @property
    def owes(self) -> bool:
        return any(debt.paid_at is None for debt in self._debts)

    def count(self, request: Request) -> None:
        """Somebody makes a call."""
        tick = TICK.get()
        self.calls[tick.execution if tick else ""] += 1

    def sends(self, request: Request, kind: Kind | None) -> None:
        """A run sends this, and that happens to it."""
        tick = TICK.get()
        if tick is not None and kind != "denied" and tick.change(request) is not None:
            self._moves(tick, self.may_have_moved)

    def on_call(self, call: Call) -> None:
        """AWS has done this."""
        self.pages += call.tick is not None and call.tick.pages(call.request)
        if call.tick is not None and call.change is not None:
            if call.change.accepts_loss and self.loss_accepted_at is None:
                self.loss_accepted_at = self._clock.now
            self._moves(call.tick, self.may_have_moved, self.moved)
        self._keep_debts(call.written)

    def _moves(self, tick: Tick, *which: set[str]) -> None:
        step = step_of(tick.event)
        if step is not None and step.moves():
            for executions in which:
                executions.add(tick.execution)

    def _keep_debts(self, written: LedgerWrite | None) -> None:
        if written is None or not written.item.startswith("debt#"):
            return
        resource, now = written.item.removeprefix("debt#"), round(self._clock.elapsed, 3)
        found = next(
            (n for n, d in enumerate(self._debts) if d.resource == resource and d.paid_at is None), None
        )
        if written.body is not None and found is None:
            self._debts.append(Debt(resource, now))
        elif written.body is None and found is not None:
            self._debts[found] = replace(self._debts[found], paid_at=now)
