"""A definition as a graph: what leads where, and the proof that it is whole.

A runbook cannot break it: what is found here is a fault of the compiler.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

LOOPS = "ProcessorConfig"
"""The key of what a distributed Map does with each item: that may go round in circles, as each is an
execution of its own, with a history of its own."""


def targets(state: Json) -> Iterator[str]:
    """Every state that may follow a state."""
    for key in ("Next", "Default"):
        if key in state:
            yield state[key]
    for branch in (*state.get("Choices", ()), *state.get("Catch", ())):
        yield branch["Next"]


def every_state(states: Json) -> Iterator[tuple[str, Json]]:
    """Every state by its name, those within others included."""
    for name, state in states.items():
        yield name, state
        for program in within(state):
            yield from every_state(program["States"])


def within(state: Json) -> list[Json]:
    """The programs that a state holds: the branches of a Parallel, or what a Map does with each item."""
    return [*state.get("Branches", ()), *([state["ItemProcessor"]] if "ItemProcessor" in state else [])]


def in_order(definition: Json) -> list[str]:
    """The states of one level, each before all that may follow it; without those that go round in circles."""
    states = definition["States"]
    before = dict.fromkeys(states, 0)
    for state in states.values():
        for target in set(targets(state)):
            before[target] += 1
    ordered, free = [], [name for name, count in before.items() if not count]
    while free:
        ordered.append(name := free.pop())
        for target in set(targets(states[name])):
            before[target] -= 1
            if not before[target]:
                free.append(target)
    return ordered


def flaws(definition: Json) -> list[str]:
    """Why the graph is not whole; nothing where it is."""
    names = [name for name, _ in every_state(definition["States"])]
    twice = sorted({name for name in names if names.count(name) > 1})
    return [*(f"two states are called {name!r}" for name in twice), *_flaws(definition)]


def _flaws(definition: Json) -> Iterator[str]:
    """From its first state on, and through each branch as a machine of its own."""
    states = definition["States"]
    reached, todo = set(), [definition["StartAt"]]
    while todo:
        here = todo.pop()
        if here not in states:
            yield f"no state {here!r}"
        elif here not in reached:
            reached.add(here)
            todo += targets(states[here])
    if stranded := states.keys() - reached:
        yield f"nothing leads to {sorted(stranded)}"
    for here, state in states.items():
        ends = state.get("End") or state["Type"] in ("Succeed", "Fail")
        if not ends and "Next" not in state and "Default" not in state:
            yield f"{here!r} leads nowhere and is no end"
        for program in within(state):
            yield from (f"{here}: {flaw}" for flaw in _flaws(program))
    if LOOPS not in definition and all(
        target in states for state in states.values() for target in targets(state)
    ):
        circling = states.keys() - set(in_order(definition))
        if circling:
            yield f"{sorted(circling)} go round in circles"
