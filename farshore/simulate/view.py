"""A game day on a terminal: the Regions as they stand, how customers fare, and what happened above them."""

from __future__ import annotations

import time
from dataclasses import dataclass

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ..operate.run_tree import drawn
from .report import Moment, RegionScene, Scene

PACE = 80.0
"""Simulated seconds in a second, so that a person can follow."""
BARS = "▁▂▃▄▅▆▇█"
WIDTH = 48
COLOURS = {
    "outage": "bold red",
    "alarm": "bold yellow",
    "return": "bold red",
    "end": "bold green",
    "plan": "cyan",
    "approve": "cyan",
    "start": "bold",
}
TRACE_SECONDS = 30
"""A bar of the customers' line stands for so many."""


class Lines:
    """The story as plain lines, for pipes, files and logs."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None: ...

    def say(self, moment: Moment) -> None:
        style = COLOURS.get(moment.kind, "")
        text = f"{_clock(moment.at)}  {moment.kind:9s} {moment.text}"
        self._console.print(text, style=style, markup=False)

    def show(self, scene: Scene) -> None: ...


@dataclass
class _Trace:
    """How customers fared, a bar for every so many frames."""

    bars: str = ""
    fates: str = ""

    def add(self, scene: Scene) -> None:
        tries = scene.done + scene.failed
        share = scene.done / tries if tries else 1.0
        self.bars = (self.bars + BARS[round(share * (len(BARS) - 1))])[-WIDTH:]
        self.fates = (self.fates + ("g" if share > 0.95 else "y" if share > 0.05 else "r"))[-WIDTH:]

    def text(self) -> Text:
        styles = {"g": "green", "y": "yellow", "r": "red"}
        parts = [(bar, styles[fate]) for bar, fate in zip(self.bars, self.fates, strict=True)]
        return Text.assemble(*parts)


class Screen(Lines):
    """The same lines on a terminal, above the run, the Regions and the customers as they stand."""

    def __init__(self, console: Console, pace: float = PACE) -> None:
        """`pace` is how many simulated seconds pass in a second, at most."""
        super().__init__(console)
        self._live = Live(console=console, refresh_per_second=20, transient=True)
        self._trace = _Trace()
        self._pace, self._at = pace, 0.0

    def __enter__(self) -> Screen:
        self._live.__enter__()
        return self

    def __exit__(self, *what: object) -> None:
        self._live.__exit__(None, None, None)

    def show(self, scene: Scene) -> None:
        if int(scene.at) % TRACE_SECONDS == 0:
            self._trace.add(scene)
        self._live.update(self._drawn(scene))
        time.sleep((scene.at - self._at) / self._pace)
        self._at = scene.at

    def _drawn(self, scene: Scene) -> RenderableType:
        regions = Table.grid(expand=True, padding=(0, 1))
        for _ in scene.regions:
            regions.add_column(ratio=1)
        regions.add_row(*(_region(name, what) for name, what in scene.regions.items()))
        fared = f"  {scene.done} visits went well, {scene.failed} did not"
        customers = Text.assemble("customers  ", self._trace.text(), fared)
        clock = Text(f"{_clock(scene.at)}  {scene.doing}  ({self._pace:g}x)", style="bold")
        return Group(*([] if scene.run is None else [drawn(scene.run)]), regions, customers, clock)


def _region(name: str, region: RegionScene) -> Panel:
    if region.dark:
        return Panel(Text("dark: nothing answers", style="bold white on red"), title=name, border_style="red")
    table = Table.grid(padding=(0, 2))
    for row in region.rows:
        table.add_row(
            row.name, Text(row.if_so, style="green") if row.serves else Text(row.if_not, style="dim")
        )
    table.add_row("writes", f"{region.writes} in the last half minute")
    return Panel(table, title=name, border_style="green" if region.has_customers else "dim")


def _clock(at: float) -> str:
    minutes, seconds = divmod(int(at), 60)
    return f"{minutes:3d}:{seconds:02d}"
