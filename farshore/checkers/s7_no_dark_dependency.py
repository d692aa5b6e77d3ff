"""S7: no dark dependency: a run ends SUCCEEDED wherever the application itself can survive what is dark."""

from __future__ import annotations

from .checker import Checker
from .final_state import FinalState


class NoDarkDependency(Checker):
    invariant = "S7"

    def on_end(self, final: FinalState) -> None:
        circumstances = final.circumstances
        if circumstances.lasting and circumstances.must_succeed and final.status != "SUCCEEDED":
            self.breach(f"{final.first.procedure} ended {final.status}: {final.why}")
