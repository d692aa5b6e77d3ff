"""Fences that AWS will not let go up, or come down, in whole runs: what is told before, owed, and paid.

Others have reserved what the account has, or what is provisioned of a function keeps it from being fenced.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from test_operating import APP, FENCE, UNICORNS, USERS, Console, inject, outcomes

from farshore.runbook.load import load
from farshore.simulate.simulation import Simulation

EAST, BASKET = "us-east-1", "unicorn-shop-basket"
SETTLED = 180.0
"""Seconds within which the schedule has tried what is owed, and the run that does has ended."""


@pytest.fixture
def console() -> Iterator[Console]:
    with Simulation(load(APP), 1, data="memory") as account:
        account.clock.sleep(130)
        yield Console(account)


def provision(console: Console, wanted: int) -> None:
    console.account.functions.provision(EAST, USERS, "1", wanted)


def reserve_elsewhere(console: Console, wanted: int) -> None:
    """By another function of the same account."""
    functions = console.account.functions
    functions.deploy(EAST, "others", lambda *_: None)
    functions.function(EAST, "others").reserved = wanted


def ran(console: Console, mode: str, *words: str) -> dict[str, object]:
    """The report of a run that a person has approved."""
    pending = console.asking(*words, mode=mode)
    execution = console.holder()
    console.done("approve", pending, "--why", "go")
    return console.ended(execution)


def owed(console: Console) -> dict[str, str]:
    """Why, by function."""
    return {
        resource.split(":")[2]: debt["why"]
        for resource, debt in console.account.operator.records().debts.items()
    }


def settled(console: Console) -> list[str]:
    """What the runs that pay debts have failed with, from now on."""
    before = set(console.account.executions)
    console.clock.sleep(SETTLED)
    later = [each for each in console.account.executions if each not in before]
    return [why for each in later if (why := console.account.report(each).why)]


def test_what_keeps_a_function_from_being_fenced_is_found_in_peace(console: Console) -> None:
    provision(console, 2)
    execution = console.account.begin("prepare", {"mode": "graceful"})
    console.until(lambda: console.status(execution) != "RUNNING")
    why = console.account.report(execution).why
    assert f"{USERS} in {EAST} has 2 provisioned" in why
    assert "delete its provisioned concurrency before" in why
    provision(console, 0)
    execution = console.account.begin("prepare", {"mode": "graceful"})
    console.until(lambda: console.status(execution) != "RUNNING")
    assert console.status(execution) == "SUCCEEDED"


def test_an_approver_is_told_of_it_and_a_graceful_run_gives_back_what_it_took(console: Console) -> None:
    provision(console, 2)
    pending = console.asking()
    execution = console.holder()
    (fence,) = [each for each in console.pending(execution)["plan"] if each["state"] == FENCE]
    assert fence["outcome"] == "would refuse"
    assert f"{USERS} in {EAST} has 2 provisioned" in fence["why"]
    console.done("approve", pending, "--why", "let us see")
    report = console.ended(execution)
    assert report["status"] == "FAILED"
    assert f"{USERS}:reserved_concurrency: lambda:PutFunctionConcurrency" in report["why"]
    assert (console.reserved(USERS), console.reserved(UNICORNS)) == (40, None)
    assert owed(console) == {}


def test_an_ungraceful_run_owes_that_fence_and_goes_on_and_it_goes_up_once_it_can(console: Console) -> None:
    provision(console, 2)
    report = ran(console, "ungraceful")
    assert report["status"] == "SUCCEEDED"
    assert outcomes(report)[FENCE] == "unknown"
    assert (console.reserved(USERS), console.reserved(UNICORNS)) == (40, 0)
    assert [*owed(console)] == [USERS]
    assert "total provisioned concurrency [2]" in owed(console)[USERS]
    assert any(USERS in why for why in settled(console)), "nobody is paged"
    provision(console, 0)
    settled(console)
    assert owed(console) == {}
    assert console.reserved(USERS) == 0


def test_what_an_undo_has_no_room_for_is_owed_and_given_back_once_there_is(console: Console) -> None:
    pending = console.asking()
    execution = console.holder()
    inject(console, "PutFunctionConcurrency", "throttled", FunctionName=UNICORNS)
    console.done("approve", pending, "--why", "go")
    console.until(lambda: console.reserved(USERS) == console.reserved(BASKET) == 0)
    reserve_elsewhere(console, 850)
    console.done("abort", "--why", "it came back")
    report = console.ended(execution)
    assert report["status"] == "FAILED"
    assert len(owed(console)) == 1
    assert sorted((console.reserved(USERS), console.reserved(BASKET))) == [0, 40], "there is room for one"
    assert all("minimum value of [100]" in why for why in owed(console).values())
    assert any("minimum value of [100]" in why for why in settled(console)), "nobody is paged"
    reserve_elsewhere(console, 0)
    settled(console)
    assert owed(console) == {}
    assert (console.reserved(USERS), console.reserved(BASKET)) == (40, 40)


def test_a_graceful_failback_stops_where_customers_would_not_be_served_and_its_redrive_goes_on(
    console: Console,
) -> None:
    assert ran(console, "graceful")["status"] == "SUCCEEDED"
    reserve_elsewhere(console, 850)
    pending = console.asking("--procedure", "failback")
    execution = console.holder()
    console.done("approve", pending, "--why", "go")
    report = console.ended(execution)
    assert report["status"] == "FAILED"
    assert "minimum value of [100]" in report["why"]
    assert len(owed(console)) == 1
    assert sorted((console.reserved(USERS), console.reserved(BASKET))) == [0, 40], "there is room for one"
    reserve_elsewhere(console, 0)
    settled(console)
    assert owed(console) == {}
    assert (console.reserved(USERS), console.reserved(BASKET)) == (40, 40)
    console.done("redrive", execution, "--yes")
    console.until(lambda: console.status(execution) != "RUNNING")
    assert console.status(execution) == "SUCCEEDED"
