"""What a runbook compiles to, as Step Functions carries it out: spoken to through boto3's API only.

Runbooks are real and their functions are made up: each state does what a test's script says. The cases of
tests/MockConfigFile.json run on Step Functions Local as well: `pytest --sfn-endpoint http://localhost:8083`.
"""

from __future__ import annotations

import functools
import itertools
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

import boto3
import own_shop
import pytest
from botocore.session import get_session
from moto.stepfunctions.parser.backend import execution as moto_execution
from moto.stepfunctions.parser.models import StepFunctionsParserBackend
from own_shop import SHOP
from test_mock_file import mock_file, mocked

from farshore.compile.definition import every_task
from farshore.compile.graph import flaws
from farshore.compile.machine import Machine, machines
from farshore.compile.retry import LAMBDA_FAULTS, PAUSE_ATTEMPTS, PAUSE_PACE
from farshore.compile.states import function_name, function_of
from farshore.operate.history import explained
from farshore.runbook.load import load
from farshore.runbook.registry import steps
from farshore.simulate.deployment import outside
from farshore.testing.ticker import EAST, REPLICAS, TABLE, WEST
from functions.errors import Aborted, NotYet, Paused, Refused, Untouched
from functions.handler import lambda_handler
from twin.clock import Clock
from twin.cloud import ACCOUNT, Cloud
from twin.moto.backing import Moto
from twin.net import Net
from twin.services.dynamodb.model import DynamoDB
from twin.services.lambda_.model import Functions
from twin.services.stepfunctions.interpreter import on_the_clock

DAY = 86400.0

HEAD = """\
application: shop
regions: {primary: us-east-1, standby: us-west-1, observer: us-west-2}
objectives: {rto: 15m, rpo: 30s}
ledger: {table: ledger, regions: [us-east-1, us-east-2, us-west-2]}
"""
FENCES = """\
  - lambda_concurrency: {functions: [buy], region: $from, reserved: 0}
  - lambda_concurrency: {functions: [pay], region: $from, reserved: 0}
"""
CHECKS = """\
  - website_config: {configs: {us-east-1: "http://e/c", us-west-1: "http://w/c"}, host: "http://api"}
  - synthetic_write: {url: "http://api", write: /w, body: "{marker}", read: "/{marker}", region: $to}
"""
WRITER = """\
  - aurora_writer: {cluster: c, members: {us-east-1: e, us-west-1: w}, region: $to, lose_at_most: 30s}
"""
GIVE_BACK = """\
  - lambda_concurrency: {functions: [buy], region: $to, reserved: restore}
"""
OTHER_WRITER = (
    WRITER.replace("cluster: ", "cluster: other-")
    .replace("{us-east-1: ", "{us-east-1: o")
    .replace(", us-west-1: ", ", us-west-1: o")
)
TOGETHER = "  - together:\n" + re.sub("(?m)^", "    ", CHECKS).rstrip(" ")
SIMPLE = HEAD + "failover:\n" + FENCES + WRITER + GIVE_BACK + CHECKS
SIDE_BY_SIDE = HEAD + "failover:\n" + FENCES + TOGETHER + WRITER
BUY, PAY = "lambda_concurrency us-east-1", "lambda_concurrency us-east-1 (2)"
PAGES, BUYS = "website_config", "synthetic_write us-west-1"
PROMOTE, RESTORE = "aurora_writer us-west-1", "lambda_concurrency us-west-1"
AGAIN = [f"{BUY} again", f"{PAY} again"]
UNDO_BUY, UNDO_PAY = "undo lambda_concurrency us-east-1", "undo lambda_concurrency us-east-1 (2)"
UNDOING = [UNDO_PAY, UNDO_BUY, "release undone"]


def compiled(folder: Path, text: str) -> dict[str, Machine]:
    path = folder / "shop.yaml"
    path.write_text(text)
    return {machine.procedure: machine for machine in machines(load(path))}


