"""Definitions of state machines: what one says, or why it is refused.

Whatever stands in a definition beyond what a compiled runbook uses is refused, by state and field, when the
machine is created: an engine that skipped a field would rehearse another machine than the one that AWS runs.
Ranges: docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html and state-task.html.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .states import (
    ALL,
    Catcher,
    Choice,
    Fail,
    Map,
    Parallel,
    Pass,
    Path,
    Program,
    ResultPath,
    Retrier,
    Rule,
    State,
    Succeed,
    Task,
    Wait,
    compact,
)

LONGEST_SECONDS = 99_999_999
LONGEST_DELAY_SECONDS = 31_622_400
LONGEST_NAME = 80
PATH = re.compile(r"(\$\$?)((?:\.[A-Za-z_]\w*|\[\d+\])*)")
RESULT_PATH = re.compile(r"\$(?:\.([A-Za-z_]\w*))?")
INVOKE = "arn:aws:states:::lambda:invoke"
READ, WRITE = "arn:aws:states:::s3:getObject", "arn:aws:states:::s3:putObject"
CHILDREN = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
MOST_CHILDREN = 10_000
"""Of a Map Run, at once. Source: docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"""


class Invalid(Exception):
    """A definition that this engine does not run: says which state, which field and why."""


@functools.lru_cache(maxsize=64)
def parse(definition: str) -> Program:
    """Raises Invalid. A program is never changed, so each text's is kept."""
    try:
        given = json.loads(definition)
    except ValueError as error:
        raise Invalid(f"the definition is not JSON: {error}") from error
    program = _program("the machine", given)
    names = list(_names(program))
    if twice := {name for name in names if names.count(name) > 1}:
        raise Invalid(f"{min(twice)}: a state's name must be unique in its machine")
    return program


def _names(program: Program) -> Iterator[str]:
    for name, state in program.states.items():
        yield name
        for program in _within(state):
            yield from _names(program)


def _within(state: State) -> tuple[Program, ...]:
    if isinstance(state, Map):
        return (state.processor,)
    return state.branches if isinstance(state, Parallel) else ()


_NEEDED: Any = object()


@dataclass
class _Fields:
    """One object of a definition. What is left when all has been taken is refused."""

    where: str
    given: dict[str, Any]
    what: str = ""
    taken: set[str] = field(default_factory=set)

    def take(self, name: str, kinds: type | tuple[type, ...], default: Any = _NEEDED) -> Any:
        self.taken.add(name)
        if name not in self.given:
            if default is _NEEDED:
                raise self.wrong(name, "is missing")
            return default
        value = self.given[name]
        wrong_bool = isinstance(value, bool) and kinds is not bool
        if not isinstance(value, kinds) or wrong_bool:
            raise self.wrong(name, f"cannot be {compact(value)}")
        return value

    def number(self, name: str, least: float, most: float, *, whole: bool = True) -> Any:
        value = self.take(name, int if whole else (int, float))
        if not least <= value <= most:
            raise self.wrong(name, f"must be from {least:g} to {most:g}, not {value}")
        return value

    def path(self, name: str, default: Any = _NEEDED) -> Path:
        return self.as_path(name, self.take(name, str, default))

    def as_path(self, name: str, text: Any) -> Path:
        found = PATH.fullmatch(text) if isinstance(text, str) else None
        if found is None:
            raise self.wrong(name, f"is no path that this engine follows: {compact(text)}")
        keys = re.findall(r"\.(\w+)|\[(\d+)\]", found[2])
        steps = tuple(int(index) if index else key for key, index in keys)
        return Path(name[name.rfind(".", 0, -2) + 1 :], found[0], found[1] == "$$", steps)

    def result_path(self, default: Any = "$") -> ResultPath:
        text = self.take("ResultPath", (str, type(None)), default)
        if text is None:
            return ResultPath(discard=True)
        found = RESULT_PATH.fullmatch(text)
        if found is None:
            raise self.wrong("ResultPath", f"is no path that this engine writes to: {text}")
        return ResultPath(found[1])

    def objects(self, name: str, default: Any = _NEEDED) -> list[_Fields]:
        """A list of objects, each with its place in it."""
        found = []
        for number, item in enumerate(self.take(name, list, default)):
            if not isinstance(item, dict):
                raise self.wrong(f"{name}[{number}]", f"cannot be {compact(item)}")
            found.append(_Fields(self.where, item, f"{self.what}{name}[{number}]."))
        return found

    def errors(self) -> tuple[str, ...]:
        names = self.take("ErrorEquals", list)
        if not names or not all(isinstance(name, str) for name in names):
            raise self.wrong("ErrorEquals", "must name errors")
        if ALL in names and len(names) > 1:
            raise self.wrong("ErrorEquals", f"{ALL} must stand alone")
        return tuple(names)

    def wrong(self, name: str, why: str) -> Invalid:
        return Invalid(f"{self.where}: {self.what}{name} {why}")

    def done(self) -> None:
        if more := self.given.keys() - self.taken:
            raise self.wrong(min(more), "is a field that this engine does not run")


