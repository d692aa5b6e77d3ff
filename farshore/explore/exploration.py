"""All runs that there are, on all cores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from ..checkers.checker import Breach
from ..runbook.find import find
from ..runbook.model import Runbook
from .cases import baseline_name, baseline_seeds, fault_cases, struck
from .data import Baseline, FaultCase, Outcome, Result, broken
from .driver import Driver
from .forks import Forks
from .recorder import Recorder
from .seed import Seed


@dataclass
class Exploration:
    """What there is to explore of an application, and what was found."""

    app: str
    runbook: Runbook
    to_the_end: bool = False
    """Follows every run to its end, also when it stands as its baseline run did."""
    baselines: list[Baseline] = field(default_factory=list)
    broken: list[Result] = field(default_factory=list)
    """Baseline runs that went wrong though nothing was injected: nothing is, then."""
    results: list[Result] = field(default_factory=list)
    _ends: set[str] = field(default_factory=set)
    """Fingerprints of ends from which a run has gone back: from the same end none other need."""
    _cases: dict[bool, list[FaultCase]] = field(default_factory=dict)
    """Every run, and one of each class, once they have been asked for."""

    def survey(self, on_broken: Callable[[Result], None] = lambda result: None) -> None:
        """Plays each baseline run once, and records its calls. `on_broken` gets what went wrong by itself, as
        soon as it has."""
        self._cases.clear()
        for seed in baseline_seeds(self.app, self.runbook):
            outcome = played(seed, recorder=Recorder())
            fingerprints = {} if self.to_the_end else outcome.fingerprints
            name = baseline_name(seed)
            self.baselines.append(
                Baseline(seed, name, outcome.calls, outcome.status, fingerprints, outcome.figures)
            )
            self._went_back(outcome)
            if outcome.breaches:
                self.broken.append(Result(FaultCase(seed, name, "throughout", "nothing"), outcome))
                on_broken(self.broken[-1])

    def cases(self, every: bool = False, only: str = "") -> Iterator[FaultCase]:
        """Every run to make whose seed contains that text, each once; `every` one, or one of each class."""
        if every not in self._cases:
            broken = {result.case.baseline for result in self.broken}
            well = (baseline for baseline in self.baselines if baseline.name not in broken)
            self._cases[every] = [
                case for baseline in well for case in fault_cases(baseline, self.runbook, every)
            ]
        return (case for case in self._cases[every] if only in str(case.seed))

    def explore(
        self,
        cases: Iterable[FaultCase],
        on_end: Callable[[Result], None],
        known: Mapping[Seed, Outcome] = MappingProxyType({}),
    ) -> None:
        """Makes the runs that are not known, side by side on all cores. `on_end` gets each as it ends."""
        order = list(cases)
        made = {case.seed: Result(case, known[case.seed]) for case in order if case.seed in known}

        def ended(case: FaultCase, outcome: Outcome | None) -> None:
            made[case.seed] = Result(
                case, outcome or broken(case.seed, "the simulation itself broke: its process died")
            )
            self._went_back(made[case.seed].outcome)
            on_end(made[case.seed])

        for baseline in self.baselines:
            mine = [case for case in order if case.baseline == baseline.name and case.seed not in made]
            if mine:
                played(baseline.seed, forks=Forks(baseline, mine, ended, self._ends))
        for case in order:
            if case.seed not in made:  # the baseline run did not come by its point
                ended(case, played(case.seed))
        self.results += (made[case.seed] for case in order)

    def _went_back(self, outcome: Outcome) -> None:
        if outcome.end and not outcome.breaches and not self.to_the_end:
            self._ends.add(outcome.end)

    def count(self, every: bool = False) -> dict[str, int]:
        """Points, their classes, kinds of fault, and the runs that come of them."""
        cases = list(self.cases(every))
        classes = [each for baseline in self.baselines for each in struck(baseline)]
        return {
            "points": sum(len(tick) for each in classes for tick in each.ticks),
            "classes": sum(len(each.ticks[0]) for each in classes),
            "faults": len({case.fault for case in cases}),
            "runs": len(cases) + len(self.baselines),
        }

    @property
    def made(self) -> int:
        """How many runs have been made, the baseline runs among them."""
        return len(self.baselines) + len(self.results)

    @property
    def rejoined(self) -> int:
        """How many runs came to stand as their baseline run did."""
        return sum(bool(result.outcome.rejoined) for result in self.results)

    def breaches(self) -> Iterator[tuple[Result, Breach]]:
        for result in (*self.broken, *self.results):
            for breach in result.outcome.breaches:
                yield result, breach

    @property
    def holds(self) -> bool:
        return not any(True for _ in self.breaches())

    @property
    def good(self) -> Counter[str]:
        """How many runs were safe, and how many live."""
        ends = [result.outcome for result in (*self.broken, *self.results)]
        whole = len(self.baselines) - len(self.broken)
        return Counter(safe=whole + sum(end.safe for end in ends), live=whole + sum(end.live for end in ends))


_RUNBOOKS: dict[str, Runbook] = {}


def played(seed: Seed, recorder: Recorder | None = None, forks: Forks | None = None) -> Outcome:
    """One run, of the runbook that the seed names."""
    if seed.app not in _RUNBOOKS:
        _RUNBOOKS[seed.app] = find(seed.app)
    outcome = Driver(_RUNBOOKS[seed.app], seed, recorder, forks).play()
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
            {"invariant": breach.invariant, "seed": str(result.case.seed), "story": breach.story}
            for result, breach in exploration.breaches()
        ],
        "wall_seconds": round(wall_seconds, 3),
        "runs_per_second": round(runs / wall_seconds, 1),
    }
