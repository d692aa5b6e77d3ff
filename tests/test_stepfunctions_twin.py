"""The twin's own Step Functions, through boto3: what it refuses, runs, tells and redrives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from engines import (
    DAY,
    INVOKE,
    LATE,
    ROLE,
    Json,
    Machines,
    catching,
    engine,
    machine,
    retrier,
    side_by_side,
)

from farshore.operate.history import steps_of

END: Json = {"Type": "Pass", "End": True}
OK: Json = {"Type": "Succeed"}
TICK = ["TaskScheduled", "TaskStarted"]


@pytest.fixture
def runner() -> Iterator[Machines]:
    with engine("ours") as made:
        yield made


def refusal(call: Any, **parameters: Any) -> tuple[str, str]:
    """The error with which AWS refuses the call: its code and its message."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


# Definitions.


def task(**more: Any) -> Json:
    """A machine of one Task with some fields more, or without those that are gone."""
    return machine(a={key: value for key, value in (INVOKE | more).items() if value != "gone"})


def retrying(*errors: str, **more: Any) -> Json:
    pace = {key: value for key, value in retrier(*errors, **more).items() if value != "gone"}
    return task(Retry=[pace])


def choosing(**more: Any) -> Json:
    rule = {"Variable": "$.x", "Next": "b", **more}
    return machine(a={"Type": "Choice", "Choices": [rule], "Default": "b"}, b=OK)


def asking(**payload: Any) -> Json:
    return task(Parameters={"FunctionName": "f", "Payload": payload})


