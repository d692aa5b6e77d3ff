"""What people do at a call: they start another run, beside this one or instead, or say a word to this one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from functions.identity import PROVED
from functions.tick import LONGEST_PAUSE_SECONDS

from ...checkers.events import Call
from ...runbook.model import Runbook, lines
from ...runbook.registry import steps
from ..data import Baseline, RecordedCall
from ..person import Person
from ..points import firsts, is_undisturbed_move, own_call, turns
from ..seed import OPPOSITE, Fault
from ..site import Site
from .kind import Family, FaultKind, Met

RUNS = Family(
    "second runs",
    "at the call, the procedure is started again, beside it or after stopping it; the other direction is "
    "started, beside it or after stopping it, also with the call still under way, or with the stopped one "
    "redriven after all; or a person says abort; or the other direction is started as soon as the run has "
    "ended",
)
WORDS = Family(
    "words",
    "a person pauses the run for a minute or for 25, or declines its plan; or the Region that is left goes "
    "dark from any step on, and a person carries the run on as ungraceful",
)
SLOW = Family(
    "slow person",
    "a person approves the plan just before that is too late; or a day later, when the run has ended, and "
    "starts another; or pauses the run at any step for longer than the longest pause, or for ever",
)
SECOND = "of two runs one is refused, or finds that the other has been there"
STOPPED = "a person stops the run"
ABORTED = "a person says abort"
SAID_NO = "a person declines the plan"
TOO_LATE = "a person lets the time for a decision, or for the longest pause, run out"
DAY = 86_400.0
LONGER = LONGEST_PAUSE_SECONDS + 600
"""Seconds after which a person remembers a pause that is over by itself."""
THINKS, PONDERS = 60.0, 1500.0
"""Seconds for which a person's pause lasts: the second is longer than any state may wait."""


def _somebody_may_act(baseline: Baseline, call: RecordedCall) -> bool:
    """Not in a tick that plans: its calls only look, and the call that asks for it shows as much."""
    return is_undisturbed_move(baseline) and own_call(baseline, call)


def _at_a_change(baseline: Baseline, call: RecordedCall) -> bool:
    return _somebody_may_act(baseline, call) and call.changes


def _at_a_write(baseline: Baseline, call: RecordedCall) -> bool:
    return _somebody_may_act(baseline, call) and call.writes


def _at_a_state_or_change(baseline: Baseline, call: RecordedCall) -> bool:
    return _somebody_may_act(baseline, call) and (call.point[1:] == (1, 1) or call.changes)


def _by(act: Callable[[Person, str, str], None]) -> Callable[[Site, Met], None]:
    """What a person does, who knows the execution and its procedure."""

    def begin(site: Site, met: Met) -> None:
        procedure = site.person.runs_what(met.execution)
        site.person.does(partial(act, site.person, met.execution, procedure))

    return begin


def _again(person: Person, execution: str, procedure: str) -> None:
    person.starts(procedure)


def _other(person: Person, execution: str, procedure: str) -> None:
    person.starts(OPPOSITE[procedure])


def _turn(person: Person, execution: str, procedure: str) -> None:
    if person.stops(execution):
        person.starts(OPPOSITE[procedure])


def _revive(person: Person, execution: str, procedure: str) -> None:
    """A colleague who does not know of it redrives the stopped run, from the console."""
    if person.stops(execution):
        person.starts(OPPOSITE[procedure])
        person.redrives_from_the_console(execution)


def _abort(person: Person, execution: str, procedure: str) -> None:
    person.directs(execution, "stop it", abort=True)


def _abort_at_the_last_fence(site: Site, fault: Fault) -> None:
    """Its first change is the signal: what went up before it stands by then."""
    simulation, last = site.simulation, site.simulation.deployment.last_fence(site.seed.procedure)

    def looks(call: Call) -> None:
        if call.change is not None and call.tick is not None and call.tick.event["state"]["Name"] == last:
            simulation.on_call.remove(looks)
            procedure = site.person.runs_what(call.tick.execution)
            site.person.does(partial(_abort, site.person, call.tick.execution, procedure))

    simulation.on_call.append(looks)


