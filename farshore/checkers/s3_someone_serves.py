"""S3: someone serves: no step leaves all routes off, not for one event.

That what a failed run took away is given back or owed is looked at when everything is over (S5).
"""

from __future__ import annotations

from twin.application import Route

from .checker import Checker


class SomeoneServes(Checker):
    invariant = "S3"

    def on_event(self) -> None:
        for route in self.subject.application.routes:
            self.hold(bool(route.intent()), lambda route=route: _story(route), route.name)  # type: ignore[misc]


def _story(route: Route) -> str:
    return f"{route.name}: no customer is led anywhere"