class Theatre:
    """The machines of a runbook, their functions played by a script: what each tick of a state does."""

    def __init__(self, cloud: Cloud, made: Mapping[str, Machine]) -> None:
        self.cloud, self.clock, self.machines = cloud, cloud.clock, made
        self.functions = Functions(cloud)
        self.runs = 0
        self.script: dict[str, list[Any]] = {}
        """By state: an exception to raise, or an outcome; the last of them for ever, "done" where none is."""
        self.real: dict[str, Callable[[Mapping[str, Any], Any], Any]] = {}
        """States whose handlers are not played."""
        self.ticks: list[str] = []
        self.at: list[float] = []
        self.arns: dict[str, str] = {}
        """Of the machines that have run: each is created for its first run."""

    def _create(self, machine: Machine) -> str:
        text = json.dumps(machine.definition)
        for step in machine.functions:
            arn = self.functions.deploy(machine.region, function_name(step), self._play, timeout=100)
            text = text.replace(function_of(step), arn)
        made = self.client(machine.region).create_state_machine(
            name=machine.name, definition=text, roleArn=f"arn:aws:iam::{ACCOUNT}:role/r"
        )
        return str(made["stateMachineArn"])

    def client(self, region: str) -> Any:
        return boto3.client("stepfunctions", region_name=region)

    def run(self, procedure: str = "failover", given: Any = None) -> dict[str, Any]:
        """An execution from start to end, as DescribeExecution tells of it."""
        self.ticks.clear()
        self.at.clear()
        self.runs += 1
        client = self.client(self.machines[procedure].region)
        if procedure not in self.arns:
            self.arns[procedure] = self._create(self.machines[procedure])
        run = client.start_execution(
            stateMachineArn=self.arns[procedure],
            name=f"run-{self.runs}",
            input=json.dumps({"mode": "graceful"} if given is None else given),
        )["executionArn"]
        self.arn = run

        shown: dict[str, Any] = client.describe_execution(executionArn=run)
        deadline = self.clock.now + DAY
        while shown["status"] == "RUNNING":
            assert self.clock.now < deadline, "the run never ended"
            self.clock.sleep(20)
            shown = client.describe_execution(executionArn=run)
        return shown

    def events(self) -> list[str]:
        client = self.client(self.arn.split(":")[3])
        return [each["type"] for each in client.get_execution_history(executionArn=self.arn)["events"]]

    def _play(self, event: dict[str, Any], context: Any) -> Any:
        state = event["state"]["Name"]
        self.ticks.append(state)
        self.at.append(self.clock.now)
        if state in self.real:
            return self.real[state](event, context)
        lines = self.script.get(state, [])
        line = lines.pop(0) if len(lines) > 1 else lines[0] if lines else "done"
        if isinstance(line, Exception):
            raise line
        if isinstance(line, float):
            self.clock.sleep(line)
            line = "done"
        return {"outcome": line, "facts": {}}


def why(shown: Mapping[str, Any]) -> str:
    return explained(shown.get("error", ""), shown.get("cause", ""))


def no(state: str) -> Refused:
    return Refused(f"{state}: no")


@contextmanager
def theatre(made: Mapping[str, Machine]) -> Iterator[Theatre]:
    clock = Clock()
    with Cloud(clock, 1, Moto()) as cloud, on_the_clock(clock):
        DynamoDB.of(cloud).strong_table(TABLE, REPLICAS)
        house = Theatre(cloud, made)
        try:
            yield house
        finally:
            house.functions.close()


@pytest.fixture
def simple(tmp_path: Path) -> Iterator[Theatre]:
    with theatre(compiled(tmp_path, SIMPLE)) as house:
        yield house


@pytest.fixture
def together(tmp_path: Path) -> Iterator[Theatre]:
    with theatre(compiled(tmp_path, SIDE_BY_SIDE)) as house:
        yield house


# A run that goes well.


def test_every_step_is_ticked_in_the_runbooks_order_between_lease_and_release(simple: Theatre) -> None:
    assert simple.run()["status"] == "SUCCEEDED"
    assert simple.ticks == ["lease", BUY, PAY, PROMOTE, *AGAIN, RESTORE, PAGES, BUYS, "release"]


