"""What survived, as tables: for a terminal a column each baseline run, for docs a table each."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files

from rich.table import Table

from .cases import struck
from .data import Result
from .exploration import Exploration
from .kinds import KINDS, families


@dataclass
class Cell:
    """Runs of one family at one place."""

    runs: int = 0
    good: int = 0

    def __str__(self) -> str:
        if not self.runs:
            return ""
        return f"{self.runs:,}" if self.good == self.runs else f"{self.good:,} of {self.runs:,}"


Rows = dict[str, dict[str, Cell]]


def rows(results: Iterable[Result], place: Callable[[Result], str]) -> Rows:
    """Cells by place, then by family."""
    found: Rows = {}
    for result in results:
        cells = found.setdefault(place(result), {})
        cell = cells.setdefault(KINDS[result.case.kind].family.name, Cell())
        cell.runs += 1
        cell.good += result.outcome.safe and result.outcome.live
    return found


def terminal(exploration: Exploration) -> Table:
    """A column each baseline run: how many of its fault cases were safe and got there."""
    found = rows(exploration.results, lambda result: result.case.baseline)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("", no_wrap=True)
    for baseline in found:
        table.add_column(baseline.replace(" ", "\n"), justify="right", vertical="bottom", no_wrap=True)
    for family in _families(found):
        table.add_row(family, *(_coloured(cells.get(family, Cell())) for cells in found.values()))
    return table


def _coloured(cell: Cell) -> str:
    return f"[{'green' if cell.good == cell.runs else 'bold red'}]{cell}[/]" if cell.runs else ""


def _worst(results: Sequence[Result], figure: str) -> Counter[str]:
    """Of the runs that ended well, by family."""
    worst: Counter[str] = Counter()
    for result in results:
        if result.outcome.status == "SUCCEEDED":
            family = KINDS[result.case.kind].family.name
            worst[family] = max(worst[family], math.ceil(getattr(result.outcome.figures[""], figure)))
    return worst


def _at_worst(results: Sequence[Result], families: Sequence[str]) -> Iterator[str]:
    """A line each figure."""
    for name in ("unserved", "exposed", "pages", "ticks"):
        worst = _worst(results, name)
        yield f"| *{name}* | {' | '.join(f'*{worst[family]:,}*' for family in families)} |"


def _summary(results: Sequence[Result]) -> Iterator[str]:
    """A line each family, of all that was played."""
    whole = rows(results, lambda result: "")
    worst = [_worst(results, name) for name in ("unserved", "exposed", "pages")]
    yield "| what goes wrong | runs | without service, at most | exposed, at most | pages, at most |"
    yield "|---|---:|---:|---:|---:|"
    for family in _families(whole):
        unserved, exposed, pages = (each[family] for each in worst)
        yield f"| {family} | {whole[''][family]} | {unserved:,} s | {exposed:,} s | {pages:,} |"


def _excused(results: Iterable[Result]) -> Iterator[str]:
    """What was let pass, and how often."""
    counted = Counter(sentence for result in results for sentence in result.outcome.excused)
    yield "| what was let pass, and why | runs |"
    yield "|---|---:|"
    yield from (f"| {sentence} | {runs:,} |" for sentence, runs in sorted(counted.items()))


def _families(found: Rows) -> list[str]:
    return [family.name for family in families() if any(family.name in cells for cells in found.values())]


def is_of(text: str, exploration: Exploration) -> bool:
    """The report tells of just these runs."""
    return f"`{exploration.digest()}`" in text


def markdown(exploration: Exploration) -> str:
    """As docs/reliability/ has it: a table each baseline run, a line each state."""
    counted = {
        **exploration.count(),
        "runs": exploration.made,
        "rejoined": exploration.rejoined,
        "digest": exploration.digest(),
        **exploration.good,
    }
    lines = [
        (files("farshore.explore") / "preface.md")
        .read_text()
        .format(
            application=exploration.runbook.application,
            baselines=sum(any(struck(baseline)) for baseline in exploration.baselines),
            families="\n".join(f"| {family.name} | {family.explained} |" for family in families()),
            undisturbed=len(exploration.baselines),
            summary="\n".join(_summary(exploration.results)),
            excused="\n".join(_excused(exploration.results)),
            **counted,
        )
    ]
    for baseline in exploration.baselines:
        lines.append(f"### {baseline.name}\n")
        if not any(struck(baseline)):
            lines.append("Played once, and nothing was injected.\n")
            continue
        mine = [result for result in exploration.results if result.case.baseline == baseline.name]
        found = rows(mine, lambda result: result.case.state)
        columns = _families(found)
        lines += [
            f"| | {' | '.join(columns)} |",
            f"|---|{'---:|' * len(columns)}",
            *(
                f"| {state} | {' | '.join(str(cells.get(family, '')) for family in columns)} |"
                for state, cells in found.items()
            ),
            *_at_worst(mine, columns),
            "",
        ]
    return "\n".join(lines)
