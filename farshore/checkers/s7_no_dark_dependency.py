"""S7: no dark dependency: a run ends SUCCEEDED wherever the application itself can survive what is dark.

One that a person stopped is ABORTED by nothing that is dark: how it goes on is L1's.
"""

from __future__ import annotations

from .checker import Checker
from .final_state import FinalState


class NoDarkDependency(Checker):
    invariant = "S7"

    def on_end(self, final: FinalState) -> None:
        circumstances = final.circumstances
        ended = final.status in ("SUCCEEDED", "ABORTED")
        if circumstances.lasting and circumstances.must_succeed and not ended:
            self.breach(f"{final.first.procedure} ended {final.status}: {final.why}")