def test_a_fence_that_is_tried_again_and_denied_does_not_stop_a_run_whose_data_has_moved(
    simple: Theatre,
) -> None:
    simple.script[AGAIN[0]] = [no(AGAIN[0])]
    assert simple.run()["status"] == "SUCCEEDED"
    assert simple.ticks[-1] == "release"


def test_failback_is_the_same_order_with_the_regions_swapped_in_the_region_that_it_activates(
    simple: Theatre,
) -> None:
    assert simple.machines["failback"].region == EAST
    assert simple.run("failback")["status"] == "SUCCEEDED"
    there = ["lease", BUY, PAY, PROMOTE, *AGAIN, RESTORE, PAGES, BUYS, "release"]
    swap = {EAST: WEST, WEST: EAST}
    assert simple.ticks == [re.sub("us-(east|west)-1", lambda m: swap[m[0]], state) for state in there]


def test_not_yet_is_ticked_again_after_a_second_at_first_and_then_at_the_steps_pace(simple: Theatre) -> None:
    simple.script[PROMOTE] = [*[NotYet("under way")] * 12, "done"]
    assert simple.run()["status"] == "SUCCEEDED"
    at = [at for at, state in zip(simple.at, simple.ticks, strict=True) if state == PROMOTE]
    gaps = [round(later - earlier) for earlier, later in itertools.pairwise(at)]
    assert gaps[0] == 1
    assert gaps == sorted(gaps)
    assert gaps[-1] == 5


def test_a_function_that_ended_without_a_word_is_ticked_again(simple: Theatre) -> None:
    faults = [type(name, (Exception,), {}) for name in LAMBDA_FAULTS if name != "States.Timeout"]
    simple.script[PROMOTE] = [*(fault("no word") for fault in faults), "done"]
    assert simple.run()["status"] == "SUCCEEDED"
    assert simple.ticks.count(PROMOTE) == len(LAMBDA_FAULTS)


LASTING = {
    "CodeArtifactUserDeletedException", "CodeArtifactUserFailedException",
    "DurableExecutionAlreadyStartedException", "EC2AccessDeniedException", "EFSIOException",
    "EFSMountConnectivityException", "EFSMountFailureException", "EFSMountTimeoutException",
    "InvalidParameterValueException", "InvalidRequestContentException", "InvalidRuntimeException",
    "InvalidSecurityGroupIDException", "InvalidSubnetIDException", "InvalidZipFileException",
    "KMSAccessDeniedException", "KMSDisabledException", "KMSInvalidStateException", "KMSNotFoundException",
    "ModeNotSupportedException", "NoPublishedVersionException", "RecursiveInvocationException",
    "RequestTooLargeException", "ResourceNotFoundException", "S3FilesMountConnectivityException",
    "S3FilesMountFailureException", "S3FilesMountTimeoutException",
    "SerializedRequestEntityTooLargeException", "ServiceQuotaExceededException", "SnapStartException",
    "SnapStartRegenerationFailureException", "UnsupportedMediaTypeException",
}  # fmt: skip
"""What Lambda says of a function that is not as it must be; ours have no file system."""


def test_each_error_of_an_invocation_is_known_as_passing_or_as_lasting() -> None:
    invoke = get_session().get_service_model("lambda").operation_model("Invoke")
    passing = {name.removeprefix("Lambda.") for name in LAMBDA_FAULTS}
    said = {shape.name for shape in invoke.error_shapes}
    assert not passing & LASTING
    assert said - passing == LASTING


def test_a_function_that_hangs_is_given_up_and_ticked_again(simple: Theatre) -> None:
    assert "States.Timeout" in LAMBDA_FAULTS
    simple.script[PROMOTE] = [80.0, "done"]
    assert simple.run()["status"] == "SUCCEEDED"
    assert simple.ticks.count(PROMOTE) == 2


def test_a_verdict_and_a_mistake_of_ours_are_not_tried_again(simple: Theatre) -> None:
    for error in (Refused, Aborted, KeyError):
        simple.script[PROMOTE] = [error("no"), "done"]
        assert simple.run()["error"] == error.__name__
        assert simple.ticks.count(PROMOTE) == 1