NOT_RUN = "is a field that this engine does not run"
REFUSED: dict[str, tuple[Json, str]] = {
    "a heartbeat": (task(HeartbeatSeconds=5), f"a: HeartbeatSeconds {NOT_RUN}"),
    "an output path": (task(OutputPath="$"), f"a: OutputPath {NOT_RUN}"),
    "no time-out": (task(TimeoutSeconds="gone"), "a: TimeoutSeconds is missing"),
    "no time": (task(TimeoutSeconds=0), "a: TimeoutSeconds must be from 1 to 1e+08, not 0"),
    "a part of a second": (task(TimeoutSeconds=1.5), "a: TimeoutSeconds cannot be 1.5"),
    "a yes": (task(TimeoutSeconds=True), "a: TimeoutSeconds cannot be true"),
    "a text": (task(TimeoutSeconds="70"), 'a: TimeoutSeconds cannot be "70"'),
    "an SDK call": (task(Resource="arn:aws:states:::aws-sdk:rds:x"), "a: Resource must be"),
    "a token": (task(Resource=f"{INVOKE['Resource']}.waitForTaskToken"), "a: Resource must be"),
    "a qualifier": (
        task(Parameters={"FunctionName": "f", "Payload": {}, "Qualifier": "1"}),
        f"a: Parameters.Qualifier {NOT_RUN}",
    ),
    "an intrinsic": (asking(**{"x.$": "States.UUID()"}), "a: Parameters.Payload.x.$ is no path that this"),
    "a filter": (task(ResultSelector={"x.$": "$.y[?(@.z)]"}), "a: ResultSelector.x.$ is no path"),
    "a deep result": (task(ResultPath="$.x.y"), "a: ResultPath is no path that this engine writes to: $.x.y"),
    "jitter": (retrying("X", JitterStrategy="FULL"), f"a: Retry[0].JitterStrategy {NOT_RUN}"),
    "shrinking": (retrying("X", BackoffRate=0.5), "a: Retry[0].BackoffRate must be from 1 to inf, not 0.5"),
    "no cap": (retrying("X", MaxDelaySeconds="gone"), "a: Retry[0].MaxDelaySeconds is missing"),
    "a low cap": (retrying("X", MaxDelaySeconds=1), "a: Retry[0].MaxDelaySeconds must be from 2 to"),
    "ALL among others": (retrying("States.ALL", "X"), "a: Retry[0].ErrorEquals States.ALL must stand alone"),
    "ALL first": (
        task(Retry=[retrier("States.ALL"), retrier("X")]),
        "a: Retry[0] States.ALL must stand last",
    ),
    "no error": (retrying(), "a: Retry[0].ErrorEquals must name errors"),
    "a catch to nowhere": (machine(a=catching(END)["States"]["a"]), "a: Catch leads to 'caught', and there"),
    "a way to nowhere": (machine(a={"Type": "Pass", "Next": "b"}), "a: Next leads to 'b', and there is no"),
    "no way": (machine(a={"Type": "Pass"}), "a: Next or End: true, exactly one of the two"),
    "two ways": (machine(a=END | {"Next": "a"}), "a: Next or End: true, exactly one of the two"),
    "no end": (machine(a={"Type": "Pass", "End": False}), "a: End must be true"),
    "a wait": (machine(a={"Type": "Wait", "End": True}), "a: Seconds is missing"),
    "a map": (machine(a={"Type": "Map", "End": True}), "a: ToleratedFailurePercentage is missing"),
    "a state of no type": (
        machine(a={"Type": "Park", "End": True}),
        "a: Type is none that this engine runs: Park",
    ),
    "a result": (machine(a=END | {"Result": 1}), f"a: Result {NOT_RUN}"),
    "an input path": (machine(a=END | {"InputPath": "$.x"}), f"a: InputPath {NOT_RUN}"),
    "no branch": (side_by_side(), "p: Branches must not be empty"),
    "a branch's time-out": (
        side_by_side(machine(a=END) | {"TimeoutSeconds": 5}),
        f"p: Branches[0].TimeoutSeconds {NOT_RUN}",
    ),
    "a name twice": (side_by_side(machine(a=END), machine(a=END)), "a: a state's name must be unique"),
    "a long name": (machine(**{"a" * 81: END}), "at most 80 characters"),
    "another comparison": (choosing(NumericEquals=1), "a: Choices[0].StringEquals is missing"),
    "a conjunction": (choosing(IsPresent=True, And=[]), f"a: Choices[0].And {NOT_RUN}"),
    "two tests": (
        choosing(IsPresent=True, StringEquals="x"),
        "a: Choices[0].StringEquals and IsPresent cannot",
    ),
    "no default": (machine(a={"Type": "Choice", "Choices": []}), "a: Default is missing"),
    "a language": (machine(a=END) | {"QueryLanguage": "JSONata"}, f"the machine: QueryLanguage {NOT_RUN}"),
    "a time-out of all": (machine(a=END) | {"TimeoutSeconds": 5}, f"the machine: TimeoutSeconds {NOT_RUN}"),
    "no beginning": ({"States": {"a": END}}, "the machine: StartAt is missing"),
    "a start nowhere": ({"StartAt": "b", "States": {"a": END}}, "the machine: StartAt leads to 'b'"),
}


@pytest.mark.parametrize(("definition", "says"), REFUSED.values(), ids=REFUSED)
def test_what_no_runbook_compiles_to_is_refused_by_state_and_field(
    runner: Machines, definition: Json, says: str
) -> None:
    code, message = refusal(runner.create, name="m", definition=definition)
    assert code == "InvalidDefinition"
    assert says in message


def test_what_is_no_json_is_refused(runner: Machines) -> None:
    create = runner.client.create_state_machine
    assert refusal(create, name="m", definition="{", roleArn=ROLE)[0] == "InvalidDefinition"


def test_a_machine_is_created_once(runner: Machines) -> None:
    arn = runner.create("m", machine(a=END))
    assert runner.create("m", machine(a=END)) == arn
    assert refusal(runner.create, name="m", definition=machine(b=END))[0] == "StateMachineAlreadyExists"
    assert refusal(runner.create, name="a b", definition=machine(b=END))[0] == "InvalidName"
    shown = runner.client.describe_state_machine(stateMachineArn=arn)
    assert json.loads(shown["definition"]) == machine(a=END)
    assert (shown["name"], shown["type"], shown["roleArn"]) == ("m", "STANDARD", ROLE)


# Running.


