"""A stand-in's front door: a host of each Region, which does what the runbook says that customers do.

A write is carried out by one of the Region's ways in, which take turns; what is read is read through each of
them. Whatever goes wrong behind it, customers are told no more than that, as by an API Gateway.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..furnishing import Line, Room, Wanted, host_of
from ..net import HttpAnswer, HttpRequest

MARKER = "{marker}"
"""Stands in a runbook for a text of one write alone."""
IN_A_MARKER = "[A-Za-z0-9_-]+"
BAD_GATEWAY: HttpAnswer = 502, b'{"message": "Internal server error"}'


@dataclass(frozen=True)
class Verb:
    """One thing that customers do: write something, and read it back."""

    host: str
    """Which they call; "" where the runbook names only the Regions' own."""
    write: str
    body: str
    read: str
    said: str
    """As they do it, in words."""

    def sent(self, marker: str) -> Any:
        """The body of a write, as JSON takes it."""
        return _plain(self.body.replace(MARKER, marker))

    def written(self, request: HttpRequest) -> str:
        """The marker that the request writes; "" where it is another."""
        if request.method != "POST" or request.path != self.write:
            return ""
        return _marker(_text(_plain(self.body)), _text(_plain(request.body.decode(errors="replace"))))

    def asked(self, request: HttpRequest) -> str:
        """The marker that the request asks for; "" where it is another."""
        return _marker(self.read, request.path) if request.method in ("GET", "HEAD") else ""


MADE_UP = Verb("", "/made-up", f'{{"item": "{MARKER}"}}', f"/made-up/{MARKER}", "")


def verbs_of(wanted: Wanted) -> tuple[Verb, ...]:
    """Of the lines that say where to write, and where to read it back."""
    shared = wanted.hosts.shared
    found: dict[tuple[str, str, str], Verb] = {}
    for line in wanted.lines:
        if _writes(line):
            write, body, read = (str(line.inputs[name]) for name in ("write", "body", "read"))
            host = host_of(str(line.inputs["url"]))
            said = f"POST {write} at {line.inputs['url']}"
            found.setdefault(
                (write, body, read), Verb(host if host in shared else "", write, body, read, said)
            )
    return tuple(found.values())


def _writes(line: Line) -> bool:
    return {"write", "read"} <= {name.at[0] for name in line.of("UrlPath")} and "body" in line.inputs


class FrontDoor:
    """Of one Region."""

    def __init__(self, region: str, wanted: Wanted) -> None:
        self._region, self._verbs = region, verbs_of(wanted) or (MADE_UP,)
        self._says, self._shown = tuple(wanted.says()), wanted.shown()
        self._turn = 0

    def open(self, room: Room) -> None:
        """From now on requests come in."""
        self._room = room

    def work(self, event: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a way in does: see furnishing.Work."""
        if marker := event.get("marker"):
            for kept in sorted(self._room.datasets, key=lambda kept: kept.many_writers):
                kept.put(self._region, marker, f"{kept.name} {marker}")
            return {"found": True}
        asked = event.get("asked", "")
        found = [kept.has(self._region, asked) for kept in self._room.datasets]
        return {"found": all(found) or not asked}

    def answer(self, request: HttpRequest) -> HttpAnswer:
        """Past what is common to all ways in."""
        if not all(gate.is_open() for gate in self._room.gates.get(self._region, ())):
            return 403, b'{"message": "Forbidden"}'
        return self.carried(request)

    def carried(self, request: HttpRequest) -> HttpAnswer:
        event: dict[str, str] = {}
        for verb in self._verbs:
            if marker := verb.written(request):
                event = {"marker": marker}
            elif marker := verb.asked(request):
                event = {"asked": marker}
            if event:
                break
        if not event and request.method not in ("GET", "HEAD"):
            return 404, b'{"message": "Not Found"}'
        try:
            found = all(carry(event)["found"] for carry in self._carriers(once="marker" in event))
        except Exception:  # whatever goes wrong behind it
            return BAD_GATEWAY
        if not found:
            return 404, b'{"message": "Not Found"}'
        return 200, self._body(request, {**self._shown, "region": self._region, **event})

    def _carriers(self, once: bool) -> Any:
        ways = self._room.ways.get(self._region, [])
        if not ways:
            return [self.work]
        if not once:
            return [way.carry for way in ways]
        self._turn += 1
        return [ways[self._turn % len(ways)].carry]

    def _body(self, request: HttpRequest, told: Mapping[str, str]) -> bytes:
        """Customers read JSON; a step looks for texts, wherever they stand."""
        return "\n".join([json.dumps(told), *(self._says if request.origin else ())]).encode()


def _plain(text: str) -> Any:
    """As JSON, where it is; else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _marker(template: str, text: str) -> str:
    """What stands in the text where the template has the marker; "" where the text is not of the template."""
    pattern = re.escape(template).replace(re.escape(MARKER), f"(?P<marker>{IN_A_MARKER})", 1)
    pattern = pattern.replace(re.escape(MARKER), "(?P=marker)")
    found = re.fullmatch(pattern, text)
    return found["marker"] if found else ""
