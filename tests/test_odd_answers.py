"""Nothing that AWS, the ledger or the network could answer makes a step raise what no state machine knows.

Every step is ticked with answers made up from botocore's own models: members missing, lists empty or long,
words and figures that no document foresees. What it may do with them: an outcome, or one of our errors.
"""

from __future__ import annotations

import functools
import json
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from ticker import moment

from farshore.runbook.registry import steps
from functions import ledger
from functions.calls import Call, Reply, Silence
from functions.errors import Aborted, NotYet, Refused
from functions.handler import lambda_handler
from functions.ledger import QUERY
from functions.outside import Outside

EVENTS = {
    path.stem: json.loads(path.read_text()) for path in (Path(__file__).parent / "events").glob("*.json")
}
TIMES = 120
"""Ticks of each step: together about three seconds."""
NOW = 1_800_000_000.0
WORDS = (
    "",
    "Complete",
    "On",
    "Off",
    "ALARM",
    "RUNNING",
    "SUCCEEDED",
    "available",
    "us-west-1",
    "\\n",
    "x:y:z",
)
FIGURES = (0, 1, -5, 5, 40, 10**12, float("nan"), float("inf"))


@functools.cache
def shape_of(service: str, operation: str) -> Any:
    return botocore.session.get_session().get_service_model(service).operation_model(operation).output_shape


def made_up(shape: Any, dice: random.Random, depth: int = 0) -> Any:
    """A value that the model allows; a member is missing one time in four."""
    if shape.type_name == "structure":
        members = shape.members if depth < 6 else {}
        return {name: made_up(of, dice, depth + 1) for name, of in members.items() if dice.random() < 0.75}
    if shape.type_name == "list":
        return [made_up(shape.member, dice, depth + 1) for _ in range(dice.choice((0, 1, 1, 2)))]
    if shape.type_name == "map":
        return {dice.choice(WORDS): made_up(shape.value, dice, depth + 1) for _ in range(dice.randrange(3))}
    if shape.type_name == "boolean":
        return dice.choice((True, False))
    if shape.type_name == "timestamp":
        return datetime.fromtimestamp(NOW + dice.choice((-1e9, -60, 0, 1e8)), UTC)
    if shape.type_name in ("integer", "long", "float", "double"):
        return dice.choice(FIGURES)
    if shape.type_name == "blob":
        return dice.choice((b"", b"{}", b"[1]", b'{"outcome": "done"}', b'{"errorType": 1}', b"\\xff"))
    return dice.choice((*WORDS, *shape.enum)) if shape.enum else dice.choice(WORDS)


class OddOutside(Outside):
    """What lies outside answers whatever it likes; the ledger says that this run holds the lease."""

    def __init__(self, dice: random.Random, lease: Mapping[str, Any]) -> None:
        super().__init__(clock=lambda: NOW, at_once=lambda acts: [act() for act in acts])
        self._dice, self._lease = dice, lease

    def reply(self, call: Call, busy: frozenset[str] = frozenset()) -> Reply:
        if call.api is QUERY and self._dice.random() < 0.9:
            return {"Items": [item("lease", json.dumps(self._lease)), *self._odd_items()]}
        if self._dice.random() < 0.1:
            return Silence("nobody")
        if call.api.is_http:
            return {
                "status": self._dice.choice((0, 200, 403, 404, 502)),
                "body": self._dice.choice((b"", b"{", b"{}", b"[]", b"\\xff")),
            }
        shape = shape_of(call.api.service, call.api.operation_name)
        answer: Mapping[str, Any] = {} if shape is None else made_up(shape, self._dice)
        return answer

    def _odd_items(self) -> list[Mapping[str, Any]]:
        names = (
            "directive",
            "proposal",
            "begun",
            "take_over",
            "memory#run#x",
            "debt#x",
            "decision#x",
            "news",
        )
        bodies = ("", "{", "[]", "null", "{}", '{"execution": 1}', '{"value": null, "by": []}')
        return [
            item(self._dice.choice(names), self._dice.choice(bodies)) for _ in range(self._dice.randrange(3))
        ]


def item(name: str, body: str) -> Mapping[str, Any]:
    kind = name.partition("#")[0]
    attribute = kind if kind in ledger.WORDS else "body"
    return {"application": {"S": "unicorn-shop"}, "item": {"S": name}, attribute: {"S": body}}


@pytest.mark.parametrize("step", sorted(EVENTS))
@pytest.mark.parametrize("purpose", ["move", "undo"])
def test_whatever_is_answered_a_tick_ends_with_an_outcome_or_an_error_of_ours(
    step: str, purpose: str
) -> None:
    event = EVENTS[step]
    holder = {"holder": event["execution"]["Id"], "redrives": 0, "epoch": 1, "released": False}
    for seed in range(TIMES):
        dice = random.Random(f"{step} {purpose} {seed}")
        given = event | {
            "input": {"mode": dice.choice(("graceful", "ungraceful")), "trigger": dice.choice(("", "alarm"))},
            "run": event["run"] | {"purpose": purpose},
            "state": {"Name": "a state", "EnteredTime": moment(NOW - dice.choice((1, 9000)))},
        }
        handler = lambda_handler(steps()[step], OddOutside(dice, holder))
        try:
            assert "outcome" in handler(given, None), seed
        except (NotYet, Refused, Aborted):
            continue
