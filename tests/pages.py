"""Sessions and films of README.md and docs/ are what their commands make. `python -m tests.pages` renews.

A session is a fenced block whose first line is `$ ` and a command. Lines may be left out where an ellipsis
stands, and at the end of a line. A renewed one has the lines that are most like those that it had.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
TUTORIAL = ROOT / "docs" / "tutorial.md"
"""A page that is followed from its beginning to its end, in a folder of its own."""
PAGES = [ROOT / "README.md", *sorted(set((ROOT / "docs").glob("*.md")) - {TUTORIAL})]
MORE = "…"
"""What was left out."""
WIDTH = 118
"""Letters of a line, as of every other on a page."""
MEASURED = re.compile(r"simulated minutes in|runs/s")
"""Of a line that says how long it took on somebody's machine."""
MADE = {"make rehearse": "farshore rehearse unicorn-shop"}
"""What a target of the Makefile does, once all is set up."""
BLOCK = re.compile(r"^```\n\$ (?P<command>[^\n]+)\n(?P<shown>.*?)^```$", re.M | re.S)
RECORD = re.compile(r"^    (?P<command>farshore rehearse .*--record (?P<film>docs/[a-z-]+\.svg))$", re.M)
"""A command that makes a film, as a page has it."""
STEP = re.compile(r"^```(diff|yaml|python|)\n(?P<text>(\$|---|# [a-z]+/) ?.*?)^```$", re.M | re.S)
"""A block of a tutorial: a session, what is changed in a file, or a new file under its path."""
FIGURES = re.compile(r"\b[0-9a-f]{8,}\b|[0-9]+(\.[0-9]+)?")


@dataclass(frozen=True)
class Session:
    page: Path
    command: str
    shown: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}: {self.command}"


def sessions(page: Path) -> Iterator[Session]:
    for block in BLOCK.finditer(page.read_text()):
        yield Session(page, block["command"], tuple(block["shown"].splitlines()))


def films() -> Iterator[tuple[str, Path]]:
    """The command that makes each, and where it is kept."""
    for page in PAGES:
        for found in RECORD.finditer(page.read_text()):
            yield found["command"], ROOT / found["film"]


def followed(page: Path, folder: Path) -> Iterator[tuple[re.Match[str], Session, list[str]]]:
    """Each session of a tutorial as a reader meets it who does, from the top, what it says: the block, what
    it shows, and what is printed. Raises ValueError where what is to be changed does not stand just once."""
    for block in STEP.finditer(page.read_text()):
        first, *lines = block["text"].splitlines()
        if first.startswith("$ cd "):
            folder = folder / first.removeprefix("$ cd ")
        elif first.startswith("$ "):
            session = Session(page, first.removeprefix("$ "), tuple(lines))
            yield block, session, printed(session.command, folder)
        elif first.startswith("--- "):
            _change(folder / first.removeprefix("--- "), lines)
        else:
            (folder / first.removeprefix("# ")).write_text("\n".join(lines) + "\n")


def _change(file: Path, lines: Sequence[str]) -> None:
    """Lines with a `-` or a blank before them give way to those with a `+` or a blank."""
    old, new = ("".join(f"{line[1:]}\n" for line in lines if line[0] in f"{sign} ") for sign in "-+")
    text = file.read_text()
    if text.count(old) != 1:
        raise ValueError(f"{file.name} has {text.count(old)} times: {old}")
    file.write_text(text.replace(old, new))


def printed(command: str, folder: Path = ROOT) -> list[str]:
    """By the command, in a pipe."""
    _, *words = shlex.split(MADE.get(command, command))
    program = [sys.executable, "-c", "from farshore.cli import main; main()", *words]
    here = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(program, cwd=folder, env=here, capture_output=True, text=True, check=False)
    return [line.rstrip() for line in (done.stdout + done.stderr).splitlines()]


def wrong(shown: Sequence[str], lines: Sequence[str]) -> list[str]:
    """Lines that are not printed, or not there: each follows the one before it, or an ellipsis."""
    found, after, free = [], 0, True
    for line in shown:
        if line.strip() == MORE:
            free = True
            continue
        places = range(after, len(lines)) if free else range(after, min(after + 1, len(lines)))
        place = next((at for at in places if _is(line, lines[at])), None)
        if place is None:
            found.append(line)
        else:
            after, free = place + 1, False
    return found


def renewed(shown: Sequence[str], lines: Sequence[str]) -> list[str]:
    """What of `lines` is most like what is shown."""
    made: list[str] = []
    after = 0
    for line in shown:
        if line.strip() == MORE:
            if made and made[-1].strip() != MORE:
                made.append(line)
            continue
        place = next((at for at in range(after, len(lines)) if _like(line) == _like(lines[at])), None)
        if place is None:
            continue
        if place > after and made and made[-1].strip() != MORE:
            made.append(f"  {MORE}")
        made.append(_cut(lines[place]))
        after = place + 1
    return made


def _is(shown: str, line: str) -> bool:
    if MEASURED.search(shown):
        return _like(shown) == _like(line)
    return line.startswith(shown[:-1]) if shown.endswith(MORE) else line == shown


def _like(line: str) -> str:
    """What a line is about: its first words, without figures."""
    return " ".join(FIGURES.sub("#", line.rstrip(MORE)).split()[:5])


def _cut(line: str) -> str:
    return line if len(line) <= WIDTH else line[: WIDTH - 1].rstrip() + MORE


def main() -> None:
    for page in PAGES:

        def fresh(block: re.Match[str]) -> str:
            lines = renewed(block["shown"].splitlines(), printed(block["command"]))
            return "\n".join(["```", f"$ {block['command']}", *lines, "```"])

        page.write_text(BLOCK.sub(fresh, page.read_text()))
    for command, _ in films():
        printed(command)
    with tempfile.TemporaryDirectory() as folder:
        text = TUTORIAL.read_text()
        for block, session, lines in followed(TUTORIAL, Path(folder)):
            shown = "\n".join([f"$ {session.command}", *renewed(session.shown, lines)])
            text = text.replace(block[0], f"```\n{shown}\n```", 1)
        TUTORIAL.write_text(text)


if __name__ == "__main__":
    main()