def test_a_long_pause_does_not_end_the_run(simple: Theatre) -> None:
    """Longer than the state may take, and than its Retry for waiting would bear."""
    simple.script[PROMOTE] = [*[Paused("by jane")] * 100, NotYet("under way"), "done"]
    assert simple.run()["status"] == "SUCCEEDED"
    assert simple.at[-1] - simple.at[0] > 45 * 60
    assert PAUSE_PACE * PAUSE_ATTEMPTS >= 3600


def test_waiting_for_as_long_as_within_is_left_to_the_tick_and_ends_some_time(simple: Theatre) -> None:
    simple.script[PROMOTE] = [NotYet("under way")]
    shown = simple.run()
    assert (shown["status"], shown["error"]) == ("FAILED", "NotYet")
    at = [at for at, state in zip(simple.at, simple.ticks, strict=True) if state == PROMOTE]
    assert 900 < at[-1] - at[0] < 1800


# A fence before the approval.

APPROVAL = "  - approval: {topics: {us-east-1: TOPIC, us-west-1: TOPIC}}\n".replace(
    "TOPIC", "arn:aws:sns:us-east-1:123456789012:pages"
)
EARLY = (
    "  - lambda_concurrency: {functions: [buy], region: $from, reserved: 0, before_approval: true}\n"
    "  - together:\n"
    "      - lambda_concurrency: {functions: [pay], region: $from, reserved: 0, before_approval: true}\n"
    "      - website_config: {configs: {us-east-1: 'http://e/c', us-west-1: 'http://w/c'}, host: 'http://api'}\n"
)


def test_a_fence_before_the_approval_stands_behind_it_too_where_the_plan_names_it(tmp_path: Path) -> None:
    text = HEAD + "failover:\n" + EARLY + APPROVAL + WRITER + GIVE_BACK
    made = compiled(tmp_path, text)
    purposes = {
        name: state["Parameters"]["Payload"]["run"]["purpose"]
        for name, state in every_task(made["failover"].definition["States"])
    }
    early = [name for name, purpose in purposes.items() if purpose == "early"]
    assert early == [f"{BUY} early", f"{PAY.removesuffix(' (2)')} early (2)"]
    asked = made["failover"].definition["States"]["approval"]["Parameters"]["Payload"]["inputs"]["later"]
    assert [each["state"] for each in asked] == [BUY, PAY, PROMOTE, RESTORE]
    with theatre(made) as house:
        assert house.run()["status"] == "SUCCEEDED"
        assert house.ticks[1] == early[0]
        assert sorted(house.ticks[2:4]) == sorted([early[1], PAGES]), "what stands beside it stays beside it"
        assert house.ticks[4:7] == ["approval", BUY, PAY]
        house.script = {"approval": [no("approval")]}
        house.run()
        assert house.ticks[5:] == UNDOING, "each once, though it stands twice"


def test_each_approval_asks_what_all_that_follows_would_do_and_none_asks_what_another_would(
    tmp_path: Path,
) -> None:
    made = compiled(tmp_path, HEAD + "failover:\n" + APPROVAL * 30 + WRITER)
    states = made["failover"].definition["States"]
    for number, name in enumerate(names := [name for name in states if name.startswith("approval")]):
        asked = states[name]["Parameters"]["Payload"]["inputs"]["later"]
        assert [each["state"] for each in asked] == [*names[number + 1 :], PROMOTE]
        assert all("later" not in each["event"]["inputs"] for each in asked)


def test_where_no_approval_follows_a_fence_before_it_is_one_as_any_other(tmp_path: Path) -> None:
    made = compiled(tmp_path, HEAD + "failover:\n" + EARLY + WRITER + GIVE_BACK)
    names = [name for name, _ in every_task(made["failover"].definition["States"])]
    assert not any("early" in name for name in names)


# Undo: before the point of no return.


