"""Which runs there are: the baseline runs, and what goes wrong at each of their points.

Faults that nothing can tell apart are one class, and one of them is played; `every` plays the others too. A
step cannot tell two apart where it gets the same reply as soon (and AWS has done the same); nor can anything
tell at which of several reads a function died that had written nothing between them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..compile.modes import modes_of
from ..runbook.model import Runbook
from .data import Baseline, FaultCase, RecordedCall
from .kinds import KINDS, kind_of, kinds_of
from .kinds.kind import FaultKind
from .points import TickClass, tick_classes, ticks
from .replies import UNNOTICED
from .seed import OPPOSITE, Fault, Point, Seed


def baseline_seeds(app: str, runbook: Runbook) -> Iterator[Seed]:
    """Both directions, both modes where no step refuses one, and from a dark Region; given up before anything
    moves; after a game day's outage, too; after a round trip, and once more; and the rest."""
    moves = [Seed(app, procedure, mode) for procedure in OPPOSITE for mode in modes_of(runbook, procedure)]
    for seed in moves:
        yield seed
        if seed.mode == "ungraceful":
            source, _ = runbook.direction(seed.procedure)
            yield seed.but(Fault("dark", source, None, Point(f"{seed.execution}/release", 1, 0)))
    game_day = ("outage",) if "outage" in runbook.procedures else ()
    for setting in ("undone", *game_day, "returned", "repeated"):
        yield from (seed.but(Fault(setting)) for seed in moves)
    for mode in modes_of(runbook, "failback") if game_day else ():
        yield Seed(app, "failback", mode, (Fault("unmended"),))
    for procedure in ("outage", "recovery", "prepare"):
        if procedure in runbook.procedures or (procedure == "recovery" and "outage" in runbook.procedures):
            yield Seed(app, procedure, "graceful")
            yield Seed(app, procedure, "graceful", (Fault("repeated"),))


def baseline_name(seed: Seed) -> str:
    """In words."""
    lasts = [f"{fault.place} dark" if fault.place else kind_of(fault).setting for fault in seed.faults]
    return " ".join([seed.procedure, seed.mode, *lasts])


def fault_cases(baseline: Baseline, runbook: Runbook, every: bool = False) -> Iterator[FaultCase]:
    """All that goes wrong in a baseline run, once each; `every` one, or one of each class."""
    made: set[Seed] = set()
    for faults in _faults(baseline, runbook, every):
        case = _case(baseline, faults)
        if case.seed not in made:
            made.add(case.seed)
            yield case


def _faults(baseline: Baseline, runbook: Runbook, every: bool) -> Iterator[tuple[Fault, ...]]:
    met: set[Point | None] = set()
    for each in struck(baseline):
        met.update(call.point for tick in each.ticks for call in tick)
        for tick in each.chosen(every):
            for fault in at_calls(baseline, tick, every):
                yield (fault,)
    everywhere = all(_is_struck(baseline, tick) for tick in ticks(baseline))
    for kind in KINDS.values():
        for faults in kind.cases(baseline, runbook) if kind.cases is not None else ():
            if not everywhere and faults[0].at not in met:
                continue
            if every or not kind.like_another(baseline, faults[0]):
                yield faults


def struck(baseline: Baseline) -> Iterator[TickClass]:
    """The ticks at which something goes wrong, in classes."""
    return tick_classes(baseline, lambda tick: _is_struck(baseline, tick))


def _is_struck(baseline: Baseline, tick: Sequence[RecordedCall]) -> bool:
    """After what comes before a run, it is the same run as without that."""
    kinds = list(kinds_of(baseline.seed))
    return all(kind.before is None and kind.struck(tick) for kind in kinds)


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
