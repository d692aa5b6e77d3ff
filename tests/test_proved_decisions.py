"""Who decides can prove who they are, by the commands that a person types; the twin is the account."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from test_operating import APP, MOVES, Console, running

from farshore.runbook.load import load
from farshore.simulate.simulation import Simulation
from functions.identity import Proof
from twin.cloud import ACCOUNT


@pytest.fixture(scope="module")
def account(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulation]:
    """Its runbook asks for proofs where a test says so."""
    path, step, text = Path(APP), "- approval:\n", Path(APP).read_text()
    assert text.count(step) == 1
    if hasattr(request, "param"):
        path = tmp_path_factory.mktemp("runbooks") / path.name
        path.write_text(text.replace(step, f"{step}      identity: {request.param}\n"))
    with Simulation(load(str(path)), 1) as simulation:
        simulation.clock.sleep(130)
        yield simulation


@pytest.fixture
def console(account: Simulation) -> Iterator[Console]:
    console = Console(account)
    yield console
    account.cloud.faults.dark.clear()
    for execution in running(account):
        account.operator.direct(execution, 0.0, "the fixture", "the test is over", abort=True)
        console.until(lambda execution=execution: console.status(execution) != "RUNNING")


@pytest.fixture
def ann(console: Console, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """Whoever types has credentials of the account, of a user who is named after the test: the ARN."""
    by = console.account.account.user(request.node.originalname)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", str(by.access_key))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", str(by.secret_key))
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    return f"arn:aws:iam::{ACCOUNT}:user/{request.node.originalname}"


def approval(report: Mapping[str, Any]) -> dict[str, Any]:
    (step,) = (step for step in report["steps"] if step["name"] == "approval")
    found: dict[str, Any] = step["facts"]
    return found


def test_who_approves_with_credentials_is_named_by_aws_in_the_report(console: Console, ann: str) -> None:
    pending = console.asking()
    for state in MOVES:
        console.done("skip", state, "--why", "a test moves nobody")
    said = console.done("approve", pending, "--why", "we müst go")
    assert said["identity"] == "a proof is attached"
    report = console.ended(said["execution"])
    assert approval(report) == {"plan": pending, "by": f"{ann} (proved by STS)", "why": "we müst go"}
    word = console.account.operator.records().decisions[pending]
    shown = console("report", said["execution"]).stdout + console.until(lambda: console("status").stdout)
    assert f"{ann} (proved by STS)" in shown
    assert word["proof"]["signature"] not in shown + json.dumps(report) + json.dumps(console.done("status"))


def test_who_declines_with_credentials_is_named_by_aws(console: Console, ann: str) -> None:
    execution = console.done("decline", console.asking(), "--why", "no")["execution"]
    assert f"declined by {ann} (proved by STS): no" in console.ended(execution)["why"]


def test_who_has_no_credentials_that_aws_knows_is_told_and_decides_self_declared(console: Console) -> None:
    result = console("decline", console.asking(), "--why", "no")
    assert result.exit_code == 0
    assert "as jane (self-declared), for " in result.stdout
    assert "no proof of identity could be given: STS refuses it: InvalidClientTokenId" in result.stderr


def test_who_has_no_credentials_at_all_is_told_and_decides_self_declared(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    pending = console.asking()
    monkeypatch.setattr("boto3.Session.get_credentials", lambda self: None)
    result = console("decline", pending, "--why", "no")
    assert result.exit_code == 0
    assert "no proof of identity could be given: boto3 finds no credentials: log in" in result.stderr


def test_a_proof_is_attached_where_sts_is_silent(console: Console, ann: str) -> None:
    console.account.cloud.faults.dark.add("sts/us-west-1")
    said = console.done("decline", console.asking(), "--why", "no")
    assert said["identity"] == "a proof is attached"
    assert "declined by jane (self-declared: STS was silent): no" in console.ended(said["execution"])["why"]


def test_a_decision_that_counts_for_nothing_is_shown_and_another_takes_its_place(
    console: Console, ann: str
) -> None:
    pending = console.asking()
    execution = console.holder()
    operator = console.account.operator
    records = operator.records()
    proposal = operator.proposal(records)
    assert proposal is not None
    forged = Proof(key="AKIANOBODY", at="20270101T000000Z", signature="0" * 64)
    operator.decide(records, proposal, "decline", "mallory", "it is nothing", forged)
    shown = console.until(lambda: "mallory" in (said := console("status", execution).stdout) and said)
    assert "the decision of mallory counts for nothing: STS refuses it: InvalidClientTokenId" in shown
    assert f"farshore approve {console.account.runbook.application} {pending}" in shown or pending in shown
    assert console.status(execution) == "RUNNING"
    console.done("decline", pending, "--why", "it is something")
    assert f"declined by {ann} (proved by STS): it is something" in console.ended(execution)["why"]


# A runbook that asks for proofs.


@pytest.mark.parametrize("account", ["proved"], indirect=True)
def test_where_a_proof_is_asked_for_who_has_none_is_refused_at_once_and_the_twins_person_decides(
    console: Console,
) -> None:
    pending = console.asking()
    execution, operator = console.holder(), console.account.operator
    for state in MOVES:
        console.done("skip", state, "--why", "a test moves nobody")
    said = console.refused("approve", pending, "--why", "go")
    assert f"plan {pending} takes a decision only with a proof of identity: STS refuses it" in said
    records = operator.records()
    assert pending not in records.decisions
    proposal = operator.proposal(records)
    assert proposal is not None
    console.account.decide(records, proposal, "approve", "a person of the twin", "go")
    report = console.ended(execution)
    assert report["status"] == "SUCCEEDED", report["why"]
    assert approval(report)["by"].endswith("(proved by STS)")


@pytest.mark.parametrize("account", ["proved"], indirect=True)
def test_where_a_proof_is_asked_for_no_word_carries_an_approved_graceful_run_on_as_ungraceful(
    console: Console,
) -> None:
    console.asking()
    execution, operator = console.holder(), console.account.operator
    records = operator.records()
    proposal = operator.proposal(records)
    assert proposal is not None
    console.account.decide(records, proposal, "approve", "a person of the twin", "go")
    console.until(lambda: "approved" in console("status", execution).stdout)
    console.account.cloud.faults.dark.add("us-east-1")
    message = console.refused("ungraceful", "--why", "the Region is gone")
    assert "was approved as graceful, by proof, which only a plan can be: abort it" in message
    assert re.search(r"farshore abort \S+ --why", message)
    assert "ungraceful" not in operator.records().directive
    console.done("abort", "--why", "the Region is gone")
    assert console.ended(execution)["status"] != "SUCCEEDED"


# A runbook that asks for two people.

TWO = pytest.mark.parametrize("account", ["proved\n      approvers: 2"], indirect=True, ids=["two"])


@TWO
def test_where_two_must_approve_the_first_is_told_so_and_the_report_names_both(
    console: Console, ann: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pending = console.asking()
    execution = console.holder()
    for state in MOVES:
        console.done("skip", state, "--why", "a test moves nobody")
    first = console("approve", pending, "--why", "we must go")
    assert first.exit_code == 0, first.stderr
    assert "another person must approve it, too: farshore approve" in first.stdout
    shown = console.until(lambda: "approved by" in (said := console("status", execution).stdout) and said)
    assert "approved by jane; waits for another person" in shown
    assert console.done("approve", pending, "--why", "we must go")["approvals_missing"] == 1

    joe = console.account.account.user("joe")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", str(joe.access_key))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", str(joe.secret_key))
    assert console.done("approve", pending, "--why", "we must")["approvals_missing"] == 0
    report = console.ended(execution)
    assert report["status"] == "SUCCEEDED", report["why"]
    others = f"arn:aws:iam::{ACCOUNT}:user/joe"
    assert approval(report)["by"] == f"{ann} (proved by STS) and {others} (proved by STS)"
    assert approval(report)["why"] == "we must go; we must"


@TWO
def test_where_two_must_approve_the_twins_people_are_two(console: Console) -> None:
    console.asking()
    execution, operator = console.holder(), console.account.operator
    for state in MOVES:
        console.done("skip", state, "--why", "a test moves nobody")
    records = operator.records()
    proposal = operator.proposal(records)
    assert proposal is not None
    console.account.decide(records, proposal, "approve", "a person of the twin", "go")
    report = console.ended(execution)
    assert report["status"] == "SUCCEEDED", report["why"]
    assert approval(report)["by"].count("(proved by STS)") == 2
