"""Who may say what: no step's function can speak for a person, whatever it writes in the ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

import pytest
from odd_runbooks import WRITTEN
from own_shop import SHOP

from farshore.compile.machine import LEASED, PROCEDURES, machines
from farshore.compile.policy import statements
from farshore.runbook.load import load
from farshore.simulate.package import package
from farshore.testing.ticker import APP, REPLICAS, TABLE, THIS, WEST, Ticker, ticking
from functions.ledger import NOTES, PUT, WORDS, Lease, Ledger, Records
from twin.applications.account import Policy, Statement
from twin.cloud import ACCOUNT
from twin.services.lambda_.model import FunctionError

WORD = {
    "execution": THIS,
    "decision": "approve",
    "abort": True,
    "holder": THIS,
    "who": "mallory",
    "why": "hurry",
}
LEDGER_WRITE = frozenset({PUT.action})
TABLES = tuple(f"arn:aws:dynamodb:{region}:{ACCOUNT}:table/{TABLE}" for region in REPLICAS)


@pytest.fixture
def ticker() -> Iterator[Ticker]:
    with ticking() as ticker:
        yield ticker


def roles() -> Iterator[Any]:
    """What each step's function may do to the ledger, as each runbook's deployment has it."""
    for path in sorted(WRITTEN):
        runbook = load(path)
        ledger = f":table/{runbook.ledger.table}"
        for part in package(runbook).parts:
            for step, policy in part.policies.items():
                puts = [each for each in policy if PUT.action in each.actions]
                assert all(":table/" in arn for each in puts for arn in each.resources)
                writes = [each for each in puts if any(arn.endswith(ledger) for arn in each.resources)]
                here = tuple(each._replace(resources=TABLES) for each in writes)
                yield pytest.param(here, id=f"{path.stem} {part.region} {step}")


def outcome(ticker: Ticker, policy: Policy, act: Callable[[Ledger], object]) -> str:
    """Of a function that does it with this policy: "", or its error."""
    ledger = Ledger(ticker.outside, APP, TABLE, REPLICAS, WEST)
    ticker.functions.deploy(WEST, "step", lambda *_: bool(act(ledger)), policy=policy)
    try:
        ticker.functions.invoke(WEST, "step", {})
    except FunctionError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("policy", list(roles()))
def test_no_steps_function_can_write_a_persons_word_and_each_can_write_its_notes(
    ticker: Ticker, policy: Policy
) -> None:
    items = ("decision#x", "directive", "take_over", "lease", "memory#run#x", "debt#x", "proposal", "begun")
    for attribute in WORDS:
        for item in items:
            said = outcome(ticker, policy, partial(speak, item=item, attribute=attribute))
            assert "AccessDenied" in said, f"{attribute} in {item}"
    assert ticker.records() == Records()
    notes: list[Callable[[Ledger], object]] = [
        lambda ledger: ledger.hold(Lease(THIS, 0, 1, False), None),
        lambda ledger: ledger.hold(Lease(THIS, 0, 1, True), Lease(THIS, 0, 1, False)),
        lambda ledger: ledger.write_once("memory#run#x", {"value": 1}),
        lambda ledger: ledger.write("proposal", {"hash": "x"}),
        lambda ledger: ledger._note_begun(THIS, -1.0, 5.0),
    ]
    for note in notes:
        said = outcome(ticker, policy, note)
        assert ("AccessDenied" in said) is not bool(policy), said


def speak(ledger: Ledger, item: str, attribute: str) -> bool:
    return ledger._put(item, WORD, attribute=attribute)


@pytest.mark.parametrize("item", ["decision#x", "directive", "take_over"])
def test_what_a_step_notes_under_the_name_of_a_word_is_none_and_hides_none_that_is_said_later(
    ticker: Ticker, item: str
) -> None:
    ticker.ledger.write(item, WORD)
    assert ticker.records() == Records()
    about = {
        "digest": "x",
        "execution": THIS,
        "started": 0.0,
        "decision": "approve",
        "holder": THIS,
        "epoch": 1,
    }
    assert ticker.ledger.say(item, {"who": "jane", **about}, ticker.records())
    records = ticker.records()
    found: Mapping[str, Any] = {
        "decision#x": records.decisions.get("x", {}),
        "directive": records.directive,
        "take_over": records.take_over,
    }
    assert found[item]["who"] == "jane"


def test_a_condition_on_a_persons_word_is_denied_too(ticker: Ticker) -> None:
    """An answer to it would tell what was said, and DynamoDB names it among the request's attributes."""
    policy = (Statement(LEDGER_WRITE, TABLES, PUT.only),)
    for condition in ("attribute_not_exists(decision)", "attribute_not_exists(directive)"):
        said = outcome(ticker, policy, lambda ledger, asked=condition: ledger._put("debt#x", {}, asked))
        assert "AccessDenied" in said
    assert (
        outcome(ticker, policy, lambda ledger: ledger._put("debt#x", {}, "attribute_not_exists(stamp)")) == ""
    )


def test_a_policy_says_of_the_ledgers_writes_which_attributes_they_may_name() -> None:
    runbook = load(SHOP)
    made = [(runbook, machine) for machine in machines(runbook)]
    steps = {step for _, machine in made for step in machine.functions}
    ledger = f":table/{runbook.ledger.table}"
    every = [each for step in steps for each in statements(step, made) if PUT.action in each.actions]
    found = [each for each in every if any(arn.endswith(ledger) for arn in each.resources)]
    assert found
    for each in found:
        assert each.actions == (PUT.action,), "no other action is bound by it"
        assert each.condition == {
            "ForAllValues:StringEquals": {"dynamodb:Attributes": list(NOTES)},
            "Null": {"dynamodb:Attributes": "false"},
        }


def test_no_function_of_one_application_may_touch_another_whose_name_begins_alike() -> None:
    runbook = load(SHOP)
    made = machines(runbook)
    assert {machine.procedure for machine in made} <= set(PROCEDURES)
    for longer in (f"{runbook.application}-eu", f"{runbook.application}s"):
        for step in {step for machine in made for step in machine.functions}:
            for each in statements(step, [(runbook, machine) for machine in made]):
                for kind in ("execution", "stateMachine"):
                    theirs = [f":{kind}:{longer}-{procedure}:x" for procedure in PROCEDURES]
                    patterns = [
                        f":{kind}:" + arn.partition(f":{kind}:")[2] for arn in each.resources if kind in arn
                    ]
                    assert not [arn for arn in theirs for pattern in patterns if fnmatchcase(arn, pattern)]


def test_whoever_takes_the_lease_may_ask_of_each_run_of_its_own_application() -> None:
    """Also of one that the runbook has no more, or had in another Region: it must be known to be over."""
    runbook = load(SHOP)
    uses = [(runbook, machine) for machine in machines(runbook)]
    (asked,) = (s for s in statements("lease", uses) if "states:DescribeExecution" in s.actions)
    name = f"arn:{{partition}}:states:*:{{account}}:execution:{runbook.application}"
    assert set(asked.resources) == {f"{name}-{procedure}:*" for procedure in LEASED}
