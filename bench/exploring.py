"""Exploration on one core: runs a second, beside the same failover on moto and its interpreter.

python -m bench.exploring
"""

from __future__ import annotations

import time

from farshore.explore import forks
from farshore.explore.exploration import Exploration, played
from farshore.finding import find

from .failover import on_moto, seconds

RUNS = 150


def measure() -> None:
    """Runs of every kind, evenly from all that there are; some of them again, each from its own start."""
    forks.CORES = 1
    exploration = Exploration("unicorn-shop", find("unicorn-shop"))
    exploration.survey()
    every = list(exploration.runs())
    some = every[:: len(every) // RUNS]
    began = time.perf_counter()
    exploration.explore(some, lambda verdict: None)
    forked = len(some) / (time.perf_counter() - began)
    began = time.perf_counter()
    for struck in some[::5]:
        played(struck.seed)
    from_start = len(some[::5]) / (time.perf_counter() - began)
    seconds(on_moto)
    moto = 1 / sum(seconds(on_moto)[:2])
    print(f"explored, sharing what comes before: {forked:6.1f} runs/s on one core")
    print(f"explored, each from its start:       {from_start:6.1f} runs/s on one core")
    print(f"one failover on moto:                {moto:6.1f} runs/s on one core")
    print(f"exploring is {forked / moto:.0f} times as fast as moto")


if __name__ == "__main__":
    measure()
