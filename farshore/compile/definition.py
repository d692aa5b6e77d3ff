"""How a compiled definition, or a deployed one, is read: its Tasks, and which step each of them ticks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from functions.calls import Api
from functions.ledger import is_ledgers

from ..runbook.registry import StepType, steps
from .fences import RESTORE, giving_back
from .graph import within


def every_task(states: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every Task by its name, those within other states included."""
    for name, state in states.items():
        if state["Type"] == "Task":
            yield name, state
        for program in within(state):
            yield from every_task(program["States"])


def happy_path(definition: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The Task states of a run that goes well, by name, but not what is owed being tried again; of a Parallel
    one by one."""
    name = definition["StartAt"]
    while name:
        state = definition["States"][name]
        if state["Type"] == "Task" and state["Parameters"]["Payload"]["run"]["purpose"] != "again":
            yield name, state
        for branch in state.get("Branches", ()):
            yield from happy_path(branch)
        name = state.get("Next") or state.get("Default")


def last_fence(definition: Mapping[str, Any]) -> str:
    """The last state that takes something away before the point of no return; "" where there is none."""
    last = ""
    for name, state in happy_path(definition):
        event = state["Parameters"]["Payload"]
        step = step_of(event)
        if step is not None and step.moves():
            break
        if step is not None and step.fences and event["inputs"][giving_back(step)] != RESTORE:
            last = name
    return last


def run_of(definition: Mapping[str, Any]) -> Mapping[str, Any]:
    """What every state of a machine says to its function about the run: its procedure, purpose, Regions."""
    first = next(state for state in definition["States"].values() if state["Type"] == "Task")
    run: Mapping[str, Any] = first["Parameters"]["Payload"]["run"]
    return run


def takes_lease(definition: Mapping[str, Any]) -> bool:
    """A run of the machine holds the lease of its application, since some step of it needs one."""
    tasks = [state for state in definition["States"].values() if state["Type"] == "Task"]
    kinds = [step_of(state["Parameters"]["Payload"]) for state in tasks]
    return any(kind is None or kind.needs_lease for kind in kinds)


def step_of(event: Mapping[str, Any]) -> StepType | None:
    """The step type whose function gets the event; None where this version of Farshore has none of its name,
    since another version deployed it."""
    return steps().get(str(event.get("run", {}).get("step", "")))


def declared_write(
    event: Mapping[str, Any], service: str, operation: str, parameters: Mapping[str, Any]
) -> Api | None:
    """The write that the event's step declares of such a call: an application's, or a page to a person."""
    kind = step_of(event)
    writes = () if kind is None else kind.writes
    return next((api for api in writes if api.makes(service, operation, parameters)), None)


def change_of(
    event: Mapping[str, Any], service: str, operation: str, parameters: Mapping[str, Any]
) -> Api | None:
    """The same where the call changes something of the application.

    None for what only reads, for the ledger's own writes, for items of Farshore's own, and for a page to a
    person.
    """
    api = declared_write(event, service, operation, parameters)
    apart = api is not None and (api.pages or api.own_items)
    return None if apart or is_ledgers(event["ledger"]["table"], service, parameters) else api
