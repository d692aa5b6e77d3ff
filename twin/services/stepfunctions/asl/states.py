"""States of Amazon States Language and what they mean, exactly as far as a compiled runbook uses them.

Sources: states-language.net/spec.html,
docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html (which error matches what).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

LARGEST_BYTES = 262_144
"""Of a state's input, of its output and of a task's result."""
RUNTIME, DATA_LIMIT, TIMEOUT = "States.Runtime", "States.DataLimitExceeded", "States.Timeout"
ALL, TASK_FAILED = "States.ALL", "States.TaskFailed"


class Failure(Exception):
    """A state has failed, with the error and the cause that its Retry, its Catch and its run get."""

    not_state: ClassVar = {"cause": "words about the error"}

    def __init__(self, error: str | None, cause: str | None = None) -> None:
        super().__init__(error, cause)
        self.error, self.cause = error, cause


@dataclass(frozen=True)
class Path:
    """`$.x.y[0]` of a state's input, or `$$.x` of the context object."""

    field: str
    """Where it is written, as messages name it: "x.$"."""
    text: str
    of_context: bool
    keys: tuple[str | int, ...]

    def find(self, given: Any, context: Any) -> Any:
        """What is there. Raises LookupError where nothing is."""
        found = context if self.of_context else given
        for key in self.keys:
            match found, key:
                case (dict(), str()) | (list(), int()):
                    found = found[key]
                case _:
                    raise LookupError(self.text)
        return found


@dataclass(frozen=True)
class Retrier:
    """Waits `interval` seconds, then `rate` times as long each time, never more than `cap` seconds."""

    errors: tuple[str, ...]
    most: int
    interval: float
    rate: float
    cap: float

    def after(self, wait: float) -> float:
        """The wait that follows this one."""
        return min(self.cap, wait * self.rate)


@dataclass(frozen=True)
class ResultPath:
    """Where a result goes: `key` of the input, the whole output (key is None), or nowhere (discard)."""

    key: str | None = None
    discard: bool = False

    def place(self, given: Any, result: Any) -> Any:
        if self.discard:
            return given
        if self.key is None:
            return result
        if not isinstance(given, dict):
            why = f"Unable to apply ReferencePath $.{self.key} to input {compact(given)}"
            raise Failure("States.ResultPathMatchFailure", why)
        return {**given, self.key: result}


@dataclass(frozen=True)
class Catcher:
    errors: tuple[str, ...]
    result: ResultPath
    next: str


@dataclass(frozen=True)
class State:
    """`next` is None where the state ends its machine or branch."""

    name: str
    next: str | None

    @property
    def kind(self) -> str:
        return type(self).__name__


@dataclass(frozen=True)
class Task(State):
    """Invokes a Lambda function. In `parameters` and `selector`, paths stand where values will."""

    parameters: Mapping[str, Any]
    selector: Mapping[str, Any] | None
    result: ResultPath
    timeout: float
    retry: tuple[Retrier, ...]
    catch: tuple[Catcher, ...]


@dataclass(frozen=True)
class Pass(State):
    """Without parameters its result is its input."""

    parameters: Mapping[str, Any] | None
    result: ResultPath


@dataclass(frozen=True)
class Parallel(State):
    branches: tuple[Program, ...]
    result: ResultPath


@dataclass(frozen=True)
class Rule:
    """Holds where something is (not) there, or, where `equals` says so, is that very text."""

    variable: Path
    present: bool
    equals: str | None
    next: str

    def holds(self, given: Any, context: Any) -> bool:
        try:
            found = self.variable.find(given, context)
        except LookupError:
            if self.equals is None:
                return not self.present
            why = f"Invalid path '{self.variable.text}': The choice state's condition path references an "
            raise Failure(RUNTIME, why + "invalid value.") from None
        return self.present if self.equals is None else bool(found == self.equals)


@dataclass(frozen=True)
class Choice(State):
    rules: tuple[Rule, ...]
    default: str


@dataclass(frozen=True)
class Wait(State):
    """For so many seconds, or for as many as the path says."""

    seconds: float | Path


@dataclass(frozen=True)
class Map(State):
    """A distributed one: an execution of its own for each item of an object's JSON list, and their results in
    objects. No failure is tolerated. In `reader`, `selector` and `writer`, paths stand where values will."""

    reader: Mapping[str, Any]
    selector: Mapping[str, Any]
    processor: Program
    concurrency: int
    writer: Mapping[str, Any]
    result: ResultPath


@dataclass(frozen=True)
class Succeed(State): ...


@dataclass(frozen=True)
class Fail(State):
    """What it says: a literal text, a path to it, or nothing."""

    error: Path | str | None
    cause: Path | str | None


@dataclass(frozen=True)
class Program:
    """A state machine, or one branch of a Parallel."""

    start: str
    states: Mapping[str, State]


def compact(value: Any) -> str:
    """JSON as Step Functions writes it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def too_large(text: str) -> bool:
    return len(text) * 4 > LARGEST_BYTES and len(text.encode()) > LARGEST_BYTES


def fill(template: Any, given: Any, context: Any) -> Any:
    """The template with its paths followed. Raises Failure where one leads nowhere."""
    if isinstance(template, dict):
        return {key: fill(value, given, context) for key, value in template.items()}
    if isinstance(template, list):
        return [fill(value, given, context) for value in template]
    if not isinstance(template, Path):
        return template
    try:
        return template.find(given, context)
    except LookupError:
        used = compact(context if template.of_context else given)
        where = f"specified for the field '{template.field}' could not be found in the input"
        why = f"The JSONPath '{template.text}' {where} '{used}'"
        raise Failure(RUNTIME, why) from None


def matches(errors: tuple[str, ...], error: str | None) -> bool:
    """Nothing catches States.Runtime. AWS's guide says that States.ALL catches no States.DataLimitExceeded,
    either; a recorded execution, whose function answered with more than 256 KiB, was caught, and went on."""
    if error == RUNTIME:
        return False
    wide = ALL in errors or (TASK_FAILED in errors and error not in (TIMEOUT, DATA_LIMIT))
    return wide or error in errors
