"""How much history the longest run of a machine writes, and the pace at which its states therefore look.

A run takes one way: along its steps to the end, or to one that fails, and from there through what catches it.
So what counts is the longest way through the graph, not the sum over ways that exclude each other. On it:

- a state is entered, left, and ticked, three events a tick: as often as its Retry for NotYet allows;
- of Lambda's own faults, each state meets as many as its Retry allows;
- the branches of a Parallel all count;
- the run is paused once, for an hour, in all branches at once: a pause that nobody ends is over then
  (functions/tick.py), and for another one a person must speak again.

What is left of AWS's limit is for redrives, which go on in the same history and tick the failed state anew,
and for further pauses.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from .graph import every_state, in_order, targets
from .limits import EVENTS
from .retry import attempts, retriers
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
_AROUND = {"Task": 2, "Pass": 2, "Choice": 2, "Succeed": 2, "Fail": 1, "Parallel": 4, "Map": 6}
"""StateEntered and StateExited; a Parallel starts and succeeds, too, as do a Map and its Map Run; and nobody
leaves a Fail state. What a distributed Map does with its items stands in histories of their own."""


def fitted(definition: Json, waitings: Mapping[str, Waiting]) -> int:
    """Widens the states' paces until the longest run fits, if it can; gives how many events it writes.

    A state keeps its step's own pace where that fits. Else those that are ticked most often are widened
    first: all to the same number of tries, as far as `WIDEST_PACE` allows, and no further than is needed.
    """
    fewest, most = 0, max(attempts(each.within, each.every) for each in waitings.values())
    if _at_most(definition, waitings, most) <= BUDGET:
        return longest_run(definition)
    while most - fewest > 1:
        middle = (fewest + most) // 2
        if _at_most(definition, waitings, middle) <= BUDGET:
            fewest = middle
        else:
            most = middle
    return _at_most(definition, waitings, fewest)


def _at_most(definition: Json, waitings: Mapping[str, Waiting], most: int) -> int:
    """Every state is tried again at most so often, or at the widest pace; gives the longest run's events."""
    for name, state in every_state(definition["States"]):
        if state["Type"] == "Task":
            state["Retry"] = retriers(waitings[name].within, _widened(waitings[name], most))
    return longest_run(definition)


def _widened(waiting: Waiting, most: int) -> float:
    """The narrowest whole pace at which a state is tried again no more than so often, if there is one."""
    pace = waiting.every
    while attempts(waiting.within, pace) > most and pace < WIDEST_PACE:
        pace = math.floor(pace) + 1
    return pace


def longest_run(definition: Json) -> int:
    """Events of the longest run that the machine's graph and its Retry allow, with one pause in it."""
    states = definition["States"]
    paused = max((tries(each, "Paused") for _, each in every_state(states)), default=0)
    at_once = max([1, *(len(state.get("Branches", ())) for state in states.values())])
    return BEGIN_AND_END + _longest_way(definition) + TICK * paused * at_once


def _longest_way(definition: Json) -> int:
    """From its first state to whichever end is the farthest. States are taken from the last to the first."""
    states: Json = definition["States"]
    beyond: dict[str, int] = {}
    for name in reversed(in_order(definition)):
        state = states[name]
        here = _AROUND[state["Type"]]
        if state["Type"] == "Task":
            here += TICK * (1 + sum(each["MaxAttempts"] for each in state["Retry"]) - tries(state, "Paused"))
        here += sum(_longest_way(branch) for branch in state.get("Branches", ()))
        beyond[name] = here + max((beyond[target] for target in targets(state)), default=0)
    return beyond[definition["StartAt"]]


def tries(state: Json, error: str) -> int:
    """How often a state is tried again upon an error."""
    return next((each["MaxAttempts"] for each in state.get("Retry", ()) if error in each["ErrorEquals"]), 0)
