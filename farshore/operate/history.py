"""What an execution's history holds: its states, their outcomes, how long each took and in how many ticks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from functions.errors import AtWork, Refused
from functions.step import Phase

from ..compile.definition import run_of, step_of


@dataclass(frozen=True)
class StepReport:
    """One Task state of a run."""

    name: str
    outcome: str
    """What the step answered, the error that ended it, or "running"."""
    why: str
    facts: Mapping[str, Any]
    seconds: float
    ticks: int
    function: str
    """ARN of its function's version."""
    event: Mapping[str, Any]
    """What its function was last asked."""
    ended: bool
    """It answered with an outcome: it is not ticked again."""
    entered: float
    """When, in seconds since 1970."""


@dataclass(frozen=True)
class RunReport:
    """One execution of one procedure."""

    procedure: str
    direction: tuple[str, str]
    mode: str
    status: str
    why: str
    """Why it failed; empty where it did not."""
    seconds: float
    transitions: int
    calls: int | None
    """AWS calls of its functions; None where nobody counted them."""
    steps: tuple[StepReport, ...]
    undone: bool
    """It ended in its Fail state, so that a redrive would only fail again: a new run is needed."""
    started: float
    """When, in seconds since 1970."""

    @property
    def needless(self) -> bool:
        """Another run was at work already: this one ended well, and did nothing."""
        return bool(self.steps) and self.steps[-1].outcome == AtWork.__name__

    @property
    def turned_away(self) -> bool:
        """Another run held the lease: this one failed at once, and did nothing."""
        first = step_of(self.steps[0].event) if self.steps else None
        return first is not None and not first.written and self.steps[0].outcome == Refused.__name__

    @property
    def bound(self) -> Mapping[str, Any] | None:
        """What its newest state said that goes by heartbeats: the facts by which a loss is bounded, or why
        none is known. None where no such state has ended."""
        for step in reversed(self.steps):
            kind = step_of(step.event)
            if step.ended and step.facts and kind is not None and kind.beats is not None:
                return step.facts
        return None

    def as_json(self) -> dict[str, Any]:
        return {
            "procedure": self.procedure,
            "direction": list(self.direction),
            "mode": self.mode,
            "status": self.status,
            "why": self.why,
            "seconds": round(self.seconds, 3),
            "transitions": self.transitions,
            "calls": self.calls,
            "steps": [
                {
                    "name": step.name,
                    "at": round(step.entered - self.started, 3),
                    "phase": phase_of(step.event),
                    "outcome": step.outcome,
                    "seconds": round(step.seconds, 3),
                    "ticks": step.ticks,
                    "why": step.why,
                    "facts": dict(step.facts),
                }
                for step in self.steps
            ],
        }


def run_report(
    procedure: str,
    mode: str,
    definition: Mapping[str, Any],
    described: Mapping[str, Any],
    events: list[Mapping[str, Any]],
    calls: int | None = None,
) -> RunReport:
    """The run as Step Functions knows it: `described` is its description, `events` its whole history."""
    run = run_of(definition)
    entered = [event["type"] for event in events if event["type"].endswith("StateEntered")]
    end = described.get("stopDate") or (events[-1]["timestamp"] if events else described["startDate"])
    return RunReport(
        procedure,
        (run["source"], run["target"]),
        mode,
        described["status"],
        explained(described.get("error", ""), described.get("cause", "")),
        (end - described["startDate"]).total_seconds(),
        len(entered),
        calls,
        tuple(steps_of(events)),
        bool(entered) and entered[-1] == "FailStateEntered",
        described["startDate"].timestamp(),
    )


def events_of(get: Callable[..., Mapping[str, Any]], execution: str) -> Iterator[Mapping[str, Any]]:
    """All events of a history, part by part; `get` asks for one."""
    more: dict[str, str] = {}
    while True:
        part = get(executionArn=execution, maxResults=1000, **more)
        yield from part["events"]
        if not part.get("nextToken"):
            return
        more = {"nextToken": part["nextToken"]}


def steps_of(events: Sequence[Mapping[str, Any]]) -> Iterator[StepReport]:
    """Task states in the order in which they were entered; branches interleave, so events are sorted
    by whom they follow."""
    entry: dict[int, int] = {}
    mine: dict[int, list[Mapping[str, Any]]] = {}
    for event in events:
        number = event["id"]
        begins = event["type"].endswith("StateEntered")
        entry[number] = number if begins else entry.get(event["previousEventId"], 0)
        mine.setdefault(entry[number], []).append(event)
    for number in sorted(mine):
        if mine[number][0]["type"] == "TaskStateEntered":
            yield _step(mine[number])


def committed(report: RunReport, begun: bool = True) -> str:
    """The state with which the run passed its point of no return; "" where it has not.

    While that state waits, the ledger knows whether it has `begun` to move anything. A step that only
    another version of Farshore knows may have moved it.
    """
    unknown = ""
    for step in report.steps:
        kind = step_of(step.event)
        if kind is not None and kind.moves():
            return step.name if step.outcome != "Untouched" and (begun or step.ended) else ""
        if kind is None and step.event and not unknown:
            unknown = f"{step.name} (no step of this version of Farshore)"
    return unknown if begun else ""


def _step(events: list[Mapping[str, Any]]) -> StepReport:
    last = '{"FunctionName": "", "Payload": {}}'
    ticks, outcome, why, facts, ended = 0, "running", "", {}, False
    for event in events:
        if event["type"] == "TaskScheduled":
            ticks += 1
            last = event["taskScheduledEventDetails"]["parameters"]
        elif event["type"] == "TaskSucceeded":
            body = json.loads(event["taskSucceededEventDetails"]["output"])["Payload"]
            outcome, why, facts, ended = body["outcome"], body.get("why", ""), body["facts"], True
        elif event["type"] in ("TaskFailed", "TaskTimedOut"):
            details = event.get("taskFailedEventDetails") or event.get("taskTimedOutEventDetails") or {}
            outcome = details.get("error", event["type"])
            why = explained(outcome, details.get("cause", ""))
    seconds = (events[-1]["timestamp"] - events[0]["timestamp"]).total_seconds()
    name, asked = events[0]["stateEnteredEventDetails"]["name"], json.loads(last)
    entered = events[0]["timestamp"].timestamp()
    return StepReport(
        name, outcome, why, facts, seconds, ticks, asked["FunctionName"], asked["Payload"], ended, entered
    )


def phase_of(event: Mapping[str, Any]) -> Phase | None:
    """Where the event's step belongs on the way of a failover; None for a fence, and for what is no step of
    this version of Farshore."""
    kind = step_of(event)
    return None if kind is None else kind.phase


def explained(error: str, cause: str) -> str:
    """A person's words for an error: a step's message comes wrapped in JSON."""
    try:
        message = json.loads(cause)["errorMessage"]
    except (ValueError, KeyError, TypeError):
        message = cause
    return f"{error}: {message}" if error else ""
