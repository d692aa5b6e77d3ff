"""What is passed around in an exploration: a recorded call, a baseline run, a fault case, an outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..checkers.checker import Breach
from .seed import Point, Seed


@dataclass(frozen=True)
class RecordedCall:
    """A call of a baseline run, with all that the choice of fault cases asks of it."""

    point: Point
    what: str
    """The call in words: its service, its operation, and its Region."""
    service: str
    """Of AWS; "" of an HTTP request, and of a call that goes to one of several hosts."""
    region: str
    changes: bool
    """It changes something of the application."""
    notes: bool
    """It changes something in the ledger."""
    tick_end: str
    """How its tick ended."""
    may_be_hollow: bool
    """It only asks AWS, whose answer always says something."""
    gives_up: bool
    """It belongs to a state that gives back what the run took, because the run has failed."""
    answered_before: bool
    """The same question has had another answer, so this one could be stale."""
    by_a_role: bool = False
    """It is made as another account's role."""
    hosts: tuple[str, ...] = ()
    """Of the endpoints that it could be sent to, where a service has several."""
    replies: Mapping[str, str] = field(default_factory=dict)
    """By kinds of fault, the reply that the step would get to this call and how soon, in words that are equal
    where it could not tell the two apart. Kinds that are missing are like no other."""

    @property
    def writes(self) -> bool:
        return self.changes or self.notes

    @property
    def place(self) -> str:
        """SERVICE/REGION; "" where that cannot be dark by itself."""
        return f"{self.service}/{self.region}" if self.service else ""

    def goes_to(self, place: str) -> bool:
        """It may go to this Region, service of one, or endpoint's host."""
        return place in (self.region, self.place, *self.hosts)


@dataclass(frozen=True)
class Figures:
    """What a run has come to since it began. Each only grows, so what is to come can be added."""

    unserved: float = 0.0
    """Seconds without service: no Region to which customers are led lets them in and accepts their writes."""
    exposed: float = 0.0
    """Seconds in which a Region that came back unasked may have taken writes."""
    pages: int = 0
    ticks: int = 0
    """Of the run itself, those of its plan included."""

    def __add__(self, other: Figures) -> Figures:
        return self._each(other, 1)

    def __sub__(self, other: Figures) -> Figures:
        return self._each(other, -1)

    def _each(self, other: Figures, sign: int) -> Figures:
        return Figures(
            round(self.unserved + sign * other.unserved, 3),
            round(self.exposed + sign * other.exposed, 3),
            self.pages + sign * other.pages,
            self.ticks + sign * other.ticks,
        )


@dataclass(frozen=True)
class Baseline:
    """A run in which nothing goes wrong but what lasts throughout, and the calls that it made."""

    seed: Seed
    name: str
    """In words: the procedure, the mode, and the Region that is dark throughout."""
    calls: Sequence[RecordedCall]
    status: str = "SUCCEEDED"
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    """At the beginning of each of its states, by label; none to follow each run to its end."""
    figures: Mapping[str, Figures] = field(default_factory=dict)
    """The same, and "" for its end."""

    @property
    def undisturbed(self) -> bool:
        """Nothing goes wrong in it at all."""
        return not self.seed.faults


@dataclass(frozen=True)
class FaultCase:
    """A run to make, and how the matrix files it."""

    seed: Seed
    baseline: str
    """The baseline run's name."""
    state: str
    fault: str
    """The first fault's kind, and all faults' places."""

    @property
    def kind(self) -> str:
        return self.fault.split()[0]


@dataclass
class Outcome:
    """What came of a seed."""

    seed: Seed
    status: str
    """Of the run that the seed is about."""
    breaches: tuple[Breach, ...]
    calls: Sequence[RecordedCall] = ()
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    """At the beginning of each of its states, by label."""
    figures: Mapping[str, Figures] = field(default_factory=dict)
    """At its end, before anybody repaired anything, as ""; and where calls were recorded also at the
    beginning of each of its states, by label."""
    end: str = ""
    """The fingerprint of its end, before its way back; "" where it was not followed to its end."""
    excused: tuple[str, ...] = ()
    """What was let pass, a sentence each: that it did not succeed, or did what no plan had named."""
    rejoined: str = ""
    """The state at whose beginning it was as its baseline run; "" where it was followed to its end."""

    @property
    def safe(self) -> bool:
        return not any(breach.invariant.startswith("S") for breach in self.breaches)

    @property
    def live(self) -> bool:
        return not any(breach.invariant.startswith("L") for breach in self.breaches)

    @property
    def good(self) -> bool:
        return self.safe and self.live


@dataclass(frozen=True)
class Result:
    """What came of a fault case."""

    case: FaultCase
    outcome: Outcome


def broken(seed: Seed, why: str) -> Outcome:
    """Of a run that could not be made to its end, which `why` says in a sentence."""
    return Outcome(seed, "BROKEN", (Breach("S5", 0.0, why),))