def _program(where: str, given: Any, what: str = "") -> Program:
    if not isinstance(given, dict):
        raise Invalid(f"{where}: {what or 'it '}must be an object with StartAt and States")
    fields = _Fields(where, given, what)
    fields.take("Comment", str, "")
    start, states = fields.take("StartAt", str), fields.take("States", dict)
    fields.done()
    program = Program(start, {name: _state(name, state) for name, state in states.items()})
    for origin, field_name, target in [(where, "StartAt", start), *_targets(program)]:
        if target not in program.states:
            raise Invalid(f"{origin}: {field_name} leads to {target!r}, and there is no such state")
    return program


def _targets(program: Program) -> Iterator[tuple[str, str, str]]:
    for name, state in program.states.items():
        if state.next is not None:
            yield name, "Next", state.next
        if isinstance(state, Task):
            yield from ((name, "Catch", catcher.next) for catcher in state.catch)
        if isinstance(state, Choice):
            yield from ((name, "Choices", rule.next) for rule in state.rules)
            yield name, "Default", state.default


def _state(name: str, given: Any) -> State:
    if len(name) > LONGEST_NAME or not isinstance(given, dict):
        raise Invalid(f"{name}: a state is an object, and its name has at most {LONGEST_NAME} characters")
    fields = _Fields(name, given)
    kind = fields.take("Type", str)
    if kind not in _KINDS:
        raise fields.wrong("Type", f"is none that this engine runs: {kind}")
    fields.take("Comment", str, "")
    state = _KINDS[kind](name, fields)
    fields.done()
    return state


def _next(fields: _Fields) -> str | None:
    if ("End" in fields.given) == ("Next" in fields.given):
        raise fields.wrong("Next", "or End: true, exactly one of the two, must stand here")
    if "Next" in fields.given:
        return str(fields.take("Next", str))
    if not fields.take("End", bool):
        raise fields.wrong("End", "must be true")
    return None


def _template(fields: _Fields, name: str, given: Any) -> Any:
    """Each `x.$` becomes an `x` with a path for its value."""
    if isinstance(given, list):
        return [_template(fields, name, item) for item in given]
    if not isinstance(given, dict):
        return given
    return {
        key.removesuffix(".$"): fields.as_path(f"{name}.{key}", value)
        if key.endswith(".$")
        else _template(fields, f"{name}.{key}", value)
        for key, value in given.items()
    }


def _task(name: str, fields: _Fields) -> Task:
    if fields.take("Resource", str) != INVOKE:
        raise fields.wrong("Resource", f"must be {INVOKE}")
    asked = _Fields(name, fields.take("Parameters", dict), "Parameters.")
    asked.take("FunctionName", str)
    asked.take("Payload", dict)
    asked.done()
    selector = fields.take("ResultSelector", dict, None)
    selector = None if selector is None else _template(fields, "ResultSelector", selector)
    retry = fields.objects("Retry", [])
    for number, item in enumerate(retry[:-1]):
        if ALL in item.given.get("ErrorEquals", ()):
            raise fields.wrong(f"Retry[{number}]", f"{ALL} must stand last")
    return Task(
        name,
        _next(fields),
        _template(fields, "Parameters", asked.given),
        selector,
        fields.result_path(),
        fields.number("TimeoutSeconds", 1, LONGEST_SECONDS),
        tuple(_retrier(item) for item in retry),
        tuple(_catcher(item) for item in fields.objects("Catch", [])),
    )


def _retrier(fields: _Fields) -> Retrier:
    """One that never retries needs no pace."""
    errors, most = fields.errors(), fields.number("MaxAttempts", 0, LONGEST_SECONDS)
    interval, rate, cap = 1.0, 1.0, 1.0
    if most or len(fields.given) > len(fields.taken):
        interval = fields.number("IntervalSeconds", 1, LONGEST_SECONDS)
        rate = fields.number("BackoffRate", 1, float("inf"), whole=False)
        cap = fields.number("MaxDelaySeconds", interval + 1, LONGEST_DELAY_SECONDS)
    fields.done()
    return Retrier(errors, most, interval, rate, cap)


