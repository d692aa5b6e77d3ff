"""What of a machine AWS would refuse, all of it, each with the runbook's line and what to do."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..runbook.mistakes import Mistake, quoted
from ..runbook.registry import steps
from ..runbook.wording import duration
from .graph import every_state, flaws
from .history import BUDGET, WIDEST_PACE, fitted
from .limits import DEFINITION_BYTES, MACHINE_NAME, PAYLOAD_BYTES, STATE_NAME
from .states import Json, States
from .ticks import flaws_of

CONTEXT_BYTES = 4_096
"""What Step Functions adds to an event: the execution and its input, the state."""
ARN_BYTES = 256
"""Of a function's version: what stands in a definition where a substitution stood."""
NAMED = 3
"""States of a way that is too long that are named."""


def mistakes(definition: Json, states: States) -> Iterator[Mistake]:
    """What AWS would refuse of a machine; and its states' pace is set so that its history suffices."""
    name = f"{states.runbook.application}-{states.procedure}"
    found = flaws(definition)
    for flaw in found:
        yield _mistake(states, 0, f"{name}: {flaw}", "this is a fault of the compiler: report it")
    if not found:
        yield from _history(definition, states, name)
    yield from _names(definition, states, name)
    yield from _sizes(definition, states, name)
    yield from _ticks(definition, states, name)


def _mistake(states: States, line: int, what: str, instead: str) -> Mistake:
    """On a line of the runbook; what the compiler placed has the application's."""
    return Mistake(states.runbook.path, line or states.runbook.lines["application"], what, instead)


def _history(definition: Json, states: States, name: str) -> Iterator[Mistake]:
    events = fitted(definition, states.waitings)
    if events <= BUDGET:
        return
    longest = sorted(states.waitings.items(), key=lambda each: -each[1].within)[:NAMED]
    said = ", ".join(f"{state} ({duration(waiting.within)})" for state, waiting in longest)
    what = (
        f"{name}: its longest run writes {events} events of history, of {BUDGET}, "
        f"even looking only every {WIDEST_PACE} s"
    )
    instead = f"shorten a `within`, or the list: the longest are those of {said}"
    yield _mistake(states, longest[0][1].line, what, instead)


def _names(definition: Json, states: States, name: str) -> Iterator[Mistake]:
    if len(name) > MACHINE_NAME:
        what = f"{name}: a machine's name has at most {MACHINE_NAME} characters"
        yield _mistake(states, 0, what, "give the application a shorter name")
    for state, _ in every_state(definition["States"]):
        if len(state) > STATE_NAME:
            what = f"{name}: the state {quoted(state)} has a name of {len(state)} characters, of {STATE_NAME}"
            line = states.waitings[state].line if state in states.waitings else 0
            yield _mistake(states, line, what, "give the step a shorter name")


def _sizes(definition: Json, states: States, name: str) -> Iterator[Mistake]:
    text = json.dumps(definition, indent=2, ensure_ascii=False)
    size = len(text.encode()) + ARN_BYTES * text.count("${")
    if size > DEFINITION_BYTES:
        what = f"{name}: its definition has {size} bytes, of {DEFINITION_BYTES}"
        yield _mistake(states, 0, what, "write shorter texts, or fewer steps before an approval")
    for state, task in every_state(definition["States"]):
        if task["Type"] != "Task":
            continue
        payload = task["Parameters"]["Payload"]
        size = CONTEXT_BYTES + len(json.dumps(payload).encode())
        if size > PAYLOAD_BYTES:
            what = f"{name}: the event of {state} has {size} bytes, of {PAYLOAD_BYTES}"
            instead = "write shorter texts in it"
            if _later(payload):
                instead = "it holds the events of all later steps: write shorter texts in them"
            yield _mistake(states, states.waitings[state].line, what, instead)


def _ticks(definition: Json, states: States, name: str) -> Iterator[Mistake]:
    replicas = len(states.runbook.ledger.regions)
    for state, task in every_state(definition["States"]):
        if task["Type"] == "Task":
            kind = steps()[task["Parameters"]["Payload"]["run"]["step"]]
            for what, instead in flaws_of(kind, task, replicas):
                yield _mistake(states, states.waitings[state].line, f"{name}: {state}: {what}", instead)


def _later(payload: Mapping[str, Any]) -> bool:
    return bool(payload["inputs"].get("later"))
