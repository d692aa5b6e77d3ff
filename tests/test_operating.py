"""What a person does to a deployed runbook, by the commands that a person types; the twin is the account."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import CliRunner, Result
from own_shop import SHOP

from farshore.cli import farshore
from farshore.operate.trouble import Trouble
from farshore.runbook.load import load
from farshore.simulate.simulation import Simulation
from twin.application import intended
from twin.cloud import stamp
from twin.faults import Kind, Request
from twin.services.arc.model import Arc

APP = str(SHOP)
USERS, UNICORNS = "unicorn-shop-users", "unicorn-shop-unicorns"
FENCE = "lambda_concurrency us-east-1"
VERIFIED = "aurora_data_matches us-west-1"
MOVES = (FENCE, "aurora_writer us-west-1", "arc_controls", "synthetic_write us-west-1", VERIFIED)


class Console:
    """A person at a terminal, and a clock to wait by."""

    def __init__(self, account: Simulation) -> None:
        self.account, self.clock = account, account.clock

    def __call__(self, verb: str, *words: str) -> Result:
        while self.account.functions.running:
            self.clock.sleep(0.1)  # what functions print must not find the runner's standard output
        runner = CliRunner(mix_stderr=False)
        words = ("--who", "jane", *words) if verb not in ("status", "report", "redrive") else words
        result = runner.invoke(
            farshore, [verb, self.account.runbook.path, *words], obj=self.account.deployment.outside
        )
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def done(self, verb: str, *words: str) -> dict[str, Any]:
        """The JSON of a command that must not fail."""
        result = self(verb, *words, "--json")
        assert result.exit_code == 0, result.stderr
        shown: dict[str, Any] = json.loads(result.stdout)
        return shown

    def refused(self, verb: str, *words: str) -> str:
        """The one message of a command that must fail."""
        result = self(verb, *words)
        assert result.exit_code != 0, result.stdout
        return result.stderr

    def until(self, met: Callable[[], Any], limit: float = 900) -> Any:
        deadline = self.clock.now + limit
        while not (found := met()):
            assert self.clock.now < deadline, "it never came"
            self.clock.sleep(1)
        return found

    def started(self, *words: str, mode: str = "graceful") -> str:
        """A run that holds the lease."""
        execution: str = self.done("start", "--mode", mode, *words)["execution"]
        self.until(lambda: self.holder() == execution)
        return execution

    def asking(self, *words: str, mode: str = "graceful") -> str:
        """A run that waits for a decision; gives the hash of its plan."""
        return self.asking_plan(self.started(*words, mode=mode))

    def asking_plan(self, execution: str) -> str:
        """The hash of the plan that the run waits for a decision on."""
        self.until(lambda: self.account.operator.records().proposal.get("execution") == execution)
        return str(self.pending(execution)["hash"])

    def pending(self, execution: str) -> Mapping[str, Any]:
        return self.done("status", execution)["proposal"] or {}

    def holder(self) -> str:
        lease = self.account.operator.records().lease
        return "" if lease is None or lease.released else lease.holder

    def status(self, execution: str) -> str:
        client = boto3.client("stepfunctions", region_name=execution.split(":")[3])
        return str(client.describe_execution(executionArn=execution)["status"])

    def ticked(self) -> None:
        """A tick has just begun: until the next one, nothing that is said is heeded."""
        self.until(lambda: not self.account.functions.running)
        self.until(lambda: self.account.functions.running)

    def ended(self, execution: str) -> dict[str, Any]:
        """The report of a run, once it has ended."""
        self.until(lambda: self.status(execution) != "RUNNING")
        return self.done("report", execution)

    def reserved(self, function: str) -> int | None:
        return self.account.functions.reserved("us-east-1", function)


@pytest.fixture(scope="module")
def account() -> Iterator[Simulation]:
    with Simulation(load(APP), 1) as simulation:
        simulation.clock.sleep(130)
        yield simulation


@pytest.fixture
def console(account: Simulation) -> Iterator[Console]:
    """The account, in which no run is under way before or after a test."""
    console = Console(account)
    lines = len(account.cloud.faults.injectors)
    yield console
    del account.cloud.faults.injectors[lines:]
    account.cloud.faults.dark.clear()
    for execution in running(account):
        account.operator.direct(execution, 0.0, "the fixture", "the test is over", abort=True, pause=False)
        console.until(lambda execution=execution: console.status(execution) != "RUNNING")


def running(account: Simulation) -> list[str]:
    found = []
    for procedure, arn in account.deployment.arns.items():
        if procedure != "settle":
            client = account.deployment.client(procedure)
            answer = client.list_executions(stateMachineArn=arn, statusFilter="RUNNING")
            found += [each["executionArn"] for each in answer["executions"]]
    return found


def outcomes(report: Mapping[str, Any]) -> dict[str, str]:
    return {step["name"]: step["outcome"] for step in report["steps"]}


def test_a_run_is_started_under_a_readable_name_in_its_machines_region(console: Console) -> None:
    execution = console.started()
    assert execution.split(":")[3] == "us-west-1"
    assert execution.split(":")[7].startswith("failover-20270101T00")


def test_a_second_start_while_a_run_is_running_is_refused_and_starts_nothing(console: Console) -> None:
    first = console.started()
    message = console.refused("start", "--mode", "ungraceful")
    assert first.split(":")[7] in message
    assert "farshore abort" in message
    assert "farshore status" in console.refused("start", "--procedure", "failback", "--mode", "graceful")
    assert running(console.account) == [first]


def test_a_lost_answer_to_a_start_does_not_start_twice(console: Console) -> None:
    inject(console, "StartExecution", "lost_after", times=1)
    execution = console.done("start", "--mode", "graceful")["execution"]
    console.until(lambda: console.holder() == execution)
    assert running(console.account) == [execution]


def test_a_start_that_is_not_allowed_says_so(console: Console) -> None:
    inject(console, "StartExecution", "denied")
    assert "states:StartExecution in us-west-1 was refused" in console.refused("start", "--mode", "graceful")


def test_a_start_with_a_silent_ledger_says_what_works_without_it(console: Console) -> None:
    console.account.cloud.faults.dark |= {f"dynamodb/{r}" for r in ("us-east-1", "us-east-2", "us-west-2")}
    message = console.refused("start", "--mode", "graceful")
    assert "the ledger did not answer in any of its Regions" in message
    assert "plan --as-cli" in message
    assert running(console.account) == []


def test_a_dry_run_changes_nothing_and_asks_nobody(console: Console) -> None:
    execution = console.done("start", "--mode", "graceful", "--dry-run")["execution"]
    report = console.ended(execution)
    assert report["status"] == "SUCCEEDED", report["why"]
    assert outcomes(report)[FENCE] == "would change"
    assert console.reserved(USERS) == 40


def test_an_input_that_names_no_mode_fails_the_run_at_once_saying_what_is_accepted(console: Console) -> None:
    client = console.account.deployment.client("failover")
    arn = console.account.deployment.arns["failover"]
    execution = client.start_execution(stateMachineArn=arn, name="by-hand", input="{}")["executionArn"]
    report = console.ended(execution)
    assert report["status"] == "FAILED"
    assert 'start it with {"mode": "graceful"}' in report["why"]
    assert report["seconds"] < 5
    assert report["mode"] == ""


def test_a_decision_on_another_plan_than_the_pending_one_is_refused(console: Console) -> None:
    pending = console.asking()
    message = console.refused("approve", "000000000000", "--why", "looks good")
    assert f"the pending one is {pending}" in message
    assert console.account.operator.records().decisions.get("000000000000") is None


def test_an_approver_is_shown_the_plan_with_its_point_of_no_return_and_what_may_be_lost(
    console: Console,
) -> None:
    pending = console.asking()
    console.done("ungraceful", "--why", "the Region is going")
    pending = console.until(lambda: other(console, pending))
    for state in MOVES:
        console.done("skip", state, "--why", "a test moves nobody")
    result = console("approve", pending, "--why", "we must go")
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    promote = next(i for i, line in enumerate(lines) if "rds:FailoverGlobalCluster in us-west-1" in line)
    assert "AllowDataLoss" in lines[promote]
    assert next(i for i, line in enumerate(lines) if "point of no return" in line) < promote
    assert "expect to lose about" in result.stdout
    assert "s ago" in result.stdout
    assert f"approved plan {pending} as jane" in result.stdout


def test_an_approver_is_shown_the_fence_that_nobody_can_confirm_while_the_region_is_dark(
    console: Console,
) -> None:
    console.account.cloud.faults.dark.add("us-east-1")
    pending = console.asking(mode="ungraceful")
    result = console("decline", pending, "--why", "a test moves nobody")
    assert result.exit_code == 0, result.stderr
    (line,) = (line for line in result.stdout.splitlines() if "a fence that nobody can confirm" in line)
    assert line.startswith(f"unknown  {FENCE}")
    assert "and growing until writes are fenced" in result.stdout


def test_a_run_that_was_approved_as_graceful_asks_again_before_it_may_lose_anything(console: Console) -> None:
    pending = console.asking()
    execution = console.done("approve", pending, "--why", "a game day")["execution"]
    console.until(lambda: "approved" in said(console, execution))
    console.account.cloud.faults.dark.add("us-east-1")
    result = console("ungraceful", "--why", "the Region is gone")
    loss = console.pending(execution)["hash"]
    assert loss != pending
    assert f"farshore approve {APP} {loss} --why" in result.stderr
    console.until(
        lambda: "says ungraceful, and the plan was approved as graceful" in said(console, execution)
    )
    shown = said(console, execution)
    assert "expect to lose about" in shown
    assert "one is " + loss in console.refused("approve", pending, "--why", "again")
    console.done("approve", loss, "--why", "the Region is gone")
    assert console.account.operator.records().decisions[loss]["mode"] == "ungraceful"
    assert console.pending(execution) == {}


def said(console: Console, execution: str) -> str:
    return console("status", execution).stdout


def other(console: Console, plan: str) -> str:
    proposal = console.pending(console.holder())
    return proposal["hash"] if proposal and proposal["hash"] != plan else ""


def test_a_decline_fails_the_run_naming_the_person_and_leaves_no_fence(console: Console) -> None:
    pending = console.asking()
    execution = console.done("decline", pending, "--why", "it is only the canary")["execution"]
    report = console.ended(execution)
    assert report["status"] == "FAILED"
    assert "declined by jane (self-declared): it is only the canary" in report["why"]
    assert outcomes(report)[f"undo {FENCE}"] == "nothing to give back"
    assert console.reserved(USERS) == 40
    assert console.holder() == ""


def test_a_decision_that_was_made_is_not_turned_round(console: Console) -> None:
    pending = console.asking()
    console.done("pause", "--why", "so that the run does not go on")
    console.done("approve", pending, "--why", "go")
    assert "jane said approve" in console.refused("decline", pending, "--why", "no, wait")


def test_a_decision_on_the_plan_of_a_run_that_has_ended_is_refused(console: Console) -> None:
    pending = console.asking()
    console.ended(console.done("abort", "--why", "a false alarm")["execution"])
    assert "has ended" in console.refused("approve", pending, "--why", "late")


def test_a_pause_holds_for_longer_than_the_states_limit_and_resume_goes_on(console: Console) -> None:
    pending = console.asking()
    execution = console.holder()
    console.done("pause", "--why", "the bridge is being assembled")
    console.clock.sleep(700)
    console.done("approve", pending, "--why", "go")
    for state in MOVES:
        console.done("skip", state, "--why", "a test moves nobody")
    console.clock.sleep(300)
    steps = console.done("status", execution)["run"]["steps"]
    assert steps[-1]["name"] == "approval"
    assert "paused by jane" in steps[-1]["why"]
    console.done("resume", "--why", "all are here")
    report = console.ended(execution)
    assert report["status"] == "SUCCEEDED", report["why"]
    assert outcomes(report)["approval"] == "approved"


def test_only_what_is_paused_can_be_resumed(console: Console) -> None:
    console.started()
    assert "is not paused" in console.refused("resume", "--why", "go")


def test_a_skipped_state_is_gone_past_and_the_report_says_by_whom(console: Console) -> None:
    pending = console.asking()
    execution = console.holder()
    for state in MOVES:
        console.done("skip", state, "--why", "a test moves nobody")
    console.done("approve", pending, "--why", "go")
    report = console.ended(execution)
    assert report["status"] == "SUCCEEDED", report["why"]
    assert {outcomes(report)[state] for state in MOVES} == {"skipped"}
    users, _ = console.account.application.datasets
    assert users.writers() == {"us-east-1"}
    assert intended(console.account.application) == {"us-east-1"}


def test_a_safety_rule_is_overridden_in_a_run_and_whoever_looks_sees_it(console: Console) -> None:
    console.asking()
    rule = rule_of(console)
    said = console.done("override", "--rule", rule, "--why", "the Region is gone")
    assert said["override"] == {rule: "jane: the Region is gone"}
    console.done("ungraceful", "--who", "joe", "--why", "it is")
    assert console.account.operator.records().directive["override"] == said["override"], "said is said"
    shown = console("status").stdout
    assert "ungraceful, override" in shown
    assert rule in shown


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rule: rule.replace("safetyrule", "routingcontrol"), "is not a safety rule's ARN"),
        (lambda rule: re.sub("controlpanel/.", "controlpanel/f", rule), "is of none of the control panels"),
    ],
)
def test_a_rule_that_cannot_stand_against_the_run_is_not_overridden(
    console: Console, change: Callable[[str], str], said: str
) -> None:
    console.asking()
    wrong = change(rule_of(console))
    message = console.refused("override", "--rule", wrong, "--why", "typo")
    assert wrong in message
    assert said in message
    assert console.account.operator.records().directive.get("execution") != console.holder()


def rule_of(console: Console) -> str:
    """The safety rule of the controls that the runbook names."""
    (cluster,) = Arc.of(console.account.cloud).clusters.values()
    (rule,) = cluster.rule_arns.values()
    return rule


def test_a_state_that_the_run_has_not_cannot_be_skipped(console: Console) -> None:
    console.started()
    message = console.refused("skip", "aurora_writer us-west", "--why", "typo")
    assert "did you mean" in message
    assert "aurora_writer us-west-1" in message


def test_an_abort_before_the_point_of_no_return_gives_the_fences_back(console: Console) -> None:
    pending = console.asking()
    execution = console.holder()
    inject(console, "PutFunctionConcurrency", "throttled", FunctionName=UNICORNS)
    console.done("approve", pending, "--why", "go")
    console.until(lambda: console.reserved(USERS) == 0)
    result = console("abort", "--why", "it came back")
    assert "before the point of no return: its fences are given back" in result.stderr
    report = console.ended(execution)
    assert report["status"] == "FAILED"
    assert "aborted by jane: it came back" in report["why"]
    assert console.reserved(USERS) == 40
    assert console.holder() == ""


def test_a_paused_run_can_be_aborted(console: Console) -> None:
    console.asking()
    console.done("pause", "--why", "let us think")
    report = console.ended(console.done("abort", "--why", "no")["execution"])
    assert "aborted by jane: no" in report["why"]
    assert console.holder() == ""


@pytest.mark.parametrize(
    "words", [("pause",), ("resume",), ("skip", "arc_controls"), ("ungraceful",)], ids=lambda words: words[0]
)
def test_an_abort_is_for_good_and_whoever_says_otherwise_is_told_of_it(
    console: Console, words: tuple[str, ...]
) -> None:
    console.asking()
    execution = console.holder()
    if words[0] == "resume":
        console.done("pause", "--why", "let us think")
    console.ticked()
    with meanwhile(console, execution, abort=True, pause=False):
        assert "somebody else wrote directive meanwhile" in console.refused(*words, "--why", "I know better")
    said = console.refused(*words, "--why", "I know better")
    assert re.search(r"joe aborted unicorn-shop-failover/\S+ at 20\S+ \S+ UTC \(he was quicker\)", said)
    assert "aborted by joe: he was quicker" in console.ended(execution)["why"]


def test_an_abort_again_is_done_and_the_first_is_the_one_that_stands(console: Console) -> None:
    console.asking()
    console.done("abort", "--why", "no")
    assert console.done("abort", "--why", "again")["why"] == "no"


def test_two_who_skip_at_once_skip_both_or_one_is_told(console: Console) -> None:
    console.asking()
    with meanwhile(console, console.holder(), skip=["arc_controls"]):
        assert "somebody else wrote directive" in console.refused("skip", MOVES[1], "--why", "a test")
    assert console.done("skip", MOVES[1], "--why", "a test")["skip"] == ["arc_controls", MOVES[1]]


def test_whose_own_word_was_written_and_whose_answer_was_lost_is_told_success(console: Console) -> None:
    pending = console.asking()
    execution = console.holder()
    for words in (("pause",), ("approve", pending), ("abort",)):
        inject(console, "PutItem", "lost_after", times=3)
        assert console.done(*words, "--why", "mine")["who"] == "jane"
    assert "aborted by jane: mine" in console.ended(execution)["why"]


def test_of_two_who_decide_at_once_one_is_heard_and_the_other_is_told_who(console: Console) -> None:
    pending = console.asking()
    execution = console.holder()
    operator = console.account.operator
    records = operator.records()
    proposal = operator.proposal(records)
    assert proposal is not None
    console.done("pause", "--why", "so that the run does not go on")
    operator.decide(records, proposal, "decline", "joe", "I was quicker")
    with pytest.raises(Trouble, match=f"joe said decline to plan {pending} already .I was quicker."):
        operator.decide(records, proposal, "approve", "jane", "go")
    assert operator.decide(records, proposal, "decline", "jane", "no")["who"] == "joe"
    assert console.done("decline", pending, "--why", "no")["who"] == "joe", "the same again is done"
    console.done("resume", "--why", "go on")
    assert "declined by joe" in console.ended(execution)["why"]


def test_what_was_said_to_a_run_of_the_same_name_before_is_neither_kept_nor_shown(console: Console) -> None:
    """A name is free again after 90 days."""
    pending = console.asking()
    execution, ledger = console.holder(), console.account.operator._ledger
    word = {"execution": execution, "who": "joe", "why": "then", "at": console.clock.now - 91 * 86_400}
    said = {**word, "abort": True, "pause": True, "ungraceful": True, "skip": [MOVES[0]]}
    ledger.say("directive", said, ledger.read())
    assert console.done("status", execution)["directive"] == {}
    assert "joe" not in console("status", execution).stdout
    assert "nothing is lost" in console("status", execution).stdout
    assert "is not paused" in console.refused("resume", "--why", "go")
    assert console.done("skip", MOVES[1], "--why", "a test")["skip"] == [MOVES[1]]
    stands = console.done("status", execution)["directive"]
    assert stands.keys() == {"execution", "who", "why", "at", "skip"}
    assert console.pending(execution)["hash"] == pending


def test_a_run_of_an_application_whose_name_begins_alike_is_neither_found_nor_shown(console: Console) -> None:
    account = console.account.account
    ours = console.account.deployment.machines["failover"]
    wait = json.dumps({"StartAt": "a", "States": {"a": {"Type": "Pass", "End": True}}})
    theirs = account.create_machine(ours.region, "unicorn-shop-eu-failover", wait)
    started = account.machines(ours.region).start_execution(stateMachineArn=theirs, name="theirs", input="{}")
    assert "has no run theirs" in console.refused("report", "theirs")
    assert "no run of unicorn-shop" in console.refused("status", started["executionArn"])
    assert "theirs" not in console("status").stdout


def test_nobody_speaks_to_a_run_that_is_not_there(console: Console) -> None:
    for verb in ("pause", "resume", "abort", "ungraceful"):
        assert "no run of unicorn-shop is under way" in console.refused(verb, "--why", "?")


def test_a_holder_that_cannot_be_asked_gives_way_only_to_a_take_over(console: Console) -> None:
    dead = console.started("--procedure", "failback")
    console.account.cloud.faults.dark.add("stepfunctions/us-east-1")
    assert "cannot be asked" in console.refused("start", "--mode", "graceful")
    assert "--take-over" in console.refused("start", "--mode", "ungraceful")
    assert console.holder() == dead
    why = ("--take-over", "--why", "us-east-1 is dark")
    assert "for an ungraceful run" in console.refused("start", "--mode", "graceful", *why)
    execution = console.started(*why, mode="ungraceful")
    records = console.account.operator.records()
    assert records.take_over["holder"] == dead
    assert records.take_over["who"] == "jane"
    assert records.lease is not None
    assert records.lease.holder == execution
    assert records.take_over["epoch"] == records.lease.epoch - 1
    assert records.lease.quiet_until > console.clock.now


def test_a_bare_redrive_is_refused_by_the_first_tick_that_would_change_anything(console: Console) -> None:
    execution = console.started()
    machine = console.account.deployment.machines["failover"]
    payload = machine.definition["States"][FENCE]["Parameters"]["Payload"]
    event = {key: value for key, value in payload.items() if not key.endswith(".$")} | {
        "input": {"mode": "graceful"},
        "execution": {
            "Id": execution,
            "RedriveCount": 1,
            "RedriveTime": stamp(console.clock.now).isoformat(),
        },
        "state": {"Name": FENCE, "EnteredTime": "2027-01-01T00:00:00Z"},
    }
    answer = boto3.client("lambda", region_name="us-west-1").invoke(
        FunctionName="farshore-lambda-concurrency", Payload=json.dumps(event).encode()
    )
    error = json.loads(answer["Payload"].read())
    assert error["errorType"] == "Refused"
    assert "use `farshore redrive`" in error["errorMessage"]
    assert console.reserved(USERS) == 40


def failed_past_no_return(console: Console) -> str:
    """A run that has passed its point of no return, by a person's word, and then failed."""
    pending = console.asking()
    execution = console.holder()
    inject(console, "UpdateRoutingControlStates", "denied")
    for state in MOVES[:2]:
        console.done("skip", state, "--why", "a test moves nobody")
    console.done("approve", pending, "--why", "go")
    assert console.ended(execution)["status"] == "FAILED"
    return execution


