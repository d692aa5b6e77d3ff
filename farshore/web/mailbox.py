"""Where one thread leaves how everything stands and others find it: the newest alone is kept."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

KEEP_ALIVE_SECONDS = 15.0
"""After so long without news whoever waits hears that nothing is new."""


class Mailbox:
    """Its letters are numbered. Whoever reads slowly gets the newest, and not all of them."""

    def __init__(self) -> None:
        self.readers = 0
        """How many wait for letters now."""
        self._lock = threading.Lock()
        self.letter = ""
        """The newest."""
        self._number = 0
        self._closed = False
        self._waiting: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}

    def post(self, letter: str) -> None:
        """From any thread."""
        with self._lock:
            self._number, self.letter = self._number + 1, letter
        self._wake()

    def close(self) -> None:
        """Nobody waits any longer than until they have the newest letter."""
        self._closed = True
        self._wake()

    async def letters(self) -> AsyncIterator[tuple[int, str] | None]:
        """The newest at once, and then whichever is newest by then; None where nothing is new."""
        seen, news = 0, asyncio.Event()
        self.readers += 1
        self._waiting[news] = asyncio.get_running_loop()
        try:
            while True:
                news.clear()
                with self._lock:
                    number, letter = self._number, self.letter
                if number != seen:
                    seen = number
                    yield number, letter
                    continue
                if self._closed:
                    return
                try:
                    await asyncio.wait_for(news.wait(), KEEP_ALIVE_SECONDS)
                except TimeoutError:
                    yield None
        finally:
            self.readers -= 1
            del self._waiting[news]

    def _wake(self) -> None:
        for news, loop in list(self._waiting.items()):
            loop.call_soon_threadsafe(news.set)
