"""Giving fences back: derived from them, so that nobody writes it and nobody forgets it.

A failure before the point of no return gives the fences back, releases the lease and fails the run with its
first error. And right after that point the fences that this run owes are tried once more.
"""

from __future__ import annotations

from collections.abc import Sequence

from functions.run import Purpose

from ..runbook.model import Line
from .fences import restored
from .states import States, inputs_of

AGAIN = " again"
"""Ends the name of the state that tries an owed fence once more."""


def undo(states: States, fences: Sequence[Line]) -> str:
    """The states that give the fences back, the last one first, and fail the run. Gives the first of them."""
    giving_up: Purpose = "unbreak" if states.purpose == "break" else "undo"
    following = states.task("release undone", "lease", {"release": True}, states.fail(), purpose=giving_up)
    states.forgive(following, states.fail())
    for line in fences:
        name = states.numbered(f"undo {line.step} {states.region(line)}", states.made)
        back = inputs_of(restored(line))
        states.task(name, line.step, back, following, line=line.line, purpose=giving_up, assume=line.assume)
        states.forgive(name, following)
        following = name
    return following


def again(states: States, fences: Sequence[tuple[Line, str]], following: str) -> str:
    """Moving data takes minutes: a Region that came back meanwhile is fenced now, if that is owed."""
    for line, fence in reversed(fences):
        name = f"{fence}{AGAIN}"
        states.task(
            name, line.step, inputs_of(line), following, line=line.line, purpose="again", assume=line.assume
        )
        states.forgive(name, following)
        following = name
    return following