def test_a_redrive_shows_the_plan_again_and_does_nothing_without_a_yes(console: Console) -> None:
    execution = failed_past_no_return(console)
    before = console.account.operator.records().lease
    result = console("redrive", execution)
    assert result.exit_code == 1
    assert "UpdateRoutingControlStates" in result.stdout
    assert FENCE not in result.stdout
    assert "--yes" in result.stderr
    assert console.account.operator.records().lease == before


def test_a_redrive_holds_the_lease_as_a_new_holder_before_it_redrives(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution = failed_past_no_return(console)
    seen: list[Any] = []

    def redriven(request: Request) -> dict[str, Any]:
        seen.append((request.parameters, console.account.operator.records().lease))
        return {"redriveDate": 0}

    served = console.account.cloud._operations  # and put back: the account is every test's
    monkeypatch.setitem(served, ("stepfunctions", "RedriveExecution"), redriven)
    before = console.account.operator.records().lease
    shown = console.done("redrive", execution.split(":")[7], "--yes")
    ((parameters, lease),) = seen
    assert parameters["executionArn"] == execution
    assert (lease.holder, lease.redrives, lease.released) == (execution, 1, False)
    assert before is not None
    assert lease.epoch == before.epoch + 1
    assert shown["redrives"] == 1


def test_a_redrive_takes_back_the_abort_that_stopped_the_run_and_keeps_what_was_skipped(
    console: Console,
) -> None:
    pending = console.asking()
    execution = console.holder()
    inject(console, "UpdateRoutingControlStates", "throttled")
    for state in (FENCE, "aurora_writer us-west-1", "synthetic_write us-west-1", VERIFIED):
        console.done("skip", state, "--why", "a test moves nobody")
    console.done("approve", pending, "--why", "go")
    console.until(lambda: steps_of(console, execution)[-1]["name"] == "arc_controls")
    console.done("pause", "--why", "let us think")
    console.done("skip", "arc_controls", "--why", "a test moves nobody")
    result = console("abort", "--why", "it came back")
    assert "past the point of no return" in result.stderr
    report = console.ended(execution)
    assert report["status"] == "FAILED"
    assert "aborted by jane: it came back" in report["why"]
    assert console.holder() == execution

    shown = console.done("redrive", execution.split(":")[7], "--yes")
    assert shown["redrives"] == 1
    report = console.ended(execution)
    assert report["status"] == "SUCCEEDED", report["why"]
    assert outcomes(report)["arc_controls"] == "skipped"
    assert console.holder() == ""


def test_a_redrive_within_the_quiet_time_of_another_holder_is_as_quiet(console: Console) -> None:
    """What the first run had in flight when the second took its lease may still be: also for the third."""
    execution = failed_past_no_return(console)
    console.started("--procedure", "failback")
    quiet = lease_of(console).quiet_until
    console.ended(console.done("abort", "--why", "the other one goes on")["execution"])
    assert lease_of(console).released
    assert quiet > console.clock.now

    console.done("redrive", execution.split(":")[7], "--yes")
    assert (lease_of(console).holder, lease_of(console).quiet_until) == (execution, quiet)
    why = console.until(lambda: steps_of(console, execution)[-1]["why"])
    assert "a call of the run before may be in flight for" in why


def lease_of(console: Console) -> Any:
    lease = console.account.operator.records().lease
    assert lease is not None
    return lease


def steps_of(console: Console, execution: str) -> Any:
    return console.done("status", execution)["run"]["steps"]


def test_a_run_that_was_undone_is_not_redriven_but_started_anew(console: Console) -> None:
    pending = console.asking()
    execution = console.done("decline", pending, "--why", "no")["execution"]
    console.ended(execution)
    assert "farshore start" in console.refused("redrive", execution, "--yes")


def test_a_run_is_not_redriven_while_another_holds_the_lease(console: Console) -> None:
    execution = failed_past_no_return(console)
    other = console.started("--procedure", "failback")
    message = console.refused("redrive", execution, "--yes")
    assert other.split(":")[7] in message
    assert console.holder() == other


def test_who_was_stopped_before_taking_the_lease_is_redriven_though_another_has_held_it(
    console: Console,
) -> None:
    """Nothing was taken away that would not be its own any more."""
    another_held(console)
    execution = console.done("start", "--mode", "graceful")["execution"]
    stopped(console, execution)
    assert console.holder() == "", "what it was asked when it was stopped takes no lease any more"
    console.done("redrive", execution, "--yes")
    console.until(lambda: len(steps_of(console, execution)) > 1)
    assert console.holder() == execution


def test_who_had_the_lease_and_moved_nothing_is_started_anew_once_another_has_held_it(
    console: Console,
) -> None:
    execution = console.started()
    console.until(lambda: len(steps_of(console, execution)) > 1)
    stopped(console, execution)
    another_held(console)
    assert "farshore start" in console.refused("redrive", execution, "--yes")


def stopped(console: Console, execution: str) -> None:
    """By a person, from the console, and whatever it was asked by then is over."""
    console.account.deployment.client("failover").stop_execution(executionArn=execution)
    console.clock.sleep(10)


def another_held(console: Console) -> None:
    """A run in the other direction had the lease, and is over."""
    other = console.started("--procedure", "failback")
    console.done("abort", "--why", "a test moves nobody")
    assert console.ended(other)["status"] == "FAILED"


def test_status_shows_the_newest_run_its_states_the_plan_and_the_lease(console: Console) -> None:
    pending = console.asking()
    result = console("status")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].startswith("running  unicorn-shop-failover/failover-")
    assert any(line.startswith("waiting  approval") for line in lines)
    assert any("the lease is held by unicorn-shop-failover/failover-" in line for line in lines)
    assert any(f"farshore approve {APP} {pending}" in line for line in lines)


