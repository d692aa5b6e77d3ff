"""Which runs there are: the baseline runs, and what goes wrong at each of their points.

Faults that nothing can tell apart are one class, and one of them is played; `every` plays the others too. A
step cannot tell two apart where it gets the same reply as soon (and AWS has done the same); nor can anything
tell at which of several reads a function died that had written nothing between them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from functions.run import MODES

from ..runbook.model import Runbook
from .data import Baseline, FaultCase, RecordedCall
from .kinds import KINDS, kind_of
from .kinds.kind import FaultKind
from .points import tick_classes
from .replies import UNNOTICED
from .seed import Fault, Point, Seed


def baseline_seeds(app: str, runbook: Runbook) -> Iterator[Seed]:
    """Both directions, both modes, and from a dark Region; after a game day's outage, too; after a round
    trip, and once more; and the rest."""
    for procedure in ("failover", "failback"):
        for mode in MODES:
            yield Seed(app, procedure, mode)
        seed = Seed(app, procedure, "ungraceful")
        source, _ = runbook.direction(seed.procedure)
        back = Point(f"{procedure}-1/release", 1, 0)
        yield seed.but(Fault("dark", source, None, back))
    if "outage" in runbook.procedures:
        for procedure in ("failover", "failback"):
            for mode in MODES:
                yield Seed(app, procedure, mode, (Fault("outage"),))
        for mode in MODES:
            yield Seed(app, "failback", mode, (Fault("unmended"),))
    for earlier in ("returned", "repeated"):
        for procedure in ("failover", "failback"):
            for mode in MODES:
                yield Seed(app, procedure, mode, (Fault(earlier),))
    for procedure in ("outage", "recovery", "prepare"):
        if procedure in runbook.procedures or (procedure == "recovery" and "outage" in runbook.procedures):
            yield Seed(app, procedure, "graceful")
            yield Seed(app, procedure, "graceful", (Fault("repeated"),))


def baseline_name(seed: Seed) -> str:
    """In words."""
    lasts = [f"{fault.place} dark" if fault.place else kind_of(fault).setting for fault in seed.faults]
    return " ".join([seed.procedure, seed.mode, *lasts])


def injected(baseline: Baseline) -> bool:
    """Whether anything goes wrong at its calls: after others they are those of the same run without them."""
    return all(kind_of(fault).before is None for fault in baseline.seed.faults)


def fault_cases(baseline: Baseline, runbook: Runbook, every: bool = False) -> Iterator[FaultCase]:
    """All that goes wrong in a baseline run, once each; `every` one, or one of each class."""
    made: set[Seed] = set()
    for faults in _faults(baseline, runbook, every):
        case = _case(baseline, faults)
        if case.seed not in made:
            made.add(case.seed)
            yield case


def _faults(baseline: Baseline, runbook: Runbook, every: bool) -> Iterator[tuple[Fault, ...]]:
    for each in tick_classes(baseline):
        for tick in each.chosen(every):
            for fault in at_calls(baseline, tick, every):
                yield (fault,)
    for kind in KINDS.values():
        for faults in kind.cases(baseline, runbook) if kind.cases is not None else ():
            if every or not kind.like_another(baseline, faults[0]):
                yield faults


def at_calls(baseline: Baseline, tick: Sequence[RecordedCall], every: bool = False) -> Iterator[Fault]:
    """What goes wrong at single calls of a tick."""
    for number, call in enumerate(tick):
        replies = {UNNOTICED}
        for kind in KINDS.values():
            if kind.at_call is None or not kind.at_call(baseline, call):
                continue
            if not every and _is_like_another(kind, tick, number, replies):
                continue
            yield Fault(kind.word, "", call.point)


def _is_like_another(kind: FaultKind, tick: Sequence[RecordedCall], number: int, replies: set[str]) -> bool:
    """Another one is played that nothing can tell from this. `replies` are those that others have got."""
    call = tick[number]
    following = tick[number + 1] if number + 1 < len(tick) else None
    between = call.point.call > 0 and not call.writes
    if kind.apart == "reply":
        reply = call.replies.get(kind.word)
        if reply is None:
            return False
        known = reply in replies
        replies.add(reply)
        return known
    if kind.apart == "writes":  # it is played at the write, or at the last read
        return between and following is not None
    if kind.apart == "race":  # at the first read, and at the last before a write
        first = number == 0 or tick[number - 1].writes or tick[number - 1].point.call == 0
        return between and not first and (following is None or not following.writes)
    return False


def _case(baseline: Baseline, faults: tuple[Fault, ...]) -> FaultCase:
    first = faults[0]
    state = "throughout" if first.at is None else first.at.state
    places = " and ".join(fault.place for fault in faults if kind_of(fault).takes == "place" and fault.place)
    return FaultCase(baseline.seed.but(*faults), baseline.name, state, f"{first.kind} {places}".strip())
