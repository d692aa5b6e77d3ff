"""S2: no step sends clients to a Region whose data is not yet writable there."""

from __future__ import annotations

from collections.abc import Callable

from twin.application import intended, writable

from .checker import Checker, Subject


class DataBeforeCustomers(Checker):
    invariant = "S2"

    def __init__(self, subject: Subject, breach: Callable[[str], None]) -> None:
        super().__init__(subject, breach)
        self._routes: set[str] = set()

    def begin(self) -> None:
        self._routes = intended(self.subject.application)

    def on_event(self) -> None:
        application, faults = self.subject.application, self.subject.cloud.faults
        routes = intended(application)
        turned, self._routes = routes - self._routes, routes
        for region in sorted(turned):
            # Of a dark Region nobody can see what its data accept.
            holds = faults.is_dark(region) or writable(application, region)
            self._lasting.discard(region)
            self.hold(holds, lambda region=region: _story(region), region)  # type: ignore[misc]


def _story(region: str) -> str:
    return f"customers are sent to {region}, where not every dataset accepts writes"
