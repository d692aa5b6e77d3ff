"""The states of one machine in the making: a Task for a step, its event, and what catches its failure.

States are added from the last to the first, each knowing what follows it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any

from functions.assume import Assume
from functions.calls import LONGEST_TICK_SECONDS
from functions.handler import assume_from
from functions.later import ITSELF
from functions.run import Purpose

from ..runbook.model import Line, Procedure, Runbook, lines
from ..runbook.regions import partitions
from ..runbook.registry import StepType, steps
from .direction import Direction
from .retry import retriers

Json = dict[str, Any]

PLACED = ("lease", "release", "readiness", "failed")
"""Names of states that the compiler places: a line of a step that is called so gets a number."""


@dataclass(frozen=True)
class Use:
    """A state's step type and inputs: what the step's IAM policy is derived from."""

    step: str
    inputs: Json
    line: int
    """Of the runbook, from 1; 0 where the compiler placed the step."""
    assume: Assume | None = None
    """The role that its calls are made as, its Regions written out."""


@dataclass(frozen=True)
class Waiting:
    """How long a state is ticked, and at which pace in the end: seconds."""

    within: float
    every: float
    line: int


class States:
    """What the compiler's files add states to, one after the other."""

    def __init__(self, runbook: Runbook, procedure: str, purpose: Purpose, way: Direction) -> None:
        self.runbook, self.procedure, self.purpose, self.way = runbook, procedure, purpose, way
        self.uses: list[Use] = []
        self.made: Json = {}
        """By name, those of branches not."""
        self.waitings: dict[str, Waiting] = {}
        """Of every Task by its name, those of branches included."""
        self.later: list[Json] = []
        """What an approval asks about: the states that follow it, the last one first."""

    @property
    def asked(self) -> list[Json]:
        """Those, in the order of a run."""
        return list(reversed(self.later))

    def step(self, line: Line, name: str, following: str | None, catch: str | None = None) -> str:
        """The Task of a runbook's line."""
        inputs = inputs_of(line)
        if "later" in type_of(line).derived:
            inputs["later"] = self.asked
        if type_of(line).asks_itself(inputs):
            inputs[ITSELF] = [self.itself(name, line.step, inputs, line.assume)]
        return self.task(
            name,
            line.step,
            inputs,
            following,
            catch,
            line=line.line,
            purpose="early" if line.before_approval else None,
            no_return=type_of(line).moves(),
            assume=line.assume,
        )

    def itself(self, name: str, step: str, inputs: Json, assume: Mapping[str, Any] | None = None) -> Json:
        """Its function as it was deployed last: of the other Region's versions this one knows nothing."""
        event = self._event(step, inputs, self.purpose, assume)
        function = f"{function_name(step, OWN_PREFIX)}:$LATEST"
        return {"state": name, "function": function, "event": event, "no_return": False}

    def task(
        self,
        name: str,
        step: str,
        inputs: Json,
        following: str | None,
        catch: str | None = None,
        *,
        line: int = 0,
        purpose: Purpose | None = None,
        no_return: bool = False,
        assume: Mapping[str, Any] | None = None,
    ) -> str:
        """A Task that ends the machine where nothing follows. Gives its name.

        Its purpose is the machine's, or what else is given.
        """
        kind = steps()[step]
        event = self._event(step, inputs, purpose or self.purpose, assume)
        self.uses.append(Use(step, event["inputs"], line, assume_from(event)))
        if kind.written and purpose is None:
            # Asked what it would do, an approval asks nobody: with what comes after it, the events of a list
            # of approvals would double with each.
            own = {key: value for key, value in event["inputs"].items() if key != "later"}
            asked = event | {"inputs": own}
            self.later.append(
                {"state": name, "function": function_of(step), "event": asked, "no_return": no_return}
            )
        waiting = Waiting(float(inputs.get("within", kind.within)), kind.every, line)
        self.waitings[name] = waiting
        state: Json = {
            "Type": "Task",
            "Comment": (kind.__doc__ or "").split("\n")[0],
            "Resource": f"arn:{partitions()[self.way.target]}:states:::lambda:invoke",
            "Parameters": {
                "FunctionName": function_of(step),
                "Payload": {
                    **event,
                    "input.$": "$$.Execution.Input",
                    "execution.$": "$$.Execution",
                    "state.$": "$$.State",
                },
            },
            "ResultPath": None,
            "TimeoutSeconds": LONGEST_TICK_SECONDS + 10,
            "Retry": retriers(waiting.within, waiting.every),
        }
        self.made[name] = state
        if catch is not None:
            self.catch(name, "States.ALL", catch)
        state |= {"End": True} if following is None else {"Next": following}
        return name

    def _event(
        self, step: str, inputs: Json, purpose: Purpose, assume: Mapping[str, Any] | None = None
    ) -> Json:
        return ({} if assume is None else {"assume": self.way.literal(Assume, assume)}) | {
            "inputs": self.way.literal(steps()[step], inputs),
            "run": {
                "application": self.runbook.application,
                "procedure": self.procedure,
                "step": step,
                "purpose": purpose,
                "source": self.way.source,
                "target": self.way.target,
            },
            "ledger": {"table": self.runbook.ledger.table, "regions": list(self.runbook.ledger.regions)},
        }

    def catch(self, name: str, error: str, following: str, into: str = "failure") -> None:
        self.made[name]["Catch"] = [{"ErrorEquals": [error], "ResultPath": f"$.{into}", "Next": following}]

    def forgive(self, name: str, following: str) -> None:
        """What cannot be given back must not keep the rest from being given back; so with what is owed."""
        self.catch(name, "States.ALL", following, into="forgiven")

    def fail(self) -> str:
        """The end of a run that was caught: it fails with the error that it was caught with."""
        self.made["failed"] = {
            "Type": "Fail",
            "ErrorPath": "$.failure.Error",
            "CausePath": "$.failure.Cause",
        }
        return "failed"

    def enough(self) -> str:
        """The end of a run that another has made needless: it succeeds, and says which."""
        self.made["another is at work"] = {"Type": "Succeed"}
        return "another is at work"

    def names(self, entries: Procedure) -> dict[int, str]:
        """By a line's identity: its step and its Region, and a number where that stands twice."""
        names: dict[int, str] = {}
        for line in lines(entries):
            early = "early" if line.before_approval else ""
            base = " ".join(filter(None, (line.step, self.region(line), early)))
            names[id(line)] = self.numbered(base, {*PLACED, *names.values()})
        return names

    def region(self, line: Line) -> str:
        return self.way.region(inputs_of(line).get("region", ""))

    def numbered(self, base: str, taken: Container[str]) -> str:
        """The name, with the next number where it is taken."""
        name, number = base, 1
        while name in taken:
            number += 1
            name = f"{base} ({number})"
        return name


def inputs_of(line: Line) -> Json:
    """What the runbook says, and what it leaves to the step's defaults."""
    step = type_of(line)
    defaults = {
        field.name: field.default
        for field in dataclasses.fields(step)
        if field.default is not dataclasses.MISSING and field.name not in step.derived
    }
    return defaults | dict(line.inputs)


def type_of(line: Line) -> StepType:
    return steps()[line.step]


def function_of(step: str) -> str:
    """The substitution that becomes the ARN of the function's version: ${SomeStep} for `some_step`."""
    return "${" + logical_id(step) + "}"


PREFIX = "farshore"
OWN_PREFIX = "${Prefix}"
"""The substitution that becomes a stack's own."""
"""What names begin with of which an account may have but one, where whoever deploys says nothing else."""


def function_name(step: str, prefix: str = PREFIX) -> str:
    """The deployed function's name: farshore-some-step for `some_step`."""
    return f"{prefix}-{step.replace('_', '-')}"


def logical_id(step: str) -> str:
    return "".join(part.capitalize() for part in step.split("_"))
