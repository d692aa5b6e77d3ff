"""What to try the compiled things with: events for `sam local invoke`, answers for Step Functions Local."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ..runbook.regions import partitions
from .definition import every_task
from .machine import Machine
from .states import function_name, function_of

Json = dict[str, Any]

ACCOUNT = "123456789012"
INPUT = {"mode": "graceful", "dry_run": True}
"""A sample that meets a real account by mistake changes nothing there."""
STARTED, ENTERED = "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"

ALL_DONE, THIRD_TICK, NOTHING_OWED = "AllDone", "AtTheThirdTick", "NothingOwed"


def events(made: Iterable[Machine]) -> dict[str, Json]:
    """By step type: the event that its first state, in the machines' order, would get."""
    sampled: dict[str, Json] = {}
    for step, event in every_event(made):
        sampled.setdefault(step, event)
    return dict(sorted(sampled.items()))


def every_event(made: Iterable[Machine]) -> Iterator[tuple[str, Json]]:
    """Each state's step type, and the event that it would get."""
    for machine in made:
        for state, task in every_task(machine.definition["States"]):
            payload = task["Parameters"]["Payload"]
            yield payload["run"]["step"], _event(machine, state, payload)


def _event(machine: Machine, state: str, payload: Json) -> Json:
    arn = f"arn:{partitions()[machine.region]}"
    context = {
        "input": INPUT,
        "execution": {
            "Id": f"{arn}:states:{machine.region}:{ACCOUNT}:execution:{machine.name}:sample",
            "Input": INPUT,
            "Name": "sample",
            "RoleArn": f"{arn}:iam::{ACCOUNT}:role/farshore",
            "StartTime": STARTED,
            "RedriveCount": 0,
        },
        "state": {"Name": state, "EnteredTime": ENTERED, "RetryCount": 0},
    }
    text = json.dumps({**{key: value for key, value in payload.items() if not key.endswith(".$")}, **context})
    for step in machine.functions:
        version = f"{arn}:lambda:{machine.region}:{ACCOUNT}:function:{function_name(step)}:1"
        text = text.replace(function_of(step), version)
    event: Json = json.loads(text)
    return event


def mocks(made: Sequence[Machine]) -> Json:
    """A MockConfigFile.json: `<machine's ARN>#AllDone`, `#AtTheThirdTick`, or `#Refused_<state>`.

    Its answers are numbered by invocation: "0-1" throws twice. Source:
    docs.aws.amazon.com/step-functions/latest/dg/sfn-local-mock-cfg-file.html. A distributed Map does not run
    there.
    """
    answers = {
        "Done": {"0": _done("done")},
        "DoneAtTheThirdTick": {"0-1": _error("NotYet", "under way"), "2": _done("done")},
        "Refused": {"0": _error("Refused", "the world is not as the runbook says")},
        "NothingOwed": {"0": _done("nothing owed")},
    }
    return {
        "StateMachines": {
            machine.name: {"TestCases": _cases(machine)} for machine in made if not machine.distributes
        },
        "MockedResponses": answers,
    }


def _cases(machine: Machine) -> Json:
    states = dict(every_task(machine.definition["States"]))
    names = list(states)
    runs = {name: states[name]["Parameters"]["Payload"]["run"] for name in names}
    forward = [name for name, run in runs.items() if run["purpose"] == machine.purpose]
    cases = {
        ALL_DONE: dict.fromkeys(names, "Done"),
        THIRD_TICK: dict.fromkeys(names, "DoneAtTheThirdTick"),
    }
    for refused in forward:
        case = "Refused_" + re.sub(r"[^A-Za-z0-9-]+", "_", refused).strip("_")
        cases[case] = {name: "Refused" if name == refused else "Done" for name in names}
    if machine.purpose == "settle":
        cases[NOTHING_OWED] = dict.fromkeys(names, "NothingOwed")
    return cases


def _done(outcome: str) -> Json:
    return {"Return": {"StatusCode": 200, "Payload": {"outcome": outcome, "facts": {}}}}


def _error(name: str, cause: str) -> Json:
    return {"Throw": {"Error": name, "Cause": cause}}
