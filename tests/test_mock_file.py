"""Every machine under every case of tests/MockConfigFile.json: the answers are given, the machine is real.

The same file drives Step Functions Local; here moto's interpreter runs it, on a clock without waiting.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.stepfunctions.parser.backend import execution
from moto.stepfunctions.parser.mocking.mock_config import (
    MockedResponse,
    MockedResponseReturn,
    MockedResponseThrow,
    MockTestCase,
    StateMockedResponses,
)
from own_shop import house

from twin.clock import Clock
from twin.cloud import ACCOUNT, Cloud
from twin.moto.backing import Moto
from twin.services.stepfunctions.interpreter import on_the_clock

HOUSE = house()

REGION, DAY = "us-east-1", 86400
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:a-step:1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/farshore"


def mock_file(house: Path) -> dict[str, Any]:
    said: dict[str, Any] = json.loads((house / "tests/MockConfigFile.json").read_text())
    return said


FILE = mock_file(HOUSE)
CASES = [(machine, case) for machine, cases in FILE["StateMachines"].items() for case in cases["TestCases"]]


def answer(numbers: str, said: dict[str, Any]) -> MockedResponse:
    first, _, last = numbers.partition("-")
    span = int(first), int(last or first)
    if "Return" in said:
        return MockedResponseReturn(*span, payload=said["Return"])
    return MockedResponseThrow(*span, error=said["Throw"]["Error"], cause=said["Throw"]["Cause"])


def mocked(file: dict[str, Any], machine: str, case: str) -> MockTestCase:
    """moto knows mocks, and does not read the file."""
    states = file["StateMachines"][machine]["TestCases"][case]
    given = [
        StateMockedResponses(state, name, [answer(*entry) for entry in file["MockedResponses"][name].items()])
        for state, name in states.items()
    ]
    return MockTestCase(machine, case, given)


@pytest.fixture(scope="module")
def clock() -> Iterator[Clock]:
    clock = Clock()
    with Cloud(clock, 1, Moto()), on_the_clock(clock):
        client = boto3.client("stepfunctions", region_name=REGION)
        for path in (HOUSE / "statemachines").glob("*.asl.json"):
            definition = re.sub(r"\$\{\w+\}", FUNCTION, path.read_text())
            name = path.name.removesuffix(".asl.json")
            client.create_state_machine(name=name, definition=definition, roleArn=ROLE)
        yield clock


@pytest.mark.parametrize(("machine", "case"), CASES, ids=[" ".join(each) for each in CASES])
def test_a_machine_ends_as_its_steps_do(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, machine: str, case: str
) -> None:
    worker = functools.partial(execution.ExecutionWorker, mock_test_case=mocked(FILE, machine, case))
    monkeypatch.setattr(execution, "ExecutionWorker", worker)
    client = boto3.client("stepfunctions", region_name=REGION)
    arn = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{machine}"
    run = client.start_execution(stateMachineArn=arn, name=case, input='{"mode": "ungraceful"}')[
        "executionArn"
    ]
    clock.wait_for(lambda: client.describe_execution(executionArn=run)["status"] != "RUNNING", limit=DAY)
    ended = client.describe_execution(executionArn=run)
    if case.startswith("Refused_"):
        assert (ended["status"], ended["error"]) == ("FAILED", "Refused")
        assert ended["cause"] == "the world is not as the runbook says"
    else:
        assert ended["status"] == "SUCCEEDED", ended
