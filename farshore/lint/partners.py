"""Every fence of `$from` is given back: the same step with `region: $to` and `restore`, after the promotion.

In the derived failback it is the same list, so the line that gives back stands in `failover` itself. What an
`outage` breaks needs no partner: its recovery is derived.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from functions.inputs import FunctionName

from ..compile.fences import giving_back, restores
from ..compile.states import function_name
from ..runbook.model import Runbook
from ..runbook.registry import steps
from ..runbook.typed import found
from ..runbook.wording import spelled, the_first
from .finding import Finding, Placed, Procedures


def findings(runbook: Runbook, listed: Procedures) -> Iterator[Finding]:
    """What the one direction takes, the other gives back."""
    yield from _pairs(runbook, listed.failover, listed.failback)
    if listed.written:
        yield from _pairs(runbook, listed.failback, listed.failover)
    for placed in listed.everything():
        yield from _own(runbook, placed)
    for lines in listed.ways.values():
        yield from _for_the_run(runbook, [placed for placed in lines if placed.kind.for_the_run])


def _pairs(runbook: Runbook, taking: Sequence[Placed], giving: Sequence[Placed]) -> Iterator[Finding]:
    fences = [placed for placed in taking if placed.part == "fence"]
    restores = [placed for placed in giving if placed.part == "restore"]
    for placed in restores:
        if placed.region != "$to":
            what = f"{placed.name} gives back in {placed.region}, and not in the Region that takes over"
            yield Finding("restore", runbook.path, placed.line.line, what, "write region: $to")
    partners = [placed for placed in restores if placed.region == "$to"]
    for fence in fences:
        yield from _given_back(runbook, fence, [each for each in partners if each.name == fence.name])
    for partner in partners:
        taken = _things([fence for fence in fences if fence.name == partner.name])
        if extra := partner.things - taken:
            what = f"{partner.name} gives back {_named(extra)}, which no fence takes"
            yield Finding(
                "restore", runbook.path, partner.line.line, what, "write the fence, or remove it here"
            )


def _own(runbook: Runbook, placed: Placed) -> Iterator[Finding]:
    """What carries the run out is no part of the application."""
    own = {function_name(name) for name in steps()} if placed.kind.fences else set()
    for _, name in found(placed.kind, placed.line.inputs, FunctionName):
        if name in own:
            what = f"{placed.name} takes {name}, which carries out the runs themselves"
            yield Finding("own", runbook.path, placed.line.line, what, "name the application's alone")


def _for_the_run(runbook: Runbook, lines: Sequence[Placed]) -> Iterator[Finding]:
    """What is held for a run is given back by the same run."""
    for placed in lines:
        back = restores(placed.line)
        others = [each for each in lines if each.name == placed.name and restores(each.line) is not back]
        if back:
            before = [each for each in others if each.place < placed.place]
            if extra := placed.things - _things(before):
                what = f"{placed.name} gives back {_named(extra)}, which no line before it holds"
                instead = "write that line, or remove it here"
                yield Finding("restore", runbook.path, placed.line.line, what, instead)
        elif missing := placed.things - _things([each for each in others if each.place > placed.place]):
            what = f"{placed.name} holds {_named(missing)} for the run, and nothing gives it back at its end"
            instead = f"write {placed.name} again at the end, {giving_back(placed.kind)}: restore"
            yield Finding("fence", runbook.path, placed.line.line, what, instead)


def _given_back(runbook: Runbook, fence: Placed, partners: Sequence[Placed]) -> Iterator[Finding]:
    word, closed = giving_back(fence.kind), fence.kind.closed
    if (said := fence.inputs[word]) != closed:
        what = f"{fence.name} leaves $from open: {word} is {spelled(said)}, and writes that come in there "
        what += "would be lost"
        instead = f"write {word}: {spelled(closed)}"
        yield Finding("fence", runbook.path, fence.line.line, what, instead)
    if not partners:
        what = f"{fence.name} takes {_named(fence.things)} from $from, and nothing gives it back"
        instead = (
            f"write {fence.name} again after the promotion, region: $to, {giving_back(fence.kind)}: restore"
        )
        yield Finding("fence", runbook.path, fence.line.line, what, instead)
    elif missing := fence.things - _things(partners):
        what = f"{fence.name} does not give back {_named(missing)}, which line {fence.line.line} takes"
        yield Finding("fence", runbook.path, partners[-1].line.line, what, "write the same here as there")


def _things(lines: Sequence[Placed]) -> frozenset[tuple[str, str]]:
    return frozenset(thing for placed in lines for thing in placed.things)


def _named(things: frozenset[tuple[str, str]]) -> str:
    return the_first(sorted(thing for _, thing in things))
