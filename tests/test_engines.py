"""Two engines, one behaviour: the twin's own Step Functions, and moto's interpreter on the same clock.

Where they differ, AWS decides: `DIFFERENCES` lists what moto does otherwise, and where AWS says so.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from engines import (
    DAY,
    ERRORS,
    INVOKE,
    LATE,
    LATE_ANSWER,
    Engine,
    Json,
    Machines,
    Outcome,
    Script,
    catching,
    engine,
    machine,
    retrier,
    side_by_side,
)
from own_shop import SHOP as RUNBOOK

from farshore.compile.machine import Machine, machines
from farshore.operate.history import steps_of
from farshore.runbook.load import load
from farshore.runbook.model import Runbook, Together

ROOT = Path(__file__).parent.parent
ENGINES: tuple[Engine, Engine] = ("ours", "moto")


def both(definition: Json, cases: list[Script]) -> list[list[Outcome]]:
    """Each engine's outcomes of the same cases."""
    found = []
    for kind in ENGINES:
        with engine(kind) as made:
            arn = made.create("machine", definition)
            found.append([made.run(arn, case) for case in cases])
    return found


# Every machine, every Task, every error.


def together(runbook: Runbook) -> Runbook:
    """The runbook with promotion beside the restored fences: as it stands, it has no `together`."""
    lines = list(runbook.procedures["failover"])
    at = next(i for i, line in enumerate(lines) if getattr(line, "step", "") == "aurora_writer")
    lines[at : at + 2] = [Together((lines[at], lines[at + 1]), 1)]  # type: ignore[arg-type]
    return dataclasses.replace(runbook, application="together", procedures={"failover": tuple(lines)})


SHOP = load(RUNBOOK)
TOGETHER = next(made for made in machines(together(SHOP)) if made.procedure == "failover")
MACHINES = {made.name: made for made in (*machines(SHOP), TOGETHER)}
AGAIN = ("NotYet", "Refused", "KeyError", "TooManyRequestsException", LATE)
"""One for each retrier, for a second invocation."""


def tasks(states: Json) -> Iterator[tuple[str, Json]]:
    for name, state in states.items():
        if state["Type"] == "Task":
            yield name, state
        for branch in state.get("Branches", ()):
            yield from tasks(branch["States"])


TASKS = [(name, state) for name, made in MACHINES.items() for state, _ in tasks(made.definition["States"])]


def way_to(made: Machine, state: str) -> Script:
    """What must go wrong before a state that only a failure leads to is reached."""
    states = made.definition["States"]
    for name, task in states.items():
        if "Catch" in task and not name.startswith(("undo", "release")):
            here = task["Catch"][0]["Next"]
            while here != state and "Next" in states[here]:
                here = states[here]["Next"]
            if here == state:
                return {(name, 1): "Refused"}
    return {}


@pytest.mark.parametrize(("name", "state"), TASKS, ids=[" / ".join(each) for each in TASKS])
def test_both_engines_agree_whatever_becomes_of_a_task(name: str, state: str) -> None:
    """On status, error, cause, the end to the millisecond, and per state the calls and events with times."""
    definition = MACHINES[name].definition
    way = way_to(MACHINES[name], state)
    cases: list[Script] = [way]
    cases += [{**way, (state, 1): error} for error in ERRORS]
    cases += [{**way, (state, 1): "NotYet", (state, 2): error} for error in AGAIN]
    mine, motos = both(definition, cases)
    for case, here, there in zip(cases, mine, motos, strict=True):
        assert here == there, case
    if not way:
        assert mine[0].status == "SUCCEEDED"
    assert mine[0].invocations[state] == 1
    assert mine[1 + len(ERRORS)].invocations[state] == 3, "NotYet twice, then done"


@pytest.mark.parametrize("error", ["NotYet", "TooManyRequestsException"])
@pytest.mark.parametrize("name", [name for name in MACHINES if name.endswith(("failover", "settle"))])
def test_both_engines_agree_where_a_task_uses_up_its_tries(name: str, error: str) -> None:
    case = {("lambda_concurrency us-east-1", k): error for k in range(1, 1000)}
    (here,), (there,) = both(MACHINES[name].definition, [case])
    assert here == there
    assert here.status == "FAILED"
    assert here.invocations["lambda_concurrency us-east-1"] > 30


