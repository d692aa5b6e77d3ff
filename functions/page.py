"""What pages whoever may decide on a plan: a text that a person can act on from a telephone.

Subscribers get text. Slack and Teams, by way of Amazon Q Developer in chat applications (AWS Chatbot), get
its own schema, as it drops whatever is not in it. Sources:
docs.aws.amazon.com/sns/latest/api/API_Publish.html (a message by protocol, 256 KiB),
docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .planned import Plan, one_line
from .run import Run

LONGEST_PAGE = 256_000
"""Bytes. SNS takes 262,144, what it adds included."""
LONGEST_SUBJECT = 100
LONGEST_CHAT = 4_000
"""Characters of a text in a chat: what is more, one looks up."""


@dataclass(frozen=True)
class Asked:
    """A plan that waits for a decision."""

    run: Run
    hash: str
    plan: Plan
    now: float
    until: float
    """When it is too late, in seconds since 1970."""
    owed: Sequence[str]
    """Fences that nobody has confirmed."""
    before: Sequence[str] = ()
    """What became of decisions on it: why one counted for nothing, who has approved where another must."""


def page(asked: Asked, chat: bool) -> dict[str, Any]:
    """Of sns:Publish, what is said."""
    subject, text = _subject(asked), "\n".join(_lines(asked))
    if not chat:
        return {"Subject": subject, "Message": _cut(text, LONGEST_PAGE)}
    https = json.dumps(_chat(asked, subject, text))
    most = LONGEST_PAGE
    while len((message := json.dumps({"default": _cut(text, most), "https": https})).encode()) > LONGEST_PAGE:
        most //= 2  # what JSON escapes takes more room
    return {"Subject": subject, "Message": message, "MessageStructure": "json"}


def _subject(asked: Asked) -> str:
    run = asked.run
    return f"{run.application} {run.procedure}: approve {asked.hash}?"[:LONGEST_SUBJECT]


def _lines(asked: Asked) -> Iterator[str]:
    """What is asked, until when, what is at stake and how to answer; then step by step, with each call."""
    run = asked.run
    yield f"{run.application} {run.procedure}, {run.mode}, {run.source} to {run.target}"
    yield f"approve plan {asked.hash} of {run.execution}?"
    yield from map(one_line, asked.before)
    fails = (entry for entry in asked.plan if entry["outcome"] == "would refuse")
    yield from (one_line(f"WOULD FAIL at {each['state']}: {each.get('why', '')}") for each in fails)
    yield ""
    yield from _at_stake(asked)
    yield ""
    yield from _commands(asked)
    yield ""
    for entry in asked.plan:
        why = f": {entry['why']}" if entry.get("why") else ""
        no_return = " [no return]" if entry["no_return"] else ""
        yield one_line(f"- {entry['state']}: {entry['outcome']}{why}{no_return}")
        yield from (one_line(f"    {said}") for said in map(_call, entry.get("calls", [])))


def _at_stake(asked: Asked) -> Iterator[str]:
    run, plan = asked.run, asked.plan
    yield f"started by {f'the alarm {one_line(run.trigger)}' if run.trigger else 'no alarm'}"
    left = max(0, round((asked.until - asked.now) / 60))
    ends = datetime.fromtimestamp(asked.until, tz=UTC).strftime("%H:%M:%S UTC")
    yield f"decide by {ends}, in {left} min: then the run gives up, and gives back what it took"
    if run.mode == "ungraceful":
        yield from map(_loss, (entry for entry in plan if _lag(entry) is not None))
    yield from (one_line(f"nobody has confirmed: {each}") for each in asked.owed)
    unknown = (entry for entry in plan if entry["outcome"] == "unknown")
    yield from (one_line(f"not known: {each['state']}: {each.get('why', '')}") for each in unknown)
    if moves := [entry["state"] for entry in plan if entry["no_return"]]:
        yield f"no return from {moves[0]} on"


def _lag(entry: Mapping[str, Any], fact: str = "lag_seconds") -> float | None:
    seconds = entry.get("facts", {}).get(fact)
    return float(seconds) if isinstance(seconds, int | float) else None


def _loss(entry: Mapping[str, Any]) -> str:
    old = _lag(entry, "lag_age_seconds")
    lagged = "replication lagged so much" + ("" if old is None else f", {old:.0f} s ago")
    return one_line(f"to be lost: about {_lag(entry):g} s of writes ({entry['state']}: {lagged})")


def _call(call: Mapping[str, Any]) -> str:
    parameters = ", ".join(f"{name}={json.dumps(value)}" for name, value in call["parameters"].items())
    return f"{call['action']} in {call['region']}: {parameters}"


def _commands(asked: Asked) -> Iterator[str]:
    app = asked.run.application
    for verb in ("approve", "decline"):
        yield f"farshore {verb} {app} {asked.hash} --why …"
    yield f"farshore pause {app} --why …   (for more time)"
    yield f"farshore status {asked.run.execution}"


def _chat(asked: Asked, subject: str, text: str) -> dict[str, Any]:
    """In the schema of custom notifications. What concerns one run stands in one thread."""
    run, said = asked.run.execution, text[:LONGEST_CHAT].replace("`", "'")
    return {
        "version": "1.0",
        "source": "custom",
        "content": {
            "textType": "client-markdown",
            "title": subject,
            # In a fence, as others have written some of it: nobody is called, and nothing looks like a link.
            "description": f"```\n{said}\n```",
            "nextSteps": list(_commands(asked)),
        },
        "metadata": {"threadId": run, "summary": subject, "relatedResources": [run]},
    }


def _cut(text: str, most: int) -> str:
    """By bytes, as SNS counts."""
    return text.encode()[:most].decode(errors="ignore")
