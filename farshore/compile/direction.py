"""`$from` and `$to`: which Region a run leaves, and which takes over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from functions.inputs import Region

from ..runbook.model import Runbook
from ..runbook.typed import mapped

Json = dict[str, Any]


@dataclass(frozen=True)
class Direction:
    """`$from` and `$to`."""

    source: str
    target: str

    def region(self, word: str) -> str:
        """A Region by its name; empty stays empty."""
        return {"$from": self.source, "$to": self.target}.get(word, word)

    def literal(self, model: type, inputs: Mapping[str, Any]) -> Json:
        """A step's inputs, or another mapping of such fields, with their Regions written out. What is no
        Region by its type stays as it is."""
        written: Json = mapped(
            model, inputs, lambda declared, value: self.region(value) if declared is Region else value
        )
        return written


def both_ways(runbook: Runbook) -> tuple[Direction, Direction]:
    """There and back: of a failover, and of a failback."""
    there = Direction(runbook.regions.primary, runbook.regions.standby)
    return there, Direction(there.target, there.source)
