"""What the RTO is made of: each second of it, until every customer is served again, belongs to one kind.

    detection  nobody is at work yet, or the run gathers evidence
    person     a plan waits for a decision; or a run has ended without leading customers anywhere
    aws        a call is under way, or AWS carries out what a call has asked of it, by operation
    names      all is set, and names, or the addresses that customers keep, have not followed
    polling    Farshore's own: AWS was done, and the next tick, or the next state, had not come

What nobody can tell apart is polling: AWS's own part is never more than it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

from ..checkers.events import Tick
from ..operate.history import RunReport, phase_of
from .simulation import Simulation
from .witness import Plan, Road, Witness, state_of

Kind = Literal["detection", "person", "aws", "names", "polling"]
KINDS: tuple[Kind, ...] = get_args(Kind)
WAITED = "NotYet"
"""How the answer of a tick begins that waits for what it is about."""


@dataclass(frozen=True)
class Span:
    """Some of the RTO, in milliseconds since the outage: so that the sum of all is the whole."""

    kind: Kind
    what: str
    """The operation, the state or the plan that it is about."""
    at: int
    until: int


@dataclass(frozen=True)
class _Stretch:
    """What may own a time, in seconds of the clock, unless something before it in the order does."""

    kind: Kind
    what: str
    at: float
    until: float


def made_of(
    simulation: Simulation,
    witness: Witness,
    main: tuple[str, RunReport] | None,
    broken_at: float,
    seconds: float,
) -> list[Span]:
    """Spans that follow one another from the outage on, for so many seconds. `main` is the run that ends the
    outage, with its execution; None where there was none."""
    end = broken_at + seconds
    stretches = list(_names(witness.roads, broken_at, end))
    if main is None:
        stretches.append(_Stretch("detection", "no run had begun", broken_at, end))
    else:
        execution, run = main
        what = "until the run began" if run.started < end else "no run had begun"
        stretches.append(_Stretch("detection", what, broken_at, run.started))
        stretches += _people(witness.plans, execution, run.started + run.seconds)
        by_state: dict[str, list[Tick]] = {}
        for tick in witness.ticks(simulation, execution):
            by_state.setdefault(state_of(tick), []).append(tick)
        calls: list[_Stretch] = []
        waits: list[_Stretch] = []
        for state, ticks in by_state.items():
            if phase_of(ticks[0].event) == "detect":
                until = ticks[-1].ended or end
                stretches.append(_Stretch("detection", state, _invoked(witness, ticks[0]), until))
            stretches += _work(witness, ticks)
            calls += _calls(witness, ticks, end)
            waits += _waits(witness, ticks)
        stretches += calls
        stretches += sorted(waits, key=lambda each: each.kind)  # where branches differ, AWS's comes first
        stretches.append(_Stretch("polling", "between states", run.started, run.started + run.seconds))
        stretches.append(_Stretch("person", "the run had ended", run.started + run.seconds, end))
    return list(_laid(stretches, broken_at, round(seconds * 1000)))


def _names(roads: Sequence[Road], broken_at: float, end: float) -> Iterator[_Stretch]:
    """From when all was set, for good, until the end."""
    known = [road for road in roads if road.at <= end]
    turned = [later for earlier, later in pairwise(known) if later.set and not earlier.set]
    if not (known and known[-1].set and turned and turned[-1].at > broken_at):
        return
    all_set = turned[-1].at
    named = next((road.at for road in known if road.at >= all_set and road.set and road.named), end)
    yield _Stretch("names", "names answer as they did", all_set, named)
    yield _Stretch("names", "until every customer was served again", named, end)


def _people(plans: Sequence[Plan], execution: str, ended: float) -> Iterator[_Stretch]:
    mine = [plan for plan in plans if plan.execution == execution]
    for number, plan in enumerate(mine):
        superseded = mine[number + 1].at if number + 1 < len(mine) else ended
        decided = superseded if plan.decided is None else plan.decided
        yield _Stretch("person", f"decides on plan {plan.hash}", plan.at, decided)


def _invoked(witness: Witness, tick: Tick) -> float:
    """When the machine asked for it."""
    asked = witness.invoked[tick.execution, state_of(tick)]
    return max((each.at for each in asked if each.at <= tick.began), default=tick.began)


def _work(witness: Witness, ticks: Sequence[Tick]) -> Iterator[_Stretch]:
    """What AWS carried out for a state, and its last tick found done: whatever was asked meanwhile."""
    for each in witness.work[ticks[0].execution, state_of(ticks[0])]:
        if each.until <= ticks[-1].began:
            yield _Stretch("aws", each.what, each.at, each.until)


def _calls(witness: Witness, ticks: Sequence[Tick], end: float) -> Iterator[_Stretch]:
    """Ticks from their invocation to their end: what is called last is what is waited for."""
    for tick in ticks:
        asked = witness.invoked[tick.execution, state_of(tick)]
        mine = [each for each in asked if each.at <= tick.began][-1:] + witness.asked[id(tick)]
        ended = tick.ended or end
        for call, then in zip(mine, [*(each.at for each in mine[1:]), ended], strict=True):
            yield _Stretch("aws", call.what, call.at, then)


def _waits(witness: Witness, ticks: Sequence[Tick]) -> Iterator[_Stretch]:
    """Between ticks. Where the later one waits again, the time was needed; where it goes on, what AWS
    finished in between tells how much of it was."""
    for tick, after in pairwise(ticks):
        began, until = tick.ended or tick.began, _invoked(witness, after)
        work = [each for each in witness.work[tick.execution, state_of(tick)] if each.at <= until]
        what = _changed(witness, tick, until) or next((a.what for a in witness.asked[id(tick)][-1:]), "")
        if after.answer.startswith(WAITED):
            yield _Stretch("aws", what, began, until)
        else:
            done = max((each.until for each in work if began < each.until <= until), default=began)
            yield _Stretch("aws", what, began, done)
            yield _Stretch("polling", state_of(tick), done, until)


def _changed(witness: Witness, tick: Tick, before: float) -> str:
    """What this state has changed last; "" where it has changed nothing."""
    mine = (
        each for each in witness.changes if (each.execution, each.state) == (tick.execution, state_of(tick))
    )
    return next((each.what for each in sorted(mine, key=lambda c: -c.at) if each.at <= before), "")


def _laid(stretches: Sequence[_Stretch], broken_at: float, whole: int) -> Iterator[Span]:
    """Each millisecond given to the first stretch that covers it."""
    cut = [
        (max(0, round((each.at - broken_at) * 1000)), min(whole, round((each.until - broken_at) * 1000)))
        for each in stretches
    ]
    instants = sorted({0, whole, *(at for span in cut for at in span if 0 <= at <= whole)})
    last: Span | None = None
    for at, until in pairwise(instants):
        owner = next(
            (each for each, (a, u) in zip(stretches, cut, strict=True) if a <= at and until <= u), None
        )
        kind, what = (owner.kind, owner.what) if owner else ("polling", "between states")
        if last is not None and (last.kind, last.what) == (kind, what):
            last = Span(last.kind, last.what, last.at, until)
            continue
        if last is not None:
            yield last
        last = Span(kind, what, at, until)
    if last is not None:
        yield last


def totals(spans: Sequence[Span]) -> Mapping[Kind, int]:
    """Milliseconds, by kind."""
    return {kind: sum(each.until - each.at for each in spans if each.kind == kind) for kind in KINDS}
