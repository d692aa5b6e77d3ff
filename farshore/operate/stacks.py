"""The stacks of an application, one a Region, as CloudFormation describes them, and their parameters.

A parameter is changed by an update of the stack with the template that it has: what follows from it (which
rules are enabled) is then the stack's own, and the next deployment leaves it so. Errors: `Trouble`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from functions.calls import Absent, Api, Denied, Silence

from ..compile.samconfig import stack_regions
from .runs import Runs
from .trouble import Trouble

DESCRIBE = Api("cloudformation:DescribeStacks", absent=frozenset({"ValidationError"}))
UPDATE = Api("cloudformation:UpdateStack")
"""Whoever deploys may do both: no policy of ours has them. A stack that is not there is a ValidationError.
Source: docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html"""

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
"""Its template makes roles, and has SAM's transform.
Source: docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_UpdateStack.html"""
READY = frozenset(
    {
        "CREATE_COMPLETE",
        "UPDATE_COMPLETE",
        "UPDATE_ROLLBACK_COMPLETE",
        "IMPORT_COMPLETE",
        "IMPORT_ROLLBACK_COMPLETE",
    }
)
"""Stacks that can be updated; an update that is under way ends in one of them, or failed."""
UNDER_WAY = "_IN_PROGRESS"
LOOK_AGAIN_SECONDS = 5.0
LONGEST_UPDATE_SECONDS = 1800.0


@dataclass(frozen=True)
class Stack:
    """What a Region's stack says of itself."""

    region: str
    status: str
    parameters: Mapping[str, str]
    outputs: Mapping[str, str]

    @property
    def ready(self) -> bool:
        return self.status in READY


class Stacks:
    """Those of one application; all have one name."""

    def __init__(self, runs: Runs, name: str, pause: Callable[[float], None] = time.sleep) -> None:
        self.name, self.application = name, runs.runbook.application
        self.regions = stack_regions(runs.runbook, runs.machines.values())
        self._runs, self._pause = runs, pause

    def look(self, region: str) -> Stack | None:
        """None where there is none. Raises Trouble where nobody says, or AWS says no."""
        answer = self._runs.ask(DESCRIBE(region, StackName=self.name))
        if isinstance(answer, Silence):
            raise Trouble(f"{region}: nobody says what the stack {self.name} is: {answer.why}: try again")
        found = [] if isinstance(answer, Absent) else answer.get("Stacks", [])
        return _stack(region, found[0]) if found else None

    def ready(self, region: str, parameter: str) -> Stack:
        """The stack, if its parameter can be set. Raises Trouble."""
        stack = self.look(region)
        deploy = f"`farshore deploy {self.application} --print` says how"
        if stack is None:
            raise Trouble(f"{region}: there is no stack {self.name}: deploy it first: {deploy}")
        if not stack.ready:
            raise Trouble(
                f"{region}: the stack {self.name} is {stack.status}: wait until its deployment has ended well"
            )
        if parameter not in stack.parameters:
            raise Trouble(
                f"{region}: the stack {self.name} was deployed without {self.application}: {deploy}"
            )
        return stack

    def set(self, region: str, parameter: str, value: str) -> None:
        """Done only once it has been read back. Raises Trouble."""
        stack = self.ready(region, parameter)
        if stack.parameters[parameter] == value:
            return
        kept = [
            {"ParameterKey": name, "UsePreviousValue": True} for name in stack.parameters if name != parameter
        ]
        reply = self._runs.reply(
            UPDATE(
                region,
                StackName=self.name,
                UsePreviousTemplate=True,
                Parameters=[*kept, {"ParameterKey": parameter, "ParameterValue": value}],
                Capabilities=CAPABILITIES,
            )
        )
        said = f": {reply.why}" if isinstance(reply, Denied | Silence) else ""
        after = self._settled(region)
        if not after.ready or after.parameters.get(parameter) != value:
            raise Trouble(
                f"{region}: the stack {self.name} is {after.status}, and {parameter} is "
                f"{after.parameters.get(parameter)}, not {value}{said}: look at its events, then try again"
            )

    def _settled(self, region: str) -> Stack:
        """The stack once nothing is under way."""
        until = self._runs.now() + LONGEST_UPDATE_SECONDS
        while True:
            stack = self.look(region)
            if stack is None:
                raise Trouble(f"{region}: the stack {self.name} is gone")
            if not stack.status.endswith(UNDER_WAY):
                return stack
            if self._runs.now() > until:
                raise Trouble(
                    f"{region}: the stack {self.name} is {stack.status} for half an hour: look at its events"
                )
            self._pause(LOOK_AGAIN_SECONDS)


def _stack(region: str, told: Mapping[str, Any]) -> Stack:
    """What is left out is not there."""
    parameters = {
        each.get("ParameterKey", ""): each.get("ParameterValue", "") for each in told.get("Parameters", [])
    }
    outputs = {each.get("OutputKey", ""): each.get("OutputValue", "") for each in told.get("Outputs", [])}
    return Stack(region, str(told.get("StackStatus", "in a state that nobody tells")), parameters, outputs)
