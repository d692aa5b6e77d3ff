"""What an RTO hangs on: the same game day again and again, with one thing that takes time shorter or longer.

A person who decides sooner or later, names that are kept for a shorter or longer time, and each of AWS's own
durations that the game day met: half as long as it is taken to be, twice and four times. What makes most
difference is to be mended first. Everything is simulated.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from functions.run import Mode
from twin.customers import FOR_EVER, LONGEST_KEPT_TTL

from ..compile.drawing import DARK, LIGHT
from ..runbook.model import Runbook
from ..simulate.rehearsal import APPROVE_AFTER, Rehearsal
from .forks import CORES

FACTORS = (0.5, 1.0, 2.0, 4.0)
TIMES = ("half as long", "as it is", "twice", "4 times")
SHORT_SECONDS = 0.2
"""What never takes longer is not asked about: a single call."""
FAST: Mapping[str, Any] = {"data": "memory", "backed": "doubles"}
PERSON, NAMES = "a person decides", "names are kept"


@dataclass(frozen=True)
class Night:
    """What one game day came to."""

    rto: float
    """Seconds."""
    lost: int
    """Acknowledged writes."""
    ok: bool
    """It ended, and nothing was broken that must always hold."""


@dataclass(frozen=True)
class Swept:
    """One thing that takes time, and what came of it at each factor."""

    name: str
    seconds: float
    """How long it is taken to be; the middle of what AWS may take."""
    nights: tuple[Night, ...]
    """By FACTORS."""

    @property
    def gain(self) -> float:
        """Seconds of the RTO that go if it takes half as long."""
        return self.nights[FACTORS.index(1.0)].rto - self.nights[FACTORS.index(0.5)].rto

    @property
    def span(self) -> float:
        """Between the best night and the worst, in seconds."""
        rtos = [night.rto for night in self.nights]
        return max(rtos) - min(rtos)


@dataclass(frozen=True)
class Game:
    runbook: Runbook
    mode: Mode
    dark: str | None
    seed: int


def swept(game: Game) -> list[Swept]:
    """By what it makes of the RTO, the most first."""
    as_it_is, met = _played(game, "", 1.0)
    things = [(PERSON, APPROVE_AFTER), (NAMES, LONGEST_KEPT_TTL), *met]
    jobs = [(name, factor) for name, _ in things for factor in FACTORS if factor != 1.0]
    nights: dict[tuple[str, float], Night] = {(name, 1.0): as_it_is for name, _ in things}
    with multiprocessing.get_context("fork").Pool(CORES, _GAMES.append, (game,)) as pool:
        nights |= zip(jobs, pool.map(_night, jobs), strict=True)
        pool.close()
        pool.join()
    found = [Swept(name, long, tuple(nights[name, each] for each in FACTORS)) for name, long in things]
    return sorted((one for one in found if one.span > 1), key=lambda one: one.span, reverse=True)


_GAMES: list[Game] = []
"""In a process beside this one, what it plays: a runbook can be inherited, and not sent."""


def _night(job: tuple[str, float]) -> Night:
    return _played(_GAMES[-1], *job)[0]


def _played(game: Game, name: str, factor: float) -> tuple[Night, list[tuple[str, float]]]:
    """With the thing of this name so many times as long as the middle of what it may be, and all others as
    long as that; and which of AWS's durations it met, in seconds."""
    with Rehearsal(game.runbook, game.mode, game.dark, game.seed, lambda moment: None, **FAST) as rehearsal:
        latency = rehearsal.simulation.cloud.latency
        for entry in latency.table.values():  # else one duration more would throw all dice anew
            entry["seconds"] = [sum(entry["seconds"]) / 2] * 2
        if name == PERSON:
            rehearsal.approve_after *= factor
        elif name == NAMES:
            customers = rehearsal.simulation.customers
            customers.ttls = tuple(ttl * factor if ttl < FOR_EVER else ttl for ttl in customers.ttls)
        elif name:
            latency.table[name]["seconds"] = [factor * bound for bound in latency.table[name]["seconds"]]
        report = rehearsal.play()
        met = [(each, latency.table[each]["seconds"][0]) for each in sorted(latency.used)]
    rto = float(report.clients["rto_seconds"]) if report.clients else float("inf")
    lost = len(report.data["lost"]) if report.clients else 0
    return Night(rto, lost, report.ok), [(each, long) for each, long in met if long > SHORT_SECONDS]


WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 420, 56, 250, 48, 40
"""Pixels; text is never scaled."""
SHADES = ("move", "other", "lead", "see", "ask", "verify")
"""Of the lines, the steepest first: names of colours."""


def _painted(colours: Mapping[str, str]) -> str:
    """The style sheet's colours."""
    lines = "\n".join(
        f"polyline.{name} {{ stroke: {shade} }} circle.{name}, rect.{name} {{ fill: {shade} }}"
        for name, shade in ((name, colours[name]) for name in SHADES)
    )
    ink, ground, soft = colours["ink"], colours["ground"], colours["soft"]
    return f"text {{ fill: {ink} }} .ground {{ fill: {ground} }} line {{ stroke: {soft} }}\n{lines}\n"


STYLE = (
    "text { font: 13px system-ui, 'DejaVu Sans', sans-serif } polyline { fill: none; stroke-width: 2 }\n"
    f"{_painted(LIGHT)}@media (prefers-color-scheme: dark) {{\n{_painted(DARK)}}}"
)


def picture(found: Sequence[Swept], title: str, objective: float) -> str:
    """One SVG file, light or dark as its reader's screen is: a line for each of the first few things, over
    how long it takes, up to the RTO."""
    shown = found[: len(SHADES)]
    top = max([objective, *(night.rto for one in shown for night in one.nights)]) * 1.05
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def at(place: int, rto: float) -> tuple[float, float]:
        return LEFT + wide * place / (len(FACTORS) - 1), TOP + high * (1 - rto / top)

    def lines() -> Iterator[str]:
        yield f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" role="img">'
        yield f"<title>{escape(title)}</title>"
        yield f"<style>{STYLE}</style>"
        yield '<rect class="ground" width="100%" height="100%"/>'
        yield f'<text x="{LEFT}" y="24" font-weight="600">{escape(title)}</text>'
        _, level = at(0, objective)
        ends = f'x1="{LEFT}" x2="{LEFT + wide}" y1="{level:.1f}" y2="{level:.1f}"'
        yield f'<line {ends} stroke-dasharray="6 4"/>'
        yield f'<text x="{LEFT + 4}" y="{level - 5:.1f}">the objective, {objective:g} s</text>'
        for place, words in enumerate(TIMES):
            x, _ = at(place, 0)
            yield f'<text x="{x:.1f}" y="{HEIGHT - 14}" text-anchor="middle">{words}</text>'
        for rto in (0, top / 2, top):
            yield f'<text x="{LEFT - 8}" y="{at(0, rto)[1] + 4:.1f}" text-anchor="end">{rto:.0f} s</text>'
        for number, (one, shade) in enumerate(zip(shown, SHADES, strict=False)):
            points = [at(place, night.rto) for place, night in enumerate(one.nights)]
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            yield f'<polyline class="{shade}" points="{path}"/>'
            yield from (f'<circle class="{shade}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in points)
            y = TOP + 8 + 20 * number
            yield f'<rect x="{LEFT + wide + 24}" y="{y - 9}" width="10" height="10" class="{shade}"/>'
            said = f"{one.name.replace('_', ' ')}, {one.seconds:g} s"
            yield f'<text x="{LEFT + wide + 40}" y="{y}">{escape(said)}</text>'
        yield "</svg>\n"

    return "\n".join(lines())