def _pause(seconds: float, person: Person, execution: str, procedure: str) -> None:
    person.directs(execution, "let me think", pause=True)
    person.waits(seconds)
    person.directs(execution, "go on", pause=False, resumed_at=person.now)


def _forget(person: Person, execution: str, procedure: str) -> None:
    person.directs(execution, "let me think", pause=True)


def _carry_on(person: Person, execution: str, procedure: str) -> None:
    person.directs(execution, "the Region is gone", ungraceful=True)
    person.lets_lose(execution)


def _start_ungraceful(person: Person, execution: str, procedure: str) -> None:
    person.directs(execution, "the Region is gone", abort=True)
    person.waits_for_the_end(execution)
    person.starts(procedure, "ungraceful")


def _anew(person: Person, execution: str, procedure: str) -> None:
    if person.stops(execution):
        person.starts(procedure)


again = FaultKind(
    word="again",
    family=RUNS,
    sentence="is under way when the same procedure is started again",
    at_a_point=True,
    at_call=_somebody_may_act,
    apart="race",
    act=_by(_again),
    excuses=lambda fault, terms: SECOND,
    second_run=True,
    last_may_fail=True,
)
other = FaultKind(
    word="other",
    family=RUNS,
    sentence="is under way when the other direction is started",
    at_a_point=True,
    at_call=_somebody_may_act,
    apart="race",
    act=_by(_other),
    excuses=lambda fault, terms: SECOND,
    second_run=True,
    last_may_fail=True,
)
turn = FaultKind(
    word="turn",
    family=RUNS,
    sentence="is under way when a person stops the run and starts the other direction",
    at_a_point=True,
    at_call=_somebody_may_act,
    apart="race",
    act=_by(_turn),
    excuses=lambda fault, terms: STOPPED,
)
anew = FaultKind(
    word="anew",
    family=RUNS,
    sentence="is under way when a person stops the run and starts the same procedure anew",
    at_a_point=True,
    at_call=_at_a_state_or_change,
    act=_by(_anew),
    excuses=lambda fault, terms: STOPPED,
)
late = FaultKind(
    word="late",
    family=RUNS,
    sentence="takes as long as it may while a person stops the run and starts the other direction",
    at_a_point=True,
    at_call=_at_a_write,  # elsewhere it is a turn
    to_the_call="slow",
    act=_by(_turn),
    excuses=lambda fault, terms: STOPPED,
)
revived = FaultKind(
    word="revived",
    family=RUNS,
    sentence="is under way when a person stops the run, starts the other direction, and another redrives it",
    at_a_point=True,
    at_call=_at_a_change,  # elsewhere it is a turn
    act=_by(_revive),
    excuses=lambda fault, terms: STOPPED,
)
abort = FaultKind(
    word="abort",
    family=RUNS,
    sentence="is under way when a person says abort",
    at_a_point=True,
    at_call=_somebody_may_act,
    apart="race",
    act=_by(_abort),
    excuses=lambda fault, terms: ABORTED,
    last_may_fail=True,
)
undone = FaultKind(
    word="undone",
    family=RUNS,
    explained="a person says abort when the last fence goes up before the point of no return, and something "
    "goes wrong while the run gives back",
    begin=_abort_at_the_last_fence,
    struck=lambda tick: any(call.gives_up for call in tick),
    setting="given up",
    excuses=lambda fault, terms: ABORTED,
    refused=True,
    last_may_fail=True,
)
paused = FaultKind(
    word="paused",
    family=WORDS,
    sentence="is under way when a person says pause, and resume a minute later",
    at_a_point=True,
    # A word is heeded by the next tick, whichever call of this one it meets.
    at_call=lambda baseline, call: _somebody_may_act(baseline, call) and call.point.call == 1,
    act=_by(partial(_pause, THINKS)),
)
pondered = FaultKind(
    word="pondered",
    family=WORDS,
    sentence="is under way when a person says pause, and resume 25 minutes later",
    at_a_point=True,
    cases=lambda baseline, runbook: _at_each_state("pondered", baseline, runbook),
    act=_by(partial(_pause, PONDERS)),
)


