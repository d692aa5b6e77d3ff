"""Run the runbook of APP under every fault at every call.

Exits 1 where a run was not safe, or did not get there.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from ..compile.modes import refused
from ..runbook.find import find
from ..runbook.model import Runbook
from ._report_file import ReportFile, save
from ._twin import as_the_twin, say_customers

if TYPE_CHECKING:
    from ..explore.counts import Counts, Part
    from ..explore.data import FaultCase, Result
    from ..explore.exploration import Exploration
    from ..explore.results import Results
    from ..explore.what_if import Swept

MATRIX_WIDTH = 120
"""Letters of a line of the matrix, whatever the terminal holds."""
SHOWN_BREACHES = 20
"""Different breaches that are shown on a terminal; `--json` has all of them."""


class Shard(click.ParamType):
    """K/N, as 2/8: the second of eight parts."""

    name = "K/N"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        part, _, parts = value.partition("/")
        if not (part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts)):
            self.fail(f"{value!r}: write which part of how many, as 2/8", param, ctx)
        return int(part), int(parts)


@click.command()
@click.argument("app")
@click.option(
    "--count", "only_count", is_flag=True, help="Only count points, classes and faults; run nothing."
)
@click.option(
    "--all",
    "every",
    is_flag=True,
    help="Every tick, not just three of each class, every fault of a class, and every run to its end.",
)
@click.option("--only", metavar="TEXT", default="", help="Only runs whose seed contains TEXT.")
@click.option(
    "--shard",
    type=Shard(),
    default=(1, 1),
    help="Only the K-th of N equal parts, for machines side by side.",
)
@click.option(
    "--report",
    type=ReportFile(".md"),
    help="Write the matrix to a file, as Markdown, and beside it its counts, as JSON: a baseline run around "
    "which nothing has changed since is not explored again.",
)
@click.option("--anew", is_flag=True, help="With --report: explore all the same what it has counted.")
@click.option(
    "--check",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Fail where a report is of other runs than there are now; with --count, make none.",
)
@click.option(
    "--results",
    "files",
    multiple=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Runs that stand in the file are not made again, others are added to it. Give it as often as there "
    "are shards, and they are one exploration.",
)
@click.option(
    "--what-if",
    is_flag=True,
    help="Instead, the game day in the dark with what takes time shorter or longer: what to mend first.",
)
@click.option("--svg", type=ReportFile(".svg"), help="With --what-if: write it as a picture, too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output, and nothing else.")
def command(
    app: str,
    only_count: bool,
    every: bool,
    only: str,
    shard: tuple[int, int],
    report: Path | None,
    anew: bool,
    check: Path | None,
    files: Sequence[Path],
    what_if: bool,
    svg: Path | None,
    as_json: bool,
) -> None:
    nth, shards = shard
    if svg is not None and not what_if:
        raise click.UsageError("--svg is of --what-if: what survives is written by --report, as Markdown")
    if report is not None and shards > 1:
        raise click.UsageError("--report is of all runs: leave --shard out")
    if anew and report is None:
        raise click.UsageError("--anew is of a report that is there: name it with --report")
    began = time.perf_counter()
    runbook = find(app)
    as_the_twin()
    from ..explore.counts import NoCounts, digests, part_of, read
    from ..explore.exploration import Exploration
    from ..explore.exploration import as_json as as_data
    from ..explore.results import Foreign, Results

    try:
        results = Results(files, runbook)
        written = read(report) if report is not None else {}
        checked = read(check) if check is not None else {}
    except (Foreign, NoCounts) as why:
        raise click.UsageError(str(why)) from None
    say_customers(runbook, Console(stderr=True))
    for procedure in ("failover", "failback"):
        for mode, says in refused(runbook, procedure).items():
            click.echo(f"farshore: {procedure} is explored without {mode} runs: {says}", err=True)
    if what_if:
        _what_if(runbook, svg, as_json)
        return
    exploration = Exploration(app, runbook, to_the_end=every)
    exploration.survey(lambda result: _say(Console(stderr=True), result))
    cases = list(exploration.cases(every, only))
    of = digests(exploration.baselines, cases)
    stale = check is not None and not exploration.broken and _stale(check, exploration, checked, of)
    if only_count:
        counted = exploration.count(every)
        click.echo(json.dumps(counted, indent=2) if as_json else _sentence(counted))
        sys.exit(1 if exploration.broken or stale else 0)
    if not cases and not exploration.broken:
        raise click.UsageError(f"no seed contains {only!r}: `explore {app} --count` makes them all")
    known = {} if anew else written
    kept = {part: each for part, each in known.items() if each.of == of.get(part) and each.holds}
    _explore(exploration, [case for case in cases if part_of(case) not in kept][nth - 1 :: shards], results)
    wall = time.perf_counter() - began
    if as_json:
        click.echo(json.dumps(as_data(exploration, wall), indent=2))
    else:
        _show(exploration, wall, sum(each.runs for each in kept.values()))
    if report is not None:
        _save(report, exploration, kept, of)
    sys.exit(0 if exploration.holds and not stale else 1)


def _stale(
    report: Path, exploration: Exploration, counts: Mapping[Part, Counts], of: Mapping[Part, str]
) -> bool:
    """Says so where it is of other runs, or not what would be written of its counts."""
    from ..explore.matrix import markdown

    if {part: each.of for part, each in counts.items()} != of:
        wrong = "is of other runs"
    elif report.read_text(encoding="utf-8") != markdown(exploration, counts):
        wrong = "is not what its counts are written as"
    else:
        return False
    app = exploration.app
    click.echo(f"{report} {wrong}: write it anew with `explore {app} --report {report}`", err=True)
    return True


def _save(
    report: Path, exploration: Exploration, kept: Mapping[Part, Counts], of: Mapping[Part, str]
) -> None:
    """The report and its counts: what was kept of those, and what has been made."""
    from ..explore.counts import beside, by_part, counted, text
    from ..explore.matrix import markdown

    made = by_part(exploration.results)
    counts = {part: kept.get(part) or counted(digest, made[part]) for part, digest in of.items()}
    save(beside(report), text(counts))
    save(report, markdown(exploration, counts))


def _what_if(runbook: Runbook, svg: Path | None, as_json: bool) -> None:
    """The primary goes dark, and the alarm starts the run."""
    from ..explore.what_if import FACTORS, Game, picture, swept

    console = Console(stderr=True)
    with console.status("playing the game day again and again", spinner="line"):
        found = swept(Game(runbook, "ungraceful", runbook.regions.primary, 1))
    title = f"{runbook.application}: what its RTO hangs on, with {runbook.regions.primary} dark"
    if as_json:
        things = [vars(one) | {"nights": [*map(vars, one.nights)]} for one in found]
        click.echo(json.dumps({"title": title, "factors": FACTORS, "things": things}, indent=2))
    else:
        _show_what_if(found, title, FACTORS)
    if svg is not None:
        save(svg, picture(found, title, runbook.objectives.rto))


def _show_what_if(found: Sequence[Swept], title: str, factors: Sequence[float]) -> None:
    console = Console(highlight=False)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("")
    for name in ("takes", *(f"RTO at {factor:g}x" for factor in factors)):
        table.add_column(name, justify="right")
    for one in found:
        rtos = (f"{night.rto:.0f} s{'' if night.ok else ' *'}" for night in one.nights)
        table.add_row(one.name.replace("_", " "), f"{one.seconds:g} s", *rtos)
    console.print(f"{title}\n")
    if not found:
        console.print("nothing that takes time makes a difference of a second")
        return
    console.print(table)
    if not all(night.ok for one in found for night in one.nights):
        console.print("\n* it did not end well")
    best = max(found, key=lambda one: one.gain, default=None)
    if best is not None and best.gain > 0:
        name = best.name.replace("_", " ")
        console.print(f"\nmend first: {name}. Half as long, it is {best.gain:.0f} s less")
    console.print("Simulated: AWS takes the middle of what the twin's latency.yaml says.", style="dim")


def _sentence(counted: Mapping[str, int]) -> str:
    return (
        f"{counted['points']:,} points in {counted['classes']:,} classes, x {counted['faults']} faults: "
        f"{counted['runs']:,} runs"
    )


def _explore(exploration: Exploration, cases: Sequence[FaultCase], results: Results) -> None:
    """With a bar on standard error for whoever waits."""
    known = {case.seed: results.of(case.seed) for case in cases if case.seed in results}
    console = Console(stderr=True)
    columns = (
        TextColumn("exploring"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[bad]}"),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        bar, bad = progress.add_task("", total=len(cases) - len(known), bad=""), 0

        def ended(result: Result) -> None:
            nonlocal bad
            if result.outcome.breaches and not bad and not exploration.broken:
                _say(progress.console, result)
            bad += bool(result.outcome.breaches)
            results.add(result)
            progress.update(bar, advance=1, bad=f"[red]{bad} bad[/]" if bad else "")

        exploration.explore(cases, ended, known)


def _say(console: Console, result: Result) -> None:
    """At once, on standard error: whoever waits need not wait for all to mend the first."""
    breach = result.outcome.breaches[0]
    text = f"{breach.invariant}: {breach.story}\nfarshore replay '{result.case.seed}'"
    console.print(text, style="red", markup=False, highlight=False, soft_wrap=True)


def _show(exploration: Exploration, wall: float, kept: int) -> None:
    """`kept` runs need not be made: the report has counted them."""
    from ..explore import matrix
    from ..explore.points import FIGURES

    console = Console(highlight=False)
    wide = Console(highlight=False, width=max(console.width, MATRIX_WIDTH))
    wide.print(matrix.terminal(exploration))
    alike: dict[tuple[str, str], list[str]] = {}
    for result, breach in exploration.breaches():
        key = breach.invariant, FIGURES.sub("#", breach.story)
        alike.setdefault(key, []).append(str(result.case.seed))
    for (invariant, story), seeds in list(alike.items())[:SHOWN_BREACHES]:
        console.print(f"\n{invariant} in {len(seeds)} runs: {story}", style="bold red", markup=False)
        console.print(f"farshore replay --shrink '{min(seeds, key=len)}'", markup=False, soft_wrap=True)
    for result in exploration.broken:
        wrong = f"\n{result.case.baseline} goes wrong by itself, and nothing was injected: mend that first"
        console.print(wrong, style="bold red", markup=False, soft_wrap=True)
    runs, good = exploration.made, exploration.good
    console.print(
        f"\n{runs:,} runs: {good['safe']:,} safe, {good['live']:,} live; "
        f"{wall:.0f} s, {runs / wall:.0f} runs/s. Times in the runs are simulated."
        f"{f' {kept:,} others, safe and live, stand as the report has counted them.' if kept else ''}",
        style="dim",
    )