def test_a_failure_before_the_point_of_no_return_gives_the_fences_back_in_reverse_order(
    simple: Theatre,
) -> None:
    for failing, undone in (("lease", []), (BUY, UNDOING), (PAY, UNDOING), (PROMOTE, [])):
        simple.script = {failing: [no(failing)]}
        shown = simple.run()
        assert shown["status"] == "FAILED"
        assert why(shown) == f"Refused: {failing}: no"
        assert simple.ticks[simple.ticks.index(failing) + 1 :] == undone


def test_whatever_the_error_the_fences_are_given_back(simple: Theatre) -> None:
    for error in (Aborted("by jane"), KeyError("a mistake of ours")):
        simple.script[PAY] = [error]
        shown = simple.run()
        assert (shown["status"], shown["error"]) == ("FAILED", type(error).__name__)
        assert simple.ticks[-3:] == UNDOING


def test_an_undo_that_fails_does_not_keep_the_rest_from_being_given_back_nor_hide_the_first_error(
    simple: Theatre,
) -> None:
    simple.script = {PAY: [no(PAY)], UNDO_PAY: [no(UNDO_PAY)], UNDO_BUY: [no(UNDO_BUY)]}
    shown = simple.run()
    assert simple.ticks[-3:] == UNDOING
    assert why(shown) == f"Refused: {PAY}: no"
    simple.script["release undone"] = [no("release undone")]
    assert why(simple.run()) == f"Refused: {PAY}: no"


def test_a_settling_run_that_fails_gives_nothing_back_and_releases_the_lease(simple: Theatre) -> None:
    """What it would give back is owed, and what failover fenced stands."""
    simple.script[PAY] = [no(PAY)]
    shown = simple.run("settle")
    assert (shown["status"], why(shown)) == ("FAILED", f"Refused: {PAY}: no")
    assert simple.ticks == ["lease", BUY, PAY, "release undone"]


def test_a_settling_run_pays_what_either_direction_owes(simple: Theatre) -> None:
    """A Region that a failback left in the dark owes its fences like any other."""
    assert simple.run("settle")["status"] == "SUCCEEDED"
    west = ["lambda_concurrency us-west-1", "lambda_concurrency us-west-1 (2)"]
    assert simple.ticks == ["lease", BUY, PAY, *west, "release"]
    states = simple.machines["settle"].definition["States"]
    inputs = [states[state]["Parameters"]["Payload"]["inputs"] for state in (BUY, PAY, *west)]
    assert [(each["functions"], each["region"], each["reserved"]) for each in inputs] == [
        (["buy"], EAST, 0),
        (["pay"], EAST, 0),
        (["buy"], WEST, 0),
        (["pay"], WEST, 0),
    ]


@pytest.mark.parametrize("outcome", ["nothing owed", "busy"])
def test_a_settling_run_that_has_nothing_to_do_touches_nothing(simple: Theatre, outcome: str) -> None:
    simple.script["lease"] = [outcome]
    assert simple.run("settle")["status"] == "SUCCEEDED"
    assert simple.ticks == ["lease"]


def test_a_game_day_that_fails_is_undone_and_recovery_mends_in_reverse_order(tmp_path: Path) -> None:
    text = SIMPLE + "outage:\n" + FENCES
    with theatre(compiled(tmp_path, text)) as house:
        house.script[PAY] = [no(PAY)]
        assert house.run("outage")["status"] == "FAILED"
        assert house.ticks == ["lease", BUY, PAY, *UNDOING]
        house.script.clear()
        assert house.run("recovery")["status"] == "SUCCEEDED"
    recovery = house.machines["recovery"].definition["States"]
    mended = [recovery[state]["Parameters"]["Payload"]["inputs"] for state in (BUY, PAY)]
    assert [(each["functions"], each["reserved"]) for each in mended] == [
        (["pay"], "restore"),
        (["buy"], "restore"),
    ]


# After it.


def test_a_failure_after_the_point_of_no_return_fails_where_it_stands_and_can_be_redriven(
    simple: Theatre,
) -> None:
    for failing in (PROMOTE, RESTORE, PAGES, BUYS, "release"):
        simple.script = {failing: [no(failing)]}
        shown = simple.run()
        assert (shown["status"], why(shown)) == ("FAILED", f"Refused: {failing}: no")
        assert simple.ticks[-1] == failing
        # A redrive goes on at the state that failed; in a Fail state it would only fail again.
        assert simple.events()[-2:] == ["TaskFailed", "ExecutionFailed"]
        assert "FailStateEntered" not in simple.events()
        catch = simple.machines["failover"].definition["States"][failing].get("Catch", [])
        assert [each["ErrorEquals"] for each in catch] == ([["Untouched"]] if failing == PROMOTE else [])


