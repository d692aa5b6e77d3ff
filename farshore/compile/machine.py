"""Runbook to state machine: what a procedure becomes in Amazon States Language.

Three shapes. A step is a Task that is ticked by its Retry. `together` is a Parallel whose branches each end
with an outcome and are judged when all have ended. Undo is derived: a failure before the point of no return
gives the fences back, releases the lease and then fails the run. A failure after it fails the run where it
stands, so that it can be redriven from there.

JSONPath only, no intrinsics, no expressions; Regions are literals, so a committed machine reads like the run.
"""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from functions.calls import LONGEST_TICK_SECONDS
from functions.inputs import Region
from functions.run import Purpose
from functions.step import Step

from ..runbook.load import Line, Runbook, Together
from ..runbook.model import Procedure, lines
from ..runbook.registry import steps
from ..runbook.typed import mapped

Json = dict[str, Any]

HISTORY_EVENTS = 20_000
"""Of the 25,000 after which a Standard execution ends; a tick costs three."""
LAMBDA_FAULTS = [
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
    "Runtime.ExitError",
    "Sandbox.Timedout",
    "States.Timeout",
]
"""A tick that ended without a word: it is ticked again.
Source: docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html"""
PAUSE_PACE, PAUSE_TICKS = 30, 120
"""A pause may last an hour in each state, and its end is felt within 30 seconds."""


@dataclass(frozen=True)
class Direction:
    """`$from` and `$to`."""

    source: str
    target: str

    def region(self, word: str) -> str:
        """A Region by its name; empty stays empty."""
        return {"$from": self.source, "$to": self.target}.get(word, word)

    def literal(self, step: type[Step[Any]], inputs: Mapping[str, Any]) -> Json:
        """A step's inputs with their Regions written out. What is no Region by its type stays as it is."""
        written: Json = mapped(
            step, inputs, lambda declared, value: self.region(value) if declared is Region else value
        )
        return written


@dataclass(frozen=True)
class Machine:
    """A compiled procedure: its name, the one Region that it lives in, and its definition."""

    application: str
    procedure: str
    purpose: Purpose
    region: str
    definition: Json
    functions: tuple[str, ...]
    """The step types that it calls."""
    inputs: tuple[tuple[str, Json], ...]
    """Each step type with the inputs of each of its states: what its IAM policy is derived from."""

    @property
    def name(self) -> str:
        return f"{self.application}-{self.procedure}"


class Unprovable(Exception):
    """The runbook's times allow more history than Step Functions keeps; the message says where."""


def machines(runbook: Runbook) -> list[Machine]:
    """Every machine of a runbook."""
    there = Direction(runbook.regions.primary, runbook.regions.standby)
    back = Direction(runbook.regions.standby, runbook.regions.primary)
    failover = runbook.procedures["failover"]
    made = [
        _machine(runbook, "failover", "move", there, failover),
        _machine(runbook, "failback", "move", back, runbook.procedures.get("failback", failover)),
    ]
    # A Region that was left in the dark owes its fences, whichever of the two it was.
    if owed := [*_owed(failover, there), *_owed(runbook.procedures.get("failback", failover), back)]:
        made.append(_machine(runbook, "settle", "settle", there, tuple(owed)))
    if outage := runbook.procedures.get("outage"):
        made.append(_machine(runbook, "outage", "break", there, outage))
        broken = [line for line in lines(outage) if _fence(line)]
        mending = tuple(restored(line) for line in reversed(broken))
        made.append(_machine(runbook, "recovery", "mend", there, mending))
    if prepare := runbook.procedures.get("prepare"):
        made.append(_machine(runbook, "prepare", "prepare", there, prepare))
    return made


def _owed(entries: Procedure, way: Direction) -> list[Line]:
    """The fences of a procedure, with their Regions' names."""
    fences = [line for line in lines(entries) if _fence(line)]
    return [dataclasses.replace(line, inputs=way.literal(_type(line), line.inputs)) for line in fences]


def _machine(
    runbook: Runbook, procedure: str, purpose: Purpose, way: Direction, entries: Procedure
) -> Machine:
    draft = _Draft(runbook, procedure, purpose, way)
    definition = draft.definition(entries)
    prove(definition, f"{runbook.application}-{procedure}")
    names = tuple(sorted({name for name, _ in draft.inputs}))
    return Machine(
        runbook.application, procedure, purpose, way.target, definition, names, tuple(draft.inputs)
    )