def _gone(word: str, proved: bool, baseline: Baseline, runbook: Runbook) -> Iterator[tuple[Fault, ...]]:
    """The Region that is left goes dark, from any step on, under a graceful run."""
    if not is_undisturbed_move(baseline) or baseline.seed.mode != "graceful":
        return
    if proved != _is_proved(runbook, baseline.seed.procedure):
        return
    source, _ = runbook.direction(baseline.seed.procedure)
    for call in turns(baseline):
        gone = Fault(word, "", call.point), Fault("dark", source, call.point)
        yield gone
        # Its words are not forgotten for another.
        states = [each.point for each in firsts(baseline)]
        if call.point in states:
            yield from ((*gone, Fault("paused", "", at)) for at in states[states.index(call.point) + 1 :][:1])


def _is_proved(runbook: Runbook, procedure: str) -> bool:
    """Whoever approves must prove who they are: then no word carries an approved run on."""
    asks = (line for line in lines(runbook.entries(procedure)) if steps()[line.step].phase == "approve")
    return any(PROVED in line.inputs.values() for line in asks)


def _at_each_state(word: str, baseline: Baseline, runbook: Runbook) -> Iterator[tuple[Fault, ...]]:
    for call in firsts(baseline) if is_undisturbed_move(baseline) else ():
        yield (Fault(word, "", call.point),)


def _hasty_cases(baseline: Baseline, runbook: Runbook) -> Iterator[tuple[Fault, ...]]:
    """After a run that owes nothing, and after one from a Region that is dark."""
    if baseline.seed.procedure in OPPOSITE and all(fault.kind == "dark" for fault in baseline.seed.faults):
        yield (Fault("hasty"),)


def _once(word: str, baseline: Baseline, runbook: Runbook) -> Iterator[tuple[Fault, ...]]:
    if is_undisturbed_move(baseline):
        yield (Fault(word),)


def _hesitate(site: Site, fault: Fault) -> None:
    site.person.hesitates = True


def _leave(site: Site, fault: Fault) -> None:
    site.person.away = DAY


def _hurry(site: Site, fault: Fault) -> None:
    site.person.hasty = True


def _decline(site: Site, fault: Fault) -> None:
    site.person.declines = True


ungraceful = FaultKind(
    word="ungraceful",
    family=WORDS,
    sentence="is under way when a person carries the run on as ungraceful",
    at_a_point=True,
    cases=partial(_gone, "ungraceful", False),
    act=_by(_carry_on),
    mode="ungraceful",
)
instead = FaultKind(
    word="instead",
    family=WORDS,
    sentence="is under way when a person aborts the run and starts an ungraceful one",
    at_a_point=True,
    cases=partial(_gone, "instead", True),
    act=_by(_start_ungraceful),
    mode="ungraceful",
    excuses=lambda fault, terms: ABORTED,
)
hasty = FaultKind(
    word="hasty",
    family=RUNS,
    explained="as soon as the run has ended, whatever it owes, a person starts the other direction",
    cases=_hasty_cases,
    begin=_hurry,
    last_may_fail=True,
)
declined = FaultKind(
    word="declined",
    family=WORDS,
    cases=partial(_once, "declined"),
    begin=_decline,
    declines=True,
    refused=True,
    excuses=lambda fault, terms: SAID_NO,
)
hesitant = FaultKind(
    word="hesitant",
    family=SLOW,
    explained="a person approves the plan just before that is too late",
    cases=partial(_once, "hesitant"),
    begin=_hesitate,
)
away = FaultKind(
    word="away",
    family=SLOW,
    explained="a person approves the plan a day later, when its run has ended, and starts another",
    cases=partial(_once, "away"),
    begin=_leave,
    excuses=lambda fault, terms: TOO_LATE,
)
overslept = FaultKind(
    word="overslept",
    family=SLOW,
    sentence="is under way when a person says pause, and resume when the longest pause is over",
    at_a_point=True,
    cases=partial(_at_each_state, "overslept"),
    act=_by(partial(_pause, LONGER)),
    excuses=lambda fault, terms: TOO_LATE,
)
forgotten = FaultKind(
    word="forgotten",
    family=SLOW,
    sentence="is under way when a person says pause, and forgets it",
    at_a_point=True,
    cases=partial(_at_each_state, "forgotten"),
    act=_by(_forget),
    excuses=lambda fault, terms: TOO_LATE,
)
