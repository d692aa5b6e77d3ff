"""A course is played once, and at each point it goes on in as many processes as there are faults there.

What comes before a fault is the same for all of them, so it need not be played again for each. A replay plays
its seed from the start all the same, and comes to the same end: tests hold the two together.
"""

from __future__ import annotations

import gc
import os
import pickle
import select
from collections.abc import Callable, Iterable

from .cases import Struck
from .play import Outcome
from .seed import Point, Seed

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
"""Those that this process may use, where the system tells."""


class Forks:
    """The processes of one course. `told` hears of each run as it ends, in any order."""

    def __init__(
        self, course: Seed, runs: Iterable[Struck], told: Callable[[Struck, Outcome | None], None]
    ) -> None:
        self._told = told
        self._waiting: dict[Point | None, list[Struck]] = {}
        self._running: dict[int, tuple[int, Struck]] = {}
        """By the descriptor on which each will answer."""
        self._answer = -1
        for struck in runs:
            first = struck.seed.faults[len(course.faults)]
            self._waiting.setdefault(first.at, []).append(struck)
        gc.collect()
        gc.freeze()  # so that no process copies what all of them share

    def at(self, point: Point | None) -> Seed | None:
        """The seed that this process is to play from here; None in the one that plays the course."""
        for struck in self._waiting.pop(point, ()):
            self._wait(most=CORES - 1)
            reading, writing = os.pipe()
            process = os.fork()
            if process == 0:
                gc.disable()  # it does not live long enough
                self._running, self._waiting, self._answer = {}, {}, writing
                return struck.seed
            os.close(writing)
            self._running[reading] = process, struck
        return None

    def end(self, outcome: Outcome) -> None:
        """Ends this process with its answer, unless it is the one that plays the course."""
        if self._answer >= 0:
            with os.fdopen(self._answer, "wb") as answer:
                pickle.dump(outcome, answer)
            os._exit(0)
        self._wait(most=0)

    def _wait(self, most: int) -> None:
        """Hears those that have ended, until no more than so many run."""
        while len(self._running) > most:
            for reading in select.select(list(self._running), [], [])[0]:
                process, struck = self._running.pop(reading)
                with os.fdopen(reading, "rb") as answer:
                    said = answer.read()
                os.waitpid(process, 0)
                self._told(struck, pickle.loads(said) if said else None)  # noqa: S301
