"""The declared types in words: what was expected, what was perhaps meant."""

from __future__ import annotations

import dataclasses
import difflib
import math
import re
import types
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, NewType, Union, get_args, get_origin

from functions.inputs import FORMS, AwsRegion, Region, Seconds

from .mistakes import quoted
from .registry import inputs

DIRECTION = ("$from", "$to")
DURATION_FORM = r"[0-9]+(\.[0-9]+)?(s|m|h)"
LONGEST_SECONDS = 365 * 86400
"""A Standard execution lasts no longer.
Source: docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"""

MOST_NAMES = 8
"""In one message."""

_UNIT_SECONDS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86400),
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), 0.001),
}


def bare(declared: Any) -> Any:
    """The type without its notes. A NewType that has no reading of its own is read as what it is made of."""
    while True:
        if get_origin(declared) is Annotated:
            declared = get_args(declared)[0]
        elif isinstance(declared, NewType) and declared not in (Region, AwsRegion, Seconds, *FORMS):
            declared = declared.__supertype__
        else:
            return declared


def is_union(declared: Any) -> bool:
    return get_origin(declared) in (Union, types.UnionType)


def is_list(declared: Any) -> bool:
    return get_origin(declared) is tuple


def is_single(declared: Any) -> bool:
    """Written as a scalar."""
    return get_origin(declared) in (None, Literal) and not dataclasses.is_dataclass(declared)


def one_of(words: Iterable[str]) -> str:
    *before, last = words
    return f"{', '.join(before)} or {last}" if before else last


def the_first(names: Sequence[str]) -> str:
    """Of many names some, and how many more there are: a message is one line."""
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def spelled(option: Any) -> str:
    """An option of a Literal as a runbook writes it."""
    return str(option).lower() if isinstance(option, bool) else str(option)


def nearest(word: str, known: Sequence[str]) -> str | None:
    """What a misspelt word was meant to be: someStep is some_step, `on` is on_in."""
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", word[:100]).lower().replace("-", "_")
    if longer := [name for name in known if name.startswith(f"{plain}_")]:
        return longer[0]
    near = difflib.get_close_matches(plain, known, n=1) or difflib.get_close_matches(word[:100], known, n=1)
    return near[0] if near else None


def did_you_mean(near: str | None, known: Sequence[str], otherwise: str) -> str:
    return f"did you mean {quoted(near)}?" if near else f"{otherwise} {', '.join(known)}"


def expected(declared: Any, regions: Sequence[str] = ()) -> str:
    """A type in words, after "expected"."""
    declared = bare(declared)
    origin, parts = get_origin(declared), get_args(declared)
    words = {
        str: "a text",
        int: "a whole number, 0 or more",
        float: "a number, 0 or more",
        bool: "true or false",
        Seconds: "a duration such as 30s or 15m",
        Region: one_of([*DIRECTION, *regions]),
        AwsRegion: "an AWS Region such as us-east-1",
        type(None): "nothing",
    }
    if declared in words:
        return words[declared]
    if declared in FORMS:
        return FORMS[declared].noun
    if origin is Literal:
        return one_of(f"`{spelled(part)}`" for part in parts)
    if is_union(declared):
        return ", or ".join(expected(part, regions) for part in parts if part is not type(None))
    if origin is tuple:
        return f"a list of {_several(parts[0])}" if parts[-1] is ... else f"{len(parts)} {_several(parts[0])}"
    if dataclasses.is_dataclass(declared):
        assert isinstance(declared, type)
        return f"a mapping of {', '.join(each.name for each in inputs(declared))}"
    if origin is not None and issubclass(origin, Mapping):
        return f"a mapping of {_several(parts[0])} to {_several(parts[1])}"
    raise TypeError(f"a runbook cannot write a {declared!r}: farshore/runbook/values.py says what it can")


def _several(declared: Any) -> str:
    declared = bare(declared)
    if declared in (Region, AwsRegion):
        return "Regions"
    if declared in FORMS:
        return FORMS[declared].several
    plain = {str: "texts", int: "whole numbers", float: "numbers", bool: "truths", Seconds: "durations"}
    return plain.get(declared, "mappings" if dataclasses.is_dataclass(declared) else "values")


def duration(seconds: float) -> str:
    """As runbooks write it."""
    unit, length = next(
        ((u, n) for u, n in (("h", 3600), ("m", 60)) if seconds and seconds % n == 0), ("s", 1)
    )
    return f"{seconds / length:g}{unit}"


def duration_meant(text: str) -> str:
    """The right spelling of 15, 15 minutes, 15min, 15M, 1h30m, 500ms; empty where it is not clear."""
    parts = re.findall(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*([A-Za-z]*)\s*", text[:40])
    if not parts or "".join(text.split()) != "".join(number + unit for number, unit in parts):
        return ""
    if len(parts) == 1 and not parts[0][1]:
        return f"write {parts[0][0]}m for minutes or {parts[0][0]}s for seconds"
    if not all(unit.lower() in _UNIT_SECONDS for _, unit in parts):
        return ""
    total = math.fsum(float(number) * _UNIT_SECONDS[unit.lower()] for number, unit in parts)
    return f"write {duration(total)}"


_YAML_1_1 = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}


def truth_meant(text: str, options: Iterable[Any]) -> str:
    """Other spellings of true and false, where one of them is due."""
    word = _YAML_1_1.get(text.lower(), text.lower())
    return (
        f"write {word}"
        if any(option is (word == "true") for option in options if word in ("true", "false"))
        else ""
    )
