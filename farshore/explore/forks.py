"""A baseline run is played once, and at each point goes on in as many processes as there are faults there.

What comes before a fault is the same for all of them, so it need not be played again for each. A replay plays
its seed from the start all the same, and comes to the same end: tests hold the two together.
"""

from __future__ import annotations

import ctypes
import gc
import os
import pickle
import re
import select
from collections.abc import Callable, Iterable, Set
from contextlib import suppress
from pathlib import Path

from .data import Baseline, FaultCase, Outcome
from .seed import Point, Seed

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
"""Those that this process may use, where the system tells."""


class Forks:
    """The processes of one baseline run. `ended` gets each case as its run ends, in any order."""

    def __init__(
        self,
        baseline: Baseline,
        cases: Iterable[FaultCase],
        ended: Callable[[FaultCase, Outcome | None], None],
        ends: Set[str] = frozenset(),
    ) -> None:
        self.baseline, self.ends = baseline, ends
        """`ends` has the fingerprints of ends from which another run has gone back; it grows meanwhile."""
        self._ended = ended
        self._waiting: dict[Point | None, list[FaultCase]] = {}
        self._running: dict[int, tuple[int, FaultCase]] = {}
        """By the descriptor on which each will answer."""
        self._answer = -1
        for case in cases:
            first = case.seed.faults[len(baseline.seed.faults)]
            self._waiting.setdefault(first.at, []).append(case)
        gc.collect()
        gc.freeze()  # so that no process copies what all of them share
        _collapse()

    def at(self, point: Point | None) -> Seed | None:
        """The seed that this process is to play from here; None in the one that plays the baseline run."""
        for case in self._waiting.pop(point, ()):
            self._wait(most=CORES - 1)
            reading, writing = os.pipe()
            process = os.fork()
            if process == 0:
                gc.disable()  # it does not live long enough
                self._running, self._waiting, self._answer = {}, {}, writing
                return case.seed
            os.close(writing)
            self._running[reading] = process, case
        return None

    @property
    def forked(self) -> bool:
        """This process is not the one that plays the baseline run."""
        return self._answer >= 0

    def end(self, outcome: Outcome) -> None:
        """Ends this process with its answer, unless it is the one that plays the baseline run."""
        if self.forked:
            with os.fdopen(self._answer, "wb") as answer:
                pickle.dump(outcome, answer)
            os._exit(0)
        self._wait(most=0)

    def _wait(self, most: int) -> None:
        """Reads the answers of those that have ended, until no more than so many run."""
        while len(self._running) > most:
            for reading in select.select(list(self._running), [], [])[0]:
                process, case = self._running.pop(reading)
                with os.fdopen(reading, "rb") as answer:
                    said = answer.read()
                os.waitpid(process, 0)
                self._ended(case, pickle.loads(said) if said else None)  # noqa: S301


HUGE, MADV_COLLAPSE = 2 << 20, 25
"""A huge page, in bytes, and Linux' word for gathering small pages in one (madvise(2), since 6.1)."""


def _collapse() -> None:
    """Gathers what this process has written in huge pages: a fork copies one entry for each, and not 512.

    Where the system has no such thing, forks just take longer.
    """
    with suppress(OSError, AttributeError):
        madvise = ctypes.CDLL(None).madvise
        for begin, end in _written(Path("/proc/self/maps").read_text()):
            for at in range(-(-begin // HUGE) * HUGE, end - HUGE + 1, HUGE):
                madvise(ctypes.c_void_p(at), ctypes.c_size_t(HUGE), MADV_COLLAPSE)


def _written(maps: str) -> Iterable[tuple[int, int]]:
    """The heap and whatever else no file stands behind."""
    for begin, end in re.findall(r"^([0-9a-f]+)-([0-9a-f]+) rw-p 0+ 00:00 0 *(?:\[heap\])?$", maps, re.M):
        yield int(begin, 16), int(end, 16)
