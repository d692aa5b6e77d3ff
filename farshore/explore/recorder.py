"""Records the calls of a baseline run: those are the points at which something can go wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from functions.calls import Call
from functions.run import GIVES_UP
from twin.faults import EarlierAnswers, Request
from twin.rows import rows_of

from ..checkers.events import TICK, Tick, invoked
from .data import RecordedCall
from .declared import changes_the_application, is_http, notes_in_the_ledger, only_reads
from .replies import ASKED, Busy, Replies, hosts
from .seed import Point


class Recorder:
    """Of one simulation."""

    def __init__(self) -> None:
        self._requests: list[tuple[Point, Request, Tick | None, tuple[Call, Busy] | None]] = []
        self.earlier = _Noting()
        """Knows which reads could be answered stale."""

    def record(self, point: Point, request: Request) -> None:
        tick = TICK.get()
        self._requests.append((point, request, tick, ASKED.get() if tick else None))

    def calls(self, replies: Replies) -> Iterator[RecordedCall]:
        """All of them, in order, once the run has come to its end."""
        for point, request, tick, asked in self._requests:
            changes = changes_the_application(request, tick)
            notes = tick is not None and notes_in_the_ledger(request, tick.event["ledger"]["table"])
            call = asked[0] if asked else None
            own_hosts = hosts(call) if call else ()
            yield RecordedCall(
                point,
                str(request),
                "" if own_hosts or is_http(request) else request.service,
                request.region,
                changes,
                notes,
                tick.answer if tick else "",
                tick is not None and _may_be_hollow(request, tick),
                (tick.event if tick else invoked(request))["run"]["purpose"] in GIVES_UP,
                id(request) in self.earlier.changed,
                request.session != "",
                own_hosts,
                replies.of(*asked, request.region, not only_reads(request, tick)) if asked and tick else {},
            )


def _may_be_hollow(request: Request, tick: Tick) -> bool:
    rows = rows_of(request.service)
    return not is_http(request) and only_reads(request, tick) and rows.may_be_hollow(request.operation)


class _Noting(EarlierAnswers):
    """Notes which reads could be answered stale."""

    def __init__(self) -> None:
        super().__init__()
        self.changed: dict[int, Request] = {}
        """By identity, which is a request's own for as long as it is kept."""

    def note(self, request: Request, answer: Mapping[str, Any]) -> Mapping[str, Any] | None:
        before = super().note(request, answer)
        if before is not None:
            self.changed[id(request)] = request
        return before
