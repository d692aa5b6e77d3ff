"""The reply that a step would get to a call if something happened to it, asked of the code that gives it.

A step sees of a call what `Outside.reply` answers, and how long that took. Two faults for which both are the
same are one class: no step can decide otherwise for one than for the other.
"""

from __future__ import annotations

import contextvars
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from functions.calls import LONGEST_CALL_SECONDS, Call, Endpoint, Reply, Silence
from functions.ledger import DELETE, PUT, QUERY
from functions.outside import Outside
from twin.cloud import Cloud
from twin.faults import Kind as CallFault
from twin.faults import Request

from ..checkers.events import TICK
from .kinds import KINDS

AT_ONCE = 1.0
"""Seconds that an answer takes at most for which nobody has to wait."""
UNNOTICED = "as without it, at once"
"""Of a fault that a step does not even see: another endpoint has answered."""

Busy = frozenset[str]
ASKED: contextvars.ContextVar[tuple[Call, Busy] | None] = contextvars.ContextVar("asked", default=None)
"""The call that a step is making, and its words for busy."""


class ExploringOutside(Outside):
    """Where a step's own code makes a mistake after a call, as Tick says."""

    def reply(self, call: Call, busy: Busy = frozenset()) -> Reply:
        reply, tick = super().reply(call, busy), TICK.get()
        if tick is not None and tick.raises:
            tick.raises = False
            raise RuntimeError("a mistake of the step's own")
        return reply


class RecordingOutside(ExploringOutside):
    """Says in ASKED which call its requests belong to."""

    def reply(self, call: Call, busy: Busy = frozenset()) -> Reply:
        token = ASKED.set((call, busy))
        try:
            return super().reply(call, busy)
        finally:
            ASKED.reset(token)


class Replies:
    """Of one simulation that has come to its end: asking takes time there, and changes nothing."""

    def __init__(self, cloud: Cloud, outside: Outside) -> None:
        self._cloud, self._outside = cloud, outside
        self._known: dict[object, Mapping[str, str]] = {}

    def of(self, call: Call, busy: Busy, region: str, writes: bool) -> Mapping[str, str]:
        """By kinds, for a request that went to this Region. Of a write only what AWS never does: the others
        differ in when it is done."""
        tried = [endpoint.region for endpoint in call.endpoints]
        first = tried.index(region) if region in tried else 0
        left = call.endpoints[first : first + 1 if writes else None]  # the next one would do it
        key = call.api, left, busy, writes
        if key not in self._known:
            self._known[key] = dict(self._asked(call.through(left), busy, writes))
        return self._known[key]

    def _asked(self, call: Call, busy: Busy, writes: bool) -> Iterator[tuple[str, str]]:
        ledgers = call.api in (QUERY, PUT, DELETE)
        usual = None if writes else self._reply(call, busy, None)[0]
        for kind in KINDS.values():
            if kind.apart == "reply" and not (writes and kind.reaches_aws):
                reply, seconds = self._reply(call, busy, kind.to_the_call)
                if ledgers and isinstance(reply, Silence):  # who writes notes does not look why
                    reply = replace(reply, throttled=False)
                yield kind.word, f"{_words(reply, usual)}, {_how_long(seconds)}"

    def _reply(self, call: Call, busy: Busy, fault: CallFault | None) -> tuple[Reply, float]:
        """The reply, and after how many seconds it comes, where this happens to the call's first request."""
        began = self._cloud.clock.now
        with self._meets(fault):
            reply = self._outside.reply(call, busy)
        return reply, self._cloud.clock.now - began

    @contextmanager
    def _meets(self, fault: CallFault | None) -> Iterator[None]:
        left = [fault]

        def line(request: Request) -> CallFault | None:
            return left.pop() if left else None

        with self._cloud.faults.suspended():
            self._cloud.faults.injectors.append(line)
            yield


def _words(reply: Reply, usual: Reply | None) -> str:
    if reply == usual:
        return "as without it"
    if isinstance(reply, Silence):
        who = (
            " of one who could answer"
            if reply.answered
            else " of one asked too much"
            if reply.throttled
            else ""
        )
        return f"silence{who}"  # why is for people
    return repr(reply)


def _how_long(seconds: float) -> str:
    if seconds < AT_ONCE:
        return "at once"
    return "late" if seconds <= LONGEST_CALL_SECONDS + AT_ONCE else f"after {seconds:.0f} s"


def hosts(call: Call) -> tuple[str, ...]:
    """Of its endpoints, where what an application has comes with URLs of its own."""
    return tuple(sorted(_host(each) for each in call.endpoints if each.url and not call.api.ours))


def _host(endpoint: Endpoint) -> str:
    return (endpoint.url or "").split("/")[2].partition(":")[0]
