"""What was promised, and where things are: objectives, Regions, the ledger, what steps rely on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from functions.inputs import FORMS, Loss, Patience, Region, RoutingControlArn, TopicArn
from functions.ledger import REGION_SETS

from ..compile.direction import both_ways
from ..compile.fences import giving_back
from ..compile.outline import longest
from ..runbook.model import Runbook
from ..runbook.named import named
from ..runbook.registry import steps
from ..runbook.typed import fields_of, found
from ..runbook.wording import DIRECTION, duration, spelled
from .finding import Finding, Placed, Procedures
from .reach import REGION, named_region


def findings(runbook: Runbook, listed: Procedures) -> Iterator[Finding]:
    yield from _rto(runbook, listed.failover)
    yield from _rpo(runbook, listed)
    yield from _literals(runbook, listed)
    yield from _mismatches(runbook, listed)
    yield from _regions(runbook)
    yield from _kept(runbook, listed)
    yield from _led_back(runbook, listed)
    yield from _no_time(runbook, listed)
    yield from _accounts(runbook)


def _accounts(runbook: Runbook) -> Iterator[Finding]:
    """Of all ARNs, one account: a digit that slipped names what is not there."""
    arns = [(line, arn) for kind in (TopicArn, RoutingControlArn) for line, _, arn in named(runbook, kind)]
    counted = Counter(arn.split(":")[4] for _, arn in arns)
    usual = max(counted, key=lambda account: counted[account], default="")
    for account in counted.keys() - {usual}:
        line, arn = next((line, arn) for line, arn in arns if arn.split(":")[4] == account)
        what = f"{arn} is of the account {account}, and other ARNs of {usual}"
        instead = "write the account that the runbook runs in, unless it is shared on purpose"
        yield Finding("account", runbook.path, line.line, what, instead, "warning")


def _led_back(runbook: Runbook, listed: Procedures) -> Iterator[Finding]:
    """No procedure leads customers or data to the Region that it leaves, or closes the other one."""
    for placed in (each for lines in listed.ways.values() for each in lines):
        word = placed.kind.leads_to
        if word is not None and placed.inputs[word] == "$from":
            whom = "customers" if placed.kind.phase == "traffic" else "the application"
            what = f"{placed.name} leads {whom} to $from, the Region that is left"
            yield Finding("direction", runbook.path, placed.line.line, what, f"write {word}: $to")
        if placed.kind.fences and not placed.kind.for_the_run and placed.region == "$to":
            word = giving_back(placed.kind)
            if placed.inputs[word] == placed.kind.closed:
                said = spelled(placed.inputs[word])
                what = f"{placed.name} closes $to, the Region that takes over: {word} is {said}"
                instead = f"write region: $from, or {word}: restore"
                yield Finding("fence", runbook.path, placed.line.line, what, instead)


def _no_time(runbook: Runbook, listed: Procedures) -> Iterator[Finding]:
    """Every state has time to come about, and every silent Region to answer."""
    for placed in listed.everything():
        for word in ("within", *fields_of(placed.kind, Patience)):
            if float(placed.inputs[word]) <= 0:
                what = f"{placed.name} has no time: {word} is 0"
                yield Finding("time", runbook.path, placed.line.line, what, "write some, or leave it out")


def _rto(runbook: Runbook, lines: Sequence[Placed]) -> Iterator[Finding]:
    """No step of an ungraceful run may wait for longer than the whole of it is to take. (A limit is when a
    run gives up, which it seldom comes to: what they add up to is no measure of an RTO, a rehearsal is.)"""
    rto = runbook.objectives.rto
    for placed in lines:
        if (limit := longest(placed.line)) > rto:
            what = f"{placed.name} may wait for {duration(limit)}, and the rto is {duration(rto)}"
            instead = f"write within: {duration(rto)} or less, or what it may take as the rto"
            yield Finding("rto", runbook.path, placed.line.line, what, instead, "warning")


def _rpo(runbook: Runbook, listed: Procedures) -> Iterator[Finding]:
    for placed in listed.everything():
        rpo = runbook.objectives.rpo
        for name in fields_of(placed.kind, Loss):
            if (lose := placed.inputs[name]) > rpo:
                what = f"{placed.name} may lose {duration(lose)}, and the rpo is {duration(rpo)}"
                yield Finding("rpo", runbook.path, placed.line.line, what, f"write {name}: {duration(rpo)}")


def _literals(runbook: Runbook, listed: Procedures) -> Iterator[Finding]:
    """In a procedure that runs in both directions, a Region by name is right in one of them at most."""
    words = {runbook.regions.primary: "$from", runbook.regions.standby: "$to"}
    for name, lines in listed.ways.items():
        meant = words if name == "failover" else dict(zip(words, reversed(words.values()), strict=True))
        for placed in lines:
            for key in fields_of(placed.kind, Region):
                value = placed.line.inputs.get(key)
                if value is not None and value not in DIRECTION:
                    what = f"{placed.name} names {value} as its `{key}`, whichever way the run goes"
                    instead = f"write {key}: {meant.get(value, ' or '.join(DIRECTION))}"
                    yield Finding("literal", runbook.path, placed.line.line, what, instead)


def _mismatches(runbook: Runbook, listed: Procedures) -> Iterator[Finding]:
    """A Region's entry that is an ARN or an address in another Region: a topic of the dark one, say."""
    for placed in listed.everything():
        for way in both_ways(runbook):
            for key, value in _entries(way.literal(placed.kind, placed.line.inputs)):
                named = named_region(value)
                if named not in (None, key):
                    what = f"{placed.name}: the entry of {key} is in {named}"
                    instead = f"write the one in {key}"
                    yield Finding("entry", runbook.path, placed.line.line, what, instead)


