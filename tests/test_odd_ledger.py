"""Items of the ledger that nobody of ours has written: read by ticks, and by each command that reads any."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from test_operating import APP as SHOP
from test_operating import FENCE, Console, running

from farshore.runbook.load import load
from farshore.simulate.simulation import Simulation
from farshore.testing.ticker import APP, REPLICAS, TABLE, THIS, Ticker, ticking
from functions.calls import Endpoint
from functions.errors import Refused
from functions.ledger import PUT, WORDS, Records

FENCED = "lambda:us-east-1:unicorn-shop-users:reserved_concurrency"
CALL = {"action": "a:B", "service": "a", "operation": "B", "region": "us-east-1", "parameters": {}}
ODD_IS_NONE: dict[str, dict[str, Any]] = {
    f"debt#{FENCED}": {"why": "dark", "since": 1.0, "by": THIS, "give_back": True, "owner": "outage"},
    "directive": {
        "execution": THIS,
        "who": "jane",
        "why": "she knows",
        "at": 1.0,
        "pause": True,
        "paused_at": 1.0,
        "resumed_at": 1.0,
        "skip": ["a"],
        "ungraceful": True,
        "abort": True,
        "override": {"arn": "jane: so"},
    },
    "proposal": {
        "hash": "abc",
        "digest": "abcdef",
        "execution": THIS,
        "started": 0.0,
        "mode": "graceful",
        "plan": [{"state": "a", "outcome": "would change", "why": "b", "facts": {}, "calls": [CALL]}],
        "at": 1.0,
        "paged_at": 1.0,
        "proof": "proved",
        "refused": {"word": "a", "why": "b"},
        "approvers": 2,
        "approved": {"a": "b"},
    },
    "decision#abc": {
        "digest": "abcdef",
        "execution": THIS,
        "started": 0.0,
        "mode": "graceful",
        "decision": "approve",
        "who": "jane",
        "why": "go",
        "at": 1.0,
        "arn": "arn:aws:iam::123456789012:user/jane",
    },
    "take_over": {"holder": THIS, "epoch": 1, "who": "jane", "why": "it is dead", "at": 1.0},
}
"""One of each kind, with all that we write."""
ODD_IS_REFUSED: dict[str, dict[str, Any]] = {
    "lease": {
        "holder": THIS,
        "redrives": 0,
        "epoch": 1,
        "released": False,
        "quiet_until": 0.0,
        "ended": 0.0,
        "purpose": "move",
    },
    f"memory#run#{FENCED}": {"value": 40, "by": THIS, "confirmed_at": 1.0},
    "begun": {"execution": THIS, "at": 1.0, "given_up": THIS, "given_up_at": 1.0},
}
ODD = (None, "x", -1, 0.5, float("nan"), float("inf"), 10**400, 1e300, [], [1], ["x"], {}, {"a": 1}, True)
ODD_PLANS = [{}], [{"state": 1, "outcome": "done"}], [{"state": "a", "outcome": "done", "calls": [{}]}]


def put(client: Any, table: str, application: str, item: str, body: Mapping[str, Any]) -> None:
    kind = item.partition("#")[0]
    row = {"application": {"S": application}, "item": {"S": item}}
    client.put_item(TableName=table, Item=row | {kind if kind in WORDS else "body": {"S": json.dumps(body)}})


def odd_bodies(body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Each without one of its members, and each with one of another kind."""
    for name in body:
        yield {each: value for each, value in body.items() if each != name}
        yield from ({**body, name: odd} for odd in (*ODD, *(ODD_PLANS if name == "plan" else ())))


