"""What a person does to a run: decide on its plan, and speak to it through the ledger.

The same for a deployed stack and for the twin: they differ in which AWS answers.
"""

from __future__ import annotations

from typing import Any, Literal

from functions.ledger import Ledger, Page
from functions.world import Outside

from .runbook import Runbook

SELF_DECLARED = "self-declared"
"""Of a decision whose maker gave no proof of identity."""


class Operator:
    """A person at the console of one application."""

    def __init__(self, book: Runbook, outside: Outside, near: str) -> None:
        self._outside = outside
        self._ledger = Ledger(outside, book.application, book.ledger.table, book.ledger.regions, near)

    def page(self) -> Page:
        """All that the ledger holds of the application. Raises NotYet where no replica answers."""
        return self._ledger.read()

    def decide(
        self,
        plan: str,
        decision: Literal["approve", "decline"],
        who: str,
        why: str,
        identity: str = SELF_DECLARED,
    ) -> None:
        """A decision counts for the plan of that hash, and for no other."""
        word = {
            "decision": decision,
            "who": who,
            "why": why,
            "identity": identity,
            "at": self._outside.clock(),
        }
        self._ledger.write(f"decision#{plan}", word)

    def direct(self, execution: str, who: str, why: str, **word: Any) -> None:
        """A directive to one run; it keeps what was said to that run before (pause, skip …)."""
        said = self._ledger.read().directive
        kept = said if said.get("execution") == execution else {}
        self._ledger.write("directive", {**kept, **word, "execution": execution, "who": who, "why": why})
