"""What survived, as tables: for a terminal a line each course, for docs/reliability.md a line each state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from rich.table import Table

from .exploration import Exploration, Verdict
from .seed import HAND_KINDS, LASTING_KINDS, RAIN

FAMILIES: dict[str, tuple[str, ...]] = {
    "lost": ("lost_before", "lost_after"),
    "throttled, 5xx": ("throttled", "500", "503"),
    "denied": ("denied",),
    "stale": ("stale",),
    "slow": ("slow",),
    "killed": ("killed",),
    "twice": ("twice",),
    "redriven": ("redriven",),
    "two hands": HAND_KINDS,
    "dark": ("dark",),
    "grey, cut": tuple(kind for kind in LASTING_KINDS if kind != "dark"),
    "one in five": (RAIN,),
}
FAMILY = {kind: family for family, kinds in FAMILIES.items() for kind in kinds}


@dataclass
class Cell:
    """Runs of one kind at one place."""

    runs: int = 0
    good: int = 0

    def __str__(self) -> str:
        if not self.runs:
            return ""
        return f"{self.runs:,}" if self.good == self.runs else f"{self.good:,} of {self.runs:,}"


Rows = dict[str, dict[str, Cell]]


def rows(verdicts: Iterable[Verdict], place: Callable[[Verdict], str]) -> Rows:
    """Cells by place, then by family."""
    found: Rows = {}
    for verdict in verdicts:
        cells = found.setdefault(place(verdict), {})
        cell = cells.setdefault(FAMILY[verdict.struck.fault.split()[0]], Cell())
        cell.runs += 1
        cell.good += verdict.safe and verdict.live
    return found


def terminal(exploration: Exploration) -> Table:
    """A line each course."""
    found = rows(exploration.verdicts, lambda verdict: verdict.struck.base)
    table = Table(box=None, padding=(0, 1), header_style="dim")
    table.add_column("runs that were safe and got there", max_width=24)
    for family in FAMILIES:
        table.add_column(family, justify="right")
    for name, cells in found.items():
        table.add_row(name, *(_coloured(cells.get(family, Cell())) for family in FAMILIES))
    return table


def _coloured(cell: Cell) -> str:
    return f"[{'green' if cell.good == cell.runs else 'bold red'}]{cell}[/]" if cell.runs else ""


def markdown(exploration: Exploration) -> Iterator[str]:
    """A table each course, a line each state."""
    for course in exploration.courses:
        mine = [verdict for verdict in exploration.verdicts if verdict.struck.base == course.name]
        found = rows(mine, lambda verdict: verdict.struck.state)
        families = [family for family in FAMILIES if any(family in cells for cells in found.values())]
        yield f"### {course.name}\n"
        yield f"| struck at | {' | '.join(families)} |"
        yield f"|---|{'---:|' * len(families)}"
        for state, cells in found.items():
            yield f"| {state} | {' | '.join(str(cells.get(family, '')) for family in families)} |"
        yield ""