def waits(runner: Machines, retry: list[Json], script: list[str]) -> list[float]:
    """The seconds between one tick's end and the next one's beginning."""
    arn = runner.create("m", machine(a=INVOKE | {"Retry": retry}))
    outcome = runner.run(arn, {("a", k + 1): error for k, error in enumerate(script)})
    ends = [at for kind, at in outcome.events["a"] if kind in ("TaskFailed", "TaskTimedOut")]
    begins = [at for kind, at in outcome.events["a"] if kind == "TaskScheduled"][1:]
    return [(begin - end).total_seconds() for end, begin in zip(ends, begins, strict=False)]


def test_a_retrier_backs_off_to_its_cap_and_gives_up(runner: Machines) -> None:
    assert waits(runner, [retrier("NotYet", most=8)], ["NotYet"] * 9) == pytest.approx(
        [1, 1.5, 2.25, 3.375, 5.0625, 7.59375, 10, 10], abs=0.001
    )


def test_each_retrier_counts_for_itself_and_the_first_that_names_an_error_decides(runner: Machines) -> None:
    retry = [
        retrier("NotYet", most=2),
        retrier("States.TaskFailed", most=2, IntervalSeconds=5, BackoffRate=1.2),
    ]
    script = ["NotYet", "KeyError", "NotYet", "Paused", "NotYet"]
    assert waits(runner, retry, script) == pytest.approx([1, 5, 1.5, 6], abs=0.001)


def test_each_state_has_tries_of_its_own(runner: Machines) -> None:
    last = INVOKE | {"Retry": [retrier("NotYet")]}
    first = {key: value for key, value in last.items() if key != "End"} | {"Next": "b"}
    outcome = runner.run(
        runner.create("m", machine(a=first, b=last)), {("a", 1): "NotYet", ("b", 1): "NotYet"}
    )
    assert outcome.status == "SUCCEEDED"
    assert [event["state"]["RetryCount"] for event in runner.asked] == [0, 1, 0, 1]


def test_an_error_that_is_never_retried_is_not_retried_by_a_wider_one(runner: Machines) -> None:
    never = {"ErrorEquals": ["Refused"], "MaxAttempts": 0}
    assert waits(runner, [never, retrier("States.ALL", most=5)], ["Refused"]) == []


def test_a_failed_task_is_no_time_out(runner: Machines) -> None:
    assert waits(runner, [retrier("States.TaskFailed", most=5)], [LATE]) == []


def test_a_state_gives_up_at_its_time_out_while_the_function_runs_on(runner: Machines) -> None:
    execution = runner.start(runner.create("m", machine(a=INVOKE)), {("a", 1): LATE})
    runner.cloud.clock.sleep(80)
    outcome = runner.outcome(execution)
    assert (outcome.status, outcome.error) == ("FAILED", "States.Timeout")
    started, ended = outcome.events["a"][2][1], outcome.events["a"][3][1]
    assert (ended - started).total_seconds() == 70
    assert len(runner.functions.running) == 1
    runner.cloud.clock.sleep(30)
    assert runner.functions.running == []
    assert runner.outcome(execution) == outcome


def test_the_context_holds_the_run_and_the_state_and_not_of_redrives(runner: Machines) -> None:
    runner.run(runner.create("m", retrying("NotYet")), {("a", 1): "NotYet"})
    first, second = runner.asked
    assert set(first["execution"]) == {"Id", "Input", "Name", "RoleArn", "StartTime"}
    assert first["execution"]["Input"] == {"mode": "graceful"}
    assert first["execution"]["StartTime"].startswith("2027-01-02T00:00:00.")
    assert first["execution"]["StartTime"].endswith("Z")
    assert first["state"] | {"RetryCount": 1} == second["state"]
    assert first["state"]["RetryCount"] == 0


