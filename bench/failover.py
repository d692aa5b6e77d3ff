"""One failover of the Unicorn Shop, from its start to SUCCEEDED: how many a second, and where the time goes.

The same runbook, step code and machine each time; what differs is what answers: moto and its interpreter, or
the twin's own engine and doubles, which is what exploration runs on. Nobody shops meanwhile.

    python -m bench.failover [--profile [--cumulative]]
"""

from __future__ import annotations

import cProfile
import pstats
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Self

from farshore.finding import find
from farshore.stage import Stage
from functions.world import NotYet
from twin.applications.users import store_of
from twin.aws import Cloud
from twin.doubles import Doubles
from twin.services.stepfunctions import StepFunctions

LOOK_EVERY = 5.0
"""Seconds of the twin between two looks of the person who approves."""


class Quick(Stage):
    """The stage on doubles and the twin's own engine."""

    @contextmanager
    def stage(self) -> Iterator[Self]:
        with ExitStack() as stack:
            self.cloud = stack.enter_context(Cloud(self.clock, self.seed, Doubles()))
            StepFunctions(self.cloud)
            store, close = store_of(self._data, (self.book.regions.primary, self.book.regions.standby))
            stack.callback(close)
            self._build(store, stack)
            yield self


def fail_over(stage: Stage) -> None:
    """A graceful failover, approved as soon as its plan is seen."""
    execution = stage.begin("failover", {"mode": "graceful"})
    decided = ""
    while stage.status(execution) == "RUNNING":
        try:
            proposal = stage.operator.page().proposal
        except NotYet:
            proposal = {}
        if proposal.get("execution") == execution and proposal["hash"] != decided:
            decided = proposal["hash"]
            stage.operator.decide(decided, "approve", "bench", "a benchmark")
        stage.clock.sleep(LOOK_EVERY)
    assert stage.status(execution) == "SUCCEEDED", stage.status(execution)


def seconds(kind: type[Stage], profile: cProfile.Profile | None = None) -> tuple[float, float, int]:
    """Of the processor: for building the stage, and for the run; and the run's calls."""
    began = time.process_time()
    with kind(find("unicorn-shop"), "graceful", 1, data="journal").stage() as stage:
        built, before = time.process_time(), stage.cloud.calls
        if profile is not None:
            profile.enable()
        fail_over(stage)
        if profile is not None:
            profile.disable()
        return built - began, time.process_time() - built, stage.cloud.calls - before


def measure() -> None:
    """The best of several, since other work on the machine only ever makes it slower; warmed up first."""
    rates = {}
    for name, kind, times in (("moto", Stage, 3), ("doubles", Quick, 10)):
        every = [seconds(kind) for _ in range(times)][1:]
        built, ran = min(each[0] for each in every), min(each[1] for each in every)
        rates[name] = 1 / (built + ran)
        print(
            f"failover on {name:8} {1000 * built:6.1f} ms to build, {1000 * ran:6.1f} ms to run, "
            f"{every[0][2]} calls: {rates[name]:6.1f} runs/s"
        )
    print(f"doubles are {rates['doubles'] / rates['moto']:.0f} times as fast as moto")


def tell_profile(order: str, runs: int = 10) -> None:
    """Of the runs alone, without the building of their stages."""
    profile = cProfile.Profile()
    seconds(Quick)
    for _ in range(runs):
        seconds(Quick, profile)
    pstats.Stats(profile).sort_stats(order).print_stats(40)


if __name__ == "__main__":
    if "--profile" in sys.argv:
        tell_profile("cumtime" if "--cumulative" in sys.argv else "tottime")
    else:
        measure()
