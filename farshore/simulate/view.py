"""A game day on a terminal: the Regions as they stand, how customers fare, and what happened above them."""

from __future__ import annotations

import time
from dataclasses import dataclass

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from .report import Moment, RegionScene, Scene

FRAME_SECONDS = 0.06
"""Real time that a frame stays at least: five simulated seconds, so that a person can follow."""
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
    """The same lines on a terminal, above the two Regions as they stand."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._live = Live(console=console, refresh_per_second=20, transient=True)
        self._trace = _Trace()
        self._frames = 0

    def __enter__(self) -> Screen:
        self._live.__enter__()
        return self

    def __exit__(self, *what: object) -> None:
        self._live.__exit__(None, None, None)

    def show(self, scene: Scene) -> None:
        self._frames += 1
        if self._frames % 6 == 0:
            self._trace.add(scene)
        self._live.update(self._drawn(scene))
        time.sleep(FRAME_SECONDS)

    def _drawn(self, scene: Scene) -> RenderableType:
        regions = Table.grid(expand=True, padding=(0, 1))
        for _ in scene.regions:
            regions.add_column(ratio=1)
        regions.add_row(*(_region(name, what) for name, what in scene.regions.items()))
        customers = Text.assemble(
            "customers  ", self._trace.text(), f"  {scene.done} visits went well, {scene.failed} did not"
        )
        return Group(regions, Text(f"{_clock(scene.at)}  {scene.doing}", style="bold"), customers)


def _region(name: str, region: RegionScene) -> Panel:
    if region.dark:
        return Panel(Text("dark: nothing answers", style="bold white on red"), title=name, border_style="red")
    table = Table.grid(padding=(0, 2))
    for row in region.rows:
        table.add_row(
            row.name, Text(row.if_so, style="green") if row.serves else Text(row.if_not, style="dim")
        )
    return Panel(table, title=name, border_style="green" if region.has_customers else "dim")


def _clock(at: float) -> str:
    minutes, seconds = divmod(int(at), 60)
    return f"{minutes:3d}:{seconds:02d}"
