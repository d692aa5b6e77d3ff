"""L1: it gets there in time: customers are served within the rto, and what a fault takes of itself.

Not where a person took the time. What counts is for how long, since the run began, no Region was one to which
customers are led, that lets them in, and whose data accept writes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from twin.application import intended, open_regions, writable

from .checker import Checker, Subject
from .final_state import FinalState


class InTime(Checker):
    invariant = "L1"

    def __init__(self, subject: Subject, breach: Callable[[str], None]) -> None:
        super().__init__(subject, breach)
        self._unserved = 0.0
        self._since: float | None = None
        """When service ended, in seconds since the beginning; None while there is some."""

    def begin(self) -> None:
        self.on_event()

    def on_event(self) -> None:
        application, now = self.subject.application, self.subject.cloud.clock.elapsed
        led = open_regions(application) & intended(application)
        served = any(writable(application, region) for region in led)
        if served and self._since is not None:
            self._unserved += now - self._since
            self._since = None
        elif not served and self._since is None:
            self._since = now

    def on_end(self, final: FinalState) -> None:
        allowed, unserved = final.circumstances.may_take, self.figures()["unserved_seconds"]
        rto = self.subject.runbook.objectives.rto
        if allowed is not None and final.status == "SUCCEEDED" and unserved > rto + allowed:
            self.breach(
                f"{final.first.procedure} left customers unserved for {unserved:.0f} s, and the rto is "
                f"{rto:.0f} s; what went wrong took {allowed:.0f} s"
            )

    def figures(self) -> Mapping[str, float]:
        now = self.subject.cloud.clock.elapsed
        return {"unserved_seconds": self._unserved + (0.0 if self._since is None else now - self._since)}
