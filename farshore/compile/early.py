"""Fences that go up before a person has spoken: in an ungraceful run before its approval, else after it.

Such a line is two states: one before the approval, which a graceful run leaves for later, and one right after
it, which the plan names that a person approves, and which finds nothing left to do where the first has been.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..runbook.model import Line, Procedure, Together, lines
from .states import type_of


def spoken(entries: Procedure, moves: bool) -> Procedure:
    """The procedure with both lines. Where no approval follows, or the run is none that `moves` an
    application, a fence that need not wait for one is one as any other."""
    asks = [place + 1 for place, entry in enumerate(entries) if moves and _asks(entry)]
    asked = max(asks, default=0)
    again = tuple(
        entry for early in entries[:asked] if (entry := _plain(early, lambda line: line.before_approval))
    )
    rest = tuple(entry for late in entries[asked:] if (entry := _plain(late, lambda line: True)))
    return (*entries[:asked], *again, *rest)


def _asks(entry: Line | Together) -> bool:
    """It asks a person about what comes later."""
    return any("later" in type_of(line).derived for line in lines((entry,)))


def _plain(entry: Line | Together, which: Callable[[Line], bool]) -> Line | Together | None:
    """These of its lines, as ones that wait for a person's word; None where there are none."""
    kept = tuple(replace(line, before_approval=False) for line in lines((entry,)) if which(line))
    if isinstance(entry, Together) and len(kept) > 1:
        return replace(entry, branches=kept)
    return kept[0] if kept else None
