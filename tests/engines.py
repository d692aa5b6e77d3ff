"""State machines under either engine, with Lambda functions that follow a script."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import boto3
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

from twin.clock import Clock
from twin.cloud import ACCOUNT, AwsError, Cloud
from twin.faults import Kind, Request
from twin.moto.backing import Moto
from twin.services.lambda_.model import FunctionError, Functions
from twin.services.stepfunctions.interpreter import on_the_clock
from twin.services.stepfunctions.model import StepFunctions

PARSE = AmazonStateLanguageParser.parse
PARSED = functools.cache(PARSE)
"""moto's parser takes ten times as long as all the rest of a run."""

REGION, DAY = "us-west-1", 86400.0
ROLE = f"arn:aws:iam::{ACCOUNT}:role/farshore"
LATE_SECONDS = 100.0
"""Longer than any state waits for its function."""

Json = dict[str, Any]
Engine = Literal["ours", "moto"]
Script = Mapping[tuple[str, int], str]
"""What becomes of the k-th invocation of a state; the others are Done."""

RAISED = ("NotYet", "Refused", "Aborted", "Paused", "KeyError")
DEATHS = ("Runtime.ExitError", "Sandbox.Timedout")
SERVICE = {"TooManyRequestsException": 429, "ServiceException": 500, "ResourceNotFoundException": 404}
LATE, LATE_ANSWER = "late", "late, with an answer"
ERRORS = (*RAISED, *DEATHS, *SERVICE, LATE)


@dataclass(frozen=True)
class Outcome:
    """What an execution came to, and what its history says of each state."""

    status: str
    error: str | None
    cause: Any
    ended: Any
    output: Any
    invocations: Mapping[str, int]
    events: Mapping[str, tuple[tuple[str, Any], ...]]
    """By state: the types and times of its events."""

    def types(self, state: str) -> list[str]:
        return [kind for kind, _ in self.events[state]]


@dataclass
class Machines:
    """One engine, and a Lambda function that does what the script says."""

    cloud: Cloud
    functions: Functions
    client: Any
    script: Script = field(default_factory=dict)
    fault: Kind | None = None
    answer: Any = field(default_factory=lambda: {"outcome": "done", "facts": {}})
    asked: list[Json] = field(default_factory=list)
    runs: int = 0

    def __post_init__(self) -> None:
        self.cloud.guards.append(self._answer_as_scripted)
        self.cloud.faults.injectors.append(self._fault)
        self.function = self.functions.deploy(REGION, "stub", self._handle, timeout=900)

    def _fate(self, state: str) -> str:
        return self.script.get((state, self.invocations(state)), "done")

    def invocations(self, state: str) -> int:
        return sum(1 for event in self.asked if event["state"]["Name"] == state)

    def _answer_as_scripted(self, request: Request) -> None:
        if request.operation == "Invoke":
            payload = request.parameters["Payload"]
            assert isinstance(payload, bytes)
            self.asked.append(json.loads(payload))
            fate = self._fate(self.asked[-1]["state"]["Name"])
            if fate in SERVICE:
                raise AwsError(fate, "no", SERVICE[fate])

    def _fault(self, request: Request) -> Kind | None:
        return self.fault if request.operation == "Invoke" else None

    def _handle(self, event: Json, context: Any) -> Any:
        fate = self._fate(event["state"]["Name"])
        if fate.startswith(LATE):
            self.cloud.clock.sleep(LATE_SECONDS)
        if fate in RAISED or fate == LATE:
            raise type(fate, (Exception,), {})(f"as the script says: {fate}")
        if fate in DEATHS:
            raise FunctionError({"errorType": fate, "errorMessage": "gone"})
        return self.answer

    def create(self, name: str, definition: Json) -> str:
        text = re.sub(r"\$\{\w+\}", self.function, json.dumps(definition))
        made = self.client.create_state_machine(name=name, definition=text, roleArn=ROLE)
        return str(made["stateMachineArn"])

    def start(self, machine: str, script: Script, given: str = '{"mode": "graceful"}') -> str:
        """At the beginning of a day of its own, with dice of its own."""
        self.runs += 1
        self.cloud.clock.run(self.cloud.clock.start + self.runs * DAY)
        self.cloud.latency.random.seed(self.runs)
        self.script, self.asked = script, []
        started = self.client.start_execution(stateMachineArn=machine, name=f"run-{self.runs}", input=given)
        return str(started["executionArn"])

    def run(self, machine: str, script: Script, given: str = '{"mode": "graceful"}') -> Outcome:
        execution = self.start(machine, script, given)
        self.cloud.clock.sleep(DAY / 2)
        return self.outcome(execution)

    def outcome(self, execution: str) -> Outcome:
        shown = self.client.describe_execution(executionArn=execution)
        events = by_state(self.history(execution))
        try:
            cause = json.loads(shown.get("cause", ""))
        except ValueError:
            cause = shown.get("cause")
        return Outcome(
            shown["status"],
            shown.get("error"),
            cause,
            shown.get("stopDate"),
            json.loads(shown.get("output", "null")),
            {name: self.invocations(name) for name in events},
            {
                name: tuple((each["type"], each["timestamp"]) for each in mine)
                for name, mine in events.items()
            },
        )

    def history(self, execution: str) -> list[Json]:
        return list(self.client.get_execution_history(executionArn=execution, maxResults=1000)["events"])


