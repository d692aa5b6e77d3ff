"""What an ungraceful failover can lose has a bound: heartbeats, in every store that could have them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ..runbook.model import Runbook
from ..runbook.registry import steps, written
from ..runbook.typed import mapped
from ..runbook.wording import the_first
from .finding import Finding, Placed, Procedures

BEFORE = ("fence", "data", "restore", "traffic")
"""What must be over for a loss to have an end: until then customers may write in the Region that is left."""


def findings(runbook: Runbook, listed: Procedures) -> Iterator[Finding]:
    for name, kind in written(steps()).items():
        if kind.beats is not None:
            yield from _unbounded(runbook, listed.failover, name, kind.beats)
    for lines in listed.ways.values():
        for placed in lines:
            yield from _too_early(runbook, placed, lines)


def _unbounded(runbook: Runbook, lines: Iterable[Placed], step: str, store: Any) -> Iterator[Finding]:
    """Stores that a failover names, of the type that this step writes heartbeats into."""
    covered = {each for placed in lines if placed.name == step for each in _named(placed, store)}
    bare = {
        each: placed.line.line
        for placed in lines
        if placed.name != step
        for each in _named(placed, store)
        if each not in covered
    }
    if bare:
        what = f"nothing bounds what an ungraceful run loses of {the_first(sorted(bare))}"
        instead = f"write {step} after customers are led, unless nothing can be lost"
        yield Finding("unbounded", runbook.path, max(bare.values()), what, instead, "warning")


def _too_early(runbook: Runbook, placed: Placed, lines: Iterable[Placed]) -> Iterator[Finding]:
    late = [each for each in lines if each.part in BEFORE and each.place >= placed.place]
    if placed.kind.beats is not None and late:
        where = the_first([f"{each.name} in line {each.line.line}" for each in late])
        what = f"{placed.name} stands before {where}: what customers write in between is not in its bound"
        yield Finding(
            "order", runbook.path, placed.line.line, what, f"move it after line {late[-1].line.line}"
        )


def _named(placed: Placed, store: Any) -> list[str]:
    """As keys, too."""
    names: list[str] = []

    def note(declared: Any, value: Any) -> Any:
        if declared is store:
            names.append(str(value))
        return value

    mapped(placed.kind, placed.line.inputs, note)
    return names
