"""What the linter says, and a procedure as its rules read it: every line with its place and its part."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from functions.handler import step_from
from functions.inputs import Region, Seconds
from functions.step import Step

from ..compile.direction import Direction
from ..compile.fences import giving_back, restores
from ..compile.states import inputs_of, type_of
from ..runbook.model import Line, Runbook, Together
from ..runbook.registry import StepType
from ..runbook.typed import hints
from ..runbook.wording import bare

Severity = Literal["error", "warning"]
Part = Literal[
    "detect", "approve", "fence", "data", "capacity", "restore", "consumers", "traffic", "verify", ""
]


@dataclass(frozen=True)
class Finding:
    """What is wrong in a line of a runbook, and what to do."""

    rule: str
    path: str
    line: int
    what: str
    instead: str
    severity: Severity = "error"

    def as_json(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(Finding)}

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}" if self.line else self.path
        said = f"{self.what}: {self.instead}" if self.instead else self.what
        return f"{where}: {self.severity}: {said} [{self.rule}]"


@dataclass(frozen=True)
class Placed:
    """A line of a procedure. Lines of one `together` share their place."""

    place: int
    line: Line

    @property
    def name(self) -> str:
        return self.line.step

    @property
    def kind(self) -> StepType:
        return type_of(self.line)

    @property
    def inputs(self) -> Mapping[str, Any]:
        """As written, and where nothing is written the step's defaults."""
        return inputs_of(self.line)

    @property
    def region(self) -> str:
        return str(self.inputs.get("region", ""))

    @property
    def part(self) -> Part:
        """What it does on the way. A fence says it by its inputs, the others declare it. One that belongs
        somewhere else, too, does that in `$to`, and gives it back in `$from` once customers are gone."""
        if self.kind.for_the_run:
            return ""
        if not self.kind.fences:
            return self.kind.phase or ("data" if self.no_return else "")
        if restores(self.line):
            return "" if self.region == "$from" and self.kind.phase else "restore"
        return "fence" if self.region == "$from" else self.kind.phase or ""

    @property
    def no_return(self) -> bool:
        return self.kind.moves()

    @property
    def things(self) -> frozenset[tuple[str, str]]:
        """What a fence is about, one by one: ("functions", "buy"). Neither where nor how long."""
        kinds = hints(self.kind)
        aside = {giving_back(self.kind)} | {n for n, kind in kinds.items() if bare(kind) in (Region, Seconds)}
        return frozenset(
            (name, str(item))
            for name, value in self.line.inputs.items()
            if name not in aside
            for item in _each(value)
        )

    def step(self, way: Direction) -> Step[Any]:
        """The step itself. Raises ValueError where it does not take its inputs together."""
        return step_from(self.kind, way.literal(self.kind, self.line.inputs))


@dataclass(frozen=True)
class Procedures:
    """A runbook's procedures, line by line."""

    failover: tuple[Placed, ...]
    failback: tuple[Placed, ...]
    written: bool
    """failback stands in the runbook; else it is the lines of failover."""
    others: Mapping[str, tuple[Placed, ...]]
    """prepare and outage, where they are written."""

    @property
    def ways(self) -> Mapping[str, tuple[Placed, ...]]:
        """Those that move an application, each line of the runbook once."""
        return {"failover": self.failover} | ({"failback": self.failback} if self.written else {})

    def everything(self) -> Iterator[Placed]:
        for lines in (*self.ways.values(), *self.others.values()):
            yield from lines


def _each(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [f"{each} of {key}" for key, item in value.items() for each in _each(item)]
    if isinstance(value, list | tuple):
        return [each for item in value for each in _each(item)]
    return [str(value)]


def procedures(runbook: Runbook) -> Procedures:
    placed = {name: _placed(entries) for name, entries in runbook.procedures.items()}
    failover = placed["failover"]
    others = {name: lines for name, lines in placed.items() if name not in ("failover", "failback")}
    return Procedures(failover, placed.get("failback", failover), "failback" in placed, others)


def _placed(entries: tuple[Line | Together, ...]) -> tuple[Placed, ...]:
    return tuple(
        Placed(place, line)
        for place, entry in enumerate(entries)
        for line in (entry.branches if isinstance(entry, Together) else (entry,))
    )
