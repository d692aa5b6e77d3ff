"""How long AWS takes: durations drawn with a seed from tables, each in the folder of what takes so long."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml


class Latency:
    """Durations drawn from twin/latency.yaml, and from each service's own; remembers which were used."""

    def __init__(self, seed: int) -> None:
        self.table: dict[str, Any] = {name: dict(entry) for name, entry in _figures().items()}
        self.random = random.Random(seed)
        self.used: set[str] = set()
        self.watchers: list[Callable[[str, float], None]] = []
        """Called with each figure that is drawn, and its seconds, by whom it is drawn for."""

    def draw(self, name: str) -> float:
        """Seconds, uniform between the table's bounds."""
        self.used.add(name)
        low, high = self.table[name]["seconds"]
        seconds = float(low + (high - low) * self.random.random())
        for watcher in self.watchers:
            watcher(name, seconds)
        return seconds


@functools.cache
def _figures() -> dict[str, Any]:
    """Reading YAML takes longer than a run."""
    table: dict[str, Any] = {}
    for file in sorted(Path(__file__).parent.rglob("latency.yaml")):
        more: dict[str, Any] = yaml.safe_load(file.read_text())
        assert not table.keys() & more.keys(), f"{file} has figures that another table has too"
        table |= more
    return table