def _entries(value: Any) -> Iterator[tuple[str, str]]:
    """Every entry of a mapping by Regions, however deep."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if isinstance(item, str) and REGION.fullmatch(str(key)):
                yield str(key), item
            yield from _entries(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _entries(item)


def _regions(runbook: Runbook) -> Iterator[Finding]:
    if runbook.regions.observer is None:
        what = "no observer: nothing outside the two Regions can say which of them is ill"
        instead = "name a third Region, and put a canary there"
        yield Finding("observer", runbook.path, runbook.lines["regions"], what, instead, "warning")
    replicas = set(runbook.ledger.regions)
    if len(replicas) != 3 or not any(replicas <= one for one in REGION_SETS):
        what = f"no table of strong consistency spans {', '.join(runbook.ledger.regions)}"
        instead = "take three of " + ", or three of ".join(", ".join(sorted(one)) for one in REGION_SETS)
        line = runbook.lines.get("ledger", runbook.lines["application"])
        yield Finding("ledger", runbook.path, line, what, instead)


def _kept(runbook: Runbook, listed: Procedures) -> Iterator[Finding]:
    """What a step relies on, a step of `prepare` keeps true."""
    kept = {placed.kind.keeps for placed in listed.others.get("prepare", ())}
    for placed in listed.everything():
        for word, why in _relies_on(placed).items():
            if word not in kept:
                kept.add(word)
                keeper = next(name for name, kind in steps().items() if kind.keeps == word)
                what = f"{placed.name} relies on the {word}, which no step of `prepare` keeps true"
                instead = f"write {keeper} there: {why}"
                yield Finding("keeps", runbook.path, placed.line.line, what, instead, "warning")


def _relies_on(placed: Placed) -> Mapping[str, str]:
    """What the step declares, and what each text that it is given relies on by its type."""
    texts = [
        form.relies_on(text)
        for kind, form in FORMS.items()
        for _, text in found(placed.kind, placed.line.inputs, kind)
    ]
    return {word: why for each in (*texts, placed.kind.relies_on) for word, why in each.items()}
