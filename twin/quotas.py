"""Quotas: how many calls a second AWS takes of an account in a Region, in buckets that its rows declare.

What is beyond is answered with the service's own word for throttling, and nothing is done. Others may use the
quota, too: then it is crowded.
"""

from __future__ import annotations

import math

from .clock import Clock
from .faults import Request
from .rows import Quota, rows_of

LEFT = 5.0
"""Calls a second, and at once, that others leave of each quota that is crowded."""


class Quotas:
    """The buckets of every Region. One that nobody has taken from is full."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tokens: dict[tuple[str, Quota], tuple[float, float]] = {}
        """How many there were, and when, by Region and quota."""
        self.crowded: set[str] = set()
        """Services of a Region ("<service>/us-east-1") whose quotas others have nearly used up."""

    def takes(self, request: Request) -> bool:
        """Whether the call is one that AWS still takes: then it has cost a token."""
        taken = True
        for quota in rows_of(request.service).quotas:
            if request.operation in quota.operations:
                key = request.region, quota
                tokens = self._now(key, f"{request.service}/{request.region}" in self.crowded)
                taken = taken and tokens >= 1
                self._tokens[key] = (tokens - 1 if tokens >= 1 else tokens), self._clock.now
        return taken

    def _now(self, key: tuple[str, Quota], crowded: bool) -> float:
        quota = key[1]
        rate, most = (min(LEFT, quota.per_second), LEFT) if crowded else (quota.per_second, quota.at_once)
        tokens, then = self._tokens.get(key, (most, self._clock.now))
        return min(most, tokens + rate * (self._clock.now - then))

    def state(self) -> object:
        """What is crowded, and what is left of the buckets that are not full."""
        left = [
            (region, sorted(quota.operations), math.floor(tokens))
            for (region, quota) in self._tokens
            if (tokens := self._now((region, quota), False)) < quota.at_once
        ]
        return sorted(self.crowded), sorted(left)
