"""A run forked from its baseline run ends as a replay does; one that rejoins it is not followed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import exploring
import pytest
from exploring import FAILOVER, baseline_of, invoked, made
from greenlet import greenlet
from own_shop import TESTS

from farshore.checkers.checker import Breach
from farshore.compile import retry
from farshore.explore import exploration
from farshore.explore.data import FaultCase, Outcome, Result
from farshore.explore.driver import Driver
from farshore.explore.exploration import Exploration, played
from farshore.explore.kinds import KINDS
from farshore.explore.seam import Seam
from farshore.explore.seed import Point
from farshore.explore.syntax import read
from twin.application import Promise
from twin.clock import Task
from twin.faults import Request

surveyed, shop, at_home = exploring.surveyed, exploring.shop, exploring.at_home


def agree(results: Sequence[Result]) -> None:
    """Forked and played from the start they come to the same."""
    for result in results:
        replay, forked = played(result.case.seed), result.outcome
        assert (forked.status, forked.breaches) == (replay.status, replay.breaches), result.case.seed
        assert forked.rejoined or forked.figures == replay.figures, result.case.seed


def cases_by_kind(shop: Exploration) -> dict[str, list[FaultCase]]:
    found: dict[str, list[FaultCase]] = {}
    for case in shop.cases():
        found.setdefault(case.kind, []).append(case)
    return found


def test_a_run_forked_from_its_baseline_run_comes_to_the_end_of_a_replay(shop: Exploration) -> None:
    by_kind = cases_by_kind(shop)
    sample = [several[len(several) * n // len(by_kind)] for n, several in enumerate(by_kind.values())]
    assert len({case.baseline for case in sample}) > 4
    shop.explore(sample, lambda result: None)
    assert [result.case for result in shop.results] == sample
    agree(shop.results)


def test_a_fork_and_a_replay_agree_on_what_is_wrong(
    shop: Exploration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "LAMBDA_FAULTS", ["Lambda.Nothing"])
    pattern = "failover,graceful,(killed|twice|late|dark)@?.*"
    sample = made(shop.baselines, pattern, "PutFunctionConcurrency")[:6]
    results: list[Result] = []
    shop.explore(sample, results.append)
    assert len(results) == len(sample)
    assert any(result.outcome.breaches for result in results)
    agree(results)


# A run that stands as its baseline run did is not followed.


def test_a_run_that_rejoins_its_baseline_run_would_have_ended_as_that_does(shop: Exploration) -> None:
    by_kind = cases_by_kind(shop)
    kinds = [word for word, kind in KINDS.items() if word in by_kind and kind.family.name in SHORT_LIVED]
    sample = [by_kind[kind][len(by_kind[kind]) * n // len(kinds)] for n, kind in enumerate(kinds)]
    shop.explore(sample, lambda result: None)
    assert shop.rejoined > len(sample) / 3, "who failed and was repaired never does"
    agree(shop.results)


def test_a_run_that_failed_and_was_repaired_is_not_taken_for_its_baseline_run(shop: Exploration) -> None:
    """Redriven by a person it stands, in the end, as that does: it has failed all the same."""
    pattern = "failback,graceful,denied@failback-1/aurora_writer.us-east-1/1/"
    sample = made(shop.baselines, pattern)
    shop.explore(sample, lambda result: None)
    failed = [result.outcome for result in shop.results if result.outcome.status == "FAILED"]
    assert len(failed) > 4
    assert not any(outcome.rejoined for outcome in failed)
    agree(shop.results)


def test_only_one_of_the_runs_that_end_alike_goes_back(
    shop: Exploration, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the same end the way back is the same."""
    went = "this run went back"

    def back(driver: Driver, final: object) -> None:
        driver.simulation.checkers.breaches.append(Breach("S9", 0.0, went))

    monkeypatch.setattr(Driver, "_go_back", back)
    sample = made(shop.baselines, "failover,graceful,lost_before@failover-1/synthetic_write.us-west-1/1/")
    assert played(sample[0].seed).breaches[0].story == went
    shop.explore(sample, lambda result: None)
    assert not any(result.outcome.breaches for result in shop.results)


SHORT_LIVED = {
    "lost", "throttled, 5xx", "denied", "stale", "slow", "reverted", "killed", "twice", "redriven",
}  # fmt: skip


