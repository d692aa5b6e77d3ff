"""What survived, as tables: for a terminal a column each course, for docs a table each course."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.resources import files

from rich.table import Table

from .exploration import Exploration, Verdict
from .seed import ALARM, DECLINED, HAND_KINDS, LAG, LASTING_KINDS, PAUSED, RAIN, UNGRACEFUL

FAMILIES: dict[str, tuple[str, ...]] = {
    "lost": ("lost_before", "lost_after"),
    "throttled, 5xx": ("throttled", "500", "503"),
    "denied": ("denied",),
    "stale": ("stale",),
    "slow": ("slow",),
    "reverted": ("reverted",),
    "killed": ("killed",),
    "twice": ("twice",),
    "redriven": ("redriven",),
    "two hands": HAND_KINDS,
    "words": (PAUSED, UNGRACEFUL, DECLINED),
    "dark": ("dark",),
    "grey, cut": tuple(kind for kind in LASTING_KINDS if kind != "dark"),
    "one in five": (RAIN,),
    "lag": (LAG,),
    "false alarm": (ALARM,),
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
    """A column each course: how many of its runs were safe and got there."""
    found = rows(exploration.verdicts, lambda verdict: verdict.struck.base)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("", no_wrap=True)
    for course in found:
        table.add_column(course.replace(" ", "\n"), justify="right", vertical="bottom", no_wrap=True)
    for family in _struck_by(found):
        table.add_row(family, *(_coloured(cells.get(family, Cell())) for cells in found.values()))
    return table


def _coloured(cell: Cell) -> str:
    return f"[{'green' if cell.good == cell.runs else 'bold red'}]{cell}[/]" if cell.runs else ""


def _struck_by(found: Rows) -> list[str]:
    return [family for family in FAMILIES if any(family in cells for cells in found.values())]


def markdown(exploration: Exploration) -> str:
    """docs/reliability.md: a table each course, a line each state."""
    counted = {**exploration.count(), "runs": exploration.made, "back": exploration.back, **exploration.good}
    preface = (files("farshore.explore") / "preface.md").read_text()
    told = preface.format(
        application=exploration.runbook.application,
        courses=sum(course.is_struck for course in exploration.courses),
        **counted,
    )
    lines = [told]
    for course in exploration.courses:
        mine = [verdict for verdict in exploration.verdicts if verdict.struck.base == course.name]
        found = rows(mine, lambda verdict: verdict.struck.state)
        families = _struck_by(found)
        if not course.is_struck:
            lines.append(f"## {course.name}\n\nPlayed once, with nothing to strike it.\n")
            continue
        lines += [
            f"## {course.name}\n",
            f"| | {' | '.join(families)} |",
            f"|---|{'---:|' * len(families)}",
            *(
                f"| {state} | {' | '.join(str(cells.get(family, '')) for family in families)} |"
                for state, cells in found.items()
            ),
            "",
        ]
    return "\n".join(lines)
