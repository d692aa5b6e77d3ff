"""Answers that come in pages: what has more is asked for the rest, and the pages are told as one answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from .calls import Call, Sight, Silence
from .world import World

TOKENS = ("NextToken", "nextToken")
"""What names the next page, in answers and in requests alike."""


def ask_pages(world: World, calls: Sequence[Call], pages: int) -> list[Sight]:
    """`world.ask`, and the further pages of whatever has some, side by side. It asks so often at most; what
    has more is silent, since nobody knows what stands there."""
    sights = world.ask(*calls)
    for _ in range(pages - 1):
        more = [place for place, sight in enumerate(sights) if _next(sight)]
        if not more:
            break
        further = [
            replace(calls[at], parameters={**calls[at].parameters, **_next(sights[at])}) for at in more
        ]
        for place, sight in zip(more, world.ask(*further), strict=True):
            sights[place] = _joined(sights[place], sight)
    return [
        Silence(f"{call.named} has more than {pages} pages") if _next(sight) else sight
        for call, sight in zip(calls, sights, strict=True)
    ]


def _next(sight: Sight) -> dict[str, Any]:
    """The parameter that asks for the next page; nothing where this is the last."""
    return {name: sight[name] for name in TOKENS if sight.get(name)} if isinstance(sight, Mapping) else {}


def _joined(before: Sight, sight: Sight) -> Sight:
    """A page that is silent leaves the whole unknown."""
    if not isinstance(before, Mapping) or not isinstance(sight, Mapping):
        return sight
    lists = {
        name: [*before.get(name, ()), *value] for name, value in sight.items() if isinstance(value, list)
    }
    kept = {name: value for name, value in before.items() if name not in TOKENS}
    return {**kept, **sight, **lists}
