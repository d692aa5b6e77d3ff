"""pytest's fixtures that an installed Farshore brings: the twin of a runbook, and a single step."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest

from farshore.testing.ticker import Ticker
from farshore.testing.twin import Twin
from functions.steps.lambda_concurrency import LambdaConcurrency

BOOKS = str(Path(__file__).parent / "stand_ins" / "bookworm.yaml")
HOME, AWAY = "eu-west-1", "eu-central-1"
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
