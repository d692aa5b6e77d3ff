"""Fences that go up before a person has spoken: in an ungraceful run before its approval, else after it.

Such a line is two states: one before the approval, which a graceful run leaves for later, and one right after
it, which the plan names that a person approves, and which finds nothing left to do where the first has been.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..runbook.model import Line, Procedure, Together, lines
from .states import type_of


def spoken(entries: Procedure, moves: bool) -> Procedure:
    """The procedure with both lines. Where no approval follows, or the run is none that `moves` an
    application, a fence that need not wait for one is one as any other."""
    asks = [] if not moves else [place for place, entry in enumerate(entries) if _asks(entry)]
    last = asks[-1] if asks else -1
    early = [entry for entry in entries[: last + 1] if any(line.before_approval for line in lines((entry,)))]
    return (
        *(part for entry in entries[: last + 1] for part in _first(entry)),
        *map(_plain, early),
        *map(_plain, entries[last + 1 :]),
    )


def _asks(entry: Line | Together) -> bool:
    """It asks a person about what comes later."""
    return any("later" in type_of(line).derived for line in lines((entry,)))


def _first(entry: Line | Together) -> Iterator[Line | Together]:
    """What of it stands before the approval."""
    if isinstance(entry, Line):
        yield entry
        return
    kept = tuple(line for line in entry.branches if line.before_approval)
    yield kept[0] if len(kept) == 1 else replace(entry, branches=kept) if kept else entry


def _plain(entry: Line | Together) -> Line | Together:
    if isinstance(entry, Line):
        return replace(entry, before_approval=False)
    return replace(entry, branches=tuple(replace(line, before_approval=False) for line in entry.branches))
