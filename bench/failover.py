"""One failover of the Unicorn Shop, from its start to SUCCEEDED: how many a second, and where the time goes.

The same runbook, step code and machine each time; what differs is what answers: moto and its interpreter, or
the twin's own engine and doubles, which is what exploration runs on. Nobody shops meanwhile.

    python -m bench.failover [--profile [--cumulative]]
"""

from __future__ import annotations

import cProfile
import gc
import pstats
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack

from farshore.operate.proposal import proposal_of
from farshore.runbook.find import find
from farshore.simulate.simulation import Simulation
from functions.errors import NotYet
from functions.ledger import Records
from twin.cloud import Cloud
from twin.services.stepfunctions.interpreter import on_the_clock

RUNBOOK = find("unicorn-shop")
LOOK_EVERY = 5.0
"""Seconds of the twin between two looks of the person who approves."""


def motos_interpreter(cloud: Cloud, stack: ExitStack) -> None:
    stack.enter_context(on_the_clock(cloud.clock))


def on_moto() -> Simulation:
    return Simulation(RUNBOOK, 1, data="memory", engine=motos_interpreter)


def on_doubles() -> Simulation:
    return Simulation(RUNBOOK, 1, data="memory", backed="doubles")


def fail_over(simulation: Simulation) -> None:
    """A graceful failover, watched after every event, and approved as soon as its plan is seen."""
    simulation.checkers.begin()
    execution = simulation.begin("failover", {"mode": "graceful"})
    decided = ""
    while simulation.status(execution) == "RUNNING":
        try:
            records = simulation.operator.records()
        except NotYet:
            records = Records()
        proposal = proposal_of(records)
        if proposal is not None and proposal.execution == execution and proposal.hash != decided:
            decided = proposal.hash
            simulation.checkers.on_approval(execution, {step.state: step for step in proposal.plan})
            simulation.operator.decide(records, proposal, "approve", "bench", "a benchmark")
        simulation.clock.sleep(LOOK_EVERY)
    assert simulation.status(execution) == "SUCCEEDED", simulation.status(execution)


def seconds(
    make: Callable[[], Simulation], profile: cProfile.Profile | None = None
) -> tuple[float, float, int]:
    """Of the processor: for building the simulation, and for the run; and the run's calls."""
    began = time.process_time()
    with make() as simulation:
        built, before = time.process_time(), simulation.cloud.calls
        if profile is not None:
            profile.enable()
        fail_over(simulation)
        if profile is not None:
            profile.disable()
        return built - began, time.process_time() - built, simulation.cloud.calls - before


def measure() -> None:
    """The best of several, since other work on the machine only ever makes it slower; warmed up first, and
    with what is there by then out of the garbage collector's way, as exploration does it."""
    rates = {}
    for name, make, times in (("moto", on_moto, 2), ("doubles", on_doubles, 20)):
        seconds(make)
        gc.freeze()
        every = [seconds(make) for _ in range(times)]
        built, ran = min(each[0] for each in every), min(each[1] for each in every)
        rates[name] = 1 / (built + ran)
        print(
            f"failover on {name:8} {1000 * built:6.1f} ms to build, {1000 * ran:6.1f} ms to run, "
            f"{every[0][2]} calls: {rates[name]:6.1f} runs/s"
        )
    print(f"doubles are {rates['doubles'] / rates['moto']:.0f} times as fast as moto")


def tell_profile(order: str, runs: int = 10) -> None:
    """Of the runs alone, without the building of their simulations."""
    profile = cProfile.Profile()
    seconds(on_doubles)
    for _ in range(runs):
        seconds(on_doubles, profile)
    pstats.Stats(profile).sort_stats(order).print_stats(40)


if __name__ == "__main__":
    if "--profile" in sys.argv:
        tell_profile("cumtime" if "--cumulative" in sys.argv else "tottime")
    else:
        measure()
