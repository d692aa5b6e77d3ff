"""What happens in one simulated run, as one word: replaying, shrinking and exploring are one idea.

    unicorn-shop,failover,graceful,lost_after@failover-1/aurora_writer.us-west-1/3/2

An application (its name or its runbook's path), a procedure, a mode, and the faults. A fault has a kind, for
some kinds a place (`dark:us-east-1`), a point where it strikes, and for what lasts a point or a number of
seconds where it ends (`dark:rds/us-west-1@POINT..+60`). Without a point it is there from the beginning.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple, cast, get_args

from functions.run import MODES, Mode
from twin.faults import KINDS

CALL_KINDS: tuple[str, ...] = KINDS
"""What befalls a single call."""
TICK_KINDS = ("killed", "twice", "redriven")
"""What happens between two calls: the Lambda dies, the tick is delivered again, a person stops the execution
and redrives it."""
HAND_KINDS = ("again", "other", "turn", "late", "revived", "abort")
"""Another hand: a second trigger, the other direction at the same time, the other direction after stopping
this one, the same while its call is still under way, the same and then a redrive of the stopped one, and a
person's word to abort."""
PAUSED, UNGRACEFUL, DECLINED = "paused", "ungraceful", "declined"
"""A person says pause, and resume a minute later; carries the run on as ungraceful; declines a plan."""
LASTING_KINDS = ("dark", "grey", "cut")
"""What lasts: nobody answers; half of the calls are slow or fail; two Regions do not hear each other."""
RAIN = "rain"
"""One call in five is befallen by something, by the dice of this number."""
LAG = "lag"
"""Replication has stalled for so many seconds when the run begins, and stays so."""
ALARM = "alarm"
"""The alarm starts the run, though nothing is wrong."""
OUTAGE = "outage"
"""A game day: the outage has been made before, and is mended before a failback."""

PLAIN = (ALARM, OUTAGE, DECLINED)
PLACED = (*LASTING_KINDS, RAIN, LAG)
STRIKING = (*CALL_KINDS, *TICK_KINDS, *HAND_KINDS, PAUSED, UNGRACEFUL)


class Point(NamedTuple):
    """Before the k-th call of the n-th tick of a state of an execution; call 0 is Step Functions' own."""

    label: str
    tick: int
    call: int

    def __str__(self) -> str:
        return f"{self.label}/{self.tick}/{self.call}"


class Unreadable(ValueError):
    """What is wrong with a seed."""


@dataclass(frozen=True)
class Fault:
    kind: str
    place: str = ""
    at: Point | None = None
    until: Point | float | None = None
    """A point, or seconds after the beginning; None is for ever."""

    def __str__(self) -> str:
        place = f":{self.place}" if self.place else ""
        at = f"@{self.at}" if self.at else ""
        if self.until is None:
            return f"{self.kind}{place}{at}"
        return (
            f"{self.kind}{place}{at}..{f'+{self.until:g}' if isinstance(self.until, float) else self.until}"
        )


@dataclass(frozen=True)
class Seed:
    """One simulated run. `app` is what `farshore` takes as APP."""

    app: str
    procedure: str
    mode: Mode
    faults: tuple[Fault, ...] = ()

    def __str__(self) -> str:
        return ",".join([self.app, self.procedure, self.mode, *map(str, self.faults)])

    def but(self, *faults: Fault) -> Seed:
        """The same run, and these faults too."""
        return replace(self, faults=(*self.faults, *faults))

    @property
    def may_lose(self) -> bool:
        """Its run is ungraceful, or carried on as such."""
        return self.mode == "ungraceful" or self.has(UNGRACEFUL)

    def has(self, *kinds: str) -> bool:
        return any(fault.kind in kinds for fault in self.faults)


OPPOSITE = {"failover": "failback", "failback": "failover"}
PROCEDURES = ("failover", "failback", "outage", "recovery", "prepare")
_POINT = re.compile(r"([^/@]+/[^/@]+)/(\d+)/(\d+)")
_FAULT = re.compile(r"(?P<kind>[a-z0-9_]+)(:(?P<place>[^@]+?))?(@(?P<at>.+?))?(\.\.(?P<until>.+))?")


def read(text: str) -> Seed:
    """A seed as `str` gives it. Raises Unreadable with every mistake at once."""
    app, *words = text.split(",")
    if len(words) < 2:
        raise Unreadable(f"{text}: a seed is APP,PROCEDURE,MODE and then faults: copy it from `explore`")
    procedure, mode, *rest = words
    wrong = []
    if procedure not in PROCEDURES:
        wrong.append(f"{procedure}: the procedures are {', '.join(PROCEDURES)}")
    if mode not in MODES:
        wrong.append(f"{mode}: the modes are {', '.join(get_args(Mode))}")
    faults = []
    for each in rest:
        try:
            faults.append(_fault(each))
        except Unreadable as why:
            wrong.append(str(why))
    if wrong:
        raise Unreadable("\n".join(f"{text}: {why}" for why in wrong))
    return Seed(app, procedure, cast(Mode, mode), tuple(faults))


def _fault(text: str) -> Fault:
    found = _FAULT.fullmatch(text)
    if found is None or found["kind"] not in (*PLACED, *STRIKING, *PLAIN):
        raise Unreadable(f"{text}: no such fault; there are {', '.join((*STRIKING, *PLACED, *PLAIN))}")
    kind, place, at, until = found["kind"], found["place"] or "", found["at"], found["until"]
    if (kind in PLACED) != bool(place):
        raise Unreadable(f"{text}: {kind} {'needs a place' if kind in PLACED else 'has no place'}")
    if kind in STRIKING and (at is None or until is not None):
        raise Unreadable(f"{text}: {kind} strikes at one point: write {kind}@POINT")
    if kind in (RAIN, LAG) and not place.isdecimal():
        raise Unreadable(f"{text}: write a number, as {kind}:7")
    return Fault(kind, place, _point(at) if at else None, _until(until) if until else None)


def _until(text: str) -> Point | float:
    if text.startswith("+"):
        try:
            return float(text)
        except ValueError:
            raise Unreadable(f"{text}: seconds are written +60") from None
    return _point(text)


def _point(text: str) -> Point:
    found = _POINT.fullmatch(text)
    if found is None:
        raise Unreadable(f"{text}: a point is EXECUTION/STATE/TICK/CALL, as failover-1/lease/1/2")
    return Point(found[1], int(found[2]), int(found[3]))


def points(faults: Iterable[Fault]) -> Iterable[Point]:
    for fault in faults:
        if fault.at is not None:
            yield fault.at
        if isinstance(fault.until, Point):
            yield fault.until