def test_whoever_wants_all_has_every_run_followed_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    ends: list[str] = []
    result = exploration.Result

    def kept(case: FaultCase, outcome: Outcome) -> Result:
        ends.append(outcome.rejoined)
        return result(case, outcome)

    monkeypatch.setattr(exploration, "Result", kept)
    only = ("unicorn-shop", "--only", "failover,graceful,lost_before@failover-1/arc_controls/1/", "--json")
    few = json.loads(invoked("explore", *only).stdout)
    assert len(ends) > 4
    assert all(ends)
    ends.clear()
    every = json.loads(invoked("explore", "--all", *only).stdout)
    assert len(ends) > 4
    assert not any(ends)
    assert (few["safe"], few["live"]) == (every["safe"], every["live"])


OTHERWISE: dict[str, Callable[[Any], object]] = {
    "a fence": lambda driver: setattr(
        driver.simulation.functions.function("us-east-1", "unicorn-shop-users"), "reserved", 7
    ),
    "a route": lambda driver: driver.simulation.application.arc.states.update({"us-east-1": "Off"}),
    "a word in the ledger": lambda driver: driver.person.directs(driver.main, "why", pause=True),
    "a transport that is held": lambda driver: driver.simulation.application.datasets[0].stall(),
    "an alarm": lambda driver: setattr(
        next(iter(driver.simulation.metrics._alarms.values())), "state", "ALARM"
    ),
    "a dark Region": lambda driver: driver.simulation.cloud.faults.dark.add("us-west-2"),
    "a lost write": lambda driver: driver.simulation.customers.notebook.promises.append(
        Promise("nobody has it", "users", "nobody has it", "us-east-1", 0.0)
    ),
    "a person who will decline": lambda driver: setattr(driver.person, "declines", True),
    "a person who is away": lambda driver: setattr(driver.person, "away", 60.0),
    "a person who hesitates": lambda driver: setattr(driver.person, "hesitates", True),
    "a person at work": lambda driver: setattr(driver.person, "busy", 1),
    "another run": lambda driver: driver.person.starts("failback"),
    "a call that is under way": lambda driver: driver.simulation.clock.tasks.update(
        {greenlet(): Task(driver.simulation.clock, list)}
    ),
    "a website that will be closed": lambda driver: setattr(
        driver.simulation.cloud.backing.keeper("s3").kept["active-primary-uibucket"],
        "block",
        {"BlockPublicPolicy": True},
    ),
}


@pytest.mark.parametrize("what", OTHERWISE)
def test_a_run_in_which_anything_stands_otherwise_does_not_rejoin(
    what: str, surveyed: Exploration, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, stood = "failover-1/lambda_concurrency.us-west-1", []
    driver = Driver(surveyed.runbook, read("unicorn-shop,failover,graceful"))

    def enter(seam: Seam, point: Point, request: Request) -> None:
        if point.label == where:
            stood.append(driver.stands(request))
            with driver.simulation.cloud.faults.suspended():
                OTHERWISE[what](driver)
            stood.append(driver.stands(request))

    monkeypatch.setattr(Seam, "_enter", enter)
    driver.play()
    before, after = stood
    assert before == baseline_of(surveyed, FAILOVER).fingerprints[where]
    assert after != before


# What exploration has found, and was mended.

FOUND = {
    "a failback's owed fences are settled": "failback,ungraceful,dark:us-west-1..failback-1/release/1/0",
    "a redrive takes back an abort": "failback,graceful,abort@failback-1/arc_controls/1/5",
    "a lag sampled before the fence is not trusted": "failover,ungraceful,lag:60",
    "what an undo could not give back is given back by settling":
        "failover,graceful,dark:us-east-1@failover-1/lambda_concurrency.us-east-1/1/12",
    "two lost ticks do not end the wait for the lease": "failover,graceful,random:350",
    "three lost answers do not make a Region dark": "failover,graceful,random:12",
    "a stale answer while Aurora fails over ends nothing":
        "failover,ungraceful,stale@failover-1/aurora_writer.us-west-1/60/2",
    "a plan says that it has not read everything":
        "failback,graceful,grey:us-east-1@failback-1/region_impaired.us-west-1/1/1",
}  # fmt: skip


@pytest.mark.parametrize("seed", FOUND.values(), ids=FOUND)
def test_what_was_found_stays_mended(seed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(TESTS)
    assert played(read(f"unicorn-shop,{seed}")).breaches == ()


def test_a_region_that_came_back_during_the_promotion_is_fenced_as_soon_as_data_has_moved(
    surveyed: Exploration,
) -> None:
    """Not only when the run has ended: until then both Regions take writes."""
    seed = read("unicorn-shop,failover,ungraceful,dark:us-east-1@failover-1/lease/1/1..+120")
    driver = Driver(surveyed.runbook, seed)
    assert driver.play().breaches == ()
    assert driver.simulation.checkers.figures()["exposure_seconds"] < 10
