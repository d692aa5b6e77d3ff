"""The runs of an application, as Step Functions describes them in the Region of each machine.

Errors: `Trouble` where AWS says no, or where somebody must answer and nobody does.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from functions.calls import Absent, Answer, Api, Call, Denied, Endpoint, Reply, Silence
from functions.outside import Outside
from functions.run import ARN_PARTS, SCHEDULED

from ..compile.definition import run_of
from ..compile.machine import Machine, machines
from ..runbook.model import Runbook
from .history import RunReport, events_of, run_report
from .trouble import Trouble

WHO = Api("sts:GetCallerIdentity")
LIST = Api("states:ListExecutions", client="stepfunctions", absent=frozenset({"StateMachineDoesNotExist"}))
DESCRIBE = Api(
    "states:DescribeExecution", client="stepfunctions", absent=frozenset({"ExecutionDoesNotExist"})
)
MACHINE = Api("states:DescribeStateMachine", client="stepfunctions", absent=LIST.absent)
HISTORY = Api("states:GetExecutionHistory", client="stepfunctions", absent=DESCRIBE.absent)
DEFINITION = Api("states:DescribeStateMachineForExecution", client="stepfunctions", absent=DESCRIBE.absent)


@dataclass(frozen=True)
class RunSnapshot:
    """A run as Step Functions described it when a person asked."""

    arn: str
    described: Answer
    """What Step Functions says of it."""
    definition: Mapping[str, Any]
    """The machine as it was when the run began: the repository may have moved on."""
    report: RunReport

    @property
    def started(self) -> float:
        """When it began, in seconds since 1970."""
        return started(self.described)


class Runs:
    """The runs of one application."""

    def __init__(self, runbook: Runbook, outside: Outside) -> None:
        self.runbook, self._outside = runbook, outside

    def now(self) -> float:
        """In seconds since 1970."""
        return self._outside.clock()

    @functools.cached_property
    def machines(self) -> Mapping[str, Machine]:
        """Every machine of the runbook, by its procedure."""
        return {machine.procedure: machine for machine in machines(self.runbook)}

    def ask(self, call: Call) -> Answer | Absent | Silence:
        """Raises Trouble where AWS says no."""
        reply = self.reply(call)
        if isinstance(reply, Denied):
            raise Trouble(f"{call} was refused: {reply.code}: {reply.message}")
        return reply

    def reply(self, call: Call) -> Reply:
        """Asked once more where the answer is lost; a person asks for the third time."""
        reply = self._outside.reply(call)
        return self._outside.reply(call) if isinstance(reply, Silence) else reply

    def describe(self, execution: str) -> Answer | Absent | Silence:
        """What Step Functions says of a run, in the Region of its machine."""
        return self.ask(DESCRIBE(region_of(execution), executionArn=execution))

    @functools.cached_property
    def caller(self) -> str:
        """Who asks, by ARN, from whichever Region answers."""
        regions = self.runbook.regions
        endpoints = [
            Endpoint(region) for region in (regions.standby, regions.primary, regions.observer) if region
        ]
        answer = self.ask(WHO(regions.standby).through(endpoints))
        if not isinstance(answer, Mapping):
            why = answer.why if isinstance(answer, Silence) else str(answer)
            raise Trouble(
                f"no Region says who you are: {why}: sign in to AWS, look at your network, and try again"
            )
        arn: str = answer["Arn"]
        return arn

    def machine_of(self, execution: str) -> Machine | None:
        """The machine that an execution's ARN names; None where it names none of this application."""
        parts = execution.split(":")
        if len(parts) != ARN_PARTS or parts[5] != "execution":
            return None
        named = (parts[6], parts[3])
        return next((each for each in self.machines.values() if (each.name, each.region) == named), None)

    def machine_arn(self, procedure: str) -> str:
        machine = self.machines[procedure]
        _, partition, _, _, account, *_ = self.caller.split(":")
        return f"arn:{partition}:{MACHINE.prefix}:{machine.region}:{account}:stateMachine:{machine.name}"

    def deployed(self, procedure: str) -> str:
        """The ARN of a machine that is there and may be read. Raises Trouble."""
        arn, region = self.machine_arn(procedure), self.machines[procedure].region
        answer = self.ask(MACHINE(region, stateMachineArn=arn))
        if isinstance(answer, Absent):
            raise Trouble(f"{arn} is not there: `sam deploy` to {region}, then try again")
        if isinstance(answer, Silence):
            raise Trouble(
                f"Step Functions in {region} does not answer: {answer.why}: use `farshore plan --as-cli`"
            )
        return arn

    def newest(self) -> tuple[str | None, tuple[str, ...]]:
        """The run that was started last, scheduled ones aside; and which machines did not answer."""
        found: list[tuple[datetime, str]] = []
        silent = []
        for procedure, machine in self.machines.items():
            if machine.purpose in SCHEDULED:
                continue
            answer = self.ask(LIST(machine.region, stateMachineArn=self.machine_arn(procedure), maxResults=1))
            if isinstance(answer, Silence):
                silent.append(f"{machine.name} in {machine.region}")
            elif isinstance(answer, Mapping):
                found += [(each["startDate"], each["executionArn"]) for each in answer["executions"]]
        return max(found, default=(None, None))[1], tuple(silent)

    def find(self, run: str) -> str:
        """The ARN of a run of this application, given that or its name. Raises Trouble."""
        if run.startswith("arn:"):
            if self.machine_of(run) is None:
                example = self.machine_arn("failover").replace(":stateMachine:", ":execution:")
                raise Trouble(
                    f"{run} is no run of {self.runbook.application}: give a run's name, or its ARN, "
                    f"such as {example}:NAME"
                )
            return run
        silent = []
        for procedure in self.machines:
            arn = f"{self.machine_arn(procedure).replace(':stateMachine:', ':execution:')}:{run}"
            answer = self.describe(arn)
            if isinstance(answer, Mapping):
                return arn
            silent += [region_of(arn)] if isinstance(answer, Silence) else []
        more = f"; {', '.join(sorted(set(silent)))} did not answer" if silent else ""
        raise Trouble(f"{self.runbook.application} has no run {run}{more}: farshore status shows the newest")

    def look(self, execution: str) -> RunSnapshot:
        """A run's history, read whole. Raises Trouble where Step Functions does not answer."""
        described, events = self.told(execution)
        machine = self._answer(DEFINITION(region_of(execution), executionArn=execution))
        definition = json.loads(machine["definition"])
        procedure = run_of(definition)["procedure"]
        report = run_report(procedure, mode_of(described), definition, described, events)
        return RunSnapshot(execution, described, definition, report)

    def told(self, execution: str) -> tuple[Answer, list[Mapping[str, Any]]]:
        """What Step Functions says of a run, and its whole history. Raises Trouble where nobody answers."""
        region = region_of(execution)
        described = self._answer(DESCRIBE(region, executionArn=execution))
        events = events_of(lambda **more: self._answer(HISTORY(region, **more)), execution)
        return described, list(events)

    def _answer(self, call: Call) -> Answer:
        answer = self.ask(call)
        if isinstance(answer, Silence):
            raise Trouble(
                f"Step Functions does not answer: {answer.why}: try again; "
                "`farshore status` shows what the ledger holds"
            )
        if isinstance(answer, Absent):
            raise Trouble(
                f"{call}: no such run as {call.parameters['executionArn']}: look with farshore status"
            )
        return answer


def mode_of(described: Answer) -> str:
    """The mode that a run was started with; "" where its input names none, and it was refused."""
    try:
        return str(json.loads(described.get("input", "{}")).get("mode", ""))
    except (ValueError, AttributeError):
        return ""


def started(described: Answer) -> float:
    """When a run began, in seconds since 1970."""
    began: datetime = described["startDate"]
    return began.timestamp()


def region_of(arn: str) -> str:
    return arn.split(":")[3]


def short(arn: str) -> str:
    """A run as a person names it: its machine's name, and its own."""
    return "/".join(arn.split(":")[6:8])
