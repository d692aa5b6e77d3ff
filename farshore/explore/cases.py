"""Which runs there are: where a run can be struck, and what strikes it there.

Ticks of one state that follow each other, see the same and say the same are one class, and are struck at the
first, the second and the last of them. A class is told by its calls and by its verdict without the figures.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from functions.inputs import ClusterEndpoint
from functions.run import MODES

from ..runbook.load import Runbook
from ..runbook.model import lines
from ..runbook.registry import steps
from ..runbook.typed import found
from .play import Heard
from .seed import (
    ALARM,
    CALL_KINDS,
    DECLINED,
    HAND_KINDS,
    LAG,
    OUTAGE,
    PAUSED,
    RAIN,
    UNGRACEFUL,
    Fault,
    Point,
    Seed,
)
from .succeeds import direction

AWAY = (30.0, 120.0)
"""Seconds after which a Region comes back that was away for a while."""
SPELL = 60.0
"""Seconds for which a single service, or an endpoint of ARC, is away."""
RAINS = range(1, 41)
"""Dice of the runs in which one call in five is befallen."""
LAGS = (5, 20, 40, 90, 300)
"""Seconds for which replication has stalled when a run begins."""
ARC = "route53-recovery-cluster/"
CHANGING = ("late", "revived")
"""Hands that differ from a turn only at a call that changes something."""
FIGURES = re.compile(r"[0-9]+(\.[0-9]+)?")


@dataclass(frozen=True)
class Struck:
    """A run to make, and how the matrix files it."""

    seed: Seed
    base: str
    """In words: the procedure, the mode, and the Region that is dark throughout."""
    state: str
    fault: str


@dataclass(frozen=True)
class Course:
    """A run that nothing strikes but what lasts throughout, and what was heard of it."""

    seed: Seed
    heard: Sequence[Heard]
    status: str = "SUCCEEDED"
    standings: Mapping[str, str] = field(default_factory=dict)
    """Where it stood at the beginning of each of its states, by label; none to follow each run to its end."""

    @property
    def name(self) -> str:
        lasts = [f"{fault.place} dark" if fault.place else "after an outage" for fault in self.seed.faults]
        return " ".join([self.seed.procedure, self.seed.mode, *lasts])

    @property
    def is_struck(self) -> bool:
        """A game day's other calls are those of the course without its outage."""
        return not self.seed.has(OUTAGE)


@dataclass(frozen=True)
class TickClass:
    """Ticks that are alike, in their order: each a list of its calls."""

    ticks: Sequence[Sequence[Heard]]

    def chosen(self, every: bool) -> Iterator[Sequence[Heard]]:
        """The first, the second and the last; or every one."""
        last = len(self.ticks) - 1
        for number, tick in enumerate(self.ticks):
            if every or number in (0, 1, last):
                yield tick


def bases(app: str, runbook: Runbook) -> Iterator[Seed]:
    """The runs whose every call is struck: both directions, both modes, and from a dark Region."""
    for procedure in ("failover", "failback"):
        for mode in MODES:
            yield Seed(app, procedure, mode)
        seed = Seed(app, procedure, "ungraceful")
        source, _ = direction(seed, runbook)
        back = Point(f"{procedure}-1/release", 1, 0)
        yield seed.but(Fault("dark", source, None, back))
    if "outage" in runbook.procedures:
        for procedure in ("failover", "failback"):
            for mode in MODES:
                yield Seed(app, procedure, mode, (Fault(OUTAGE),))
    for procedure in ("outage", "recovery", "prepare"):
        if procedure in runbook.procedures or (procedure == "recovery" and "outage" in runbook.procedures):
            yield Seed(app, procedure, "graceful")


def classes(course: Course) -> Iterator[TickClass]:
    """Of the ticks of the run itself, of the plans that it asks for, and of the settling after it."""
    ticks: dict[tuple[str, int], list[Heard]] = {}
    for heard in course.heard:
        ticks.setdefault(heard.point[:2], []).append(heard)
    states: dict[str, list[list[Heard]]] = {}
    for (label, _), calls in ticks.items():
        execution, _, state = label.partition("/")
        if execution == f"{course.seed.procedure}-1" or execution.startswith("settle-"):
            states.setdefault(f"{execution.rpartition('-')[0]}/{state}", []).append(calls)
    for of_state in states.values():
        alike: list[list[Heard]] = []
        for calls in of_state:
            if alike and _told(alike[-1]) != _told(calls):
                yield TickClass(alike)
                alike = []
            alike.append(calls)
        yield TickClass(alike)


def _told(calls: Sequence[Heard]) -> tuple[str, tuple[str, ...]]:
    verdict = next((each.verdict for each in calls if each.verdict), "")
    return FIGURES.sub("", verdict), tuple(each.what for each in calls)


def points(course: Course) -> int:
    """How many calls the run makes."""
    return sum(len(tick) for each in classes(course) for tick in each.ticks)


def strikes(course: Course, every: bool = False) -> Iterator[Struck]:
    """Every single fault at every class of every call."""
    hands = course.seed.procedure in ("failover", "failback") and not course.seed.faults
    for each in classes(course):
        for tick in each.chosen(every):
            for heard in tick:
                for kind in _kinds(heard, hands and heard.point.label.startswith(course.seed.procedure)):
                    yield _struck(course, heard.point, Fault(kind, "", heard.point))