def by_state(events: list[Json]) -> dict[str, list[Json]]:
    """The events of each state, shown apart by whom they follow; "" is the execution itself."""
    names: dict[int, str] = {0: ""}
    mine: dict[str, list[Json]] = {}
    for event in events:
        entered = event.get("stateEnteredEventDetails")
        names[event["id"]] = entered["name"] if entered else names[event["previousEventId"]]
        whose = "" if event["type"].startswith("Execution") else names[event["id"]]
        mine.setdefault(whose, []).append(event)
    return mine


INVOKE: Json = {
    "Type": "Task",
    "Resource": "arn:aws:states:::lambda:invoke",
    "Parameters": {
        "FunctionName": "${Stub}",
        "Payload": {"state.$": "$$.State", "execution.$": "$$.Execution"},
    },
    "ResultPath": None,
    "TimeoutSeconds": 70,
    "End": True,
}
"""A state that invokes the function."""


def machine(**states: Json) -> Json:
    """Begins with the first state."""
    return {"StartAt": next(iter(states)), "States": states}


def catching(then: Json, **more: Any) -> Json:
    """A Task `a` of which every error is caught, and what comes then."""
    catch = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "caught"}]
    return machine(a=INVOKE | {"Catch": catch} | more, caught=then)


def side_by_side(*branches: Json) -> Json:
    state = {"Type": "Parallel", "Branches": list(branches), "ResultPath": "$.branches", "End": True}
    return machine(p=state)


def retrier(*errors: str, most: int = 1, **more: float) -> Json:
    pace = {"IntervalSeconds": 1, "BackoffRate": 1.5, "MaxDelaySeconds": 10}
    return {"ErrorEquals": list(errors), "MaxAttempts": most, **pace, **more}


@contextmanager
def engine(kind: Engine) -> Iterator[Machines]:
    """The twin's own engine, or moto's interpreter on the same clock."""
    with ExitStack() as stack:
        cloud = stack.enter_context(Cloud(Clock(), 1, Moto()))
        if kind == "ours":
            StepFunctions(cloud)
        else:
            stack.callback(setattr, AmazonStateLanguageParser, "parse", staticmethod(PARSE))
            AmazonStateLanguageParser.parse = staticmethod(PARSED)
            stack.enter_context(on_the_clock(cloud.clock))
        functions = Functions(cloud)
        stack.callback(functions.close)
        yield Machines(cloud, functions, boto3.client("stepfunctions", region_name=REGION))
