"""Slips of whoever writes: a structure, as YAML or JSON holds it, after a few of them."""

from __future__ import annotations

import copy
import random
from typing import Any

Place = tuple[Any, Any]
"""A list or mapping, and an index or key of it."""

WORDS = [
    "", " ", "0", "0s", "1s", "30s", "15m", "2h", "8760h",
    "8761h", "0.0001s", "1.5s", "1e3s", "9" * 400 + "s",
    "-1s", "30", "30 s", "१५m", "on", "null", "true", "restore", "graceful", "ungraceful", "settle", "undo",
    "us-east-1", "us-west-1", "us-west-2", "eu-west-1", "cn-north-1", "us-gov-west-1", "us-nowhere-1",
    "US-EAST-1",
    "$from", "$to", "$form", "{}", "{0}", "{x.y}", "{marker}", "${}", "${Lease}", "${AWS::Region}", "*", "a*",
    "?",
    "a", "a-b", "a.b", "a" * 40, "a" * 41, "a" * 64, "a" * 80, "a" * 255, "a" * 300, "x" * 300_000, "é" * 80,
    "\n", "a\nb", "a\tb", "a\x1b[31m", "\x85", "\u2028", "\U0001f984", "\u202ea", "İ", "ß" * 9, "../x", "/",
    "/x#y",
    "//", "http://", "https://[::1", "https://a:99999/", "https://A.example/X", "http//shop", "file:///x",
    "https://d1.cloudfront.net/", "https://xn--a.example", "https://a.example/{marker}",
    "arn:aws:sns:us-east-1:123456789012:pages", "arn:aws:sns:eu-west-1:123456789012:pages",
    "arn:aws-cn:sns:cn-north-1:123456789012:pages", "arn:aws:sns:us-east-1:12:pages",
    "arn:aws:sns::123456789012:p",
    "arn:aws:lambda:us-east-1:123456789012:function:f:live", "arn:", "arn:::::", "a.$", "$.a", "$$.b",
    "Key.$",
]  # fmt: skip
FIGURES: list[Any] = [
    0, 1, 2, 3, 5, 1000, -1, 10**15, 10**40, 0.5, 1e308, float("nan"), float("inf"), True, False, None,
]  # fmt: skip
BLANKS: list[Any] = [[], {}, [[]], [{}], {"": ""}, [None]]


def slipped(value: Any, dice: random.Random, most: int = 3) -> Any:
    """A copy after one to so many slips. What stands at two places of it may be one object."""
    whole = [copy.deepcopy(value)]
    for _ in range(dice.choice((1, 1, most))):
        _slip(dice.choice(_places(whole)), whole, dice)
    return whole[0] if whole else None


def _places(value: Any) -> list[Place]:
    found: list[Place] = []
    left = [value]
    while left and len(found) < 2000:
        each = left.pop()
        keys = range(len(each)) if isinstance(each, list) else each if isinstance(each, dict) else ()
        found += [(each, key) for key in keys]
        left += [each[key] for key in keys]
    return found or [([None], 0)]


def _slip(place: Place, whole: list[Any], dice: random.Random) -> None:
    holder, key = place
    old = holder[key]
    other, at = dice.choice(_places(whole))
    kind = dice.randrange(12)
    if kind < 3:
        holder[key] = dice.choice(
            [dice.choice(WORDS), dice.choice(FIGURES), copy.deepcopy(dice.choice(BLANKS))]
        )
    elif kind == 3:
        del holder[key]
    elif kind == 4:  # again, elsewhere
        _put(other, copy.deepcopy(old), dice)
    elif kind == 5 and not _within(old, other):
        holder[key] = copy.deepcopy(other[at])
    elif kind == 6:
        holder[key] = dice.choice([[old], {"a": old}, [old, copy.deepcopy(old)], {dice.choice(WORDS): old}])
    elif kind == 7:
        holder[key] = _retyped(old)
    elif kind == 8 and isinstance(holder, dict):
        del holder[key]
        holder[dice.choice([dice.choice(WORDS), f"{key}s", str(key).upper(), 1, None, True])] = old
    elif kind == 9 and isinstance(holder, list):
        dice.shuffle(holder)
    elif kind == 10 and isinstance(old, list | dict):
        _grow(old, dice)
    elif isinstance(old, str):
        at = dice.randrange(len(old) + 1)
        holder[key] = dice.choice([old[:at] + dice.choice(WORDS) + old[at:], old[:at], old.upper(), old * 2])
    elif not _within(old, other):
        _put(other, old, dice)  # one object at two places: YAML writes an alias


def _put(holder: Any, value: Any, dice: random.Random) -> None:
    if isinstance(holder, list):
        holder.insert(dice.randrange(len(holder) + 1), value)
    else:
        holder[dice.choice(list(holder) or ["a"])] = value


def _within(value: Any, holder: Any) -> bool:
    """A structure must not come to hold itself."""
    return value is holder or any(each is holder for each, _ in _places(value))


def _retyped(value: Any) -> Any:
    if isinstance(value, list):
        return {str(at): each for at, each in enumerate(value)}
    if isinstance(value, dict):
        return [{key: each} for key, each in value.items()]
    return float(len(value)) if isinstance(value, str) else str(value)


def _grow(value: Any, dice: random.Random) -> None:
    times = dice.choice((3, 30, 300))
    for each in range(times):
        if isinstance(value, list):
            first = value[0] if value else "a"
            value.append(f"{first}{each}"[:200] if isinstance(first, str) else copy.deepcopy(first))
        else:
            value[f"a{each}"] = copy.deepcopy(next(iter(value.values()), "a"))
