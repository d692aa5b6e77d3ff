"""What came of the runs around each baseline run, counted by families of faults: a report is made of that.

The counts stand beside the report, as JSON. Where that is written again, only what has changed is explored:
all families of a baseline run whose calls are not what they were, and one whose faults are not.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from .data import Baseline, FaultCase, Result
from .kinds import KINDS

FIGURES = ("unserved", "exposed", "pages", "ticks")
"""Of a run, of which a report tells the worst."""


@dataclass
class Cell:
    """Runs of one family at one place."""

    runs: int = 0
    good: int = 0

    def __str__(self) -> str:
        if not self.runs:
            return ""
        return f"{self.runs:,}" if self.good == self.runs else f"{self.good:,} of {self.runs:,}"

    def __add__(self, other: Cell) -> Cell:
        return Cell(self.runs + other.runs, self.good + other.good)


class Part(NamedTuple):
    """What is explored, or is not, as a whole."""

    baseline: str
    """The baseline run's name."""
    family: str
    """Of the faults around it."""


@dataclass(frozen=True)
class Counts:
    """Of one part."""

    of: str
    """The digest of the baseline run and of the seeds of all these runs."""
    safe: int
    live: int
    rejoined: int
    """So many came to stand as their baseline run did."""
    states: Mapping[str, Cell]
    """By the states at which something went wrong."""
    worst: Mapping[str, int]
    """By figure, the most that a run which ended well came to."""
    excused: Mapping[str, int]
    """What was let pass, a sentence each, and in how many runs."""

    @property
    def runs(self) -> int:
        return sum(cell.runs for cell in self.states.values())

    @property
    def holds(self) -> bool:
        """Each of them was safe and live."""
        return self.safe == self.live == self.runs


def part_of(case: FaultCase) -> Part:
    return Part(case.baseline, KINDS[case.kind].family.name)


def digests(baselines: Iterable[Baseline], cases: Iterable[FaultCase]) -> dict[Part, str]:
    """Of each part: another digest where anything of its baseline run or of its runs has changed."""
    played = {each.name: _digest(each) for each in baselines}
    found = {}
    for case in cases:
        part = part_of(case)
        if part not in found:
            found[part] = hashlib.sha256(played[part.baseline].encode())
        found[part].update(f"\n{case.seed}".encode())
    return {part: digest.hexdigest()[:16] for part, digest in found.items()}


def _digest(baseline: Baseline) -> str:
    """Of how it went and ended."""
    calls = "\n".join(f"{call.point} {call.what} {call.tick_end}" for call in baseline.calls)
    told = f"{baseline.name}: {baseline.status}, {baseline.figures.get('')}\n{calls}"
    return hashlib.sha256(told.encode()).hexdigest()


def by_part(results: Iterable[Result]) -> dict[Part, list[Result]]:
    found: dict[Part, list[Result]] = {}
    for result in results:
        found.setdefault(part_of(result.case), []).append(result)
    return found


def counted(of: str, results: Sequence[Result]) -> Counts:
    """Of the runs that have been made of one part."""
    outcomes = [result.outcome for result in results]
    states: dict[str, Cell] = {}
    for result in results:
        states[result.case.state] = states.get(result.case.state, Cell()) + Cell(1, result.outcome.good)
    return Counts(
        of,
        safe=sum(outcome.safe for outcome in outcomes),
        live=sum(outcome.live for outcome in outcomes),
        rejoined=sum(bool(outcome.rejoined) for outcome in outcomes),
        states=states,
        worst={figure: _worst(results, figure) for figure in FIGURES},
        excused=Counter(sentence for outcome in outcomes for sentence in outcome.excused),
    )


def _worst(results: Sequence[Result], figure: str) -> int:
    """Of the runs that ended well."""
    ended_well = (result.outcome for result in results if result.outcome.status == "SUCCEEDED")
    return max((math.ceil(getattr(outcome.figures[""], figure)) for outcome in ended_well), default=0)


# In a file.


class NoCounts(Exception):
    """A file that holds none. Its text says what to do."""


def beside(report: Path) -> Path:
    """Where the counts of a report stand."""
    return report.with_suffix(".json")


def read(report: Path) -> dict[Part, Counts]:
    """{} where there is no such file yet. Raises NoCounts."""
    file = beside(report)
    try:
        written = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        return {
            Part(baseline, family): _counts(said)
            for baseline, families in written.items()
            for family, said in families.items()
        }
    except OSError as why:
        raise NoCounts(f"{file}: {why.strerror}: name another report") from None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise NoCounts(
            f"{file} holds no counts of `explore`: remove it, or give the report another name"
        ) from None


def text(counts: Mapping[Part, Counts]) -> str:
    """As they are written: a line each, so that a change is seen."""
    lines: dict[str, list[str]] = {}
    for part, each in counts.items():
        told = {**vars(each), "states": {state: _number(cell) for state, cell in each.states.items()}}
        lines.setdefault(part.baseline, []).append(f"{json.dumps(part.family)}: {json.dumps(told)}")
    return _braced(f"{json.dumps(name)}: {_braced(told)}" for name, told in lines.items()) + "\n"


def _braced(members: Iterable[str]) -> str:
    return "{\n" + ",\n".join(members) + "\n}"


def _number(cell: Cell) -> int | list[int]:
    """How many runs, where all were good; else how many were, and of how many."""
    return cell.runs if cell.good == cell.runs else [cell.good, cell.runs]


def _cell(said: Any) -> Cell:
    good, runs = said if isinstance(said, list) else (said, said)
    return Cell(int(runs), int(good))


def _counts(said: Mapping[str, Any]) -> Counts:
    return Counts(
        str(said["of"]),
        int(said["safe"]),
        int(said["live"]),
        int(said["rejoined"]),
        states={state: _cell(cell) for state, cell in said["states"].items()},
        worst={figure: int(said["worst"][figure]) for figure in FIGURES},
        excused={str(sentence): int(runs) for sentence, runs in said["excused"].items()},
    )
