"""`farshore explore` and `farshore replay`: every fault at every call, and one of them told."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ..runbook.find import find
from ._report_file import ReportFile, save
from ._twin import as_the_twin

if TYPE_CHECKING:
    from ..explore.cases import Struck
    from ..explore.exploration import Exploration, Verdict
    from ..explore.story import Tale

STYLES = {"fault": "yellow", "BREACH": "bold red", "world": "cyan", "change": "green", "died": "yellow"}
FIGURES = re.compile(r"[0-9]+(\.[0-9]+)?")
MATRIX_WIDTH = 120
"""Letters of a line of the matrix, whatever the terminal holds."""
TOLD_BREACHES = 20
"""Different breaches that are told on a terminal; `--json` has all of them."""


@click.command("explore")
@click.argument("app")
@click.option(
    "--count", "only_count", is_flag=True, help="Only count points, classes and faults; run nothing."
)
@click.option(
    "--all",
    "every",
    is_flag=True,
    help="Strike every tick, not just three of each class, and follow every run to its end.",
)
@click.option("--only", metavar="TEXT", default="", help="Only runs whose seed contains TEXT.")
@click.option(
    "--report",
    type=ReportFile(),
    help="Write the matrix to a file, as Markdown.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output, and nothing else.")
def explore_command(
    app: str, only_count: bool, every: bool, only: str, report: Path | None, as_json: bool
) -> None:
    """Run APP's runbook in the twin under every single failure there is, at every call.

    Exits 1 where a run was not safe, or did not get there.
    """
    began = time.perf_counter()
    runbook = find(app)
    as_the_twin()
    from ..explore.exploration import Exploration
    from ..explore.exploration import as_json as told
    from ..explore.matrix import markdown

    exploration = Exploration(app, runbook, to_the_end=every)
    exploration.survey()
    runs = [struck for struck in exploration.runs(every) if only in str(struck.seed)]
    if only_count:
        counted = exploration.count(every)
        click.echo(json.dumps(counted, indent=2) if as_json else _sentence(counted))
        return
    if not runs and not exploration.broken:
        raise click.UsageError(f"no seed contains {only!r}: `explore {app} --count` makes them all")
    _explore(exploration, runs)
    wall = time.perf_counter() - began
    if report is not None:
        save(report, markdown(exploration))
    if as_json:
        click.echo(json.dumps(told(exploration, wall), indent=2))
    else:
        _tell(exploration, wall)
    sys.exit(0 if exploration.holds else 1)


@click.command("replay")
@click.argument("seeds", metavar="SEED…", nargs=-1, required=True)
@click.option("--shrink", is_flag=True, help="Make it the shortest story with the same breach first.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output, and nothing else.")
def replay_command(seeds: tuple[str, ...], shrink: bool, as_json: bool) -> None:
    """Tell a run that `explore` made, event by event: copy its seed from there.

    Exits 1 where one of them is not safe, or does not get there.
    """
    from ..explore.seed import Unreadable, read

    scripts, wrong = [], []
    for seed in seeds:
        try:
            scripts.append(read(seed))
        except Unreadable as why:
            wrong.append(str(why))
    if wrong:
        raise click.UsageError("\n".join(wrong))
    runbooks = {script.app: find(script.app) for script in scripts}
    as_the_twin()
    from ..explore import story
    from ..explore.shrink import shortest

    good = True
    told = []
    for script in scripts:
        wanted = shortest(script, runbooks[script.app]) if shrink else script
        tale = story.tell(runbooks[script.app], wanted)
        good = good and not tale.outcome.breaches
        told.append(tale.as_json())
        if not as_json:
            _narrate(tale)
    if as_json:
        click.echo(json.dumps(told, indent=2))
    sys.exit(0 if good else 1)


def _sentence(counted: Mapping[str, int]) -> str:
    return (
        f"{counted['points']:,} points in {counted['classes']:,} classes, x {counted['faults']} faults: "
        f"{counted['runs']:,} runs"
    )


def _explore(exploration: Exploration, runs: Sequence[Struck]) -> None:
    """With a bar on standard error for whoever waits."""
    console = Console(stderr=True)
    columns = (
        TextColumn("exploring"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[bad]}"),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        bar, bad = progress.add_task("", total=len(runs), bad=""), 0

        def told(verdict: Verdict) -> None:
            nonlocal bad
            bad += bool(verdict.breaches)
            progress.update(bar, advance=1, bad=f"[red]{bad} bad[/]" if bad else "")

        exploration.explore(runs, told)


def _tell(exploration: Exploration, wall: float) -> None:
    from ..explore import matrix

    console = Console(highlight=False)
    wide = Console(highlight=False, width=max(console.width, MATRIX_WIDTH))
    wide.print(matrix.terminal(exploration))
    told: dict[tuple[str, str], list[str]] = {}
    for verdict, breach in exploration.breaches():
        told.setdefault((breach.invariant, FIGURES.sub("#", breach.story)), []).append(
            str(verdict.struck.seed)
        )
    for (invariant, story), seeds in list(told.items())[:TOLD_BREACHES]:
        console.print(f"\n{invariant} in {len(seeds)} runs: {story}", style="bold red", markup=False)
        console.print(f"farshore replay --shrink '{min(seeds, key=len)}'", markup=False, soft_wrap=True)
    for verdict in exploration.broken:
        wrong = f"\n{verdict.struck.base} goes wrong by itself, and was not struck: mend that first"
        console.print(wrong, style="bold red", markup=False)
    runs, good = exploration.made, exploration.good
    console.print(
        f"\n{runs:,} runs: {good['safe']:,} safe, {good['live']:,} live; "
        f"{wall:.0f} s, {runs / wall:.0f} runs/s. Times in the runs are simulated.",
        style="dim",
    )


def _narrate(tale: Tale) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{tale.outcome.seed}", style="bold", markup=False)
    for moment in tale.moments:
        style = STYLES.get(moment.kind, "")
        at = f"{int(moment.at) // 60:3d}:{int(moment.at) % 60:02d}"
        console.print(f"{at}  {moment.kind:7} {moment.text}", style=style, markup=False)
    word = "safe" if tale.outcome.safe else "NOT SAFE"
    console.print(
        f"{tale.outcome.status}: {word}, {'live' if tale.outcome.live else 'NOT LIVE'}", style="bold"
    )
