"""A sweep as a machine: shares are summed side by side, judged, searched where they differ, and reported.

    begin -> sums: each share [sum, pause, more?] -> judge -> does it differ?
          -> sketches: each share that is unequal [sketch, pause, more?] -> decode -> does it still?
          -> differences: each share that is still unequal [find, pause, more?, look] -> report

The Maps are distributed: each share is an execution of its own, of the standard type, since a Region may be
silent for longer than the five minutes of an express one, and since a redrive then goes on with the very
state that failed, and not with the share's first. No failure is tolerated, for what a share would have found
nobody knows. Items come from an object and results go to objects, as no state holds more than 256 KB.
Sources: docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html,
docs.aws.amazon.com/step-functions/latest/dg/redrive-map-run.html
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from functions.calls import Api
from functions.comparison import MOST_SEGMENTS
from functions.later import ITSELF
from functions.shares import MORE

from ..runbook.mistakes import Mistake, quoted
from ..runbook.model import Runbook, Sweep
from ..runbook.regions import partitions
from ..runbook.registry import StepType, steps
from .states import Json, States

UNITS_A_SECOND = 320
"""Read capacity units that one share consumes in a Region, about: a segment of 2.5 MB at a time, and a pause
of at least a second after each."""
MOST_AT_ONCE = 10_000
"""Source: docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html, of a Map Run"""
PLAN: Json = {"plan.$": "$.plan.given"}
SHARE: Json = {"share.$": "$.share.given"}
RESULTS: Json = {"results.$": "$.results.ResultWriterDetails.Key"}
"""Inputs that come from the machine's data."""
READS = ("sum", "sketch", "find")
"""The tasks that ask the function itself, in both Regions."""
GIVEN = {"mode": "graceful"}
"""What its function is told that steps are told of a run: it changes nothing in either mode."""


def procedure_of(sweep: Sweep) -> str:
    """Of its machine, as the procedures of runs are named."""
    return f"sweep-{sweep.table}"


def sweeper() -> StepType:
    """The type of all its states."""
    (kind,) = (kind for kind in steps().values() if kind.sweeps)
    return kind


def at_once(sweep: Sweep) -> int:
    """How many shares are read side by side."""
    return max(1, min(MOST_AT_ONCE, math.ceil(sweep.rate / UNITS_A_SECOND)))


def definition(states: States, sweep: Sweep) -> Json:
    """The machine, in Amazon States Language."""
    make = _Sweep(states, sweep)
    machine = {
        "begin": make.task("begin", "sums", {}, "plan"),
        "sums": make.shares("sums", "judge", make.added("sum", "summed")),
        "judge": make.task("judge", "whether it differs", PLAN | RESULTS, "plan"),
        "whether it differs": _unless_same("sketches"),
        "sketches": make.shares("sketches", "decode", make.added("sketch", "sketched")),
        "decode": make.task("decode", "whether it still differs", PLAN | RESULTS, "plan"),
        "whether it still differs": _unless_same("differences"),
        "differences": make.shares("differences", "report", make.differences()),
        "report": make.task("report", None, PLAN | RESULTS, None),
    }
    way = f"{states.way.target} and {states.way.source}"
    comment = f"{states.runbook.application}, {sweep.table} in {way}. Compiled: edit the runbook instead."
    return {"Comment": comment, "StartAt": "begin", "States": machine}


def _unless_same(following: str) -> Json:
    same = {"Variable": "$.plan.given.outcome", "StringEquals": "same", "Next": "report"}
    return {"Type": "Choice", "Choices": [same], "Default": following}