class _Draft:
    """One machine in the making: states are added from the last to the first, each knowing what follows."""

    def __init__(self, runbook: Runbook, procedure: str, purpose: Purpose, way: Direction) -> None:
        self.runbook, self.procedure, self.purpose, self.way = runbook, procedure, purpose, way
        self.inputs: list[tuple[str, Json]] = []
        self.states: Json = {}
        self.later: list[Json] = []

    def definition(self, entries: Procedure) -> Json:
        names = self._names(entries)
        committed = next((i for i, entry in enumerate(entries) if _no_return(entry)), len(entries))
        # What settling takes away is owed: a refusal must not give it back.
        fences = [line for line in lines(entries[:committed]) if _fence(line) and self.purpose != "settle"]
        undo = self._undo(fences)
        following = self._task("release", "lease", {"release": True}, None, None)
        for i, entry in reversed(list(enumerate(entries))):
            catch = undo if i < committed else None
            if i == committed:
                following = self._again([(line, names[id(line)]) for line in fences], following)
            if isinstance(entry, Together):
                following = self._together(entry, names, following, catch)
            else:
                following = self._step(entry, names[id(entry)], following, catch)
                if i == committed:
                    self._catch(following, "Untouched", undo)
        if self.purpose == "settle":
            following = self._if_owed(following)
        start = self._task("lease", "lease", self._lease_inputs(), following, None)
        if self.purpose == "settle":
            self.states[start] |= {
                "ResultSelector": {"outcome.$": "$.Payload.outcome"},
                "ResultPath": "$.lease",
            }
        return {
            "Comment": f"{self.runbook.application} {self.procedure}, {self.way.source} to "
            f"{self.way.target}. Compiled: edit the runbook instead.",
            "StartAt": start,
            "States": _in_reading_order(start, self.states),
        }

    def _names(self, entries: Procedure) -> dict[int, str]:
        """A state's name is its step and its Region, and a number where that stands twice."""
        names: dict[int, str] = {}
        for line in lines(entries):
            region = self.way.region(self._inputs(line).get("region", ""))
            base = f"{line.step} {region}".strip()
            used = sum(1 for name in names.values() if name == base or name.startswith(f"{base} ("))
            names[id(line)] = f"{base} ({used + 1})" if used else base
        return names

    def _inputs(self, line: Line) -> Json:
        """What the runbook says, and what it leaves to the step's defaults."""
        step = _type(line)
        defaults = {
            field.name: field.default
            for field in dataclasses.fields(step)
            if field.default is not dataclasses.MISSING and field.name not in step.derived
        }
        return defaults | dict(line.inputs)

    def _lease_inputs(self) -> Json:
        cooldown = max((trigger.cooldown for trigger in self.runbook.triggers), default=0.0)
        return {"cooldown": cooldown} if self.purpose == "move" else {}

    def _step(self, line: Line, name: str, following: str, catch: str | None) -> str:
        inputs = self._inputs(line)
        if "later" in _type(line).derived:
            inputs["later"] = list(reversed(self.later))
        return self._task(name, line.step, inputs, following, catch, no_return=_no_return(line))

    def _again(self, fences: Sequence[tuple[Line, str]], following: str) -> str:
        """Moving data takes minutes: a Region that came back meanwhile is fenced now, if that is owed."""
        for line, fence in reversed(fences):
            name = self._task(f"{fence}{AGAIN}", line.step, self._inputs(line), following, None, "again")
            self._forgive(name, following)
            following = name
        return following

    def _task(
        self,
        name: str,
        step: str,
        inputs: Json,
        following: str | None,
        catch: str | None,
        purpose: Purpose | None = None,
        no_return: bool = False,
    ) -> str:
        kind, forward = steps()[step], purpose is None
        event = self._event(step, inputs, purpose or self.purpose)
        self.inputs.append((step, event["inputs"]))
        if kind.written and forward:
            self.later.append(
                {"state": name, "function": function_of(step), "event": event, "no_return": no_return}
            )
        within = float(inputs.get("within", kind.within))
        attempts = math.ceil(within / kind.every) + 30
        state: Json = {
            "Type": "Task",
            "Comment": (kind.__doc__ or "").split("\n")[0],
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {
                "FunctionName": function_of(step),
                "Payload": {
                    **event,
                    "input.$": "$$.Execution.Input",
                    "execution.$": "$$.Execution",
                    "state.$": "$$.State",
                },
            },
            "ResultPath": None,
            "TimeoutSeconds": LONGEST_TICK_SECONDS + 10,
            "Retry": [
                {"ErrorEquals": ["Refused", "Untouched", "Aborted"], "MaxAttempts": 0},
                _retry(["NotYet"], kind.every, attempts),
                _retry(["Paused"], PAUSE_PACE, PAUSE_TICKS),
                _retry(LAMBDA_FAULTS, kind.every, attempts),
            ],
        }
        self.states[name] = state
        if catch is not None:
            self._catch(name, "States.ALL", catch)
        state |= {"End": True} if following is None else {"Next": following}
        return name

    def _catch(self, name: str, error: str, following: str, into: str = "failure") -> None:
        self.states[name]["Catch"] = [{"ErrorEquals": [error], "ResultPath": f"$.{into}", "Next": following}]

    def _event(self, step: str, inputs: Json, purpose: Purpose) -> Json:
        return {
            "inputs": self.way.literal(steps()[step], inputs),
            "run": {
                "application": self.runbook.application,
                "procedure": self.procedure,
                "step": step,
                "purpose": purpose,
                "source": self.way.source,
                "target": self.way.target,
            },
            "ledger": {"table": self.runbook.ledger.table, "regions": list(self.runbook.ledger.regions)},
        }

    def _together(self, entry: Together, names: dict[int, str], following: str, catch: str | None) -> str:
        """Every branch ends with an outcome; then the first that failed fails the run."""
        states, self.states = self.states, {}
        branches = []
        for line in entry.branches:
            name = names[id(line)]
            failed = f"{name} failed"
            self._step(line, name, "", None)
            task = self.states.pop(name)
            task.pop("Next")
            task |= {"End": True}
            task["Catch"] = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": failed}]
            branches.append({"StartAt": name, "States": {name: task, failed: {"Type": "Pass", "End": True}}})
        self.states = states
        title = " and ".join(names[id(line)] for line in entry.branches)[:70]
        if title in self.states:
            raise Unprovable(f"{self.procedure}: two `together` begin with {title!r}: order one differently")
        end = catch or self._fail()
        choices = []
        for i, line in enumerate(entry.branches):
            fate = f"{names[id(line)]} fails the run"
            choices.append({"Variable": f"$.together[{i}].failure", "IsPresent": True, "Next": fate})
            self.states[fate] = {
                "Type": "Pass",
                # One by one: not every interpreter takes an object out of a list by its path.
                "Parameters": {f"{word}.$": f"$.together[{i}].failure.{word}" for word in ("Error", "Cause")},
                "ResultPath": "$.failure",
                "Next": end,
            }
        judged = f"judge {title}"[:80]
        self.states[judged] = {"Type": "Choice", "Choices": choices, "Default": following}
        self.states[title] = {
            "Type": "Parallel",
            "Branches": branches,
            "ResultPath": "$.together",
            "Next": judged,
        }
        return title

    def _undo(self, fences: Sequence[Line]) -> str:
        """Gives back what the run took away, releases the lease, and fails the run with its first error."""
        giving_up: Purpose = "unbreak" if self.purpose == "break" else "undo"
        following = self._task("release undone", "lease", {"release": True}, self._fail(), None, giving_up)
        self._forgive(following, self._fail())
        for line in fences:
            region = self._inputs(line)["region"]
            inputs = self._inputs(restored(line))
            base = f"undo {line.step} {self.way.region(region)}"
            name, number = base, 1
            while name in self.states:
                number += 1
                name = f"{base} ({number})"
            self._task(name, line.step, inputs, following, None, giving_up)
            self._forgive(name, following)
            following = name
        return following

    def _forgive(self, name: str, following: str) -> None:
        """What cannot be given back must not keep the rest from being given back; so with what is owed."""
        self._catch(name, "States.ALL", following, into="forgiven")

    def _fail(self) -> str:
        self.states["failed"] = {
            "Type": "Fail",
            "ErrorPath": "$.failure.Error",
            "CausePath": "$.failure.Cause",
        }
        return "failed"

    def _if_owed(self, following: str) -> str:
        self.states["nothing to do"] = {"Type": "Succeed"}
        idle = [
            {"Variable": "$.lease.outcome", "StringEquals": word, "Next": "nothing to do"} for word in IDLE
        ]
        self.states["whether a fence is owed"] = {"Type": "Choice", "Choices": idle, "Default": following}
        return "whether a fence is owed"


