"""How much history the longest way through a machine writes, and the pace at which it therefore looks.

A run takes one way: along its steps to the end, or to one that fails, and from there through what catches it.
So what counts is the longest way through the graph, not the sum over ways that exclude each other. On it:

- a state is entered, left, and ticked, three events a tick: as often as its Retry for NotYet allows;
- of Lambda's own faults, each state meets as many as its Retry allows;
- the branches of a Parallel all count;
- the run is paused once, for an hour, in all of its branches: a pause ends by itself, and to pause again a
  person must say so again.

What is left of AWS's limit is for redrives, which go on in the same history and tick the failed state anew,
and for further pauses.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from .graph import in_order, targets
from .limits import EVENTS
from .retry import FAULT_ATTEMPTS, PAUSE_ATTEMPTS, attempts, retriers
from .states import Json, Waiting

MARGIN = 5_000
"""Events: a redrive of a state that is ticked 1,600 times, or twelve further hours of pause."""
BUDGET = EVENTS - MARGIN
WIDEST_PACE = 30
"""Seconds. No state is looked at less often for the sake of the history."""

TICK = 3
"""TaskScheduled, TaskStarted, and how it ended."""
BEGIN_AND_END = 2
"""ExecutionStarted, and how it ended."""
_AROUND = {"Task": 2, "Pass": 2, "Choice": 2, "Succeed": 2, "Fail": 1, "Parallel": 4}
"""StateEntered and StateExited; a Parallel starts and succeeds, too, and nobody leaves a Fail state."""


def paces(definition: Json, waitings: Mapping[str, Waiting]) -> dict[str, float]:
    """Each state's pace in seconds: its step's own, or where the longest way is too long a wider one.

    The states that are ticked most often are widened first: all to the same number of ticks, as far as
    `WIDEST_PACE` allows, and no further than is needed.
    """
    own = {name: waiting.every for name, waiting in waitings.items()}
    if longest_way(definition, waitings, own) <= BUDGET:
        return own
    fewest, most = 0, max(attempts(each.within, each.every) for each in waitings.values())
    while most - fewest > 1:
        middle = (fewest + most) // 2
        widened = {name: _widened(waiting, middle) for name, waiting in waitings.items()}
        if longest_way(definition, waitings, widened) <= BUDGET:
            fewest = middle
        else:
            most = middle
    return {name: _widened(waiting, fewest) for name, waiting in waitings.items()}


def _widened(waiting: Waiting, most: int) -> float:
    """The narrowest whole pace at which a state is tried again no more than so often, if there is one."""
    pace = waiting.every
    while attempts(waiting.within, pace) > most and pace < WIDEST_PACE:
        pace = math.floor(pace) + 1
    return pace


def at_pace(definition: Json, waitings: Mapping[str, Waiting], paces: Mapping[str, float]) -> None:
    """Writes each state's pace into its Retry."""
    for name, state in definition["States"].items():
        if state["Type"] == "Task":
            state["Retry"] = retriers(waitings[name].within, paces[name])
        for branch in state.get("Branches", ()):
            at_pace(branch, waitings, paces)


def longest_way(definition: Json, waitings: Mapping[str, Waiting], paces: Mapping[str, float]) -> int:
    """Events of the longest run that the machine allows, with one pause in it."""
    tries = {name: attempts(each.within, paces[name]) for name, each in waitings.items()}
    return BEGIN_AND_END + _way(definition, tries) + TICK * PAUSE_ATTEMPTS * _widest(definition)


def _way(definition: Json, tries: Mapping[str, int]) -> int:
    """From its first state to whichever end is the farthest. States are taken from the last to the first."""
    states: Json = definition["States"]
    beyond: dict[str, int] = {}
    for name in reversed(in_order(definition)):
        state = states[name]
        here = _AROUND[state["Type"]]
        if state["Type"] == "Task":
            here += TICK * (1 + tries[name] + FAULT_ATTEMPTS)
        here += sum(_way(branch, tries) for branch in state.get("Branches", ()))
        beyond[name] = here + max((beyond[target] for target in targets(state)), default=0)
    return beyond[definition["StartAt"]]


def _widest(definition: Json) -> int:
    """How many states of a run are ticked at the same time, at most."""
    return max([1, *(len(state.get("Branches", ())) for state in definition["States"].values())])
