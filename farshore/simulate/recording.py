"""A rehearsal as a film: one SVG that plays by itself, of what a terminal of 100 columns would have shown.

Its frames hang under one another, and one is seen at a time. A line that stands in several is kept once. It
asks for nothing from outside, and for who wants no motion it stands still at its end.
"""

from __future__ import annotations

import io
import re
from html import escape

from rich.console import Console, RenderableType
from rich.segment import Segment, Segments
from rich.text import Text

from .report import Moment, Scene
from .view import Lines, drawn_scene, line_of

COLUMNS, ROWS = 100, 40
ROW = 24.4
"""How high rich draws one, in its own units; and a letter is half as wide."""
LETTER = ROW / 2
FRAME_SECONDS, LAST_SECONDS = 0.45, 6.0
QUIET_SECONDS = 60.0
"""A frame is taken when something was said, and after so many simulated seconds in which nothing was."""
PARTS = "{styles}\0{matrix}"
"""What is taken of rich's own SVG."""


class Recording(Lines):
    """The same lines as ever, and frames of what stood below them."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._film = Console(
            record=True, file=io.StringIO(), width=COLUMNS, force_terminal=True, color_system="truecolor"
        )
        self._said: list[Text] = []
        self._frames, self._taken_at, self._told = 0, 0.0, 0

    def say(self, moment: Moment) -> None:
        super().say(moment)
        self._said.append(line_of(moment))

    def show(self, scene: Scene) -> None:
        if len(self._said) > self._told or scene.at >= self._taken_at + QUIET_SECONDS:
            self._told, self._taken_at = len(self._said), scene.at
            self.frame(drawn_scene(scene))

    def frame(self, below: RenderableType) -> None:
        """One more: this, and above it what was said last, as far as there is room."""
        options = self._film.options.update(width=COLUMNS)
        shown = self._film.render_lines(below, options, pad=False)[-ROWS:]
        said = [
            line for text in self._said[-ROWS:] for line in self._film.render_lines(text, options, pad=False)
        ]
        room = ROWS - len(shown) - 1
        rows = [*said[-room:], [], *shown] if room > 0 else shown
        for row in [*rows, *[[]] * (ROWS - len(rows))]:
            self._film.print(Segments([*row, Segment.line()]))
        self._frames += 1

    def svg(self, title: str) -> str:
        styles, matrix = self._film.export_svg(code_format=PARTS, unique_id="t").split("\0")
        rows = [_plain(row) for row in re.split(r"<text [^>]*>\n</text>\n?", matrix)][: self._frames * ROWS]
        kept = {row: f"r{number}" for number, row in enumerate(dict.fromkeys(rows)) if row}
        width, height = COLUMNS * LETTER, ROWS * ROW
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width + 32:g} {height + 32:g}" '
                f'role="img" aria-label="{escape(title)}">',
                f"<title>{escape(title)}</title>",
                f"<style>{self._style(styles, height)}</style>",
                "<defs>",
                *(f'<g id="{name}">{row}</g>' for row, name in kept.items()),
                "</defs>",
                f'<rect width="100%" height="100%" rx="8" class="back"/>'
                f'<svg x="16" y="16" width="{width:g}" height="{height:g}"><g class="film">',
                *(
                    f'<use href="#{kept[row]}" y="{number * ROW:g}"/>'
                    for number, row in enumerate(rows)
                    if row
                ),
                "</g></svg></svg>",
                "",
            ]
        )

    def _style(self, styles: str, height: float) -> str:
        whole = (self._frames - 1) * FRAME_SECONDS + LAST_SECONDS
        steps = "".join(
            f"{100 * n * FRAME_SECONDS / whole:.3f}%{{transform:translateY({-n * height:g}px)}}"
            for n in range(self._frames)
        )
        last = f"translateY({-(self._frames - 1) * height:g}px)"
        return (
            "text{font:20px ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;white-space:pre}"
            f".back{{fill:#292929}}{styles}"
            f".film{{animation:film {whole:g}s step-end infinite}}@keyframes film{{{steps}}}"
            f"@media (prefers-reduced-motion:reduce){{.film{{animation:none;transform:{last}}}}}"
        )


def _plain(row: str) -> str:
    """At the top, and not cut: no line is longer than there are columns."""
    row = re.sub(r' (y|clip-path)="[^"]*"', "", row)
    return row.replace("<text ", '<text y="20" ').strip()
