"""A stand-in's front door: a host of each Region, which does what customers do.

A write is carried out by one of the ways in that lead to it, which take turns; what is read is read through
each of them. Whatever goes wrong behind it, customers are told no more than that, as by an API Gateway.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..furnishing import Room, Wanted, Way, Work
from ..net import HttpAnswer, HttpRequest
from ..verb import Verb

BAD_GATEWAY: HttpAnswer = 502, b'{"message": "Internal server error"}'


class FrontDoor:
    """Of one Region."""

    def __init__(self, region: str, wanted: Wanted) -> None:
        self._region, self._verbs = region, wanted.answered
        self._says, self._shown = tuple(wanted.says()), wanted.shown()
        self._turn = 0

    def open(self, room: Room) -> None:
        """From now on requests come in."""
        self._room = room

    def work(self, event: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a way in does: see furnishing.Work."""
        names = event.get("data")
        datasets = [kept for kept in self._room.datasets if names is None or kept.name in names]
        if marker := event.get("marker"):
            for kept in sorted(datasets, key=lambda kept: kept.many_writers):
                kept.put(self._region, marker, f"{kept.name} {marker}")
            return {"found": True}
        asked = event.get("asked", "")
        found = [kept.has(self._region, asked) for kept in datasets]
        return {"found": all(found) or not asked}

    def answer(self, request: HttpRequest) -> HttpAnswer:
        """What a customer is answered who has come to this Region."""
        verb, event = self._meant(request)
        ways = self._room.in_use(self._region) if verb is None else self._room.led_by(self._region, verb)
        if not all(way.gate.is_open() for way in ways if way.carry is None):
            return 403, b'{"message": "Forbidden"}'
        if not event and request.method not in ("GET", "HEAD"):
            return 404, b'{"message": "Not Found"}'
        try:
            found = all(carry(event)["found"] for carry in self._carriers(ways, once="marker" in event))
        except Exception:  # whatever goes wrong behind it
            return BAD_GATEWAY
        if not found:
            return 404, b'{"message": "Not Found"}'
        return 200, self._body(request, {**self._shown, "region": self._region, **event})

    def _meant(self, request: HttpRequest) -> tuple[Verb | None, dict[str, Any]]:
        """Which of the customers' verbs the request is, and what it tells a way in."""
        for verb in self._verbs:
            kept = [each.name for each in self._room.datasets if verb.keeps_in(each.name)]
            only = {"data": kept} if verb.data else {}
            if marker := verb.written(request):
                return verb, {"marker": marker, **only}
            if marker := verb.asked(request):
                return verb, {"asked": marker, **only}
        return None, {}

    def _carriers(self, ways: Sequence[Way], once: bool) -> Sequence[Work]:
        carriers = [way.carry for way in ways if way.carry is not None]
        if not carriers:
            return [self.work]
        if not once:
            return carriers
        self._turn += 1
        return [carriers[self._turn % len(carriers)]]

    def _body(self, request: HttpRequest, told: Mapping[str, Any]) -> bytes:
        """Customers read JSON; a step looks for texts, wherever they stand."""
        return "\n".join([json.dumps(told), *(self._says if request.origin else ())]).encode()
