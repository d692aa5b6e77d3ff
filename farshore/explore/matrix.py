"""What survived, as tables: for a terminal a column each baseline run, for docs a table each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files

from rich.table import Table

from .cases import struck
from .counts import FIGURES, Cell, Counts, Part, part_of
from .exploration import Exploration
from .kinds import families

Rows = dict[str, dict[str, Cell]]
"""By place, then by family."""


def terminal(exploration: Exploration) -> Table:
    """A column each baseline run: how many of its fault cases were safe and got there."""
    found: Rows = {}
    for result in exploration.results:
        baseline, family = part_of(result.case)
        cells = found.setdefault(baseline, {})
        cells[family] = cells.get(family, Cell()) + Cell(1, result.outcome.good)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("", no_wrap=True)
    for baseline in found:
        table.add_column(baseline.replace(" ", "\n"), justify="right", vertical="bottom", no_wrap=True)
    for family in _families(found):
        table.add_row(family, *(_coloured(cells.get(family, Cell())) for cells in found.values()))
    return table


def _coloured(cell: Cell) -> str:
    return f"[{'green' if cell.good == cell.runs else 'bold red'}]{cell}[/]" if cell.runs else ""


def _summary(counts: Mapping[Part, Counts]) -> Iterator[str]:
    """A line each family, of all that was played."""
    yield "| what goes wrong | runs | without service, at most | exposed, at most | pages, at most |"
    yield "|---|---:|---:|---:|---:|"
    for family in families():
        mine = [each for part, each in counts.items() if part.family == family.name]
        if mine:
            whole = sum((cell for each in mine for cell in each.states.values()), Cell())
            unserved, exposed, pages = (max(each.worst[name] for each in mine) for name in FIGURES[:3])
            yield f"| {family.name} | {whole} | {unserved:,} s | {exposed:,} s | {pages:,} |"


def _excused(counts: Iterable[Counts]) -> Iterator[str]:
    """What was let pass, and how often."""
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each.excused)
    yield "| what was let pass, and why | runs |"
    yield "|---|---:|"
    yield from (f"| {sentence} | {runs:,} |" for sentence, runs in sorted(total.items()))


def _families(found: Rows) -> list[str]:
    return [family.name for family in families() if any(family.name in cells for cells in found.values())]


def markdown(exploration: Exploration, counts: Mapping[Part, Counts]) -> str:
    """As docs/reliability/ has it: a table each baseline run, a line each state."""
    every, undisturbed = list(counts.values()), len(exploration.baselines)
    told = exploration.count(exploration.to_the_end) | {
        "runs": undisturbed + sum(each.runs for each in every),
        "safe": undisturbed - len(exploration.broken) + sum(each.safe for each in every),
        "live": undisturbed - len(exploration.broken) + sum(each.live for each in every),
        "rejoined": sum(each.rejoined for each in every),
    }
    preface = (files("farshore.explore") / "preface.md").read_text()
    lines = [
        preface.format(
            application=exploration.runbook.application,
            baselines=sum(any(struck(baseline)) for baseline in exploration.baselines),
            families="\n".join(f"| {family.name} | {family.explained} |" for family in families()),
            undisturbed=undisturbed,
            summary="\n".join(_summary(counts)),
            excused="\n".join(_excused(every)),
            **told,
        )
    ]
    for baseline in exploration.baselines:
        mine = {part.family: each for part, each in counts.items() if part.baseline == baseline.name}
        lines += [f"### {baseline.name}\n", *(_table(mine) if mine else [PLAYED_ONCE]), ""]
    return "\n".join(lines)


PLAYED_ONCE = "Played once, and nothing was injected."


def _table(counts: Mapping[str, Counts]) -> Iterator[str]:
    """Of one baseline run: a column each family, a line each state."""
    columns = [family.name for family in families() if family.name in counts]
    mine = [counts[family] for family in columns]
    yield f"| | {' | '.join(columns)} |"
    yield f"|---|{'---:|' * len(columns)}"
    for state in dict.fromkeys(state for each in counts.values() for state in each.states):
        yield f"| {state} | {' | '.join(str(each.states.get(state, '')) for each in mine)} |"
    for name in FIGURES:
        yield f"| *{name}* | {' | '.join(f'*{each.worst[name]:,}*' for each in mine)} |"
