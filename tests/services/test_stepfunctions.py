"""Step Functions' machines, in the Cloud that has everything."""

from __future__ import annotations

import json

from every_service import client

from twin.cloud import Cloud
from twin.services.stepfunctions.model import StepFunctions

TASK = {
    "Type": "Task",
    "Resource": "arn:aws:states:::lambda:invoke",
    "Parameters": {"FunctionName": "one", "Payload": {}},
    "TimeoutSeconds": 600,
    "End": True,
}
BRANCHES = [{"StartAt": name, "States": {name: TASK}} for name in ("b", "c")]
WAITS = {"StartAt": "a", "States": {"a": {"Type": "Parallel", "Branches": BRANCHES, "End": True}}}


def furnish(cloud: Cloud, name: str) -> None:
    StepFunctions.of(cloud)
    client("stepfunctions").create_state_machine(
        name=name, definition=json.dumps(WAITS), roleArn="arn:aws:iam::123456789012:role/r"
    )


def start(cloud: Cloud, name: str = "run") -> str:
    """Its ARN."""
    machine = "arn:aws:states:us-west-1:123456789012:stateMachine:one"
    started = client("stepfunctions").start_execution(stateMachineArn=machine, name=name)
    return str(started["executionArn"])


UNDER_WAY = {
    "an execution": start,
    "an execution that could be redriven": lambda cloud: client("stepfunctions").stop_execution(
        executionArn=start(cloud, "stopped"), error="Stopped"
    ),
}
