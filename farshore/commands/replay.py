"""Describe runs that `explore` made, event by event.

Copy their seeds from there. Exits 1 where one of them is not safe, does not get there, or names a fault
that its run never meets.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click
from rich.console import Console

from ..runbook.find import find
from ._twin import as_the_twin, say_customers

if TYPE_CHECKING:
    from ..explore.story import Story

STYLES = {"fault": "yellow", "BREACH": "bold red", "world": "cyan", "change": "green", "died": "yellow"}


@click.command()
@click.argument("seeds", metavar="SEED…", nargs=-1, required=True)
@click.option("--shrink", is_flag=True, help="Make it the shortest story with the same breach first.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output, and nothing else.")
def command(seeds: tuple[str, ...], shrink: bool, as_json: bool) -> None:
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

    for runbook in runbooks.values():
        say_customers(runbook, Console(stderr=True))
    stories = []
    for seed in found:
        story = story_of(runbooks[seed.app], shortest(seed, runbooks[seed.app]) if shrink else seed)
        stories.append(story)
        if not as_json:
            _narrate(story)
    if as_json:
        click.echo(json.dumps([story.as_json() for story in stories], indent=2))
    sys.exit(1 if any(story.outcome.breaches or story.never for story in stories) else 0)


def _narrate(story: Story) -> None:
    console, outcome = Console(highlight=False, soft_wrap=True), story.outcome
    console.print(f"{outcome.seed}", style="bold", markup=False)
    for moment in story.moments:
        style = STYLES.get(moment.kind, "")
        at = f"{int(moment.at) // 60:3d}:{int(moment.at) % 60:02d}"
        console.print(f"{at}  {moment.kind:7} {moment.text}", style=style, markup=False)
    safe, live = "safe" if outcome.safe else "NOT SAFE", "live" if outcome.live else "NOT LIVE"
    console.print(f"{outcome.status}: {safe}, {live}", style="bold")
    for fault in story.never:
        console.print(
            f"{fault} never happened, for the run made no call there: copy a seed from `farshore explore`",
            style="bold red",
            markup=False,
        )
