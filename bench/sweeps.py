"""What a sweep of a whole table takes: minutes and dollars, by the machine's own figures, what was measured
here, and AWS's published prices. docs/sweep.md has the table that this prints.

python -m bench.sweeps
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from farshore.compile.sweep import at_once
from farshore.runbook.model import Sweep
from functions.comparison import Progress
from functions.inputs import BucketName, TableName
from functions.shares import shares_of

ITEMS = (10**6, 10**9, 10**11)
ITEM_BYTES = 200
"""A small order, as bench/digests.py has them."""
RATES = (1_000, 10_000, 40_000)
"""Read capacity units a second: the default; and up to what a table of an account may be read at most, unless
its quota was raised. Source: docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html"""
CORE_ITEMS_A_SECOND = 200_000
"""Digested on one core: what `python -m bench.digests` comes to on a busy machine of two, a floor."""
CORE = 512 / 1769
"""Of a core, that a function of 512 MB has.
Source: docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html"""
PAGE_SECONDS = 0.1
"""Assumption: until a page of 1 MB has come."""
START_SECONDS = 0.1
"""Assumption: of a tick besides, and of what it invokes."""
MEMORY_GB = 0.5

# Dollars in us-east-1, November 2026, without any free tier.
READ_UNIT = 0.125e-6
"""Of a table on demand. Source: aws.amazon.com/dynamodb/pricing/on-demand"""
TRANSITION = 0.025e-3
"""Of a standard execution. Source: aws.amazon.com/step-functions/pricing"""
GB_SECOND, INVOCATION = 0.0000133334, 0.20e-6
"""On Arm. Source: aws.amazon.com/lambda/pricing"""


@dataclass(frozen=True)
class Cost:
    """Of a table that is the same in both Regions."""

    items: int
    units: float
    """Read capacity units, in each Region."""
    ticks: int
    shares: int
    tick_seconds: float

    @classmethod
    def of(cls, items: int) -> Cost:
        size = items * ITEM_BYTES
        segments = Progress.of_table(("PK",), size, 0.0).segments
        # A tick reads a segment, or five pages of one.
        ticks = max(segments, math.ceil(size / 5_000_000))
        each = size / ticks
        reading = math.ceil(each / 1_000_000) * PAGE_SECONDS + each / ITEM_BYTES / CORE_ITEMS_A_SECOND / CORE
        return cls(items, size / 8192, ticks, len(shares_of(segments, size)), reading + START_SECONDS)

    def seconds(self, rate: int) -> float:
        """Kept by pauses, but no quicker than the shares that are read at once."""
        side_by_side = min(at_once(_sweep(rate)), self.shares)
        in_a_row = math.ceil(self.ticks / side_by_side)
        pause = max(1, math.ceil(self.units / self.ticks / (rate / at_once(_sweep(rate)))))
        return in_a_row * (self.tick_seconds + pause)

    @property
    def reads(self) -> float:
        return 2 * self.units * READ_UNIT

    @property
    def transitions(self) -> float:
        """A tick, its pause and its choice; of each share its last state, too."""
        return (3 * self.ticks + self.shares) * TRANSITION

    @property
    def functions(self) -> float:
        """The one that asks, and the two that read; each reads the ledger once."""
        invocations = 3 * self.ticks
        return invocations * (self.tick_seconds * MEMORY_GB * GB_SECOND + INVOCATION + READ_UNIT)


def _sweep(rate: int) -> Sweep:
    return Sweep(TableName("orders"), BucketName("sweeps"), rate)


def table() -> str:
    """In Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    rates = " | ".join(f"at {rate:,} units/s" for rate in RATES)
    yield f"| items | units in each Region | shares | {rates} | reads | states | functions | together |"
    yield "|" + "---|" * (7 + len(RATES))
    for items in ITEMS:
        cost = Cost.of(items)
        times = " | ".join(_time(cost.seconds(rate)) for rate in RATES)
        whole = cost.reads + cost.transitions + cost.functions
        dollars = " | ".join(map(_dollars, (cost.reads, cost.transitions, cost.functions, whole)))
        exponent = round(math.log10(items))
        yield f"| 10^{exponent} | {cost.units:,.0f} | {cost.shares:,} | {times} | {dollars} |"


def _time(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:,.0f} min" if seconds >= 600 else f"{seconds / 60:.1f} min"


def _dollars(dollars: float) -> str:
    return f"${dollars:,.0f}" if dollars >= 10 else f"${dollars:.2f}"


if __name__ == "__main__":
    print(table(), end="")
