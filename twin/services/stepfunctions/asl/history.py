"""What an execution shows of itself: the events of its history, as GetExecutionHistory gives them.

Limits: docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Mapping
from typing import Any

from ....clock import Clock
from ....cloud import stamp
from .states import RUNTIME, Failure

MOST_EVENTS = 25_000
LONGEST_CAUSE = 32_768
ENDS = ("ExecutionSucceeded", "ExecutionFailed", "ExecutionAborted")
WHOLE = {"truncated": False}


Details = Mapping[str, Any] | Callable[[], Mapping[str, Any]]
"""What an event shows beyond its kind, or what gives it: most histories are never asked for."""


class Full(Exception):
    """There is room for one more event: the one that ends the execution."""


class History:
    """Events in order; each names the one of its branch that it follows, so that branches can interleave."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._noted: list[tuple[float, str, int, Mapping[str, Details]]] = []
        self._shown: list[dict[str, Any]] = []

    def __len__(self) -> int:
        return len(self._noted)

    def add(self, previous: int, kind: str, details: Mapping[str, Details]) -> int:
        """The new event's number. Raises Full."""
        if len(self) >= MOST_EVENTS - (kind not in ENDS):
            raise Full
        self._noted.append((self.clock.now, kind, previous, details))
        return len(self)

    @property
    def events(self) -> list[dict[str, Any]]:
        """As they are shown, each worked out when it is first asked for."""
        for now, kind, previous, details in self._noted[len(self._shown) :]:
            said = {"timestamp": instant(now), "type": kind, "id": len(self._shown) + 1}
            more = {name: each() if callable(each) else each for name, each in details.items()}
            self._shown.append({**said, "previousEventId": previous, **more})
        return self._shown

    def overflow(self, previous: int) -> Failure:
        """The last event that there is room for."""
        why = f"The execution reached the maximum number of history events ({MOST_EVENTS})."
        failure = Failure(RUNTIME, why)
        self.add(previous, "ExecutionFailed", {"executionFailedEventDetails": described(failure)})
        return failure


def instant(now: float) -> datetime.datetime:
    """An instant as Step Functions shows it: in whole milliseconds, and never later than it is."""
    return stamp(math.floor(now * 1000) / 1000)


def text(now: float) -> str:
    """The same in the context object."""
    return instant(now).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def described(failure: Failure) -> dict[str, str]:
    """Absent where there is nothing to say; a cause has a limit."""
    said = {"error": failure.error, "cause": failure.cause and failure.cause[:LONGEST_CAUSE]}
    return {key: value for key, value in said.items() if value is not None}
