"""The shortest seed with the same breach: without the faults that it does not need, and with briefer ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..runbook.model import Runbook
from .driver import Driver
from .kinds import kind_of
from .seed import Fault, Seed

BRIEF = (1.0, 5.0, 10.0, 30.0, 60.0, 120.0)
"""Seconds that are tried instead of a longer spell."""


def shortest(seed: Seed, runbook: Runbook) -> Seed:
    """The seed itself where it breaches nothing, or where nothing can be left out."""
    wanted = _breached(seed, runbook)
    if not wanted:
        return seed
    smaller = True
    while smaller:
        smaller = False
        for candidate in _smaller(seed):
            if wanted & _breached(candidate, runbook):
                seed, smaller = candidate, True
                break
    return seed


def _breached(seed: Seed, runbook: Runbook) -> set[str]:
    return {breach.invariant for breach in Driver(runbook, seed).play().breaches}


def _smaller(seed: Seed) -> Iterator[Seed]:
    for number, fault in enumerate(seed.faults):
        before, after = seed.faults[:number], seed.faults[number + 1 :]
        yield replace(seed, faults=(*before, *after))
        for brief in _briefer(fault):
            yield replace(seed, faults=(*before, brief, *after))


def _briefer(fault: Fault) -> Iterator[Fault]:
    longest = fault.until if isinstance(fault.until, float) else float("inf")
    if kind_of(fault).takes == "place":
        for seconds in BRIEF:
            if seconds < longest:
                yield replace(fault, until=seconds)
