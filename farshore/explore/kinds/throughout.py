"""What is so from the beginning of a run, or all the way: the dice, a lag, an alarm, a game day."""

from __future__ import annotations

from collections.abc import Iterator

from twin.faults import Kind as CallFault
from twin.faults import Request

from ...runbook.model import Runbook
from ..data import Baseline
from ..seed import OPPOSITE, Fault
from ..site import Site
from . import at_a_call
from .kind import Family, FaultKind, Procedures

RANDOM = Family("one in five", "one call in five is lost, late, throttled or answered 5xx, all the way")
LAG = Family(
    "lag",
    "replication has stalled for 5 to 300 s: nothing is lost, or no more than the runbook allows, or no "
    "promotion",
)
ALARM = Family(
    "false alarm", "an alarm starts the run though nothing is wrong: it sees so, and changes nothing"
)
OUTAGE = Family(
    "outage", "a game day: the outage has been made before, and is mended before a failback, or is not"
)
EARLIER = Family(
    "earlier runs",
    "the application has been moved there and back before; or the very procedure has been carried out "
    "already, and there is nothing left to do",
)
STALLED = "replication has stalled: a graceful run cannot switch over, an ungraceful one would lose too much"
GAME_DAY = "a game day holds what customers need where they would be led: it is ended first"
ALONE = "only an alarm says that anything is wrong: the run that it starts is refused"
DICE = range(1, 41)
"""Numbers of the runs with random faults."""
LAGS = (5, 20, 40, 90, 300)
"""Seconds for which replication has stalled when a run begins."""
PASSING: tuple[CallFault, ...] = tuple(
    kind.to_the_call
    for kind in vars(at_a_call).values()
    if isinstance(kind, FaultKind) and kind.passes and kind.to_the_call and kind.at_call is at_a_call.any_call
)
"""What random faults are made of: what comes to an end by itself."""


def _numbers(word: str, numbers: range | tuple[int, ...], baseline: Baseline) -> Iterator[tuple[Fault, ...]]:
    if baseline.seed.procedure in OPPOSITE:
        for number in numbers:
            yield (Fault(word, str(number)),)


def _one_in_five(site: Site, fault: Fault, request: Request) -> CallFault | None:
    return site.dice.choice(PASSING) if site.dice.random() < 0.2 else None


def _stall(site: Site, fault: Fault) -> None:
    for dataset in site.simulation.application.datasets:
        dataset.stall()
    site.simulation.clock.sleep(float(fault.place))


def _resume(site: Site, fault: Fault) -> None:
    for dataset in site.simulation.application.datasets:
        dataset.resume()


def _false_alarm(baseline: Baseline, runbook: Runbook) -> Iterator[tuple[Fault, ...]]:
    """Only an alarm says that something is wrong: a run that it starts must see that for itself."""
    modes = {trigger.mode for trigger in runbook.triggers}
    if baseline.seed.procedure == "failover" and baseline.undisturbed and baseline.seed.mode in modes:
        yield (Fault("alarm"),)
        if runbook.regions.observer:
            yield Fault("alarm"), Fault("dark", runbook.regions.observer)


def _game_day(procedures: Procedures, procedure: str) -> Procedures:
    return ("outage", *(each for procedure in procedures for each in (procedure, "recovery")))


random = FaultKind(
    word="random",
    family=RANDOM,
    takes="number",
    cases=lambda baseline, runbook: _numbers("random", DICE, baseline),
    while_it_lasts=_one_in_five,
)
lag = FaultKind(
    word="lag",
    family=LAG,
    takes="number",
    cases=lambda baseline, runbook: _numbers("lag", LAGS, baseline),
    begin=_stall,
    end=_resume,
    excuses=lambda fault, terms: STALLED,
    goes_wrong=False,
)
alarm = FaultKind(
    word="alarm",
    family=ALARM,
    cases=_false_alarm,
    excuses=lambda fault, terms: ALONE,
    false_alarm=lambda fault, seed, runbook: True,
)
outage = FaultKind(word="outage", family=OUTAGE, before=_game_day, setting="after an outage")
unmended = FaultKind(
    word="unmended",
    family=OUTAGE,
    explained="a game day's outage is not mended before the failback, which must wait for that",
    before=lambda procedures, procedure: ("outage", *procedures),
    setting="during a game day",
    excuses=lambda fault, terms: GAME_DAY,
    refused=True,
)
returned = FaultKind(
    word="returned",
    family=EARLIER,
    explained="the application has been moved there and back before",
    before=lambda procedures, procedure: ("failover", "failback", *procedures),
    setting="after a round trip",
)
repeated = FaultKind(
    word="repeated",
    family=EARLIER,
    explained="the procedure has been carried out before, and nothing since",
    before=lambda procedures, procedure: (*procedures, procedure),
    setting="once more",
)
