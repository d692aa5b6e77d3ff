"""A procedure as one definition: between the lease and its release the lines, their undo, and their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..runbook.model import Line, Procedure, Together, lines
from .early import spoken
from .fences import is_fence
from .graph import targets
from .parallel import parallel
from .states import Json, States, type_of
from .undo import again, undo

IDLE = ("nothing owed", "busy")
"""What the lease of a settling run says where there is nothing to do."""


def definition(states: States, entries: Procedure, asked: Mapping[str, Sequence[Json]]) -> Json:
    """The machine of a procedure, in Amazon States Language. `asked` is what asks about the steps of machines
    that were made before, by their procedures."""
    if states.purpose == "beat":
        return _machine(states, _in_turn(states, entries))
    if states.purpose == "look":
        looked_at = {"later": [*asked["prepare"], *asked["failover"]]}
        return _machine(states, states.task("readiness", "readiness", looked_at, None))
    settles, entries = states.purpose == "settle", spoken(entries, states.purpose == "move")
    names = states.names(entries)
    moves = (i for i, entry in enumerate(entries) if _no_return(entry) and not settles)
    committed = next(moves, len(entries))
    # What settling takes away is owed: a refusal must not give it back.
    before = lines(entries[:committed])
    fences = [line for line in before if is_fence(line) and not line.before_approval and not settles]
    undone = undo(states, fences)
    ready = _ready(states, asked)
    if ready and not entries:
        return _machine(states, ready)
    following = states.task("release", "lease", {"release": True}, ready)
    for i, entry in reversed(list(enumerate(entries))):
        catch = undone if i < committed else None
        if i == committed:
            following = again(states, [(line, names[id(line)]) for line in fences], following)
        if isinstance(entry, Together):
            following = parallel(states, entry, names, following, catch, undone if i == committed else None)
        else:
            following = states.step(entry, names[id(entry)], following, catch)
            if i == committed:
                states.catch(following, "Untouched", undone)
    if settles:
        following = _if_owed(states, following)
    start = states.task("lease", "lease", _lease_inputs(states), following)
    if settles:
        states.made[start] |= {
            "ResultSelector": {"outcome.$": "$.Payload.outcome"},
            "ResultPath": "$.lease",
        }
    if states.purpose == "move":
        states.catch(start, "AtWork", states.enough())
    return _machine(states, start)


def _in_turn(states: States, entries: Procedure) -> str:
    """The lines and nothing else, one after the other: no lease, since nothing of the application changes."""
    following: str | None = None
    names = states.names(entries)
    for line in reversed(list(lines(entries))):
        following = states.step(line, names[id(line)], following)
    assert following is not None, "a machine has a state"
    return following


def _machine(states: States, start: str) -> Json:
    return {
        "Comment": f"{states.runbook.application} {states.procedure}, {states.way.source} to "
        f"{states.way.target}. Compiled: edit the runbook instead.",
        "StartAt": start,
        "States": _in_reading_order(start, states.made),
    }


def _ready(states: States, asked: Mapping[str, Sequence[Json]]) -> str | None:
    """What is prepared is judged without the lease: a failover need not wait for that. Where it is not ready,
    the run is caught, since another is as good as a redrive; a redrive in it takes the lease again."""
    if states.purpose != "prepare":
        return None
    redriven = states.task("release redriven", "lease", {"release": True}, None)
    return states.task("readiness", "readiness", {"later": list(asked["failover"])}, redriven, states.fail())


def _no_return(entry: Line | Together) -> bool:
    return any(type_of(line).moves() for line in lines((entry,)))


def _lease_inputs(states: States) -> Json:
    cooldown = max((trigger.cooldown for trigger in states.runbook.triggers), default=0.0)
    return {"cooldown": cooldown} if states.purpose == "move" else {}


def _if_owed(states: States, following: str) -> str:
    states.made["nothing to do"] = {"Type": "Succeed"}
    idle = [{"Variable": "$.lease.outcome", "StringEquals": word, "Next": "nothing to do"} for word in IDLE]
    states.made["whether a fence is owed"] = {"Type": "Choice", "Choices": idle, "Default": following}
    return "whether a fence is owed"


def _in_reading_order(start: str, states: Json) -> Json:
    """The way of a run that goes well first, then what catches the others."""
    ordered: Json = {}
    todo = [start]
    while todo:
        name = todo.pop(0)
        if name not in ordered:
            ordered[name] = states[name]
            here = [target for target in targets(states[name]) if target not in ordered]
            main = [t for t in here if t in (states[name].get("Next"), states[name].get("Default"))]
            todo = main + todo + [target for target in here if target not in main]
    return ordered
