"""S5: a run that has moved something gives nothing back: its undo would open the Region that it has left."""

from __future__ import annotations

from functions.run import GIVES_UP

from .checker import Checker
from .events import Call


class NoUndoAfterTheMove(Checker):
    invariant = "S5"

    def on_call(self, call: Call) -> None:
        tick = call.tick
        if tick is None or call.change is None or tick.purpose not in GIVES_UP:
            return
        if self.subject.moved(tick.execution):
            self.breach(f"{tick.label} sent {call.request}, though its run had moved data or customers")
