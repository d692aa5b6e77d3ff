"""L1: whoever may decide is paged, and not so often that a page means nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from functions.planned import PAGE_AGAIN_SECONDS, Planned

from .checker import Checker, Subject
from .events import Call
from .final_state import FinalState

MOST = 2
"""Pages of one run within the time after which it is paged again: a tick may be delivered twice."""


class Paged(Checker):
    invariant = "L1"

    def __init__(self, subject: Subject, breach: Callable[[str], None]) -> None:
        super().__init__(subject, breach)
        self._pages: dict[str, list[float]] = {}
        """By execution: when it has paged, in seconds since the beginning."""
        self._unpaged: list[str] = []
        """Executions whose plan somebody found, who was not paged."""

    def on_call(self, call: Call) -> None:
        if call.tick is None or not call.tick.pages(call.request):
            return
        now, pages = self.subject.cloud.clock.elapsed, self._pages.setdefault(call.tick.execution, [])
        pages.append(now)
        often = sum(at > now - PAGE_AGAIN_SECONDS for at in pages)
        who = call.tick.label
        self.hold(often <= MOST, lambda: f"{who} paged {often} times in {PAGE_AGAIN_SECONDS} s", who)

    def on_approval(self, execution: str, plan: Mapping[str, Planned]) -> None:
        if execution not in self._pages:
            self._unpaged.append(execution)

    def on_end(self, final: FinalState) -> None:
        """A page that cannot be sent delays nothing; one that got lost is sent again."""
        if self._unpaged and final.circumstances.passing:
            self.breach(
                f"nobody was paged: the plan of {self._unpaged[0].rpartition(':')[2]} was found by looking"
            )
        self._unpaged.clear()