IDLE = ("nothing owed", "busy")
AGAIN = " again"
"""Ends the name of the state that tries an owed fence once more."""


def prove(definition: Json, name: str) -> None:
    """Every Next leads somewhere, everything is reachable, and the ticks fit into an execution's history."""
    _walk(definition, name)
    every = list(_states(definition["States"]))
    names = [state for state, _ in every]
    if len(set(names)) < len(names) or any(len(state) > 80 for state in names):
        raise Unprovable(f"{name}: state names must be unique and of at most 80 characters")
    tasks = [state for _, state in every if state["Type"] == "Task"]
    events = 3 * sum(retry["MaxAttempts"] for task in tasks for retry in task["Retry"])
    if events > HISTORY_EVENTS:
        raise Unprovable(f"{name}: {events} events of history, of {HISTORY_EVENTS}: shorten a `within`")


def _walk(definition: Json, name: str) -> None:
    """From its first state on, and through each branch as a machine of its own."""
    states = definition["States"]
    reached, todo = set(), [definition["StartAt"]]
    while todo:
        here = todo.pop()
        if here not in states:
            raise Unprovable(f"{name}: no state {here!r}")
        if here not in reached:
            reached.add(here)
            todo += list(_targets(states[here]))
    if stranded := states.keys() - reached:
        raise Unprovable(f"{name}: nothing leads to {sorted(stranded)}")
    for here, state in states.items():
        ends = state.get("End") or state["Type"] in ("Succeed", "Fail")
        if not ends and "Next" not in state and "Default" not in state:
            raise Unprovable(f"{name}: {here!r} leads nowhere and is no end")
        for branch in state.get("Branches", ()):
            _walk(branch, f"{name}, {here}")


