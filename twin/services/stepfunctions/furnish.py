"""Another application's machines, which a run starts: each takes a minute, and succeeds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import boto3

from ...cloud import ACCOUNT
from ...furnishing import Role, Room, Wanted

MACHINE = "MachineName"
TAKES: Mapping[str, Role] = {MACHINE: ""}
SECONDS = 60
DEFINITION = {"StartAt": "moves", "States": {"moves": {"Type": "Wait", "Seconds": SECONDS, "End": True}}}
ROLE = f"arn:aws:iam::{ACCOUNT}:role/another-application"


def assumed(wanted: Wanted) -> Iterator[str]:
    if machines := sorted(wanted.texts(MACHINE)):
        yield f"a run of {', '.join(machines)} takes {SECONDS} s and succeeds"


def furnish(room: Room) -> None:
    for name, regions in room.wanted.places(MACHINE).items():
        for region in sorted(regions):
            boto3.client("stepfunctions", region).create_state_machine(
                name=name, definition=json.dumps(DEFINITION), roleArn=ROLE
            )
