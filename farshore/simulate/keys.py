"""Keys that a person presses on a terminal, one by one, without a return after them."""

from __future__ import annotations

import os
import select
import sys
import termios
import tty
from typing import Any, Protocol


class Keys(Protocol):
    """Where keys come from."""

    def pressed(self, seconds: float | None) -> str:
        """The next key within so many seconds, or whenever it comes for None; "" where there was none."""


class Terminal:
    """Standard input, where it is a terminal: it echoes nothing meanwhile. Anything else has no keys."""

    def __init__(self) -> None:
        self._file = sys.stdin.fileno() if sys.stdin is not None and sys.stdin.isatty() else -1
        self._before: list[Any] | None = None

    def __enter__(self) -> Terminal:
        if self._file >= 0:
            self._before = termios.tcgetattr(self._file)
            tty.setcbreak(self._file)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            termios.tcsetattr(self._file, termios.TCSADRAIN, self._before)

    def pressed(self, seconds: float | None) -> str:
        waited_for = [self._file] if self._before is not None else []
        if not waited_for and seconds is None:
            raise ValueError("nobody can press a key")
        if not select.select(waited_for, [], [], seconds)[0]:
            return ""
        return os.read(self._file, 1).decode(errors="replace")