def test_a_result_goes_where_result_path_says(runner: Machines) -> None:
    task = INVOKE | {"ResultSelector": {"found": [{"it.$": "$.Payload.outcome"}]}, "ResultPath": "$.lease"}
    choice = {
        "Type": "Choice",
        "Choices": [{"Variable": "$.lease.found[0].it", "StringEquals": "done", "Next": "b"}],
        "Default": "c",
    }
    last = END | {"Parameters": {"was.$": "$.lease.found[0]"}, "ResultPath": "$.last"}
    task = {key: value for key, value in task.items() if key != "End"} | {"Next": "whether"}
    outcome = runner.run(runner.create("m", machine(a=task, whether=choice, b=last, c=OK)), {})
    found = {"found": [{"it": "done"}]}
    assert outcome.output == {"mode": "graceful", "lease": found, "last": {"was": {"it": "done"}}}
    assert outcome.types("whether") == ["ChoiceStateEntered", "ChoiceStateExited"]


def test_a_result_without_what_is_selected_from_it_fails_the_run_whatever_is_caught(runner: Machines) -> None:
    task = {"ResultSelector": {"x.$": "$.Payload.nothing"}, "Retry": [retrier("States.ALL")]}
    outcome = runner.run(runner.create("m", catching(END, **task)), {})
    assert (outcome.status, outcome.error) == ("FAILED", "States.Runtime")
    assert "'$.Payload.nothing' specified for the field 'x.$'" in outcome.cause
    assert runner.invocations("a") == 1


def test_branches_end_with_a_list_in_their_order(runner: Machines) -> None:
    quick = machine(quick=END | {"Parameters": {"is": "quick"}})
    arn = runner.create("m", side_by_side(machine(slow=INVOKE | {"ResultPath": "$"}), quick))
    execution = runner.start(arn, {})
    runner.cloud.clock.sleep(60)
    slow, quick_one = runner.outcome(execution).output["branches"]
    assert (slow["Payload"]["outcome"], quick_one["is"]) == ("done", "quick")
    previous = {event["type"]: event["previousEventId"] for event in runner.history(execution)}
    assert previous["ExecutionStarted"] == previous["ParallelStateEntered"] == 0
    assert previous["ParallelStateExited"] == previous["ParallelStateSucceeded"]


def test_a_long_cause_is_cut(runner: Machines) -> None:
    fail = {"Type": "Fail", "Error": "E", "CausePath": "$.cause"}
    outcome = runner.run(runner.create("m", machine(a=fail)), {}, json.dumps({"cause": "x" * 40_000}))
    assert len(outcome.cause) == 32_768


def test_an_execution_ends_at_25000_events_of_history(runner: Machines) -> None:
    again = {"Type": "Choice", "Choices": [], "Default": "a"}
    execution = runner.start(runner.create("m", machine(a={"Type": "Pass", "Next": "b"}, b=again)), {})
    runner.cloud.clock.sleep(60)
    shown = runner.client.describe_execution(executionArn=execution)
    assert (shown["status"], shown["error"]) == ("FAILED", "States.Runtime")
    assert "25000" in shown["cause"]
    page = runner.client.get_execution_history(executionArn=execution, maxResults=2, reverseOrder=True)
    assert [(event["id"], event["type"]) for event in page["events"]] == [
        (25_000, "ExecutionFailed"),
        (24_999, "PassStateExited"),
    ]
    assert shown["redriveStatusReason"] == "Execution history event limit exceeded"


def test_the_same_seed_gives_the_same_history() -> None:
    def history() -> list[Json]:
        with engine("ours") as runner:
            branches = [machine(**{name: INVOKE | {"Retry": [retrier("NotYet", most=9)]}}) for name in "abc"]
            arn = runner.create("m", side_by_side(*branches))
            script = {(name, k): "NotYet" for name in "abc" for k in range(1, 6)}
            execution = runner.start(arn, script)
            runner.cloud.clock.sleep(300)
            return runner.history(execution)

    assert history() == history()


# The API.