def _kinds(heard: Heard, hands: bool) -> Iterator[str]:
    """Of a tick that plans, whose calls only look, a person's hands are told by the call that asks for it."""
    plans = "/plan." in heard.point.label
    for kind in CALL_KINDS:
        if (kind != "stale" or heard.answered_before) and (kind != "reverted" or heard.changes):
            yield kind
    if heard.point.call:  # before, nothing runs yet that could be killed
        yield "killed"
    yield "twice"
    if not plans:
        yield "redriven"
    if hands and not plans:
        for kind in HAND_KINDS:
            if kind not in CHANGING or heard.changes or (kind == "late" and heard.notes):
                yield kind
        if heard.point.call == 1:  # a word is heard by the next tick, whichever call of this one it meets
            yield PAUSED


def spells(course: Course, runbook: Runbook) -> Iterator[Struck]:
    """What lasts: from before and from any step on, for ever, for a while; and what the application stands
    in, until any later step."""
    source, target = direction(course.seed, runbook)
    firsts = _firsts(course)
    starts = [each.point for each in firsts] + [each.point for each in course.heard if each.changes]
    returns = [Point(each.point.label, 1, 0) for each in firsts]
    homes = dict.fromkeys((source, target, "us-east-1", "us-west-2", *runbook.ledger.regions))
    lasting = [("dark", place) for place in homes] + [("grey", source), ("grey", target)]
    lasting.append(("cut", f"{source}~{target}"))
    for kind, place in lasting:
        matters = kind != "grey" and place not in set(homes) - {source, target}
        for start in (None, *starts):
            if start is None and place == target:
                continue  # nobody could start the run
            later = [end for end in returns if matters and start and _follows(end, start, returns)]
            for until in (None, *AWAY, *later):
                yield _struck(course, start, Fault(kind, place, start, until))
    for places in _parts(course, runbook):
        for start in (None, *_callers(course, places)):
            if start is None and f"stepfunctions/{target}" in places:
                continue
            for until in (None, SPELL):
                yield _struck(course, start, *(Fault("dark", place, start, until) for place in places))


def rains(course: Course) -> Iterator[Struck]:
    """One call in five."""
    for number in RAINS:
        yield _struck(course, None, Fault(RAIN, str(number)))


def stalls(course: Course) -> Iterator[Struck]:
    """Replication has stalled: nothing may be lost, or no more than the runbook allows."""
    for seconds in LAGS:
        yield _struck(course, None, Fault(LAG, str(seconds)))


def false_alarms(course: Course, runbook: Runbook) -> Iterator[Struck]:
    """Only an alarm says that something is wrong: a run that it starts must see that for itself."""
    modes = {trigger.mode for trigger in runbook.triggers}
    if course.seed.procedure == "failover" and not course.seed.faults and course.seed.mode in modes:
        yield _struck(course, None, Fault(ALARM))


def words(course: Course, runbook: Runbook) -> Iterator[Struck]:
    """A person declines the plan; and the Region that is left goes dark, from any step on, under a graceful
    run that a person then carries on as ungraceful."""
    yield _struck(course, None, Fault(DECLINED))
    source, _ = direction(course.seed, runbook)
    if course.seed.mode == "graceful":
        for heard in (*_firsts(course), *(each for each in course.heard if each.changes)):
            gone = Fault("dark", source, heard.point)
            yield _struck(course, heard.point, Fault(UNGRACEFUL, "", heard.point), gone)


def _firsts(course: Course) -> list[Heard]:
    """The first call of each of the run's states."""
    own = f"{course.seed.procedure}-1/"
    return [
        heard
        for heard in course.heard
        if heard.point[1:] == (1, 1)
        and heard.point.label.startswith(own)
        and not heard.point.label.startswith(f"{own}plan.")
    ]


def _callers(course: Course, places: Sequence[str]) -> list[Point]:
    """Where each state begins that calls them: to any other it is all one whether they are dark."""
    arc = [place for place in places if "/" not in place]
    callers = {
        heard.point.label.replace("/plan.", "/")
        for heard in course.heard
        if heard.place in places or (arc and heard.place.startswith(ARC))
    }
    return [heard.point for heard in _firsts(course) if heard.point.label in callers]


def _follows(end: Point, start: Point, order: Sequence[Point]) -> bool:
    labels = [point.label for point in order]
    return (
        end.label in labels and start.label in labels and labels.index(end.label) > labels.index(start.label)
    )


def _parts(course: Course, runbook: Runbook) -> Iterator[tuple[str, ...]]:
    """Each service of a Region that the run calls, each endpoint of ARC, and each pair of them."""
    for place in sorted({heard.place for heard in course.heard if heard.point.call}):
        if not place.startswith(("http/", ARC)):
            yield (place,)
    endpoints = list(_endpoints(runbook))
    yield from ((one,) for one in endpoints)
    yield from combinations(endpoints, 2)


def _endpoints(runbook: Runbook) -> Iterator[str]:
    """The hosts of an ARC cluster's endpoints, as the runbook names them."""
    for line in lines(runbook.procedures["failover"]):
        for _, url in found(steps()[line.step], line.inputs, ClusterEndpoint):
            yield url.split("/")[2]


def _struck(course: Course, at: Point | None, *faults: Fault) -> Struck:
    where = "throughout" if at is None else at.label.partition("/")[2]
    places = " and ".join(fault.place for fault in faults if fault.place and fault.kind not in (RAIN, LAG))
    what = f"{faults[0].kind} {places}".strip()
    return Struck(course.seed.but(*faults), course.name, where, what)
