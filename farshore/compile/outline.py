"""A runbook's procedures as a person reads them: each line, what it stands on, and how long it may take.

`farshore show` prints it as a tree, and drawing.py makes a picture of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from functions.assume import Assume
from functions.inputs import Patience
from functions.run import Purpose, account_of

from ..runbook.model import Line, Procedure, Runbook, Together
from ..runbook.typed import fields_of
from ..runbook.wording import duration
from .direction import Direction, both_ways
from .fences import restores
from .states import States, inputs_of, type_of

PURPOSES: dict[str, Purpose] = {
    "prepare": "prepare",
    "failover": "move",
    "failback": "move",
    "outage": "break",
}
NO_RETURN = "point of no return: from here on, data or customers have moved"


@dataclass(frozen=True)
class Box:
    """A line of a procedure."""

    name: str
    """The state's."""
    part: str
    """What it does on the way: gathers evidence, fences, moves data …"""
    planes: tuple[str, ...]
    """What it stands on: "data plane", "control plane in us-west-2"."""
    seconds: float
    """How long it may take at most."""
    critical: bool
    """Of those side by side, the one that may take longest."""
    no_return: bool
    one_way: str
    """Why swapping the Regions does not undo it; "" where it does."""
    roles: tuple[str, ...]
    """As which its calls are made, where those are other accounts'."""

    @property
    def says(self) -> str:
        """What there is to know of it, in one line."""
        one_way = "one-way" if self.one_way else ""
        at_most = f"at most {duration(self.seconds)}"
        return ", ".join(filter(None, (self.part, *self.planes, *map(_as, self.roles), one_way, at_most)))


@dataclass(frozen=True)
class Outline:
    """A procedure; what stands in one row is carried out side by side."""

    application: str
    procedure: str
    way: Direction
    rows: tuple[tuple[Box, ...], ...]
    promised: float | None
    """The RTO's objective, in seconds, where the procedure is held to it."""

    @property
    def seconds(self) -> float:
        """The critical path: how long all of it may take at most."""
        return sum(box.seconds for row in self.rows for box in row if box.critical)

    @property
    def title(self) -> str:
        where = f"{self.way.source} to {self.way.target}"
        if self.procedure not in ("failover", "failback"):
            where = f"{self.way.source} and {self.way.target}"
        promised = f", {_minutes(self.promised)} promised" if self.promised is not None else ""
        at_most = f"at most {_minutes(self.seconds)}{promised}"
        return f"{self.application} {self.procedure}, {where}: {at_most}"


def outlines(runbook: Runbook) -> Iterator[Outline]:
    """Of each procedure that is written, in the order in which they are needed."""
    there, back = both_ways(runbook)
    for name, purpose in PURPOSES.items():
        if name in runbook.procedures:
            entries, way = runbook.procedures[name], back if name == "failback" else there
            promised = runbook.objectives.rto if name == "failover" else None
            rows = tuple(_rows(runbook, name, purpose, way, entries))
            yield Outline(runbook.application, name, way, rows, promised)


def first_no_return(outline: Outline) -> int:
    """The row that has the point of no return; behind the last one where none has."""
    moves = (number for number, row in enumerate(outline.rows) if any(box.no_return for box in row))
    return next(moves, len(outline.rows))


def longest(line: Line) -> float:
    """Seconds that a line may take in an ungraceful run: a fence of a silent Region is given up after its
    patience, and owed."""
    kind, inputs = type_of(line), inputs_of(line)
    leaves = kind.fences and not kind.for_the_run and not restores(line) and inputs.get("region") == "$from"
    patience = fields_of(kind, Patience) if leaves else []
    return float(inputs[patience[0] if patience else "within"])


def _rows(
    runbook: Runbook, procedure: str, purpose: Purpose, way: Direction, entries: Procedure
) -> Iterator[tuple[Box, ...]]:
    names = States(runbook, procedure, purpose, way).names(entries)
    for entry in entries:
        row = entry.branches if isinstance(entry, Together) else (entry,)
        slowest = max(row, key=longest)
        yield tuple(_box(line, names[id(line)], critical=line is slowest) for line in row)


def _box(line: Line, name: str, critical: bool) -> Box:
    kind = type_of(line)
    return Box(
        name,
        _part(line),
        tuple(_planes(line)),
        longest(line),
        critical,
        kind.moves(),
        kind.one_way or "",
        () if line.assume is None else Assume(**line.assume).roles,
    )


def _as(role: str) -> str:
    return f"as {role.rpartition('/')[2]} of {account_of(role)}"


def _minutes(seconds: float) -> str:
    return f"{math.ceil(seconds / 60)} min"


def _part(line: Line) -> str:
    kind = type_of(line)
    if kind.fences and restores(line):
        return "gives back"
    if kind.fences and (kind.phase is None or inputs_of(line).get("region") == "$from"):
        return "fences before approval" if line.before_approval else "fences"
    return {
        "detect": "gathers evidence",
        "approve": "asks a person",
        "data": "moves data" if kind.moves() else "waits for data",
        "capacity": "brings capacity",
        "consumers": "moves consumers",
        "traffic": "leads customers",
        "verify": "verifies",
        None: "moves data" if kind.moves() else "prepares" if kind.prepares else "",
    }[kind.phase]


def _planes(line: Line) -> Iterator[str]:
    """The hardest to reach first: what cannot be reached in the dark decides."""
    kind = type_of(line)
    calls = [api for api in (*kind.reads, *kind.writes) if not api.is_http and api not in kind.tolerates]
    homes = sorted({api.home for api in calls if api.home and api.plane == "control"})
    yield from (f"control plane of {home} alone" for home in homes)
    if not homes and any(api.plane == "control" for api in calls):
        yield "control plane"
    elif not homes and calls:
        yield "data plane"
    if any(api.is_http for api in (*kind.reads, *kind.writes)):
        yield "HTTP"