def test_a_name_is_one_execution(runner: Machines) -> None:
    arn = runner.create("m", machine(a=INVOKE))
    start = runner.client.start_execution
    first = start(stateMachineArn=arn, name="one", input='{"x": 1}')
    again = start(stateMachineArn=arn, name="one", input='{"x": 1}')
    assert (again["executionArn"], again["startDate"]) == (first["executionArn"], first["startDate"])
    other: Json = {"stateMachineArn": arn, "name": "one", "input": '{"x": 2}'}
    assert refusal(start, **other)[0] == "ExecutionAlreadyExists"
    runner.cloud.clock.sleep(60)
    assert refusal(start, **other | {"input": '{"x": 1}'})[0] == "ExecutionAlreadyExists"


def test_what_is_not_there_or_makes_no_sense_is_refused(runner: Machines) -> None:
    client, arn = runner.client, runner.create("m", machine(a=END))
    none = arn.replace(":m", ":none")
    gone = arn.replace(":stateMachine:", ":execution:") + ":none"
    assert refusal(client.start_execution, stateMachineArn=none)[0] == "StateMachineDoesNotExist"
    assert refusal(client.start_execution, stateMachineArn="m")[0] == "InvalidArn"
    assert refusal(client.start_execution, stateMachineArn=arn, input="{")[0] == "InvalidExecutionInput"
    assert refusal(client.start_execution, stateMachineArn=arn, name="a:b")[0] == "InvalidName"
    assert refusal(client.list_executions, stateMachineArn=none)[0] == "StateMachineDoesNotExist"
    assert (
        refusal(client.list_executions, stateMachineArn=arn, statusFilter="LOST")[0] == "ValidationException"
    )
    for call in (
        client.describe_execution,
        client.get_execution_history,
        client.stop_execution,
        client.redrive_execution,
        client.describe_state_machine_for_execution,
    ):
        assert refusal(call, executionArn=gone)[0] == "ExecutionDoesNotExist"
        assert refusal(call, executionArn=gone.replace("us-west-1", "us-east-1"))[0] == "InvalidArn"


def test_a_history_is_shown_part_by_part_in_either_order(runner: Machines) -> None:
    execution = runner.start(runner.create("m", retrying("NotYet")), {("a", 1): "NotYet"})
    runner.cloud.clock.sleep(60)

    def pages(**more: Any) -> list[list[int]]:
        found: list[list[int]] = []
        token: dict[str, str] = {}
        while True:
            page = runner.client.get_execution_history(executionArn=execution, **more, **token)
            found.append([event["id"] for event in page["events"]])
            if "nextToken" not in page:
                return found
            token = {"nextToken": page["nextToken"]}

    assert pages() == [list(range(1, 11))]
    assert pages(maxResults=4) == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]]
    assert pages(maxResults=5, reverseOrder=True) == [[10, 9, 8, 7, 6], [5, 4, 3, 2, 1]]
    call = runner.client.get_execution_history
    assert refusal(call, executionArn=execution, nextToken="x")[0] == "InvalidToken"


def test_executions_are_listed_newest_first_and_by_status(runner: Machines) -> None:
    arn = runner.create("m", machine(a=INVOKE))
    done, failed = runner.start(arn, {}), runner.start(arn, {("a", 1): "Refused"})
    runner.cloud.clock.sleep(60)
    running = runner.start(arn, {("a", 1): LATE})

    def listed(**more: Any) -> list[str]:
        shown = runner.client.list_executions(stateMachineArn=arn, **more)["executions"]
        return [each["executionArn"] for each in shown]

    assert listed() == [running, failed, done]
    assert listed(statusFilter="FAILED") == [failed]
    assert listed(maxResults=1) == [running]


