"""What was broken before, while nobody looked: a permission, a topic, an alarm, a canary.

`prepare` finds it in peace; a run that meets it rides it out, or ends and names it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from functions.evidence import Quorum
from functions.inputs import AlarmName, TopicArn
from twin.faults import Kind as CallFault
from twin.faults import Request

from ...compile.probing import standing
from ...compile.starts import ALARMS_START
from ...runbook.model import Runbook
from ...runbook.named import named
from ...runbook.registry import steps
from ...runbook.typed import fields_of
from ..data import Baseline, RecordedCall
from ..seed import OPPOSITE, Fault, Seed
from ..site import Site
from .at_a_call import DENIED
from .kind import Family, FaultKind
from .throughout import ALONE

BEFORE = Family(
    "broken before",
    "a role lacks a permission, a topic or an alarm is gone, or a canary fails of itself: from before, until "
    "somebody mends it. `prepare` names it; a run rides it out, or ends and names it",
)
TURNS_RED = 300.0
"""Seconds after which the alarm of a canary that always fails is red."""
NO_AWS = "http"
"""Of requests that need no permission."""


# A role.


def _operations(baseline: Baseline, runbook: Runbook) -> Iterator[tuple[Fault, ...]]:
    """Each operation that the run's functions call."""
    if baseline.undisturbed and baseline.seed.procedure in (*OPPOSITE, "prepare"):
        called = {call.what.partition(" in ")[0] for call in _calls(baseline)}
        for operation in sorted(called):
            if operation.partition(":")[0] != NO_AWS:
                yield (Fault("forbidden", operation),)


def _calls(baseline: Baseline) -> Iterator[RecordedCall]:
    """Of the run itself, and of its plan."""
    execution = baseline.seed.execution
    return (call for call in baseline.calls if call.point.execution == execution and call.point.call)


def _forbid(site: Site, fault: Fault, request: Request) -> CallFault | None:
    asked = f"{request.service}:{request.operation}"
    return "denied" if request.caller and asked == fault.place else None


# A topic, an alarm, a canary.


def _topics(baseline: Baseline, runbook: Runbook) -> Iterator[tuple[Fault, ...]]:
    for region in sorted({arn.split(":")[3] for *_, arn in named(runbook, TopicArn)}):
        if _met_by(baseline) and region not in [fault.place for fault in baseline.seed.faults]:
            yield (Fault("no_topic", region),)


def _alarms(word: str, baseline: Baseline, runbook: Runbook) -> Iterator[tuple[Fault, ...]]:
    for name, region in _of_evidence(runbook):
        of_a_canary = name not in standing(runbook)
        if word == "red" and (not of_a_canary or _starts_one(baseline, region, runbook)):
            continue
        if _met_by(baseline):
            yield (Fault(word, f"{name}/{region}"),)


def _met_by(baseline: Baseline) -> bool:
    """A run that nothing else happens to, or one from a dark Region, which needs its evidence."""
    dark = all(fault.kind == "dark" for fault in baseline.seed.faults)
    return dark and baseline.seed.procedure in (*OPPOSITE, "prepare")


def _starts_one(baseline: Baseline, region: str, runbook: Runbook) -> bool:
    """The run that such an alarm starts by itself would be in the way of what is meant."""
    return region == runbook.regions.standby and baseline.seed.procedure == "prepare"


def _of_evidence(runbook: Runbook) -> list[tuple[str, str]]:
    """Name and Region of each alarm that a run asks for evidence."""
    asked = set()
    for line, (*where, _), name in named(runbook, AlarmName):
        if not fields_of(steps()[line.step], Quorum):
            continue
        source: Any = line.inputs
        for key in where:
            source = source[key]
        asked.add((str(name), str(source["at"])))
    return sorted(asked)


def _drop_topic(site: Site, fault: Fault) -> None:
    for arn in _in(fault.place, site):
        site.simulation.account.drop_topic(arn)


def _restore_topic(site: Site, fault: Fault) -> None:
    for arn in _in(fault.place, site):
        site.simulation.account.topic(arn)


def _in(region: str, site: Site) -> Iterator[str]:
    arns = {str(arn) for *_, arn in named(site.simulation.runbook, TopicArn)}
    return (arn for arn in sorted(arns) if arn.split(":")[3] == region)


def _drop_alarm(site: Site, fault: Fault) -> None:
    site.simulation.metrics.drop(*_place(fault))


def _restore_alarm(site: Site, fault: Fault) -> None:
    site.simulation.metrics.put_back(*_place(fault))


def _break(site: Site, fault: Fault) -> None:
    site.simulation.account.canaries[_place(fault)].broken = True
    if site.seed.procedure not in OPPOSITE:
        site.simulation.clock.sleep(TURNS_RED)


def _mend(site: Site, fault: Fault) -> None:
    site.simulation.account.canaries[_place(fault)].broken = False


def _place(fault: Fault) -> tuple[str, str]:
    """The Region and the name of an alarm, and of the canary that it watches."""
    name, _, region = fault.place.rpartition("/")
    return region, name


def _starts_this(fault: Fault, seed: Seed, runbook: Runbook) -> bool:
    """The alarm is the one that starts runs, and this run is one that it would start."""
    region, name = _place(fault)
    modes = [trigger.mode for trigger in runbook.triggers if trigger.alarm == name]
    started = region == runbook.regions.standby and seed.procedure == ALARMS_START and modes == [seed.mode]
    enough = min((count for *_, count in named(runbook, Quorum)), default=1)
    return started and seed.faults == (fault,) and enough > 1


forbidden = FaultKind(
    word="forbidden",
    family=BEFORE,
    explained="the roles of Farshore's functions lack a permission",
    takes="place",
    cases=_operations,
    while_it_lasts=_forbid,
    denies=True,
    excuses=lambda fault, terms: DENIED,
    prepare_says=lambda fault: (fault.place.partition(":")[2], "Denied"),
)
no_topic = FaultKind(
    word="no_topic",
    family=BEFORE,
    explained="a Region's topics are gone: no page is sent there",
    takes="place",
    cases=_topics,
    begin=_drop_topic,
    end=_restore_topic,
    prepare_says=lambda fault: ("there is no topic",),
)
no_alarm = FaultKind(
    word="no_alarm",
    family=BEFORE,
    explained="an alarm is gone, and with it one source of evidence",
    takes="place",
    cases=partial(_alarms, "no_alarm"),
    begin=_drop_alarm,
    end=_restore_alarm,
    prepare_says=lambda fault: (f"{_place(fault)[1]} in {_place(fault)[0]}",),
)
red = FaultKind(
    word="red",
    family=BEFORE,
    explained="a canary fails of itself, and its alarm turns red",
    takes="place",
    cases=partial(_alarms, "red"),
    begin=_break,
    end=_mend,
    excuses=lambda fault, terms: ALONE,
    false_alarm=_starts_this,
    prepare_says=lambda fault: (f"{_place(fault)[1]} in {_place(fault)[0]}",),
)
