"""Standard output while functions run: what a handler prints is a log line of its invocation.

Everything else that is printed meanwhile passes through. It replaces sys.stdout only while an invocation is
in flight, so that whoever else replaces it (a test runner, a progress display) finds it as it was.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TextIO, cast

PRINTED: ContextVar[Callable[[str], None] | None] = ContextVar("printed", default=None)
"""What becomes of the text that the running function prints; None outside any function."""


class Console:
    """Stands in for sys.stdout."""

    def __init__(self) -> None:
        self._outside: TextIO = sys.stdout

    def install(self) -> None:
        if sys.stdout is not self:
            self._outside, sys.stdout = sys.stdout, cast(TextIO, self)

    def uninstall(self) -> None:
        if sys.stdout is self:
            sys.stdout = self._outside

    def write(self, text: str) -> int:
        printed = PRINTED.get()
        if printed is None:
            return self._outside.write(text)
        printed(text)
        return len(text)

    def flush(self) -> None:
        if PRINTED.get() is None:
            self._outside.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._outside, name)


CONSOLE = Console()
