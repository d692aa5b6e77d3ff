"""Another account's role in the twin: a step's ticks as that role, and what becomes of its sessions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner
from test_another_account import DATA, FUNCTIONS, text

from farshore.cli import farshore
from farshore.explore import exploration
from farshore.explore.data import RecordedCall
from farshore.explore.recorder import Recorder
from farshore.explore.seed import Fault, Seed
from farshore.runbook.load import load
from farshore.simulate.simulation import Simulation
from farshore.testing.ticker import EAST, TABLE, WEST, Ticker, declared, ticking
from functions.assume import BEGIN
from functions.steps.lambda_concurrency import LambdaConcurrency
from twin.cloud import ACCOUNT
from twin.services.iam.model import Policy, Statement
from twin.services.lambda_.model import FunctionError
from twin.services.sts.model import Sts

THEIRS = "222222222222"
NAME = LambdaConcurrency.name
FENCE = {"functions": ["cart", "orders"], "region": EAST, "reserved": 0}
ASSUME = {"role": FUNCTIONS, "external_id": "ours-7"}


def moved(policy: Policy, account: str) -> Policy:
    """The same of what that account has."""
    return tuple(
        each._replace(resources=tuple(arn.replace(ACCOUNT, account) for arn in each.resources))
        for each in policy
    )


@pytest.fixture
def ticker() -> Iterator[Ticker]:
    """A function that may assume a role, and its part of the ledger; the role has the step's permissions."""
    with ticking() as ticker:
        whole = declared(LambdaConcurrency, FENCE)
        own = tuple(each for each in whole if any(f":table/{TABLE}" in arn for arn in each.resources))
        mine = (*own, Statement(frozenset({BEGIN.action}), (FUNCTIONS,)))
        ticker.deploy(LambdaConcurrency, policy=mine)
        sts = Sts(ticker.cloud, ticker.net)
        theirs = tuple(each for each in whole if each not in own)
        sts.role(FUNCTIONS, moved(theirs, THEIRS), "ours-7")
        for name in ("cart", "orders"):
            ticker.functions.deploy(EAST, name, lambda event, context: None)
        ticker.hold()
        yield ticker


def tick(ticker: Ticker, assume: dict[str, Any] | None = ASSUME, **given: Any) -> dict[str, Any]:
    event = ticker.event(FENCE, WEST, step=NAME, **given)
    answer: dict[str, Any] = ticker.functions.invoke(
        WEST, NAME, event | ({"assume": assume} if assume else {})
    )
    return answer


def fails(ticker: Ticker, assume: dict[str, Any] | None = ASSUME, **given: Any) -> str:
    with pytest.raises(FunctionError) as shown:
        tick(ticker, assume, **given)
    return str(shown.value)


def reserved() -> Any:
    return boto3.client("lambda", region_name=EAST).get_function_concurrency(FunctionName="orders")


def test_a_step_looks_and_changes_as_the_role_and_notes_as_itself(ticker: Ticker) -> None:
    answer = tick(ticker)
    assert (answer["outcome"], answer["facts"]) == ("done", {"fenced": 2, "assumed": FUNCTIONS})
    assert reserved()["ReservedConcurrentExecutions"] == 0
    signed = {request.service: bool(request.session) for request in ticker.requests}
    assert signed == {"dynamodb": False, "sts": False, "lambda": True}
    assert len([each for each in ticker.requests if each.service == "sts"]) == 1
    assert {each.region for each in ticker.requests if each.service == "sts"} == {EAST}


def test_without_the_role_it_may_touch_nothing(ticker: Ticker) -> None:
    assert "is not authorized to perform: lambda:GetFunctionConcurrency" in fails(ticker, None)


@pytest.mark.parametrize("more", [{}, {"input": {"mode": "graceful", "dry_run": True}}])
def test_a_role_that_does_not_trust_it_is_refused_and_says_what_to_do(
    ticker: Ticker, more: dict[str, Any]
) -> None:
    said = fails(ticker, ASSUME | {"external_id": "theirs"}, **more)
    assert said.startswith("Refused: ")
    assert f"is not authorized to perform: sts:AssumeRole on resource: {FUNCTIONS}" in said
    assert f"farshore show APP --role {FUNCTIONS}" in said


def test_while_sts_of_the_region_is_dark_the_tick_waits(ticker: Ticker) -> None:
    ticker.cloud.faults.dark.add(f"sts/{EAST}")
    assert fails(ticker).startswith("NotYet: ")
    ticker.cloud.faults.dark.clear()
    assert tick(ticker)["outcome"] == "done"


@pytest.mark.parametrize("kind", ["lost_before", "lost_after", "throttled", "500", "503", "hollow", "slow"])
def test_whatever_passes_at_sts_is_waited_for(ticker: Ticker, kind: Any) -> None:
    ticker.inject(kind, BEGIN.operation_name, times=20)
    assert fails(ticker).startswith("NotYet: ")
    ticker.cloud.faults.injectors.pop()
    assert tick(ticker)["outcome"] == "done"