def test_a_run_that_is_stopped_stops_in_every_branch_and_its_functions_run_on(runner: Machines) -> None:
    execution = runner.start(
        runner.create("m", side_by_side(machine(a=INVOKE), machine(b=INVOKE))),
        {("a", 1): LATE, ("b", 1): LATE},
    )
    runner.cloud.clock.sleep(5)
    stopped = runner.client.stop_execution(executionArn=execution, error="Enough", cause="it came back")
    outcome = runner.outcome(execution)
    assert (outcome.status, outcome.error, outcome.cause) == ("ABORTED", "Enough", "it came back")
    assert stopped["stopDate"] == outcome.ended
    types = [event["type"] for event in runner.history(execution)]
    assert types[-4:] == ["TaskStateAborted", "TaskStateAborted", "ParallelStateAborted", "ExecutionAborted"]
    assert len(runner.functions.running) == 2
    runner.cloud.clock.sleep(500)
    assert runner.outcome(execution) == outcome
    assert runner.client.stop_execution(executionArn=execution)["stopDate"] == stopped["stopDate"]


def test_a_dark_region_neither_starts_nor_answers(runner: Machines) -> None:
    arn = runner.create("m", machine(a=END))
    runner.cloud.faults.dark.add("us-west-1")
    with pytest.raises(Exception, match="Connect timeout"):
        runner.client.start_execution(stateMachineArn=arn)


# Redrive.


def test_a_redrive_reruns_the_failed_state_with_its_input_and_nothing_before_it(runner: Machines) -> None:
    first = {key: value for key, value in INVOKE.items() if key != "End"} | {"Next": "b", "ResultPath": "$.a"}
    second = INVOKE | {"Retry": [retrier("NotYet", most=2)]}
    execution = runner.start(
        runner.create("m", machine(a=first, b=second)), {("b", k): "NotYet" for k in range(1, 6)}
    )
    runner.cloud.clock.sleep(100)
    before = runner.client.describe_execution(executionArn=execution)
    assert (before["status"], before["redriveStatus"], before["redriveCount"]) == ("FAILED", "REDRIVABLE", 0)
    entered = runner.asked[-1]["state"]["EnteredTime"]
    shown = runner.client.redrive_execution(executionArn=execution)
    assert runner.client.describe_execution(executionArn=execution)["status"] == "RUNNING"
    runner.cloud.clock.sleep(100)
    after = runner.client.describe_execution(executionArn=execution)
    assert (after["status"], after["redriveCount"], after["redriveDate"]) == (
        "SUCCEEDED",
        1,
        shown["redriveDate"],
    )
    assert "error" not in after
    assert runner.invocations("a") == 1
    assert runner.invocations("b") == 3 + 3, "its tries began anew"
    *_, last = runner.asked
    assert last["execution"]["RedriveCount"] == 1
    assert last["execution"]["RedriveTime"].startswith("2027-01-02T00:01:4")
    assert (last["state"]["EnteredTime"], last["state"]["RetryCount"]) == (entered, 2)
    kinds = runner.outcome(execution).types("b")
    assert kinds[-10:] == [*TICK, "TaskFailed"] * 2 + [*TICK, "TaskSucceeded", "TaskStateExited"]
    assert kinds.count("TaskStateEntered") == kinds.count("TaskStateExited") == 1
    types = [event["type"] for event in runner.history(execution)]
    at = types.index("ExecutionRedriven")
    assert types[at - 1 : at + 2] == ["ExecutionFailed", "ExecutionRedriven", "TaskScheduled"]


def test_a_redrive_reruns_the_branches_that_failed_or_were_aborted(runner: Machines) -> None:
    branches = side_by_side(machine(a=INVOKE), machine(b=INVOKE), machine(c=INVOKE))
    execution = runner.start(runner.create("m", branches), {("b", 1): "Refused", ("c", 1): LATE})
    runner.cloud.clock.sleep(10)
    assert runner.outcome(execution).status == "FAILED"
    runner.client.redrive_execution(executionArn=execution)
    runner.cloud.clock.sleep(200)
    assert runner.outcome(execution).status == "SUCCEEDED"
    assert [runner.invocations(name) for name in "abc"] == [1, 2, 2]
    steps = {step.name: step for step in steps_of(runner.history(execution))}
    assert {name: (step.outcome, step.ticks) for name, step in steps.items()} == {
        "a": ("done", 1),
        "b": ("done", 2),
        "c": ("done", 2),
    }