def restored(line: Line) -> Line:
    """The line that gives back what a fence's line takes away."""
    return dataclasses.replace(line, inputs={**line.inputs, giving_back(_type(line)): "restore"})


def restores(line: Line) -> bool:
    return _type(line).fences and line.inputs.get(giving_back(_type(line))) == "restore"


def giving_back(step: type[Step[Any]]) -> str:
    """The input of a fence that takes the word `restore`."""
    hints = typing.get_type_hints(step)
    return next(name for name, kind in hints.items() if "restore" in _words(kind))


def _words(kind: Any) -> set[Any]:
    """The literal words in a type, however deep: int | Literal["restore"], Literal[True, "restore"]."""
    if typing.get_origin(kind) is Literal:
        return set(typing.get_args(kind))
    return {word for part in typing.get_args(kind) for word in _words(part)}


def function_of(step: str) -> str:
    """The substitution that becomes the ARN of the function's version: ${AuroraWriter}."""
    return "${" + logical_id(step) + "}"


def logical_id(step: str) -> str:
    return "".join(part.capitalize() for part in step.split("_"))


def _retry(errors: list[str], every: float, attempts: int) -> Json:
    return {
        "ErrorEquals": errors,
        "IntervalSeconds": 1,
        "BackoffRate": 1.5,
        "MaxDelaySeconds": max(2, math.ceil(every)),
        "MaxAttempts": attempts,
    }


def _type(line: Line) -> type[Step[Any]]:
    return steps()[line.step]


def _fence(line: Line) -> bool:
    return _type(line).fences and not restores(line)


def _no_return(entry: Line | Together) -> bool:
    return any(_type(line).moves() for line in lines((entry,)))


def _targets(state: Json) -> Iterator[str]:
    for key in ("Next", "Default"):
        if key in state:
            yield state[key]
    for branch in (*state.get("Choices", ()), *state.get("Catch", ())):
        yield branch["Next"]


def _states(states: Json) -> Iterator[tuple[str, Json]]:
    """Every state by its name, those of branches included."""
    for name, state in states.items():
        yield name, state
        for branch in state.get("Branches", ()):
            yield from _states(branch["States"])


def _in_reading_order(start: str, states: Json) -> Json:
    """The way of a run that goes well first, then what catches the others."""
    ordered: Json = {}
    todo = [start]
    while todo:
        name = todo.pop(0)
        if name not in ordered:
            ordered[name] = states[name]
            here = [target for target in _targets(states[name]) if target not in ordered]
            main = [
                target for target in here if target in (states[name].get("Next"), states[name].get("Default"))
            ]
            todo = main + todo + [target for target in here if target not in main]
    return ordered