def test_the_first_step_that_moves_anything_is_undone_as_long_as_it_has_sent_nothing(
    simple: Theatre,
) -> None:
    simple.script = {PROMOTE: [NotYet("under way"), Untouched("it is being rebuilt")]}
    shown = simple.run()
    assert (shown["status"], why(shown)) == ("FAILED", "Untouched: it is being rebuilt")
    assert simple.ticks[-5:] == [PROMOTE, PROMOTE, *UNDOING]
    simple.script = {PAGES: [Untouched("a later one never is: data had moved before")]}
    simple.run()
    assert simple.ticks[-1] == PAGES


# Together.


def test_what_stands_together_goes_on_when_both_are_done(together: Theatre) -> None:
    together.script[PAGES] = [NotYet("under way"), NotYet("under way"), "done"]
    assert together.run()["status"] == "SUCCEEDED"
    assert together.ticks[:3] == ["lease", BUY, PAY]
    assert sorted(together.ticks[3:7]) == sorted([PAGES, PAGES, PAGES, BUYS])
    assert together.ticks[7:] == [PROMOTE, *AGAIN, "release"]


@pytest.mark.parametrize(("failing", "other"), [(PAGES, BUYS), (BUYS, PAGES)])
def test_one_branchs_refusal_does_not_stop_the_other_and_is_judged_when_both_have_ended(
    together: Theatre, failing: str, other: str
) -> None:
    together.script = {failing: [no(failing)], other: [*[NotYet("under way")] * 5, "done"]}
    shown = together.run()
    assert together.ticks.count(other) == 6
    assert together.ticks[-3:] == UNDOING
    assert (shown["status"], why(shown)) == ("FAILED", f"Refused: {failing}: no")


def test_of_two_refusals_the_first_in_the_runbook_is_named(together: Theatre) -> None:
    together.script = {PAGES: [NotYet("under way"), no(PAGES)], BUYS: [no(BUYS)]}
    assert why(together.run()) == f"Refused: {PAGES}: no"


def test_after_the_point_of_no_return_what_stands_together_is_judged_too_and_nothing_is_undone(
    tmp_path: Path,
) -> None:
    with theatre(compiled(tmp_path, HEAD + "failover:\n" + FENCES + WRITER + TOGETHER)) as house:
        house.script = {PAGES: [no(PAGES)], BUYS: [NotYet("under way"), "done"]}
        shown = house.run()
        assert (shown["status"], why(shown)) == ("FAILED", f"Refused: {PAGES}: no")
        assert house.ticks.count(BUYS) == 2
        assert not set(UNDOING) & set(house.ticks)


@pytest.mark.parametrize(
    ("second", "gives_back"), [([Untouched("no")], True), (["done"], False), ([no("data")], False)]
)
def test_what_moves_data_together_is_undone_where_none_of_it_has_moved_any(
    tmp_path: Path, second: list[Any], gives_back: bool
) -> None:
    both = "  - together:\n" + re.sub("(?m)^", "    ", WRITER + OTHER_WRITER).rstrip(" ")
    with theatre(compiled(tmp_path, HEAD + "failover:\n" + FENCES + both + GIVE_BACK)) as house:
        house.script = {PROMOTE: [Untouched("lag")], f"{PROMOTE} (2)": second}
        shown = house.run()
        assert shown["status"] == "FAILED"
        assert "lag" in why(shown)
        assert (house.ticks[-3:] == UNDOING) is gives_back
        assert bool(set(UNDOING) & set(house.ticks)) is gives_back


# What it is started with.