def test_status_with_a_dark_region_shows_what_the_others_say(console: Console) -> None:
    execution = console.started()
    console.account.cloud.faults.dark.add("us-east-1")
    result = console("status", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["execution"] == execution
    assert "unicorn-shop-failback in us-east-1 did not answer" in result.stderr


def test_a_run_has_a_page_with_its_plan_and_who_approved_it(console: Console, tmp_path: Path) -> None:
    execution = console.started()
    plan = console.asking_plan(execution)
    console.done("approve", plan, "--why", "<b>storm</b>")
    ended = console.ended(execution)
    page, summary, whole = (tmp_path / f"night.{ending}" for ending in ("html", "md", "json"))
    named = [word for path in (page, summary, whole) for word in ("--report", str(path))]
    console.done("report", execution, *named)
    told = json.loads(whole.read_text())
    assert [step["name"] for step in told["runs"][0]["steps"]] == [step["name"] for step in ended["steps"]]
    (decided,) = told["plans"]
    assert (decided["hash"], decided["decisions"][0]["who"]) == (plan, "jane")
    for text in (execution, "jane", "&lt;b&gt;storm&lt;/b&gt;", *MOVES):
        assert text in page.read_text()
    assert f"Plan {plan}: approved by jane (self-declared)" in summary.read_text()
    assert "<b>storm" not in page.read_text() + summary.read_text().replace("\\<", "")


def test_a_run_that_never_was_is_not_found(console: Console) -> None:
    assert "has no run nobody" in console.refused("report", "nobody")
    assert "no run of unicorn-shop" in console.refused(
        "report", "arn:aws:states:us-west-1:123456789012:execution:other-failover:x"
    )


@pytest.mark.parametrize(
    "run",
    [
        "arn:x",
        "arn:aws:states:us-west-1:123456789012:execution:unicorn-shop-failover",
        "arn:aws:states:us-west-1:123456789012:stateMachine:unicorn-shop-failover:x",
        "arn:aws:states:us-west-1:123456789012:execution:unicorn-shop-eu-failover:x",
        "arn:aws:states:us-west-1:123456789012:execution:unicorn-failover:x",
        "arn:aws:states:eu-west-1:123456789012:execution:unicorn-shop-failover:x",
    ],
)
@pytest.mark.parametrize("verb", ["status", "report", "redrive"])
def test_an_arn_that_names_no_run_of_the_application_is_refused_with_one_that_would(
    console: Console, verb: str, run: str
) -> None:
    message = console.refused(verb, run)
    assert f"{run} is no run of unicorn-shop" in message
    assert ":execution:unicorn-shop-failover:NAME" in message


@contextmanager
def meanwhile(console: Console, execution: str, **word: Any) -> Iterator[None]:
    """Joe is quicker: his word to the run is written just before the next write of a person."""
    injectors = console.account.cloud.faults.injectors

    def quicker(request: Request) -> None:
        if request.operation == "PutItem" and not request.caller:
            injectors.remove(quicker)
            console.account.operator.direct(execution, 0.0, "joe", "he was quicker", **word)

    injectors.append(quicker)
    yield
    assert quicker not in injectors


def inject(console: Console, operation: str, kind: Kind, times: int = 1000, **parameters: str) -> None:
    """What happens to calls of an operation, so many times."""
    left = [times]

    def line(request: Request) -> Kind | None:
        fits = request.operation == operation
        if not fits or not parameters.items() <= request.parameters.items() or not left[0]:
            return None
        left[0] -= 1
        return kind

    console.account.cloud.faults.injectors.append(line)