class _Sweep:
    """What its states have in common."""

    def __init__(self, states: States, sweep: Sweep) -> None:
        self.states, self.sweep, self.kind = states, sweep, sweeper()
        self.at_once = at_once(sweep)
        self.inputs: Json = {
            "table": sweep.table,
            "bucket": sweep.bucket,
            "region": states.way.target,
            "other": states.way.source,
            "segments": sweep.segments,
            "pace": sweep.rate / self.at_once,
            "lag": sweep.lag,
        }

    def task(self, name: str, following: str | None, paths: Json, into: str | None) -> Json:
        """A tick of this task. Its answer goes `into` the machine's data; without that, it is the output."""
        states = self.states
        inputs: Json = {"task": name, **self.inputs}
        if name in READS:
            inputs[ITSELF] = [states.itself(name, self.kind.name, inputs)]
        states.task(name, self.kind.name, inputs, following, line=self.sweep.line)
        task: Json = states.made.pop(name)
        payload = task["Parameters"]["Payload"]
        payload |= {"inputs": payload["inputs"] | paths, "input": GIVEN}
        del payload["input.$"]
        if into is None:
            task["ResultSelector"] = {"outcome.$": "$.Payload.outcome", "facts.$": "$.Payload.facts"}
        else:
            task["ResultSelector"] = {"given.$": "$.Payload.facts.answer"}
        task["ResultPath"] = "$" if into is None else f"$.{into}"
        return task

    def shares(self, name: str, following: str, each: Json) -> Json:
        """A distributed Map over the shares that the plan's object lists."""
        bucket = {"Bucket": self.sweep.bucket}
        return {
            "Type": "Map",
            "ItemReader": {
                "Resource": self._integration(self.kind.read_by_machine),
                "ReaderConfig": {"InputType": "JSON"},
                "Parameters": bucket | {"Key.$": "$.plan.given.key"},
            },
            "ItemSelector": {"share": {"given.$": "$$.Map.Item.Value"}, "plan.$": "$.plan"},
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                **each,
            },
            "MaxConcurrency": self.at_once,
            "ToleratedFailurePercentage": 0,
            "ResultWriter": {
                "Resource": self._integration(self.kind.written_by_machine),
                "Parameters": bucket | {"Prefix.$": "$.plan.given.prefix"},
            },
            "ResultPath": "$.results",
            "Next": following,
        }

    def added(self, name: str, last: str) -> Json:
        """Of each share, what a reduce adds up."""
        return {"StartAt": name, "States": self._read(name, last) | self._told(last)}

    def differences(self) -> Json:
        look = {"look": self.task("look", "found", PLAN | SHARE, "share")}
        return {"StartAt": "find", "States": self._read("find", "look") | look | self._told("found")}

    def _read(self, name: str, following: str) -> Json:
        """Tick after tick, until the share is read to its end."""
        pause, more = f"{name}: pause", f"{name}: whether there is more"
        again = [{"Variable": "$.share.given.outcome", "StringEquals": MORE, "Next": name}]
        return {
            name: self.task(name, pause, PLAN | SHARE, "share"),
            pause: {"Type": "Wait", "SecondsPath": "$.share.given.pause", "Next": more},
            more: {"Type": "Choice", "Choices": again, "Default": following},
        }

    def _told(self, name: str) -> Json:
        """The share alone: what it was told of the plan, the reduce knows."""
        return {name: {"Type": "Pass", "Parameters": {"share.$": "$.share"}, "End": True}}

    def _integration(self, api: Api | None) -> str:
        """Step Functions' name of the call."""
        assert api is not None, f"{self.kind.name} declares what its Maps call"
        operation = api.operation_name[0].lower() + api.operation_name[1:]
        return f"arn:{partitions()[self.states.way.target]}:states:::{api.prefix}:{operation}"


def refusals(runbook: Runbook) -> Iterator[Mistake]:
    """What of the sweeps by themselves would not do."""
    first: dict[str, int] = {}
    for sweep in runbook.sweeps:
        other = first.setdefault(sweep.table, sweep.line)
        if other != sweep.line:
            what = f"sweep: the table {quoted(sweep.table)} stands in line {other} already"
            yield Mistake(runbook.path, sweep.line, what, "remove one: a table has one sweep")
        if sweep.rate < 1:
            what = f"sweep: rate {sweep.rate} lets nothing be read"
            yield Mistake(runbook.path, sweep.line, what, "write at least 1")
        if sweep.segments > MOST_SEGMENTS:
            what = f"sweep: segments {sweep.segments}, of at most {MOST_SEGMENTS}"
            yield Mistake(runbook.path, sweep.line, what, "write fewer, or leave it out")
