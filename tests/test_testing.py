"""pytest's fixtures that an installed Farshore brings: the twin of a runbook, and a single step."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest

from farshore.testing.ticker import Ticker
from farshore.testing.twin import Twin
from functions.steps.lambda_concurrency import LambdaConcurrency

BOOKS = str(Path(__file__).parent / "stand_ins" / "bookworm.yaml")
HOME, AWAY = "eu-west-1", "eu-central-1"
FENCE = "PutFunctionConcurrency"
Twins = Callable[..., Twin]


def test_a_run_ends_and_customers_are_served_elsewhere(twin: Twins) -> None:
    books = twin(BOOKS)
    run = books.start("failover", "graceful")
    assert run.status == "RUNNING"
    assert run.ended().status == "SUCCEEDED"
    assert run.outcomes()["arc_controls"] == "done"
    assert (books.serving, books.owed, books.lost()) == ({AWAY}, [], [])


def test_a_plan_is_declined_or_let_lie(twin: Twins) -> None:
    books = twin(BOOKS)
    books.says = "decline"
    assert books.start().ended().status == "FAILED"
    books.says = "nothing"
    waiting = books.start()
    books.advance(300)
    assert waiting.status == "RUNNING"
    assert books.serving == {HOME}


@pytest.mark.parametrize("kind", ["throttled", "lost_after", "503"])
def test_calls_meet_faults_as_often_as_was_said(twin: Twins, kind: str) -> None:
    books = twin(BOOKS)
    books.meets(kind, "PutFunctionConcurrency", times=2)  # type: ignore[arg-type]
    assert books.start().ended().status == "SUCCEEDED"
    assert books.serving == {AWAY}


def test_a_dark_region_is_left_by_its_alarm_and_what_was_lost_has_names(twin: Twins) -> None:
    books = twin(BOOKS)
    books.stall()
    books.advance(10)
    since = books.now
    books.darken(HOME)
    books.advance(900)
    (run,) = (each for each in books.runs if "-failover:" in each.arn and each.status == "SUCCEEDED")
    assert books.serving == {AWAY}
    assert 60 < books.felt(since) < 900
    assert books.lost()
    assert books.owed
    books.lighten(HOME)
    books.advance(600)
    assert books.owed == []
    assert run.ended().mode == "ungraceful"


def test_boto3_asks_the_twin(twin: Twins) -> None:
    books = twin(BOOKS)
    machines = boto3.client("stepfunctions", region_name=AWAY)
    given = json.dumps({"mode": "graceful", "dry_run": True})
    run = machines.start_execution(stateMachineArn=books.machines["failover"], input=given)["executionArn"]
    books.advance(600)
    assert machines.describe_execution(executionArn=run)["status"] == "SUCCEEDED"
    assert books.serving == {HOME}


def test_a_step_is_ticked_by_itself(ticker: Ticker) -> None:
    ticker.functions.deploy(HOME, "orders", lambda event: {})
    ticker.deploy(LambdaConcurrency)
    ticker.hold()
    inputs = {"functions": ["orders"], "region": HOME, "reserved": 0}
    assert ticker.converge("lambda_concurrency", inputs)["outcome"] == "done"
    found = boto3.client("lambda", region_name=HOME).get_function_concurrency(FunctionName="orders")
    assert found["ReservedConcurrentExecutions"] == 0


# What a test may not say.


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            lambda books: books.meets("bogus", "PutFunctionConcurrency"),
            "'bogus' is no kind of fault: there are",
        ),
        (
            lambda books: books.meets("denied", "PutFunctionConcurency"),
            'did you mean "PutFunctionConcurrency"',
        ),
        (lambda books: setattr(books, "says", "perhaps"), "'perhaps' is no word: there are approve, decline"),
        (lambda books: books.darken("moon-1"), "'moon-1' is no Region"),
        (lambda books: books.start("failovr"), 'did you mean "failover"'),
        (lambda books: books.advance(-5), "time does not go back"),
    ],
)
def test_what_would_show_nothing_is_refused(twin: Twins, wrong: Callable[[Twin], object], said: str) -> None:
    books = twin(BOOKS)
    with pytest.raises(ValueError, match=re.escape(said)):
        wrong(books)


def test_a_fault_that_nothing_met_fails_the_test(twin: Twins) -> None:
    books = twin(BOOKS)
    books.meets("denied", "CopyDBClusterSnapshot")
    books.advance(60)
    with pytest.raises(AssertionError, match="nothing met: denied CopyDBClusterSnapshot"):
        books.must_be_met()
    books.faults.clear()


def test_a_test_has_one_twin(twin: Twins) -> None:
    twin(BOOKS)
    with pytest.raises(RuntimeError, match="a test has one twin, or one ticker"):
        twin(BOOKS)


def test_a_run_that_does_not_end_says_what_waits(twin: Twins) -> None:
    books = twin(BOOKS)
    books.says = "nothing"
    with pytest.raises(AssertionError, match="has not ended within 60 s: approval waits"):
        books.start().ended(within=60)
