"""Records the calls of a baseline run: those are the points at which something can go wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from functions.calls import Call as AskedCall
from twin.faults import Echo, Request

from ..checkers.events import Call
from .data import RecordedCall
from .declared import changes_the_application, is_http, only_reads
from .replies import ASKED, Busy, Replies, hosts
from .seed import Point


class Recorder:
    """Of one simulation."""

    def __init__(self) -> None:
        self._calls: list[tuple[Point, Call, tuple[AskedCall, Busy] | None]] = []
        self.echo = _Listening()
        """Knows which reads could be answered stale."""

    def record(self, point: Point, call: Call) -> None:
        self._calls.append((point, call, ASKED.get() if call.tick else None))

    def calls(self, replies: Replies) -> Iterator[RecordedCall]:
        """All of them, in order, once the run has come to its end."""
        for point, call, asked in self._calls:
            request, tick = call.request, call.tick
            own_hosts = hosts(asked[0]) if asked else ()
            yield RecordedCall(
                point,
                str(request),
                "" if own_hosts or is_http(request) else request.service,
                request.region,
                changes_the_application(call),
                tick is not None and call.written is not None,
                tick.answer if tick else "",
                id(request) in self.echo.changed,
                own_hosts,
                replies.of(*asked, request.region, not only_reads(call, tick)) if asked and tick else {},
            )


class _Listening(Echo):
    """Notes which reads could be answered stale."""

    def __init__(self) -> None:
        super().__init__()
        self.changed: dict[int, Request] = {}
        """By identity, which is a request's own for as long as it is kept."""

    def hear(self, request: Request, answer: Mapping[str, Any]) -> Mapping[str, Any] | None:
        before = super().hear(request, answer)
        if before is not None:
            self.changed[id(request)] = request
        return before