def test_both_engines_show_a_history_that_farshore_reads_alike() -> None:
    case = {("aurora_writer us-west-1", k): "NotYet" for k in range(1, 5)}
    shown = []
    for kind in ENGINES:
        with engine(kind) as made:
            execution = made.start(made.create("m", MACHINES["together-failover"].definition), case)
            made.cloud.clock.sleep(DAY / 2)
            steps = list(steps_of(made.history(execution)))
        shown.append([(s.name, s.outcome, s.why, s.seconds, s.ticks, s.function, s.ended) for s in steps])
    assert shown[0] == shown[1]
    assert ("aurora_writer us-west-1", 5) in [(name, ticks) for name, _, _, _, ticks, _, _ in shown[0]]


# Where moto differs from AWS.

END: Json = {"Type": "Pass", "End": True}
FAILED: Json = {"Type": "Fail", "ErrorPath": "$.failure.Error", "CausePath": "$.failure.Cause"}
TICK = ["TaskScheduled", "TaskStarted"]


def late_answer(runner: Machines) -> Any:
    """A function answers after its state has given it up."""
    task = INVOKE | {"Retry": [retrier("States.Timeout", IntervalSeconds=60, MaxDelaySeconds=61)]}
    return runner.run(runner.create("m", machine(a=task)), {("a", 1): LATE_ANSWER}).types("a")[1:-1]


def caught_time_out(runner: Machines) -> Any:
    """A run fails with a time-out that it has caught."""
    return runner.run(runner.create("m", catching(FAILED)), {("a", 1): LATE}).error


def unavailable_invoke(runner: Machines) -> Any:
    """Lambda answers with an error that the model of Invoke does not have."""
    runner.fault = "503"
    return runner.run(runner.create("m", machine(a=INVOKE)), {}).error


def lost_invoke(runner: Machines) -> Any:
    """Lambda does not answer at all."""
    runner.fault = "lost_before"
    return runner.run(runner.create("m", machine(a=INVOKE)), {}).error


def path_to_nowhere(runner: Machines) -> Any:
    """A path of Parameters leads nowhere; the state catches States.ALL."""
    asked = {"FunctionName": "${Stub}", "Payload": {"x.$": "$$.Execution.RedriveTime"}}
    return runner.run(runner.create("m", catching(END, Parameters=asked)), {}).error


def large_answer(runner: Machines) -> Any:
    """A function answers with more than 256 KiB; the state catches States.ALL."""
    runner.answer = "x" * 300_000
    return runner.run(runner.create("m", catching(END)), {}).error


def odd_input(runner: Machines) -> Any:
    """What was caught cannot be put into an input that is no object."""
    return runner.run(runner.create("m", catching(END)), {("a", 1): "Refused"}, "[]").error


def failed_branch(runner: Machines) -> Any:
    """A branch fails while another's function runs."""
    branches = side_by_side(machine(a=INVOKE), machine(b=INVOKE))
    outcome = runner.run(runner.create("m", branches), {("a", 1): "Refused", ("b", 1): LATE})
    return outcome.error, outcome.types("a")[3:], outcome.types("b")[3:]


def branch_out_of_time(runner: Machines) -> Any:
    """A branch fails with States.Timeout."""
    branches = side_by_side(machine(a=INVOKE), machine(b=INVOKE))
    return runner.run(runner.create("m", branches), {("a", 1): LATE}).error


def stopped(runner: Machines) -> Any:
    """StopExecution, while a function runs."""
    execution = runner.start(runner.create("m", machine(a=INVOKE)), {("a", 1): LATE})
    runner.cloud.clock.sleep(5)
    runner.client.stop_execution(executionArn=execution, error="Enough", cause="too late")
    runner.cloud.clock.sleep(DAY / 2)
    outcome = runner.outcome(execution)
    return outcome.status, outcome.error, outcome.types("a")[3:]


