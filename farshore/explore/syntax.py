"""A seed from its word. What each kind of fault may say of itself is asked of its record."""

from __future__ import annotations

import re
from typing import cast, get_args

from functions.run import MODES, Mode

from ..runbook.regions import wrong_region
from .kinds import KINDS
from .seed import Fault, Point, Seed

PROCEDURES = ("failover", "failback", "outage", "recovery", "prepare")
_POINT = re.compile(r"([^/@]+/[^/@]+)/(\d+)/(\d+)")
LONGEST_SECONDS = 86_400
"""Nothing of a seed lasts longer."""
_FAULT = re.compile(r"(?P<kind>[a-z0-9_]+)(:(?P<place>[^@]+?))?(@(?P<at>.+?))?(\.\.(?P<until>.+))?")


class Unreadable(ValueError):
    """What is wrong with a seed."""


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
    kind = KINDS.get(found["kind"]) if found else None
    if found is None or kind is None:
        raise Unreadable(f"{text}: no such fault; there are {', '.join(KINDS)}")
    word, place, at, until = kind.word, found["place"] or "", found["at"], found["until"]
    if bool(kind.takes) != bool(place):
        raise Unreadable(f"{text}: {word} {'needs a place' if kind.takes else 'has no place'}")
    if kind.at_a_point and (at is None or until is not None):
        raise Unreadable(f"{text}: {word} happens at one point: write {word}@POINT")
    if kind.takes == "number" and not (place.isdecimal() and int(place) <= LONGEST_SECONDS):
        raise Unreadable(f"{text}: write a number of at most {LONGEST_SECONDS}, as {word}:7")
    fault = Fault(word, place, _point(at) if at else None, _until(until) if until else None)
    for region in fault.regions if kind.in_a_region else ():
        if wrong := wrong_region(region):
            raise Unreadable(f"{text}: {region}{wrong[0]}: {wrong[1]}")
    return fault


def _until(text: str) -> Point | float:
    if text.startswith("+"):
        if re.fullmatch(r"\+[0-9]{1,5}(\.[0-9]+)?", text) and float(text) <= LONGEST_SECONDS:
            return float(text)
        raise Unreadable(f"{text}: seconds are written +60, and are at most {LONGEST_SECONDS}")
    return _point(text)


def _point(text: str) -> Point:
    found = _POINT.fullmatch(text)
    if found is None:
        raise Unreadable(f"{text}: a point is EXECUTION/STATE/TICK/CALL, the last two in figures")
    return Point(found[1], int(found[2]), int(found[3]))