def test_a_session_that_ends_in_the_middle_of_a_tick_is_begun_anew(ticker: Ticker) -> None:
    ticker.inject("expired", "PutFunctionConcurrency")
    assert tick(ticker)["outcome"] == "done"
    assert ticker.calls(BEGIN.operation_name) == [BEGIN.operation_name] * 2


def test_after_an_hour_a_warm_function_has_another_session(ticker: Ticker) -> None:
    tick(ticker)
    ticker.clock.sleep(3500)
    tick(ticker)
    assert len(ticker.calls(BEGIN.operation_name)) == 2


def test_a_session_is_judged_by_its_role_until_it_ends(ticker: Ticker) -> None:
    given = boto3.client("sts", region_name=WEST).assume_role(
        RoleArn=FUNCTIONS, RoleSessionName="night", ExternalId="ours-7"
    )
    keys = given["Credentials"]
    more = {"aws_access_key_id": keys["AccessKeyId"], "aws_secret_access_key": keys["SecretAccessKey"]}
    theirs: Any = boto3.client("lambda", EAST, aws_session_token=keys["SessionToken"], **more)  # type: ignore[call-overload]
    assert "ReservedConcurrentExecutions" not in theirs.get_function_concurrency(FunctionName="orders")
    with pytest.raises(
        ClientError, match=f"{THEIRS}:assumed-role/farshore-functions/night is not authorized"
    ):
        theirs.get_function_concurrency(FunctionName="mail")
    ticker.clock.sleep(3600)
    with pytest.raises(ClientError, match="ExpiredToken"):
        theirs.get_function_concurrency(FunctionName="orders")


# A whole application, of which the runbook alone is known.


@pytest.fixture
def bookworm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("bookworm.yaml").write_text(text())
    return Path("bookworm.yaml")


def test_an_application_in_three_accounts_is_led_there_and_back(bookworm: Path) -> None:
    told = CliRunner(mix_stderr=False).invoke(farshore, ["rehearse", str(bookworm), "--json"])
    assert told.exit_code == 0, told.stderr
    report = json.loads(told.stdout)
    assert [run["status"] for run in report["runs"]] == ["SUCCEEDED"] * 4
    assert set(report["invariants"].values()) == {0}
    facts = [step["facts"] for run in report["runs"] for step in run["steps"] if "facts" in step]
    assert {each["assumed"] for each in facts if "assumed" in each} == {FUNCTIONS, DATA}


def test_a_plan_finds_a_missing_trust_in_peace(bookworm: Path) -> None:
    with Simulation(load(bookworm), 1) as simulation:
        simulation.clock.sleep(130)
        Sts.of(simulation.cloud)._roles.pop(DATA)
        words = ["plan", str(bookworm), "--json"]
        told = CliRunner(mix_stderr=False).invoke(farshore, words, obj=simulation.deployment.outside)
    steps = {each["state"]: each for each in json.loads(told.stdout)["steps"]}
    assert steps["lambda_concurrency eu-west-1"]["outcome"] == "would change"
    assert steps["aurora_writer eu-central-1"]["outcome"] == "would refuse"
    assert f"--role {DATA}" in steps["aurora_writer eu-central-1"]["why"]


@pytest.fixture
def baseline(bookworm: Path) -> Iterator[tuple[Seed, Sequence[RecordedCall]]]:
    """A graceful failover in which nothing goes wrong, and its calls."""
    seed = Seed(str(bookworm), "failover", "graceful")
    exploration._RUNBOOKS.pop(seed.app, None)
    outcome = exploration.played(seed, recorder=Recorder())
    assert (outcome.safe, outcome.live) == (True, True), outcome.breaches
    yield seed, outcome.calls
    exploration._RUNBOOKS.pop(seed.app)


@pytest.mark.parametrize("kind", ["lost_before", "lost_after", "throttled", "500", "denied", "slow"])
def test_what_strikes_any_call_strikes_the_one_that_begins_a_session(
    baseline: tuple[Seed, Sequence[RecordedCall]], kind: str
) -> None:
    seed, calls = baseline
    begun = [call for call in calls if call.service == "sts" and call.point.execution == seed.execution]
    assert {call.region for call in begun} == {"eu-west-1", "eu-central-1"}
    for call in begun[:1]:
        outcome = exploration.played(seed.but(Fault(kind, "", call.point)))
        assert (outcome.safe, outcome.live) == (True, True), outcome.breaches


def test_a_session_may_end_at_any_call_and_sts_of_a_region_go_dark(
    baseline: tuple[Seed, Sequence[RecordedCall]],
) -> None:
    seed, calls = baseline
    mine = [call for call in calls if call.by_a_role and call.point.execution == seed.execution]
    change = next(call for call in mine if call.changes)
    faults = [Fault("expired", "", mine[0].point), Fault("expired", "", change.point)]
    for fault in (*faults, Fault("dark", "sts/eu-west-1", None, 60.0)):
        outcome = exploration.played(seed.but(fault))
        assert (outcome.safe, outcome.live) == (True, True), outcome.breaches