def test_a_run_that_is_started_with_anything_else_fails_at_once_saying_what_is_accepted(
    simple: Theatre,
) -> None:
    """The real lease step: it is the first to look."""
    simple.real["lease"] = lambda_handler(steps()["lease"], outside(simple.cloud, Net(simple.cloud)))
    for given in ({}, {"mode": "gracefull"}, {"mode": "graceful", "dry": True}, [], 1):
        shown = simple.run(given=given)
        assert shown["status"] == "FAILED"
        assert why(shown).startswith("Refused: not an input: ")
        assert 'start it with {"mode": "graceful"} or {"mode": "ungraceful"}' in why(shown)
        assert simple.ticks == ["lease"]


# What cannot be proved is not compiled.


def broken(folder: Path, mend: Callable[[dict[str, Any]], Any], text: str = SIMPLE) -> str:
    definition = deepcopy(compiled(folder, text)["failover"].definition)
    assert flaws(definition) == []
    mend(definition["States"])
    return flaws(definition)[0]


def test_a_next_that_leads_nowhere_is_a_flaw(tmp_path: Path) -> None:
    said = broken(tmp_path, lambda states: states[PAY].update(Next="aurora_witer us-west-1"))
    assert said == "no state 'aurora_witer us-west-1'"


def test_a_catch_that_leads_nowhere_is_a_flaw(tmp_path: Path) -> None:
    said = broken(tmp_path, lambda states: states[PAY]["Catch"][0].update(Next="undone"))
    assert said == "no state 'undone'"


def test_a_state_without_a_next_that_is_no_end_is_a_flaw(tmp_path: Path) -> None:
    said = broken(tmp_path, lambda states: states["release"].pop("End"))
    assert said == "'release' leads nowhere and is no end"


def test_a_state_that_nothing_leads_to_is_a_flaw(tmp_path: Path) -> None:
    said = broken(tmp_path, lambda states: states.update(orphan={"Type": "Succeed"}))
    assert said == "nothing leads to ['orphan']"


def test_states_that_lead_back_to_themselves_are_a_flaw(tmp_path: Path) -> None:
    """A history has no longest way where a run can go round in circles."""
    said = broken(tmp_path, lambda states: states[UNDO_PAY]["Catch"][0].update(Next=PAY))
    assert said.endswith(" go round in circles")


def test_a_branch_is_proved_as_a_machine_of_its_own(tmp_path: Path) -> None:
    def bend(states: dict[str, Any]) -> None:
        parallel = next(state for state in states.values() if state["Type"] == "Parallel")
        parallel["Branches"][0]["States"][PAGES]["Catch"][0]["Next"] = "nowhere"

    said = broken(tmp_path, bend, SIDE_BY_SIDE)
    assert said.endswith(": no state 'nowhere'")


def test_a_name_that_stands_twice_is_a_flaw(tmp_path: Path) -> None:
    def twice(states: dict[str, Any]) -> None:
        parallel = next(state for state in states.values() if state["Type"] == "Parallel")
        parallel["Branches"][0] = deepcopy(parallel["Branches"][1])

    assert broken(tmp_path, twice, SIDE_BY_SIDE).startswith("two states are called ")


def test_state_names_are_unique_in_every_machine(tmp_path: Path) -> None:
    for machine in compiled(tmp_path, SIDE_BY_SIDE + GIVE_BACK + "outage:\n" + FENCES).values():
        names = list(state_names(machine.definition))
        assert len(set(names)) == len(names)
        assert max(map(len, names)) <= 80


def state_names(definition: Mapping[str, Any]) -> Iterator[str]:
    for name, state in definition["States"].items():
        yield name
        for branch in state.get("Branches", ()):
            yield from state_names(branch)


# The cases of the mock file, here and on Step Functions Local.

MOCKED = "unicorn-shop-failover"
HOUSE = own_shop.compiled(SHOP)
FILE = mock_file(HOUSE)
CASES = FILE["StateMachines"][MOCKED]["TestCases"]
FORWARD = [state for state in CASES["AllDone"] if not state.startswith("undo") and state != "release undone"]


