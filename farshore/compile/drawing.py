"""An outline as a picture: a box a line, from top to bottom; what stands side by side is within one frame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape

from .outline import NO_RETURN, Box, Outline, first_no_return

WIDTH, MARGIN, INDENT = 760, 16, 28
"""Pixels; text is never scaled, so that it can be read where the picture is narrow."""
BOX, GAP, TITLE, RULE = 46, 10, 44, 26
COLOURS = {
    "gathers evidence": "see",
    "asks a person": "ask",
    "leads customers": "lead",
    "verifies": "verify",
    "moves data": "move",
}
LIGHT = {
    "ink": "#14181f", "soft": "#4b5563", "ground": "#ffffff", "box": "#f6f7f9", "rule": "#d5dae1",
    "see": "#b45309", "ask": "#7c3aed", "lead": "#0f766e", "verify": "#11682f", "move": "#c81e1e",
    "other": "#2563eb",
}  # fmt: skip
DARK = {
    "ink": "#e8edf3", "soft": "#a9b4c0", "ground": "#0d1117", "box": "#161b22", "rule": "#3a4450",
    "see": "#fbbf24", "ask": "#b79bff", "lead": "#2dd4bf", "verify": "#5bd98a", "move": "#ff8585",
    "other": "#6aa8ff",
}  # fmt: skip
SHAPES = """
text { font: 13px system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif }
.title { font-size: 16px; font-weight: 600 } .name, .stop { font-weight: 600 }
.frame { fill: none; stroke-dasharray: 3 3 } .way, .critical { stroke-width: 2 }
.no-return { stroke-width: 2; stroke-dasharray: 6 4 }
"""


def _painted(colours: Mapping[str, str]) -> str:
    """The style sheet's colours."""
    ink, soft, ground, box, rule = (colours[name] for name in ("ink", "soft", "ground", "box", "rule"))
    marks = " ".join(f".{name} {{ fill: {colours[name]} }}" for name in list(colours)[5:])
    stop = colours["move"]
    return (
        f"text {{ fill: {ink} }} text.soft {{ fill: {soft} }} .ground {{ fill: {ground} }}\n"
        f".box {{ fill: {box}; stroke: {rule} }} .critical, .frame, .way {{ stroke: {soft} }}\n"
        f".no-return {{ stroke: {stop} }} text.stop {{ fill: {stop} }}\n{marks}\n"
    )


STYLE = f"{SHAPES}{_painted(LIGHT)}@media (prefers-color-scheme: dark) {{\n{_painted(DARK)}}}\n"


class _Pen:
    """Draws from top to bottom."""

    def __init__(self) -> None:
        self.y = MARGIN
        self.drawn: list[str] = []

    def text(self, x: int, down: int, css: str, says: str) -> None:
        self.drawn.append(f'<text class="{css}" x="{x}" y="{self.y + down}">{escape(says)}</text>')

    def rect(self, css: str, x: int, down: int, width: int, height: int, round_by: int = 0) -> None:
        place = f'x="{x}" y="{self.y + down}" width="{width}" height="{height}" rx="{round_by}"'
        self.drawn.append(f'<rect class="{css}" {place}/>')

    def line(self, css: str, x: int, down: int, to_x: int, to_down: int) -> None:
        ends = f'x1="{x}" y1="{self.y + down}" x2="{to_x}" y2="{self.y + to_down}"'
        self.drawn.append(f'<line class="{css}" {ends}/>')


def drawing(outlines: Sequence[Outline]) -> str:
    """One SVG file, light or dark as its reader's screen is."""
    pen = _Pen()
    for outline in outlines:
        _procedure(pen, outline)
    height = pen.y + MARGIN
    return "\n".join(_file(pen.drawn, height, [outline.title for outline in outlines]))


def _file(drawn: Sequence[str], height: int, titles: Sequence[str]) -> Iterator[str]:
    size = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">'
    yield "<!-- Compiled: edit the runbook instead. -->"
    yield f"<title>{escape('; '.join(titles))}</title>"
    yield f"<style>{STYLE}</style>"
    yield '<rect class="ground" width="100%" height="100%"/>'
    yield from drawn
    yield "</svg>\n"


def _procedure(pen: _Pen, outline: Outline) -> None:
    pen.text(MARGIN, 22, "title", outline.title)
    pen.y += TITLE
    for number, row in enumerate(outline.rows):
        if number:
            pen.line("way", MARGIN + 24, -GAP, MARGIN + 24, 0)
        if number == first_no_return(outline):
            pen.text(MARGIN + 50, RULE // 2, "stop", NO_RETURN)
            pen.line("no-return", MARGIN, RULE - 7, WIDTH - MARGIN, RULE - 7)
            pen.y += RULE
        _row(pen, row)
    pen.y += GAP * 2


def _row(pen: _Pen, row: Sequence[Box]) -> None:
    if len(row) > 1:
        pen.rect("frame", MARGIN, 0, WIDTH - 2 * MARGIN, TITLE // 2 + len(row) * (BOX + GAP), 8)
        pen.text(MARGIN + 12, 16, "soft", "side by side")
        pen.y += TITLE // 2
    inset = INDENT if len(row) > 1 else 0
    for box in row:
        _box(pen, box, MARGIN + inset, WIDTH - 2 * MARGIN - 2 * inset)
    pen.y += GAP if len(row) > 1 else 0


def _box(pen: _Pen, box: Box, x: int, width: int) -> None:
    pen.rect("box critical" if box.critical else "box", x, 0, width, BOX, 6)
    pen.rect(COLOURS.get(box.part, "other"), x, 0, 8, BOX, 3)
    pen.text(x + 20, 19, "name", box.name)
    pen.text(x + 20, 36, "soft", box.says)
    pen.y += BOX + GAP
