"""Exploration on one core: runs a second, beside the same failover on moto and its interpreter.

python -m bench.exploring
"""

from __future__ import annotations

import time

from farshore.explore import forks
from farshore.explore.data import FaultCase
from farshore.explore.exploration import Exploration, played
from farshore.runbook.find import find

from .failover import on_moto, seconds

RUNS = 150


def explored(to_the_end: bool) -> tuple[float, list[FaultCase]]:
    """Runs a second, of every kind, evenly from all that there are; and which they were."""
    exploration = Exploration("unicorn-shop", find("unicorn-shop"), to_the_end)
    exploration.survey()
    every = list(exploration.cases())
    some = every[:: len(every) // RUNS]
    began = time.perf_counter()
    exploration.explore(some, lambda result: None)
    return len(some) / (time.perf_counter() - began), some


def measure() -> None:
    """The same runs as exploration makes them, each followed to its end, and each from its own start too."""
    forks.CORES = 1
    default, some = explored(to_the_end=False)
    followed, _ = explored(to_the_end=True)
    began = time.perf_counter()
    for case in some[::5]:
        played(case.seed)
    from_start = len(some[::5]) / (time.perf_counter() - began)
    seconds(on_moto)
    moto = 1 / sum(seconds(on_moto)[:2])
    print(f"explored until it rejoins:     {default:6.1f} runs/s on one core")
    print(f"explored to the end (--all):   {followed:6.1f} runs/s on one core")
    print(f"each from its start, too:      {from_start:6.1f} runs/s on one core")
    print(f"one failover on moto:          {moto:6.1f} runs/s on one core")
    print(f"exploring is {default / moto:.0f} times as fast as moto")


if __name__ == "__main__":
    measure()
