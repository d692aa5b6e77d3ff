"""What is wrong in a runbook, for the person who wrote it: one mistake, or all of them at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

SHOWN_CHARACTERS = 60
"""Of a text of the file that is quoted."""
SAID_CHARACTERS = 600
"""Of a sentence."""


@dataclass(frozen=True)
class Mistake:
    """What is wrong in a file, and what would be right. Lines and columns count from 1; 0 is the whole."""

    path: str
    line: int
    what: str
    instead: str = ""
    column: int = 0

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}" if self.line else self.path
        return f"{where}: {self.what}: {self.instead}" if self.instead else f"{where}: {self.what}"


class Mistakes(Exception):
    """Everything that is wrong, by file and line. Its text has a line for each."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(sorted(mistakes, key=lambda m: (m.path, m.line, m.column)))
        super().__init__("\n".join(map(str, self.mistakes)))


def quoted(text: str) -> str:
    """A text of the file for a message: one line, not too long, nothing that a terminal obeys."""
    return f'"{shortened(text, SHOWN_CHARACTERS)}"'


def shortened(text: str, most: int = SAID_CHARACTERS) -> str:
    """Not longer than that: what a step says of its inputs repeats them, however long they are."""
    safe = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text[: most + 1])
    return safe if len(safe) <= most else f"{safe[: most - 1]}…"