def fit(read: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    """Each member that is left is one as we write it."""
    return all(
        isinstance(value, type(known[name]) if name != "at" else float | int | None) or type(value) is int
        for name, value in read.items()
        if name in known and name != "value"
    )


@pytest.fixture
def ticker() -> Iterator[Ticker]:
    with ticking() as ticker:
        yield ticker


def read(ticker: Ticker, item: str, body: Mapping[str, Any]) -> Records:
    put(ticker.outside.client(PUT, Endpoint(REPLICAS[0])), TABLE, APP, item, body)
    return ticker.ledger.read()


@pytest.mark.parametrize("item", ODD_IS_NONE)
def test_what_is_odd_in_an_item_is_as_if_it_were_not_there(ticker: Ticker, item: str) -> None:
    for body in odd_bodies(ODD_IS_NONE[item]):
        records = read(ticker, item, body)
        words = records.directive, records.proposal, records.take_over
        for each in (*words, *records.debts.values(), *records.decisions.values()):
            assert fit(each, ODD_IS_NONE[item]), (body, each)
        assert all({"why", "since", "by"} <= debt.keys() for debt in records.debts.values())
        signed = [
            word for word in (records.directive, records.take_over, *records.decisions.values()) if word
        ]
        assert all({"who", "why"} <= word.keys() for word in signed)


@pytest.mark.parametrize("item", ODD_IS_REFUSED)
def test_without_which_nothing_may_be_changed_is_refused_by_name_where_it_is_odd(
    ticker: Ticker, item: str
) -> None:
    for body in odd_bodies(ODD_IS_REFUSED[item]):
        try:
            records = read(ticker, item, body)
        except Refused as refused:
            assert f"the ledger's item {item} has" in str(refused)  # noqa: PT017
            continue
        held = [vars(each) for each in (*filter(None, [records.lease]), *records.memories)]
        assert all(fit(each, ODD_IS_REFUSED[item]) for each in held), (body, held)
        assert isinstance(records.begun, str)
        assert isinstance(records.given_up_at, float | int)


def test_who_wrote_false_as_a_text_has_released_no_lease(ticker: Ticker) -> None:
    with pytest.raises(Refused, match="the ledger's item lease has released 'false'"):
        read(ticker, "lease", {**ODD_IS_REFUSED["lease"], "released": "false"})


# By the commands that a person types.


@pytest.fixture(scope="module")
def account() -> Iterator[Simulation]:
    with Simulation(load(str(Path(SHOP))), 1) as simulation:
        simulation.clock.sleep(130)
        yield simulation


@pytest.fixture
def console(account: Simulation) -> Iterator[Console]:
    console = Console(account)
    yield console
    for execution in running(account):
        account.operator.direct(execution, 0.0, "the fixture", "the test is over", abort=True)
        console.until(lambda execution=execution: console.status(execution) != "RUNNING")


SAID_ODDLY = {
    f"debt#{FENCED}": {"why": None, "since": "x"},
    "directive": {"at": "yesterday", "resumed_at": [], "skip": "all of them", "who": 1, "override": 1},
    "proposal": {"plan": [{"state": 1}], "at": "now"},
    "decision#abc": {"at": None, "who": None},
    "take_over": {"holder": 1},
}


def test_an_odd_item_of_each_kind_keeps_no_command_from_its_work(console: Console) -> None:
    """Nor the run from giving back."""
    console.asking()
    execution = console.holder()
    runbook = console.account.runbook
    table, region = runbook.ledger.table, runbook.ledger.regions[0]
    for item, odd in SAID_ODDLY.items():
        body = {**ODD_IS_NONE[item], "execution": execution, **odd}
        body |= {"pause": False, "abort": False} if item == "directive" else {}
        client = boto3.client("dynamodb", region_name=region)
        put(client, table, runbook.application, item, body)
    console.clock.sleep(10)
    assert "directive" in console("status", execution).stdout
    assert console("report", execution).exit_code == 0
    for verb in ("pause", "resume"):
        console.done(verb, "--why", "a test")
    console.done("skip", FENCE, "--why", "a test")
    plan = console.asking_plan(execution)
    assert f"approved plan {plan}" in console("approve", plan, "--why", "go").stdout
    console.done("abort", "--why", "a test")
    assert "aborted by jane: a test" in console.ended(execution)["why"]