def redriven(runner: Machines) -> Any:
    """RedriveExecution."""
    execution = runner.start(runner.create("m", machine(a=INVOKE)), {("a", 1): "Refused"})
    runner.cloud.clock.sleep(DAY / 4)
    try:
        runner.client.redrive_execution(executionArn=execution)
    except NotImplementedError:
        return "none"
    runner.cloud.clock.sleep(DAY / 4)
    return runner.outcome(execution).status


def page_of_history(runner: Machines) -> Any:
    """GetExecutionHistory, two events a page, the last ones first."""
    execution = runner.start(runner.create("m", machine(a=INVOKE)), {})
    runner.cloud.clock.sleep(DAY / 2)
    page = runner.client.get_execution_history(executionArn=execution, maxResults=2, reverseOrder=True)
    return [event["id"] for event in page["events"]]


def nameless(runner: Machines) -> Any:
    """StartExecution without a name, twice."""
    arn = runner.create("m", machine(a=INVOKE))
    return len({runner.client.start_execution(stateMachineArn=arn)["executionArn"] for _ in range(2)})


GUIDE = "docs.aws.amazon.com/step-functions/latest/dg"
API = "docs.aws.amazon.com/step-functions/latest/apireference"
ERROR_NAMES = f"{GUIDE}/concepts-error-handling.html"

DIFFERENCES: dict[Callable[[Machines], Any], tuple[Any, Any, str]] = {
    # scenario: what AWS does and so do we; what moto does; AWS's word, or why we think so
    late_answer: (
        [*TICK, "TaskTimedOut", *TICK, "TaskSucceeded"],
        [*TICK, "TaskTimedOut", "TaskSucceeded", *TICK, "TaskSucceeded"],
        f"{GUIDE}/state-task.html: the state fails at TimeoutSeconds",
    ),
    caught_time_out: (
        "States.Timeout",
        "States.Runtime",
        f"{GUIDE}/state-fail.html puts no condition on what ErrorPath finds",
    ),
    unavailable_invoke: (
        "Lambda.AWSLambdaException",
        "Lambda.ServiceUnavailable",
        f"{GUIDE}/sfn-best-practices.html names what to retry: AWSLambdaException is the SDK's base class",
    ),
    lost_invoke: ("Lambda.SdkClientException", "States.Timeout", f"{GUIDE}/sfn-best-practices.html"),
    path_to_nowhere: ("States.Runtime", None, f"{ERROR_NAMES}: States.ALL does not catch States.Runtime"),
    odd_input: ("States.ResultPathMatchFailure", "States.Runtime", ERROR_NAMES),
    failed_branch: (
        ("Refused", ["TaskFailed", "TaskStateAborted", "ParallelStateFailed"], ["TaskStateAborted"]),
        ("Refused", ["TaskFailed", "ParallelStateFailed"], ["TaskTimedOut"]),
        f"{GUIDE}/state-parallel.html: if any branch fails, all its branches are stopped",
    ),
    branch_out_of_time: ("States.Timeout", "States.Runtime", f"{GUIDE}/state-parallel.html"),
    stopped: (
        ("ABORTED", "Enough", ["TaskStateAborted"]),
        ("FAILED", "States.Timeout", ["TaskTimedOut"]),
        f"{API}/API_StopExecution.html",
    ),
    redriven: ("SUCCEEDED", "none", f"{API}/API_RedriveExecution.html"),
    page_of_history: ([7, 6], [1, 2, 3, 4, 5, 6, 7], f"{API}/API_GetExecutionHistory.html"),
    nameless: (2, 1, f"{API}/API_StartExecution.html: a name is generated"),
}


@pytest.mark.parametrize("kind", ENGINES)
def test_an_answer_that_is_too_large_is_caught_and_the_execution_goes_on(kind: str) -> None:
    """As an execution that was recorded on AWS did, though the guide says otherwise."""
    with engine(kind) as runner:
        assert large_answer(runner) is None


@pytest.mark.parametrize("scenario", DIFFERENCES, ids=lambda scenario: scenario.__name__)
def test_where_moto_differs_ours_is_as_aws(scenario: Callable[[Machines], Any]) -> None:
    aws, motos, source = DIFFERENCES[scenario]
    for kind, expected in zip(ENGINES, (aws, motos), strict=True):
        with engine(kind) as runner:
            assert scenario(runner) == expected, f"{scenario.__doc__} {source}"
