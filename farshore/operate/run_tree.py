"""A run as a tree on a terminal: its states in order, how each stands, and why it waits. Of a real run and of
one in a rehearsal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rich.text import Text
from rich.tree import Tree

from functions.errors import Aborted, NotYet, Refused, Untouched

from ..compile.definition import happy_path, step_of
from ..runbook.wording import duration
from .runs import RunSnapshot, short

MARKS = {"": ("·", "dim"), "waiting": ("▸", "bold cyan"), "unknown": ("?", "yellow")}
ENDED_BADLY = frozenset(error.__name__ for error in (Refused, Untouched, Aborted))
NO_RETURN = "point of no return: below it data or customers move"


@dataclass(frozen=True)
class StateLine:
    """A state of a run that goes well."""

    name: str
    outcome: str = ""
    """What it answered, or the error that ended it; "waiting" while it is ticked, "" before."""
    seconds: float = 0.0
    """Since it was entered."""
    why: str = ""
    """The reason why it waits, or ended so."""
    limit: float = 0.0
    """How long it may wait, in seconds."""
    moves: bool = False
    """It moves data or customers."""


@dataclass(frozen=True)
class RunTree:
    name: str
    states: Sequence[StateLine]


def lines_of(definition: Mapping[str, Any]) -> dict[str, StateLine]:
    """The states of a machine by their names, as they are to come."""
    return {name: _to_come(name, state["Parameters"]["Payload"]) for name, state in happy_path(definition)}


def _to_come(name: str, event: Mapping[str, Any]) -> StateLine:
    kind, inputs = step_of(event), event.get("inputs", {})
    limit = inputs.get("within", 0) if isinstance(inputs, Mapping) else 0
    return StateLine(name, limit=float(limit), moves=kind is not None and kind.moves())


def tree_of(snapshot: RunSnapshot) -> RunTree:
    """Of a run as Step Functions told of it."""
    report, lines = snapshot.report, lines_of(snapshot.definition)
    for step in report.steps:
        line = lines.get(step.name, StateLine(step.name))
        running = not step.ended and step is report.steps[-1] and report.status == "RUNNING"
        outcome = "waiting" if running else step.outcome
        why = step.why.removeprefix(f"{NotYet.__name__}: ").removeprefix(f"{step.name}: ")
        lines[step.name] = replace(line, outcome=outcome, seconds=step.seconds, why=why)
    status = "" if report.status == "RUNNING" else f": {report.status}"
    return RunTree(f"{short(snapshot.arn)}, {report.mode or 'no mode'}{status}", list(lines.values()))


def drawn(run: RunTree) -> Tree:
    tree = Tree(Text(run.name, style="bold"))
    for line in _texts(run.states):
        line.no_wrap, line.overflow = True, "ellipsis"
        tree.add(line)
    return tree


def _texts(states: Sequence[StateLine]) -> Iterator[Text]:
    moved = False
    for state in states:
        if state.moves and not moved:
            moved = True
            yield Text(NO_RETURN, style="dim")
        ended = ("✗", "bold red") if state.outcome in ENDED_BADLY else ("✓", "green")
        mark, style = MARKS.get(state.outcome, ended)
        took = f"{state.seconds:7.1f} s" if state.outcome else ""
        if state.outcome == "waiting" and state.limit:
            took += f" of {duration(state.limit)}"
        yield Text.assemble((f"{mark} {state.name:34}", style), took, (f"  {state.why}", "dim"))
