"""Answers that AWS, the ledger and the network could give, odd ledger items, and events of no machine.

Answers are made up from botocore's own models: members missing, lists empty or long, words and figures that
no document foresees. What a step may do with them: an outcome, or one of our errors.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import io
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, get_args

import botocore.session
from odd_runbooks import WRITTEN
from slips import slipped

from farshore.compile.machine import machines
from farshore.compile.samples import every_event
from farshore.runbook.load import load
from farshore.runbook.registry import steps
from farshore.testing.ticker import moment
from functions import ledger
from functions.calls import Call, Reply, Silence
from functions.errors import Aborted, NotYet, Refused
from functions.handler import lambda_handler
from functions.ledger import QUERY
from functions.outside import Outside
from functions.run import MODES, Purpose

NOW = 1_800_000_000.0
MOST_KNOWN = 40
"""Words of a step's inputs: an approval's hold those of all later steps."""
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
    '{"widgets": [{"y": "a", "type": "metric", "properties": {"metrics": [[], ["..."], ["a", "."]]}}]}',
    '{"mode": "graceful", "dry_run": true}',
)
BLOBS = (
    b"",
    b"{}",
    b"[1]",
    b'{"outcome": "done"}',
    b'{"errorType": 1}',
    b'{"status": "done", "why": null}',
    b'{"status": ["wait"]}',
    b'{"status": "wait", "why": "\\u001b[31m\\n"}',
    b"[" * 100_000,
    b"\xff",
)
FIGURES = (0, 1, -5, 5, 40, 10**12, float("nan"), float("inf"))


@functools.cache
def events() -> dict[str, list[Any]]:
    """By step type, those of all states that the samples and the tests' own runbooks have."""
    found: dict[str, list[Any]] = {}
    for path in sorted(WRITTEN):
        for step, event in every_event(machines(load(path))):
            found.setdefault(step, []).append(event)
    return dict(sorted(found.items()))


@functools.cache
def shape_of(service: str, operation: str) -> Any:
    return botocore.session.get_session().get_service_model(service).operation_model(operation).output_shape


def made_up(shape: Any, dice: random.Random, words: Sequence[str] = WORDS, depth: int = 0) -> Any:
    """A value that the model allows; a member is missing one time in eight."""
    if shape.type_name == "structure":
        members = shape.members if depth < 6 else {}
        return {
            name: made_up(of, dice, words, depth + 1) for name, of in members.items() if dice.random() < 0.875
        }
    if shape.type_name == "list":
        return [made_up(shape.member, dice, words, depth + 1) for _ in range(dice.choice((0, 1, 1, 2)))]
    if shape.type_name == "map":
        return {
            dice.choice(words): made_up(shape.value, dice, words, depth + 1) for _ in range(dice.randrange(3))
        }
    if shape.type_name == "boolean":
        return dice.choice((True, False))
    if shape.type_name == "timestamp":
        return datetime.fromtimestamp(NOW + dice.choice((-1e9, -60, 0, 1e8)), UTC)
    if shape.type_name in ("integer", "long", "float", "double"):
        return dice.choice(FIGURES)
    if shape.type_name == "blob":
        return dice.choice(BLOBS)
    return dice.choice((*WORDS, *shape.enum)) if shape.enum else dice.choice(words)


ASK_AGAIN = frozenset(
    {
        "approval",
        "arc_controls",
        "aurora_detached",
        "aurora_writer",
        "readiness",
        "s3_public_access",
    }
)
"""Steps that leave an answer which lacks what AWS always gives to the tick, which tells it and asks again."""

ITEMS: Mapping[str, Mapping[str, Any]] = {
    "directive": {
        "execution": "",
        "at": NOW,
        "who": "jane",
        "why": "x",
        "pause": True,
        "paused_at": NOW,
        "skip": [],
    },
    "proposal": {"execution": "", "hash": "x", "plan": [{"state": "a", "outcome": "done"}], "at": NOW},
    "begun": {"execution": "", "at": NOW},
    "take_over": {"execution": "", "who": "jane", "why": "x", "at": NOW},
    "memory#run#x": {"value": {"a": 1}, "by": "x"},
    "debt#x": {"state": "a", "since": NOW, "why": "x", "execution": ""},
    "decision#x": {"hash": "x", "execution": "", "approved": True, "who": "jane", "why": "x", "at": NOW},
    "news": {"any": ["thing"]},
}
"""What may stand in the ledger, roughly as it is written."""