class Service:
    """Step Functions: Step Functions Local where an endpoint is given, else the twin."""

    def __init__(self, client: Any, clock: Clock | None) -> None:
        self.client, self.clock = client, clock
        definition = (HOUSE / f"statemachines/{MOCKED}.asl.json").read_text()
        filled = re.sub(r"\$\{\w+\}", f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:a-step:1", definition)
        arn = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:{MOCKED}"
        known = client.list_state_machines()["stateMachines"]
        if clock is None and arn in [each["stateMachineArn"] for each in known]:
            client.update_state_machine(stateMachineArn=arn, definition=filled)
        else:
            role = f"arn:aws:iam::{ACCOUNT}:role/r"
            client.create_state_machine(name=MOCKED, definition=filled, roleArn=role)
        self.arn = arn

    def run(self, case: str) -> tuple[dict[str, Any], list[str]]:
        """The end of an execution, and the Task states that it entered."""
        stamp = f"{time.time():.6f}".replace(".", "-")
        run = self.client.start_execution(
            stateMachineArn=f"{self.arn}#{case}", name=f"{case}-{stamp}"[:80], input='{"mode": "ungraceful"}'
        )["executionArn"]
        deadline = time.monotonic() + 300
        while self._status(run) == "RUNNING" and time.monotonic() < deadline:
            self.wait()
        history = self.client.get_execution_history(executionArn=run, maxResults=1000)["events"]
        entered = [e["stateEnteredEventDetails"]["name"] for e in history if e["type"] == "TaskStateEntered"]
        return self.client.describe_execution(executionArn=run), entered

    def wait(self) -> None:
        if self.clock is None:
            time.sleep(0.2)
        else:
            self.clock.sleep(20)

    def _status(self, run: str) -> str:
        return str(self.client.describe_execution(executionArn=run)["status"])


@contextmanager
def cases_by_name(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """moto knows mocks and drops the #Case of an ARN: here it takes it."""
    start, worker = StepFunctionsParserBackend.start_execution, moto_execution.ExecutionWorker

    def start_case(self: Any, state_machine_arn: str, *args: Any, **kwargs: Any) -> Any:
        arn, _, case = state_machine_arn.partition("#")
        if case:
            given = functools.partial(worker, mock_test_case=mocked(FILE, arn.rpartition(":")[2], case))
            moto_execution.ExecutionWorker = given
        try:
            return start(self, arn, *args, **kwargs)
        finally:
            moto_execution.ExecutionWorker = worker

    patch.setattr(StepFunctionsParserBackend, "start_execution", start_case)
    yield


@pytest.fixture
def service(request: pytest.FixtureRequest) -> Iterator[Service]:
    endpoint = request.config.getoption("--sfn-endpoint")
    if endpoint:
        yield Service(boto3.client("stepfunctions", region_name="us-east-1", endpoint_url=endpoint), None)
        return
    clock = Clock()
    with (
        pytest.MonkeyPatch.context() as patch,
        Cloud(clock, 1, Moto()),
        on_the_clock(clock),
        cases_by_name(patch),
    ):
        yield Service(boto3.client("stepfunctions", region_name="us-east-1"), clock)


def refusing(state: str) -> str:
    return "Refused_" + re.sub(r"[^A-Za-z0-9-]+", "_", state).strip("_")


@pytest.mark.parametrize("case", ["AllDone", "AtTheThirdTick"])
def test_a_mocked_run_that_goes_well_enters_every_state_once(service: Service, case: str) -> None:
    shown, entered = service.run(case)
    assert shown["status"] == "SUCCEEDED"
    assert entered == FORWARD


def test_a_mocked_refusal_fails_the_run_and_is_undone_only_before_the_point_of_no_return(
    service: Service,
) -> None:
    for state in (state for state in FORWARD if not state.endswith(" again")):
        shown, entered = service.run(refusing(state))
        assert (shown["status"], shown["error"]) == ("FAILED", "Refused")
        assert shown["cause"] == "the world is not as the runbook says"
        undone = entered[entered.index(state) + 1 :]
        before = FORWARD.index(state) < FORWARD.index(PROMOTE)
        assert undone == (["undo " + BUY, "release undone"] if before and state != "lease" else [])
