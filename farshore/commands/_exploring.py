"""`farshore explore` and `farshore replay`: every fault at every call, and one of them described."""

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
    from ..explore.data import FaultCase, Result
    from ..explore.exploration import Exploration
    from ..explore.story import Story

STYLES = {"fault": "yellow", "BREACH": "bold red", "world": "cyan", "change": "green", "died": "yellow"}
FIGURES = re.compile(r"[0-9]+(\.[0-9]+)?")
MATRIX_WIDTH = 120
"""Letters of a line of the matrix, whatever the terminal holds."""
SHOWN_BREACHES = 20
"""Different breaches that are shown on a terminal; `--json` has all of them."""


@click.command("explore")
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
    from ..explore.exploration import as_json as as_data
    from ..explore.matrix import markdown

    exploration = Exploration(app, runbook, to_the_end=every)
    exploration.survey()
    cases = [case for case in exploration.cases(every) if only in str(case.seed)]
    if only_count:
        counted = exploration.count(every)
        click.echo(json.dumps(counted, indent=2) if as_json else _sentence(counted))
        return
    if not cases and not exploration.broken:
        raise click.UsageError(f"no seed contains {only!r}: `explore {app} --count` makes them all")
    _explore(exploration, cases)
    wall = time.perf_counter() - began
    if report is not None:
        save(report, markdown(exploration))
    if as_json:
        click.echo(json.dumps(as_data(exploration, wall), indent=2))
    else:
        _show(exploration, wall)
    sys.exit(0 if exploration.holds else 1)


@click.command("replay")
@click.argument("seeds", metavar="SEED…", nargs=-1, required=True)
@click.option("--shrink", is_flag=True, help="Make it the shortest story with the same breach first.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output, and nothing else.")
def replay_command(seeds: tuple[str, ...], shrink: bool, as_json: bool) -> None:
    """Describe a run that `explore` made, event by event: copy its seed from there.

    Exits 1 where one of them is not safe, or does not get there.
    """
    from ..explore.syntax import Unreadable, read

    found, wrong = [], []
    for text in seeds:
        try:
            found.append(read(text))
        except Unreadable as why:
            wrong.append(str(why))
    if wrong:
        raise click.UsageError("\n".join(wrong))
    runbooks = {seed.app: find(seed.app) for seed in found}
    as_the_twin()
    from ..explore.shrink import shortest
    from ..explore.story import story_of

    stories = []
    for seed in found:
        story = story_of(runbooks[seed.app], shortest(seed, runbooks[seed.app]) if shrink else seed)
        stories.append(story)
        if not as_json:
            _narrate(story)
    if as_json:
        click.echo(json.dumps([story.as_json() for story in stories], indent=2))
    sys.exit(1 if any(story.outcome.breaches for story in stories) else 0)


def _sentence(counted: Mapping[str, int]) -> str:
    return (
        f"{counted['points']:,} points in {counted['classes']:,} classes, x {counted['faults']} faults: "
        f"{counted['runs']:,} runs"
    )


def _explore(exploration: Exploration, cases: Sequence[FaultCase]) -> None:
    """With a bar on standard error for whoever waits."""
    console = Console(stderr=True)
    columns = (
        TextColumn("exploring"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[bad]}"),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        bar, bad = progress.add_task("", total=len(cases), bad=""), 0

        def ended(result: Result) -> None:
            nonlocal bad
            bad += bool(result.outcome.breaches)
            progress.update(bar, advance=1, bad=f"[red]{bad} bad[/]" if bad else "")

        exploration.explore(cases, ended)


def _show(exploration: Exploration, wall: float) -> None:
    from ..explore import matrix

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
        f"{wall:.0f} s, {runs / wall:.0f} runs/s. Times in the runs are simulated.",
        style="dim",
    )


def _narrate(story: Story) -> None:
    console, outcome = Console(highlight=False, soft_wrap=True), story.outcome
    console.print(f"{outcome.seed}", style="bold", markup=False)
    for moment in story.moments:
        style = STYLES.get(moment.kind, "")
        at = f"{int(moment.at) // 60:3d}:{int(moment.at) % 60:02d}"
        console.print(f"{at}  {moment.kind:7} {moment.text}", style=style, markup=False)
    safe, live = "safe" if outcome.safe else "NOT SAFE", "live" if outcome.live else "NOT LIVE"
    console.print(f"{outcome.status}: {safe}, {live}", style="bold")