class OddOutside(Outside):
    """What lies outside answers whatever it likes; the ledger says that this run holds the lease."""

    def __init__(self, dice: random.Random, lease: Mapping[str, Any], words: Sequence[str]) -> None:
        super().__init__(clock=lambda: NOW, at_once=lambda acts: [act() for act in acts])
        self._dice, self._lease, self._words = dice, lease, words

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
        answer: Mapping[str, Any] = {} if shape is None else made_up(shape, self._dice, self._words)
        return answer

    def _odd_items(self) -> list[Mapping[str, Any]]:
        bodies = ("", "{", "[]", "null", "{}", '{"execution": 1}', '{"value": null, "by": []}')
        return [
            item(name, self._dice.choice((*bodies, json.dumps(slipped(whole, self._dice)))))
            for name, whole in self._dice.sample(sorted(ITEMS.items()), self._dice.randrange(3))
        ]


def item(name: str, body: str) -> Mapping[str, Any]:
    kind = name.partition("#")[0]
    attribute = kind if kind in ledger.WORDS else "body"
    return {"application": {"S": "corner-shop"}, "item": {"S": name}, attribute: {"S": body}}


@dataclass(frozen=True)
class OddTick:
    """One tick: whose, with which event, and the dice by which everything is answered."""

    step: str
    event: Any
    execution: str
    words: Sequence[str]
    """What answers are made of: words of nobody's, and, as often, those that the step knows."""
    dice: random.Random
    slipped: bool
    """The event is no machine's."""


def odd_tick(number: int) -> OddTick:
    """The same for the same number. Steps take turns; of three ticks one has an event of nobody's machine."""
    turn, place = divmod(number, len(events()))
    step, dice = list(events())[place], random.Random(f"tick {number}")
    event = copy.deepcopy(dice.choice(events()[step]))
    event["input"] = {
        "mode": dice.choice(MODES),
        "trigger": dice.choice(("", "alarm")),
        "dry_run": dice.random() < 0.2,
    }
    event["run"]["purpose"] = dice.choice(get_args(Purpose))
    event["state"] = {"Name": "a state", "EnteredTime": moment(NOW - dice.choice((1, 9000)))}
    execution, known = event["execution"]["Id"], [*_texts(event["inputs"])][:MOST_KNOWN]
    words = (*WORDS, *(known * (1 + len(WORDS) // len(known)) if known else ()))
    odd = turn % 3 == 2
    return OddTick(step, slipped(event, dice) if odd else event, execution, words, dice, odd)


def _texts(value: Any) -> Iterator[str]:
    """All within it, and of each what a name ends with."""
    if isinstance(value, str):
        yield from dict.fromkeys((value, value.rpartition("/")[2]))
    elif isinstance(value, dict):
        yield from (text for each in (*value.keys(), *value.values()) for text in _texts(each))
    elif isinstance(value, list):
        yield from (text for each in value for text in _texts(each))


def _is_dry(event: Any) -> bool:
    return (
        isinstance(event, dict)
        and isinstance(event.get("input"), dict)
        and event["input"].get("dry_run") is True
    )


def ended(tick: OddTick) -> str:
    """How it ended, in a word. Whatever else it raises is a bug, but in a dry run, whose plan shows it."""
    lease = {"holder": tick.execution, "redrives": 0, "epoch": 1, "released": False}
    handler = lambda_handler(steps()[tick.step], OddOutside(tick.dice, lease, tick.words))
    answer: Any
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            answer = handler(tick.event, None)
        except (NotYet, Refused, Aborted) as error:
            answer = error
        except Exception:
            if not _is_dry(tick.event):
                raise
            return "broken, as a plan shows"
    if isinstance(answer, Exception):
        foreseen = tick.slipped or "did not foresee" not in str(answer)
        assert foreseen or tick.step in ASK_AGAIN, answer
        return type(answer).__name__
    json.dumps(answer)  # Lambda must be able to give it on
    assert isinstance(answer["outcome"], str), answer
    return "outcome"