def _catcher(fields: _Fields) -> Catcher:
    catcher = Catcher(fields.errors(), fields.result_path(_NEEDED), fields.take("Next", str))
    fields.done()
    return catcher


def _pass(name: str, fields: _Fields) -> Pass:
    given = fields.take("Parameters", dict, None)
    parameters = None if given is None else _template(fields, "Parameters", given)
    return Pass(name, _next(fields), parameters, fields.result_path())


def _parallel(name: str, fields: _Fields) -> Parallel:
    branches = fields.objects("Branches")
    if not branches:
        raise fields.wrong("Branches", "must not be empty")
    programs = tuple(_program(name, branch.given, branch.what) for branch in branches)
    return Parallel(name, _next(fields), programs, fields.result_path())


def _map(name: str, fields: _Fields) -> Map:
    """Of a distributed Map what a sweep uses: items from one object, each to a standard execution."""
    if fields.take("ToleratedFailurePercentage", (int, float)):
        raise fields.wrong("ToleratedFailurePercentage", "must be 0")
    processor = dict(fields.take("ItemProcessor", dict))
    if processor.pop("ProcessorConfig", None) != CHILDREN:
        raise fields.wrong("ItemProcessor.ProcessorConfig", f"must be {compact(CHILDREN)}")
    return Map(
        name,
        _next(fields),
        _moved(name, fields, "ItemReader", READ, {"Bucket", "Key"}, {"InputType": "JSON"}),
        _template(fields, "ItemSelector", fields.take("ItemSelector", dict)),
        _program(name, processor, "ItemProcessor."),
        fields.number("MaxConcurrency", 1, MOST_CHILDREN),
        _moved(name, fields, "ResultWriter", WRITE, {"Bucket", "Prefix"}, None),
        fields.result_path(),
    )


def _moved(name: str, fields: _Fields, where: str, by: str, needed: set[str], read: Any) -> Mapping[str, Any]:
    """The parameters of an ItemReader or a ResultWriter."""
    asked = _Fields(name, fields.take(where, dict), f"{where}.")
    if asked.take("Resource", str) != by:
        raise asked.wrong("Resource", f"must be {by}")
    if asked.take("ReaderConfig", dict, None) != read:
        raise asked.wrong("ReaderConfig", f"must be {compact(read)}")
    parameters = _template(fields, f"{where}.Parameters", asked.take("Parameters", dict))
    asked.done()
    if parameters.keys() != needed:
        raise asked.wrong("Parameters", f"must be {' and '.join(sorted(needed))}")
    return parameters  # type: ignore[no-any-return]


def _wait(name: str, fields: _Fields) -> Wait:
    if "SecondsPath" in fields.given:
        return Wait(name, _next(fields), fields.path("SecondsPath"))
    return Wait(name, _next(fields), fields.number("Seconds", 1, LONGEST_SECONDS))


def _choice(name: str, fields: _Fields) -> Choice:
    rules = tuple(_rule(item) for item in fields.objects("Choices"))
    return Choice(name, None, rules, fields.take("Default", str))


def _rule(fields: _Fields) -> Rule:
    present = fields.take("IsPresent", bool, None)
    equals = fields.take("StringEquals", str, _NEEDED if present is None else None)
    if present is not None and equals is not None:
        raise fields.wrong("StringEquals", "and IsPresent cannot both stand here")
    rule = Rule(fields.path("Variable"), present is not False, equals, fields.take("Next", str))
    fields.done()
    return rule


def _succeed(name: str, fields: _Fields) -> Succeed:
    return Succeed(name, None)


def _fail(name: str, fields: _Fields) -> Fail:
    return Fail(name, None, _said(fields, "Error"), _said(fields, "Cause"))


def _said(fields: _Fields, name: str) -> Path | str | None:
    if f"{name}Path" in fields.given:
        return fields.path(f"{name}Path")
    text: str | None = fields.take(name, str, None)
    return text


_KINDS = {
    "Task": _task,
    "Pass": _pass,
    "Parallel": _parallel,
    "Map": _map,
    "Wait": _wait,
    "Choice": _choice,
    "Succeed": _succeed,
    "Fail": _fail,
}
