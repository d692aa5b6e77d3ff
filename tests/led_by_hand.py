"""A rehearsal that a person leads, by a script."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping

from game_days import FAST
from own_shop import SHOP

from farshore.runbook.find import find
from farshore.simulate.by_hand import Act, ByHand
from farshore.simulate.report import Report, Scene

PRIMARY, STANDBY = "us-east-1", "us-west-1"


class Scripted:
    """A person who does what is written, each at its second of the rehearsal, and ends it."""

    def __init__(self, script: Mapping[int, Act], until: float, app: str = str(SHOP)) -> None:
        self.scenes: list[Scene] = []
        self._script, self._until, self._app = dict(script), until, app
        self._decides: Callable[[Scene], Act | Iterable[Act] | None] = lambda scene: None
        self.preparing: Callable[[ByHand], object] = lambda day: None

    def deciding(self, decides: Callable[[Scene], Act | Iterable[Act] | None]) -> Scripted:
        self._decides = decides
        return self

    def play(self) -> Scripted:
        with ByHand(
            find(self._app), "graceful", 1, lambda moment: None, self.scenes.append, self, **FAST
        ) as day:
            self.preparing(day)
            self.report: Report = day.play()
        return self

    def beat(self, at: float) -> float:
        return 2.0

    def acts(self, at: float) -> Iterable[Act]:
        for second in sorted(self._script):
            if second <= at:
                yield self._script.pop(second)
        said = self._decides(self.scenes[-1]) or ()
        yield from [said] if isinstance(said, Act) else said
        if at >= self._until:
            yield Act("end")


@functools.cache
def a_dark_game_day() -> list[Scene]:
    """The scenes of one that goes dark, with a plan that waits."""
    return Scripted({310: Act("pull", PRIMARY, "dark")}, until=700).play().scenes