def test_a_redriven_fail_state_fails_again(runner: Machines) -> None:
    fail = {"Type": "Fail", "ErrorPath": "$.failure.Error", "CausePath": "$.failure.Cause"}
    execution = runner.start(runner.create("m", catching(fail)), {("a", 1): "Refused"})
    runner.cloud.clock.sleep(60)
    runner.client.redrive_execution(executionArn=execution)
    runner.cloud.clock.sleep(60)
    outcome = runner.outcome(execution)
    assert (outcome.status, outcome.error) == ("FAILED", "Refused")
    assert runner.invocations("a") == 1
    assert outcome.types("caught") == ["FailStateEntered", "FailStateEntered"]


def test_an_aborted_run_is_redriven_from_where_it_was_stopped(runner: Machines) -> None:
    execution = runner.start(runner.create("m", machine(a=INVOKE)), {})
    runner.client.stop_execution(executionArn=execution)
    assert runner.client.describe_execution(executionArn=execution)["status"] == "ABORTED"
    runner.client.redrive_execution(executionArn=execution)
    runner.cloud.clock.sleep(60)
    assert runner.outcome(execution).status == "SUCCEEDED"


def test_what_runs_or_has_succeeded_is_not_redriven(runner: Machines) -> None:
    execution = runner.start(runner.create("m", machine(a=INVOKE)), {})
    redrive = runner.client.redrive_execution
    assert refusal(redrive, executionArn=execution) == (
        "ExecutionNotRedrivable",
        "Execution is RUNNING and cannot be redriven",
    )
    runner.cloud.clock.sleep(60)
    assert refusal(redrive, executionArn=execution)[0] == "ExecutionNotRedrivable"
    assert runner.client.describe_execution(executionArn=execution)["redriveStatus"] == "NOT_REDRIVABLE"


def test_after_14_days_nothing_is_redriven(runner: Machines) -> None:
    execution = runner.start(runner.create("m", machine(a=INVOKE)), {("a", 1): "Refused"})
    runner.cloud.clock.sleep(14 * DAY + 60)
    redrive = runner.client.redrive_execution
    assert refusal(redrive, executionArn=execution)[1] == "Execution redrivable period exceeded"


def test_a_client_token_is_one_redrive(runner: Machines) -> None:
    """While it runs, and after it has failed again: for fifteen minutes."""
    execution = runner.start(
        runner.create("m", machine(a=INVOKE)), {("a", 1): "Refused", ("a", 2): "Refused"}
    )
    runner.cloud.clock.sleep(60)
    redrive = runner.client.redrive_execution
    first = redrive(executionArn=execution, clientToken="one")["redriveDate"]
    assert redrive(executionArn=execution, clientToken="one")["redriveDate"] == first
    runner.cloud.clock.sleep(60)
    assert redrive(executionArn=execution, clientToken="one")["redriveDate"] == first
    assert runner.outcome(execution).status == "FAILED"
    redrive(executionArn=execution, clientToken="two")
    runner.cloud.clock.sleep(60)
    shown = runner.client.describe_execution(executionArn=execution)
    assert (shown["status"], shown["redriveCount"]) == ("SUCCEEDED", 2)


def test_an_express_execution_runs_and_nobody_is_told_of_it(runner: Machines) -> None:
    text = json.dumps(task()).replace('"f"', json.dumps(runner.function))
    made = runner.client.create_state_machine(name="looks", definition=text, roleArn=ROLE, type="EXPRESS")
    arn = made["stateMachineArn"]
    assert runner.client.describe_state_machine(stateMachineArn=arn)["type"] == "EXPRESS"
    for times in (1, 2):  # one name starts as many as are asked for
        started = runner.client.start_execution(stateMachineArn=arn, name="minute", input="{}")
        assert ":express:looks:minute:" in started["executionArn"]
        runner.cloud.clock.sleep(5)
        assert runner.invocations("a") == times
    assert refusal(runner.client.describe_execution, executionArn=started["executionArn"])[0] == "InvalidArn"
    assert runner.client.list_executions(stateMachineArn=arn)["executions"] == []
