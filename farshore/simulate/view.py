"""A game day on a terminal: the Regions as they stand, how customers fare, and what happened above them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import groupby

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ..operate.run_tree import drawn
from .keys import Keys
from .report import Fared, Moment, RegionScene, Scene

PACE = 80.0
"""Simulated seconds in a second, so that a person can follow."""
FASTER = 2
"""By so much a key changes the pace."""
BARS = "▁▂▃▄▅▆▇█"
COLOURS = {
    "outage": "bold red",
    "alarm": "bold yellow",
    "return": "bold red",
    "end": "bold green",
    "failed": "bold red",
    "plan": "cyan",
    "approve": "cyan",
    "start": "bold",
}
BAR_SECONDS = 30
"""A bar of the customers' line stands for so many."""


class Lines:
    """The story as plain lines, for pipes, files and logs."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None: ...

    def say(self, moment: Moment) -> None:
        self._console.print(line_of(moment))

    def show(self, scene: Scene) -> None: ...


def line_of(moment: Moment) -> Text:
    """What happened, in its colour."""
    text = f"{_clock(moment.at)}  {moment.kind:9s} {moment.text}"
    return Text(text, COLOURS.get(moment.kind, ""))


def trace(fared: Sequence[Fared]) -> Text:
    """How customers fared."""
    text = Text()
    for _, some in groupby(fared, lambda each: (each.at - 1) // BAR_SECONDS):
        bar = list(some)
        done, failed = sum(each.done for each in bar), sum(each.failed for each in bar)
        share = done / (done + failed) if done + failed else 1.0
        style = "green" if share > 0.95 else "yellow" if share > 0.05 else "red"
        text.append(BARS[round(share * (len(BARS) - 1))], style)
    return text


class Screen(Lines):
    """The same lines on a terminal, above the run, the Regions and the customers as they stand."""

    def __init__(self, console: Console, pace: float, keys: Keys) -> None:
        """`pace` is how many simulated seconds pass in a second, at most."""
        super().__init__(console)
        self._live = Live(console=console, refresh_per_second=20, transient=True)
        self._pace, self._at, self._keys = pace, 0.0, keys
        self._paused = self._until_said = False

    def __enter__(self) -> Screen:
        self._live.__enter__()
        return self

    def __exit__(self, *what: object) -> None:
        self._live.__exit__(None, None, None)

    def say(self, moment: Moment) -> None:
        super().say(moment)
        self._paused, self._until_said = self._paused or self._until_said, False

    def show(self, scene: Scene) -> None:
        """For as long as the scene lasts at this pace, and for as long as a person wants it to."""
        due = time.perf_counter() + (scene.at - self._at) / self._pace
        self._at, key, goes_on = scene.at, "", False
        while not goes_on:
            self._live.update(drawn_scene(scene, f"  ({self._says()})"), refresh=bool(key))
            left = None if self._paused else max(0.0, due - time.perf_counter())
            key = self._keys.pressed(left)
            goes_on = not key or self._goes_on(key)

    def _goes_on(self, key: str) -> bool:
        """What a key does; whether the next scene comes at once."""
        match key:
            case " ":
                self._paused = not self._paused
            case "n":
                self._paused, self._until_said = False, True
            case "+":
                self._pace *= FASTER
            case "-":
                self._pace /= FASTER
        return key in ("s", "n")

    def _says(self) -> str:
        if self._paused:
            return "paused: space goes on, s a second, n to what happens next"
        return f"{self._pace:g}x: space pauses, + and - change the pace"


def drawn_scene(scene: Scene, pace: str = "") -> RenderableType:
    """The run, the Regions, the customers and the clock."""
    regions = Table.grid(expand=True, padding=(0, 1))
    for _ in scene.regions:
        regions.add_column(ratio=1)
    regions.add_row(*(_region(name, what) for name, what in scene.regions.items()))
    fared = f"  {scene.done} visits went well, {scene.failed} did not"
    customers = Text.assemble("customers  ", trace(scene.fared), fared)
    clock = Text(f"{_clock(scene.at)}  {scene.doing}{pace}", style="bold")
    return Group(*([] if scene.run is None else [drawn(scene.run)]), regions, customers, clock)


def _region(name: str, region: RegionScene) -> Panel:
    if region.dark:
        return Panel(Text("dark: nothing answers", style="bold white on red"), title=name, border_style="red")
    table = Table.grid(padding=(0, 2))
    for row in region.rows:
        table.add_row(row.name, Text(row.says, style="green" if row.serves else "dim"))
    table.add_row("visits", f"{region.done} went well, {region.failed} did not, in the last half minute")
    table.add_row("writes", f"{region.writes}")
    return Panel(table, title=name, border_style="green" if region.has_customers else "dim")


def _clock(at: float) -> str:
    minutes, seconds = divmod(int(at), 60)
    return f"{minutes:3d}:{seconds:02d}"
