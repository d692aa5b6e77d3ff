"""Faults, in one place: between a caller and what it calls.

A `Weather` says what happens to a call: it can be lost before AWS has it, lost after AWS has done it,
throttled, answered 5xx, denied, or slow; a Region, one service of one, or one endpoint can be dark.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["lost_before", "lost_after", "throttled", "500", "503", "denied", "slow"]
KINDS: tuple[Kind, ...] = ("lost_before", "lost_after", "throttled", "500", "503", "denied", "slow")


@dataclass(frozen=True)
class Request:
    """One call to AWS, as AWS receives it."""

    service: str
    operation: str
    region: str
    parameters: dict[str, object]
    caller: str
    """The Lambda function that calls, by name; "" for a person, a customer or a test."""
    origin: str
    """The Region that the caller runs in; "" outside AWS."""
    url: str = ""

    def __str__(self) -> str:
        return f"{self.service}:{self.operation} in {self.region}"


@dataclass
class Weather:
    """What is dark, and what befalls single calls."""

    dark: set[str] = field(default_factory=set)
    """Regions ("us-east-1"), services of one ("s3/us-east-1"), or endpoints' hosts."""
    cut: set[frozenset[str]] = field(default_factory=set)
    """Pairs of Regions that cannot hear each other."""
    script: list[Callable[[Request], Kind | None]] = field(default_factory=list)
    """Asked in order about every call; the first kind named befalls it."""

    def is_dark(self, region: str, service: str = "", host: str = "", origin: str = "") -> bool:
        return (
            region in self.dark
            or (service != "" and f"{service}/{region}" in self.dark)
            or (host != "" and host in self.dark)
            or (origin != "" and frozenset({origin, region}) in self.cut)
        )

    @contextmanager
    def fair(self) -> Iterator[None]:
        """Nothing befalls single calls while it lasts: for whoever checks what has been done."""
        script, self.script = self.script, []
        try:
            yield
        finally:
            self.script = script

    def befalls(self, request: Request) -> Kind | None:
        for line in self.script:
            kind = line(request)
            if kind is not None:
                return kind
        return None
