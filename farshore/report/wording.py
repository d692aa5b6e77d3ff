"""How a report says times, shares and names: the words and filters of its templates."""

from __future__ import annotations

from collections.abc import Sequence

HOUR, MINUTE = 3600, 60


def duration(seconds: float) -> str:
    """As a person says it: 4 min 28 s."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    hours, rest = divmod(whole, HOUR)
    minutes, left = divmod(rest, MINUTE)
    parts = [f"{n} {unit}" for n, unit in ((hours, "h"), (minutes, "min"), (left, "s")) if n]
    return " ".join(parts)


def clock(seconds: float) -> str:
    """Minutes and seconds since the beginning: 5:01."""
    minutes, left = divmod(int(seconds), MINUTE)
    return f"{minutes}:{left:02d}"


def share(part: float, whole: float) -> str:
    """In whole per cent."""
    return f"{part / whole:.0%}" if whole else "0%"


def count(number: int, noun: str) -> str:
    """1 write, 7 writes, no writes."""
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"


def listed(words: Sequence[str]) -> str:
    """us-east-1 and us-west-1."""
    head, last = words[:-1], words[-1:]
    return " and ".join(filter(None, (", ".join(head), *last)))
