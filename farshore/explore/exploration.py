"""All runs that there are, on all cores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ..checkers.checker import Breach
from ..runbook.find import find
from ..runbook.load import Runbook
from .cases import (
    Course,
    Struck,
    bases,
    classes,
    false_alarms,
    points,
    rains,
    spells,
    stalls,
    strikes,
    words,
)
from .forks import Forks
from .play import Judged, Outcome, Play, broken
from .seed import Seed


@dataclass(frozen=True)
class Verdict(Judged):
    """Of one run."""

    struck: Struck
    status: str
    breaches: tuple[Breach, ...]
    back: str = ""
    """The state at whose beginning it was back on course; "" where it was followed to its end."""


@dataclass
class Exploration:
    """What there is to explore of an application, and what was found."""

    app: str
    runbook: Runbook
    to_the_end: bool = False
    """Follows every run to its end, also when it is back on course."""
    courses: list[Course] = field(default_factory=list)
    broken: list[Verdict] = field(default_factory=list)
    """Courses that nothing struck, and that went wrong all the same: they are not struck."""
    verdicts: list[Verdict] = field(default_factory=list)

    def survey(self) -> None:
        """Plays each course once, and hears its calls."""
        for seed in bases(self.app, self.runbook):
            outcome = played(seed, listen=True)
            standings = {} if self.to_the_end else outcome.standings
            course = Course(seed, outcome.heard, outcome.status, standings)
            self.courses.append(course)
            if outcome.breaches:
                struck = Struck(seed, course.name, "throughout", "nothing")
                self.broken.append(Verdict(struck, outcome.status, outcome.breaches))

    def runs(self, every: bool = False) -> Iterator[Struck]:
        """Every run to make, each once."""
        seen: set[Seed] = set()
        broken = {verdict.struck.base for verdict in self.broken}
        for course in self._struck():
            if course.name in broken:
                continue
            every_kind = [strikes(course, every), false_alarms(course, self.runbook)]
            if course.seed.procedure in ("failover", "failback"):
                every_kind += [rains(course), stalls(course)]
                if not course.seed.faults:
                    every_kind += [spells(course, self.runbook), words(course, self.runbook)]
            for several in every_kind:
                for struck in several:
                    if struck.seed not in seen:
                        seen.add(struck.seed)
                        yield struck

    def explore(self, runs: Iterable[Struck], told: Callable[[Verdict], None]) -> None:
        """Makes the runs, side by side on all cores. `told` hears of each as it ends."""
        order = list(runs)
        made: dict[Seed, Verdict] = {}

        def hear(struck: Struck, outcome: Outcome | None) -> None:
            outcome = outcome or broken(struck.seed, "its process died")
            made[struck.seed] = Verdict(struck, outcome.status, outcome.breaches, outcome.back)
            told(made[struck.seed])

        for course in self.courses:
            mine = [struck for struck in order if struck.base == course.name]
            if mine:
                played(course.seed, forks=Forks(course, mine, hear))
        for struck in order:
            if struck.seed not in made:  # the course did not come by its point
                hear(struck, played(struck.seed))
        self.verdicts += (made[struck.seed] for struck in order)

    def count(self, every: bool = False) -> dict[str, int]:
        """Points, their classes, kinds of fault, and the runs that come of them."""
        runs = list(self.runs(every))
        return {
            "points": sum(points(course) for course in self._struck()),
            "classes": sum(len(each.ticks[0]) for course in self._struck() for each in classes(course)),
            "faults": len({struck.fault for struck in runs}),
            "runs": len(runs) + len(self.courses),
        }

    def _struck(self) -> Iterator[Course]:
        return (course for course in self.courses if course.is_struck)

    @property
    def made(self) -> int:
        """How many runs have been made: the courses themselves, and all that were struck."""
        return len(self.courses) + len(self.verdicts)

    @property
    def back(self) -> int:
        """How many runs came back on course."""
        return sum(bool(verdict.back) for verdict in self.verdicts)

    def breaches(self) -> Iterator[tuple[Verdict, Breach]]:
        for verdict in (*self.broken, *self.verdicts):
            for breach in verdict.breaches:
                yield verdict, breach

    @property
    def holds(self) -> bool:
        return not any(True for _ in self.breaches())

    @property
    def good(self) -> Counter[str]:
        """How many runs were safe, and how many live."""
        told, whole = [*self.broken, *self.verdicts], len(self.courses) - len(self.broken)
        return Counter(safe=whole + sum(v.safe for v in told), live=whole + sum(v.live for v in told))


_RUNBOOKS: dict[str, Runbook] = {}


def played(seed: Seed, listen: bool = False, forks: Forks | None = None) -> Outcome:
    """One run, of the runbook that the seed names."""
    if seed.app not in _RUNBOOKS:
        _RUNBOOKS[seed.app] = find(seed.app)
    outcome = Play(_RUNBOOKS[seed.app], seed, listen, forks).play()
    if forks:
        forks.end(outcome)
    return outcome


def as_json(exploration: Exploration, wall_seconds: float) -> dict[str, Any]:
    """What `farshore explore --json` prints."""
    runs = exploration.made
    return {
        "application": exploration.runbook.application,
        **exploration.count(),
        "runs": runs,
        **exploration.good,
        "breaches": [
            {"invariant": breach.invariant, "seed": str(verdict.struck.seed), "story": breach.story}
            for verdict, breach in exploration.breaches()
        ],
        "wall_seconds": round(wall_seconds, 3),
        "runs_per_second": round(runs / wall_seconds, 1),
    }
