"""Another application's run as a part of ours: the real handler against the twin's Step Functions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import boto3
import pytest

from farshore.testing.ticker import EAST, OTHER, WEST, Ticker, execution, ticking
from functions.steps.nested_run import START, NestedRun
from twin.cloud import ACCOUNT, AwsError
from twin.services.iam.model import Statement
from twin.services.stepfunctions.model import StepFunctions

INPUTS = {"activates": {EAST: "orders-failback", WEST: "orders-failover"}, "region": WEST}
TASK = {
    "Type": "Task",
    "Resource": "arn:aws:states:::lambda:invoke",
    "Parameters": {"FunctionName": "orders", "Payload": {"given.$": "$"}},
    "TimeoutSeconds": 600,
    "End": True,
}
MACHINE = {"StartAt": "move", "States": {"move": TASK}}
ARN = f"arn:aws:states:{WEST}:{ACCOUNT}:stateMachine:orders-failover"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"


class Shop(Ticker):
    """The machine of orders takes half a minute, and succeeds, or not."""

    def __init__(self, cloud: Any) -> None:
        super().__init__(cloud)
        self.deploy(NestedRun)
        self.engine = StepFunctions.of(cloud)
        self.given: list[Any] = []
        self.fails_with = ""
        for region, name in INPUTS["activates"].items():  # type: ignore[attr-defined]
            self.functions.deploy(region, "orders", lambda event, context: self.moves(event))
            machine = boto3.client("stepfunctions", region)
            machine.create_state_machine(name=name, definition=json.dumps(MACHINE), roleArn=ROLE)
        self.hold()

    def moves(self, event: Any) -> str:
        self.given.append(event["given"])
        self.clock.sleep(30)
        if self.fails_with:
            raise ValueError(self.fails_with)
        return "moved"

    def comes_about(self, **given: Any) -> dict[str, Any]:
        return self.converge("nested_run", INPUTS, **given)

    def waits(self, **given: Any) -> str:
        return self.fails("nested_run", INPUTS, **given)

    def started(self) -> list[str]:
        return [arn.rpartition(":")[2] for arn in self.engine.executions]

    def answers(self, change: Callable[[dict[str, Any]], object]) -> None:
        def changed(request: Any) -> Mapping[str, Any]:
            answer: dict[str, Any] = dict(self.engine.operations()["DescribeExecution"](request))
            change(answer)
            return answer

        self.cloud.validates = False
        self.cloud.serve("stepfunctions", "DescribeExecution", changed)


@pytest.fixture
def shop() -> Iterator[Shop]:
    with ticking(1, Shop) as shop:
        assert isinstance(shop, Shop)
        yield shop


def test_the_other_run_is_started_in_our_mode_and_waited_for(shop: Shop) -> None:
    began = shop.clock.now
    said = shop.comes_about(mode="ungraceful")
    assert said["outcome"] == "done"
    assert shop.started() == [said["facts"]["run"]]
    assert shop.given == [{"mode": "ungraceful"}]
    assert shop.clock.now >= began + 30


def test_while_it_runs_that_is_what_is_told(shop: Shop) -> None:
    said = shop.waits()
    (name,) = shop.started()
    assert said == f"NotYet: the state: {name} of orders-failover in us-west-1 is RUNNING"


def test_again_is_the_same_run(shop: Shop) -> None:
    shop.comes_about()
    shop.comes_about()
    assert len(shop.started()) == 1


def test_another_run_of_ours_starts_another_and_so_does_another_state(shop: Shop) -> None:
    shop.comes_about()
    shop.comes_about(state="another state")
    shop.hold(OTHER)
    shop.comes_about(execution=OTHER)
    assert len(set(shop.started())) == 3


def test_what_a_plan_of_the_run_shows_is_what_the_run_starts(shop: Shop) -> None:
    (call,) = shop.tick("nested_run", INPUTS, dry_run=True)["calls"]
    shop.comes_about(started=shop.clock.now)
    assert shop.started() == [call["parameters"]["name"]]


def test_a_plan_finds_what_a_run_started_that_went_on_as_ungraceful(shop: Shop) -> None:
    """It is asked in the mode in which the run was started, and does not hear what a person said since."""
    shop.comes_about(mode="ungraceful")
    assert shop.tick("nested_run", INPUTS, dry_run=True)["outcome"] == "done"
    assert "was started with" in shop.waits(mode="graceful"), "a run hears it"


@pytest.mark.parametrize("kind", ["lost_before", "lost_after", "throttled", "500", "503", "slow", "hollow"])
@pytest.mark.parametrize("operation", ["StartExecution", "DescribeExecution"])
def test_a_call_that_fails_once_starts_no_second_run(shop: Shop, kind: Any, operation: str) -> None:
    shop.inject(kind, operation)
    assert shop.comes_about()["outcome"] == "done"
    assert len(shop.started()) == 1


def test_a_read_from_before_the_start_starts_no_second_run(shop: Shop) -> None:
    shop.waits()

    def unknown(request: Any) -> Any:
        raise AwsError("ExecutionDoesNotExist", "no such execution")

    shop.cloud.serve("stepfunctions", "DescribeExecution", unknown)
    for mode in ("graceful", "ungraceful"):  # another mode is another input, of the same name
        assert "NotYet: the state: acknowledged, but not to be seen yet" in shop.waits(mode=mode)
    assert len(shop.started()) == 1


def test_its_failure_is_ours_in_its_words_and_its_redrive_mends_it(shop: Shop) -> None:
    shop.fails_with = "no\nroom"
    shop.waits()
    shop.clock.sleep(60)
    (name,) = shop.started()
    said = shop.waits()
    assert said.startswith(
        f"Refused: the state: {name} of orders-failover in us-west-1 is FAILED (ValueError: "
    )
    assert "\n" not in said
    assert "mend that, redrive it, then this run" in shop.waits()
    shop.fails_with = ""
    arn = next(iter(shop.engine.executions))
    boto3.client("stepfunctions", WEST).redrive_execution(executionArn=arn)
    assert shop.comes_about()["outcome"] == "done"
    assert len(shop.started()) == 1


@pytest.mark.parametrize(
    "given", [{"mode": "graceful", "dry_run": True}, {"mode": "ungraceful"}, {"trigger": "x"}, [], "odd"]
)
def test_a_run_of_that_name_with_another_input_is_none_of_ours(shop: Shop, given: Any) -> None:
    """Its name is known to whoever knows ours: a dry run of it succeeds, and has moved nothing."""
    name = shop.tick("nested_run", INPUTS, dry_run=True)["calls"][0]["parameters"]["name"]
    boto3.client("stepfunctions", WEST).start_execution(
        stateMachineArn=ARN, name=name, input=json.dumps(given)
    )
    for _ in range(2):
        said = shop.waits()
        assert f"{name} of orders-failover in us-west-1 was started with {json.dumps(given)[:9]}" in said
        assert "stop it, and start this run anew" in said
        shop.clock.sleep(60)


def test_a_run_of_that_name_that_began_before_ours_is_none_of_ours(shop: Shop) -> None:
    shop.comes_about(started=shop.clock.now)
    said = shop.waits(started=shop.clock.now + 3600)
    assert "began before this run" in said


def test_an_ungraceful_run_goes_on_with_what_it_started_as_graceful(shop: Shop) -> None:
    shop.waits()
    assert shop.comes_about(mode="ungraceful")["outcome"] == "done"
    assert shop.given == [{"mode": "graceful"}]


@pytest.mark.parametrize("member", ["input", "startDate"])
def test_a_run_of_which_nobody_tells_how_it_was_started_is_waited_for(shop: Shop, member: str) -> None:
    shop.waits()
    shop.clock.sleep(60)
    shop.answers(lambda answer: answer.pop(member))
    assert "NotYet: the state" in shop.waits()


@pytest.mark.parametrize("status", ["TIMED_OUT", "ABORTED"])
def test_whatever_ends_it_otherwise_is_refused(shop: Shop, status: str) -> None:
    shop.waits()
    shop.answers(lambda answer: answer.update(status=status))
    assert f"is {status}: mend that" in shop.waits()


@pytest.mark.parametrize("status", ["PENDING_REDRIVE", "DREAMING", None])
def test_a_status_that_is_no_end_is_waited_for(shop: Shop, status: str | None) -> None:
    shop.waits()
    shop.answers(lambda answer: answer.pop("status") if status is None else answer.update(status=status))
    shop.clock.sleep(60)
    assert shop.waits().startswith("NotYet: ")


def test_a_failure_before_it_was_started_gives_back_what_was_taken_and_after_it_does_not(shop: Shop) -> None:
    shop.inject("denied", "StartExecution")
    assert shop.waits().startswith("Untouched: the state: states:StartExecution")
    shop.waits()
    assert shop.waits(entered=shop.clock.now - 3601).startswith("Refused: the state: not within 3600 s")


@pytest.mark.parametrize("mode", ["graceful", "ungraceful"])
def test_a_dark_region_is_waited_for(shop: Shop, mode: str) -> None:
    inputs = INPUTS | {"region": EAST}
    shop.cloud.faults.dark.add(EAST)
    said = shop.fails("nested_run", inputs, mode=mode)
    assert said.startswith("NotYet: the state: orders-failback in us-east-1: states:DescribeExecution")
    shop.cloud.faults.dark.clear()
    assert shop.converge("nested_run", inputs, mode=mode)["outcome"] == "done"


def test_a_dry_run_shows_the_start_and_starts_nothing(shop: Shop) -> None:
    said = shop.tick("nested_run", INPUTS, dry_run=True)
    assert (said["outcome"], said["facts"]) == ("would change", {})
    (call,) = said["calls"]
    assert call["action"] == "states:StartExecution"
    assert shop.started() == []


def test_a_dry_run_doubts_a_machine_that_is_not_there(shop: Shop) -> None:
    said = shop.tick("nested_run", INPUTS | {"activates": {WEST: "stock-failover"}}, dry_run=True)
    assert said["facts"]["doubts"] == ["there is no machine stock-failover in us-west-1"]


def test_a_plan_that_is_of_no_account_says_so(shop: Shop) -> None:
    said = shop.tick("nested_run", INPUTS, dry_run=True, execution="plan")
    assert said["outcome"] == "would wait"
    assert "knows no account" in said["why"]


def test_a_run_without_the_lease_starts_nothing(shop: Shop) -> None:
    shop.hold(OTHER)
    assert "superseded" in shop.waits()
    assert shop.started() == []


def test_its_policy_names_the_machine_and_its_executions(shop: Shop) -> None:
    words = {"region": WEST, "account": ACCOUNT}
    machine = str(START.resource).format(**words, activates="orders-failover")
    shop.functions.function(WEST, "nested_run").policy = (
        Statement(frozenset({"states:StartExecution"}), (f"arn:aws:{machine}",)),
        Statement(
            frozenset({"states:DescribeExecution"}),
            (execution("*", procedure="x").replace("shop-x", "orders-failover"),),
        ),
        Statement(frozenset({"dynamodb:*"}), ("*",)),
    )
    assert shop.comes_about()["outcome"] == "done"
