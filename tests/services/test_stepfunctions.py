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

MAP = {
    "Type": "Map",
    "ItemReader": {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": "JSON"},
        "Parameters": {"Bucket": "one", "Key": "items"},
    },
    "ItemSelector": {"item.$": "$$.Map.Item.Value"},
    "ItemProcessor": {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        **BRANCHES[0],
    },
    "MaxConcurrency": 2,
    "ToleratedFailurePercentage": 0,
    "ResultWriter": {
        "Resource": "arn:aws:states:::s3:putObject",
        "Parameters": {"Bucket": "one", "Prefix": "results"},
    },
    "End": True,
}


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


def start_children(cloud: Cloud) -> None:
    client("s3").put_object(Bucket="one", Key="items", Body=b"[1, 2, 3]")
    definition = json.dumps({"StartAt": "a", "States": {"a": MAP}})
    role = "arn:aws:iam::123456789012:role/r"
    made = client("stepfunctions").create_state_machine(name="maps", definition=definition, roleArn=role)
    client("stepfunctions").start_execution(stateMachineArn=made["stateMachineArn"], name="run")
    cloud.clock.sleep(0.2)  # its items are read


UNDER_WAY = {
    "children of a Map": start_children,
    "an execution": start,
    "an execution that could be redriven": lambda cloud: client("stepfunctions").stop_execution(
        executionArn=start(cloud, "stopped"), error="Stopped"
    ),
}
