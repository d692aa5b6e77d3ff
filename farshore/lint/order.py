"""The order of a failover: detect, approve, fence, data, restore, consumers, traffic, verify."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from functions.inputs import Origin, Url
from functions.run import MODES

from ..compile.direction import both_ways
from ..compile.modes import refused
from ..compile.starts import ALARMS_START
from ..runbook.model import Runbook
from ..runbook.registry import steps, written
from ..runbook.typed import found
from ..runbook.wording import duration, one_of, the_first
from .finding import Finding, Part, Placed, Procedures, Severity
from .reach import named_region


@dataclass(frozen=True)
class Rule:
    """Every line that is the one part stands before every line that is the other."""

    first: Part
    then: Part
    cost: str
    """What happens otherwise, of the line that comes too early."""
    severity: Severity = "error"
    also: bool = False
    """One may come early, where another stands after them all; not one that goes where customers go."""


RULES = (
    Rule("detect", "approve", "a person is asked without the evidence", "warning"),
    Rule("approve", "fence", "service is taken away before a person has spoken"),
    Rule("fence", "data", "the old writer is still open when the new one takes over"),
    Rule("data", "restore", "the Region opens before its data is writable there"),
    Rule("data", "consumers", "messages are consumed, and their writes fail"),
    Rule("data", "traffic", "reads look green, and writes fail"),
    Rule("restore", "traffic", "customers are sent to what still turns them away"),
    Rule("capacity", "traffic", "customers are sent to a Region that has no room for them", "warning"),
    Rule("consumers", "traffic", "customers' orders pile up unprocessed", "warning"),
    Rule("traffic", "verify", "it proves nothing about where customers will go", also=True),
)
UNLED = (
    "it proves nothing, since it goes where customers go, and nobody leads there yet: it waits for that, and "
    "the run fails with its data moved"
)


def findings(runbook: Runbook, listed: Procedures) -> Iterator[Finding]:
    for name, lines in listed.ways.items():
        for rule in RULES:
            yield from _kept(runbook, rule, lines)
        yield from _ends_with_proof(runbook, name, lines)
        yield from _approved(runbook, name, lines)
        yield from _fenced(runbook, name, lines)
    yield from _before_approval(runbook, listed)
    yield from _modes(runbook, listed)


def _declared(phase: Part) -> list[str]:
    """The steps that a runbook can write for a part of the way."""
    return [name for name, kind in written(steps()).items() if kind.phase == phase]


def _declared_fences() -> list[str]:
    return [name for name, kind in written(steps()).items() if kind.fences and not kind.for_the_run]


def _kept(runbook: Runbook, rule: Rule, lines: Sequence[Placed]) -> Iterator[Finding]:
    firsts = [placed for placed in lines if placed.part == rule.first]
    last = max((each.place for each in firsts), default=0)
    again = rule.also and any(placed.part == rule.then and placed.place > last for placed in lines)
    for placed in lines:
        if placed.part != rule.then or (placed.part == "fence" and placed.line.before_approval):
            continue
        led = rule.also and _goes_with_customers(placed)
        if again and not led:
            continue
        late = [first for first in firsts if first.place >= placed.place]
        if late:
            where = the_first([f"{each.name} in line {each.line.line}" for each in late])
            beside = all(each.place == placed.place for each in late)
            cost = UNLED if led else rule.cost
            what = f"{placed.name} stands {'beside' if beside else 'before'} {where}: {cost}"
            instead = f"move it after line {late[-1].line.line}"
            yield Finding("order", runbook.path, placed.line.line, what, instead, rule.severity)


def _goes_with_customers(placed: Placed) -> bool:
    """It writes as they do, and not to a Region's own address."""
    addresses = [text for kind in (Origin, Url) for _, text in found(placed.kind, placed.line.inputs, kind)]
    return any(api.is_http for api in placed.kind.writes) and not any(map(named_region, addresses))


def _ends_with_proof(runbook: Runbook, name: str, lines: Sequence[Placed]) -> Iterator[Finding]:
    proofs = [placed for placed in lines if placed.part == "verify"]
    last = next((placed for placed in reversed(lines) if placed.part), lines[-1])
    if not proofs:
        what = f"{name} ends without a write that proves it"
        instead = f"end it with {one_of(_declared('verify'))}"
        yield Finding("verify", runbook.path, last.line.line, what, instead, "warning")
    elif last.place > proofs[-1].place:
        what = f"{last.name} stands after {proofs[-1].name} in line {proofs[-1].line.line}, and is not proved"
        yield Finding("verify", runbook.path, last.line.line, what, "verify last", "warning")


def _approved(runbook: Runbook, name: str, lines: Sequence[Placed]) -> Iterator[Finding]:
    committed = next((placed for placed in lines if placed.no_return), None)
    if committed is None:
        return
    if not any(placed.part == "approve" and placed.place < committed.place for placed in lines):
        what = f"{committed.name} is the point of no return of {name}, and nobody has approved it"
        instead = f"write {one_of(_declared('approve'))} before it"
        yield Finding("unapproved", runbook.path, committed.line.line, what, instead)


def _fenced(runbook: Runbook, name: str, lines: Sequence[Placed]) -> Iterator[Finding]:
    """Of data that one Region writes, which moves for good."""
    moved = next((placed for placed in lines if placed.part == "data" and placed.no_return), None)
    if moved is not None and not any(placed.part == "fence" for placed in lines):
        what = f"{name} has no fence before {moved.name}: the Region that is left goes on taking writes"
        instead = f"shut it before, by {one_of(_declared_fences())}"
        yield Finding("unfenced", runbook.path, moved.line.line, what, instead, "warning")


def _before_approval(runbook: Runbook, listed: Procedures) -> Iterator[Finding]:
    """What a fence that goes up unasked costs customers, and for how long at most."""
    triggered = any(trigger.mode == "ungraceful" for trigger in runbook.triggers)
    for name, lines in listed.ways.items():
        there, back = both_ways(runbook)
        way = back if name == "failback" else there
        for placed in (placed for placed in lines if placed.line.before_approval):
            line = placed.line.line
            asked = [each for each in lines if each.part == "approve" and each.place > placed.place]
            if not asked:
                what = f"{placed.name} has before_approval, and no approval comes after it"
                yield Finding("before-approval", runbook.path, line, what, "remove it", "warning")
            elif not triggered or name == "failback":
                what = f"{placed.name} has before_approval, and no alarm starts {name} in ungraceful mode"
                yield Finding(
                    "before-approval", runbook.path, line, what, "remove it: a person has spoken already"
                )
            else:
                taken = the_first(sorted(thing for _, thing in placed.things))
                most = duration(sum(float(each.inputs["within"]) for each in asked))
                what = f"{placed.name} takes {taken} from customers of {way.source} for up to {most}"
                what += ", before a person has spoken, whenever the alarm is wrong"
                instead = "remove before_approval, unless two writers would cost more"
                yield Finding("before-approval", runbook.path, line, what, instead, "warning")


def _modes(runbook: Runbook, listed: Procedures) -> Iterator[Finding]:
    """Somebody can carry it out: in the mode in which an alarm does, or in any."""
    for name in listed.ways:
        if len(said := refused(runbook, name)) == len(MODES):
            why = "; ".join(f"of {mode} ones {said[mode]}" for mode in MODES)
            line = runbook.lines.get(name) or runbook.lines[ALARMS_START]
            yield Finding(
                "mode", runbook.path, line, f"no run of {name} can succeed: {why}", "keep one of the two"
            )
    for trigger in runbook.triggers:
        if says := refused(runbook, ALARMS_START).get(trigger.mode):
            what = f"the alarm {trigger.alarm} starts {trigger.mode} runs, and {says}"
            (other,) = (mode for mode in MODES if mode != trigger.mode)
            yield Finding("mode", runbook.path, trigger.line, what, f"write mode: {other}")
