"""The twin of one runbook's application, Farshore deployed beside it, and the checkers of both.

What runs is what `sam deploy` ships: the runbook's compiled machines and the real step code, under the
policies that the template gives them. The twin answers as AWS and knows nothing of Farshore. A rehearsal and
an exploration each have a simulation, and hear of what happens in it by the lists of those who are told.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from typing import Any, Literal, Self

import boto3
import click

from functions.errors import NotYet
from functions.inputs import TopicArn
from functions.ledger import Lease
from functions.outside import Outside
from functions.planned import Planned, planned_from
from functions.run import Purpose
from functions.telemetry import Telemetry, tick_of
from twin.applications.foundation import Build, Data, Foundation, Unknown, builder
from twin.aws import AwsError, Cloud
from twin.clock import Clock
from twin.customers import Customers
from twin.doubles import Doubles
from twin.net import Net
from twin.services.cloudwatch.model import Metrics
from twin.services.dynamodb.model import StrongTable
from twin.services.events.model import Bus
from twin.services.health.model import Health
from twin.services.lambda_.model import FunctionError, Functions
from twin.services.stepfunctions.model import StepFunctions
from twin.services.synthetics.model import Canary

from ..checkers.checkers import Checkers
from ..operate.history import RunReport, StepReport
from ..operate.operator import Operator
from ..runbook.load import Runbook
from ..runbook.model import lines
from ..runbook.registry import steps
from ..runbook.typed import found
from .deployment import Deployment, report_of, unheard
from .report import EXPOSURE_BOUND, SETTLE_EVERY
from .tally import Tally

Mode = Literal["graceful", "ungraceful"]
Backed = Literal["moto", "doubles"]
"""What answers where the twin has no back-end of its own: rehearsals have moto, exploration its doubles."""
Engine = Callable[[Cloud, ExitStack], StepFunctions | None]
"""Puts what runs state machines into a Cloud; None where that is moto's interpreter."""
Naming = Callable[[str], str]
"""The name of a procedure's next execution."""


def own_engine(cloud: Cloud, stack: ExitStack) -> StepFunctions:
    """The twin's own."""
    return StepFunctions(cloud)


class Simulation:
    """A context manager: what is public, but for what is given, is there once it has been entered."""

    exposure_bound = EXPOSURE_BOUND

    def __init__(
        self,
        runbook: Runbook,
        mode: Mode,
        seed: int,
        *,
        data: Data = "real",
        backed: Backed = "moto",
        build: Build | None = None,
        engine: Engine = own_engine,
        naming: Naming | None = None,
        telemetry: Telemetry | None = None,
        outside: type[Outside] = Outside,
    ) -> None:
        """`mode` is that of the runs that an alarm starts. The application is the one of the runbook's name,
        unless `build` gives another."""
        self.runbook, self.mode, self.seed = runbook, mode, seed
        self.clock = Clock()
        self.executions: dict[str, tuple[str, str]] = {}
        """Every execution that was started, with its procedure and mode."""
        self.on_alarm: list[Callable[[str, str], None]] = []
        """Told of each execution that an alarm has started, with the alarm's name."""
        self._data, self._backed, self._engine, self._telemetry = data, backed, engine, telemetry
        self._outside = outside
        self._build = build or _build_of(runbook)
        self._naming = naming or (lambda procedure: f"{procedure}-{len(self.executions) + 1}")
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            backing = None if self._backed == "moto" else Doubles()
            self.cloud = stack.enter_context(Cloud(self.clock, self.seed, backing))
            self.own_engine = self._engine(self.cloud, stack)
            self._furnish(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _furnish(self, stack: ExitStack) -> None:
        cloud, runbook = self.cloud, self.runbook
        self.net = Net(cloud)
        self.functions = Functions(cloud)
        bus = Bus(cloud)
        self.metrics = Metrics(cloud, bus)
        Health(cloud, bus)
        self._ledger = StrongTable(cloud, runbook.ledger.table, runbook.ledger.regions)
        foundation = Foundation(
            cloud,
            self.net,
            self.functions,
            self.metrics,
            self.seed,
            self._data,
            stack,
            runbook.regions.primary,
            runbook.regions.standby,
        )
        self.application = self._build(foundation)
        stack.callback(self.functions.close)
        self.customers = Customers(self.clock, self.net, self.application, self.seed)
        for region, name in _topics(runbook):
            boto3.client("sns", region_name=region).create_topic(Name=name)
        telemetry = self._telemetry or (tick_of if self._backed == "moto" else unheard)
        self.deployment = Deployment(cloud, self.net, self.functions, runbook, telemetry, self._outside)
        self.operator = Operator(runbook, self.deployment.outside, runbook.regions.standby)
        self._observe(bus)
        self.tally = Tally(self.clock, runbook.ledger.table)
        cloud.weather.script.append(self.tally.count)
        cloud.watchers.append(self.tally.hear)
        self.checkers = Checkers(self)

    def _observe(self, bus: Bus) -> None:
        """Canaries outside the primary, the alarm that starts the run, and the schedule that pays debts."""
        standby, observer = (
            self.runbook.regions.standby,
            self.runbook.regions.observer or self.runbook.regions.standby,
        )
        for trigger in self.runbook.triggers:
            for region in sorted({standby, observer}):
                journey = self.application.journey(region)
                Canary(self.cloud, self.net, self.metrics, region, trigger.alarm, journey)
                self.metrics.alarm(
                    region,
                    trigger.alarm,
                    "CloudWatchSynthetics",
                    "SuccessPercent",
                    {"CanaryName": trigger.alarm},
                    90,
                    "LessThanThreshold",
                    evaluation_periods=3,
                    datapoints_to_alarm=2,
                    treat_missing="notBreaching",
                )
            pattern = {
                "source": ["aws.cloudwatch"],
                "detail-type": ["CloudWatch Alarm State Change"],
                "detail": {"alarmName": [trigger.alarm], "state": {"value": ["ALARM"]}},
            }
            given = {"mode": self.mode, "trigger": trigger.alarm}
            bus.rule(standby, trigger.alarm, pattern, self.started_by_alarm, given)
        if "settle" in self.deployment.machines:
            bus.schedule(standby, "settle", SETTLE_EVERY, self.settle)

    def started_by_alarm(self, event: Mapping[str, Any]) -> None:
        """EventBridge starts the machine: the event is the rule's constant input."""
        execution = self.begin("failover", event)
        for hear in self.on_alarm:
            hear(execution, event["trigger"])

    def settle(self, event: Mapping[str, Any]) -> None:
        """The schedule starts the machine that pays debts."""
        self.begin("settle", {"mode": "ungraceful"})

    def begin(self, procedure: str, given: Mapping[str, Any]) -> str:
        """Starts a machine as the console would, and gives the execution's ARN."""
        started = self.deployment.client(procedure).start_execution(
            stateMachineArn=self.deployment.arns[procedure],
            name=self._naming(procedure),
            input=json.dumps(given),
        )
        execution: str = started["executionArn"]
        self.executions[execution] = (procedure, str(given["mode"]))
        return execution

    # What may be asked. The first takes time, as a call does; the others take none.

    def status(self, execution: str) -> str:
        """RUNNING, SUCCEEDED, FAILED …"""
        client = self.deployment.client(self.executions[execution][0])
        status: str = client.describe_execution(executionArn=execution)["status"]
        return status

    def owed(self) -> Mapping[str, Any]:
        """Debts in the ledger; something in any case while it does not answer."""
        try:
            return self.operator.records().debts
        except NotYet:
            return {"?": "the ledger does not answer"}

    def report(self, execution: str) -> RunReport:
        """Of a run as it stands, by its history."""
        procedure, mode = self.executions[execution]
        return report_of(self.deployment, procedure, mode, execution, self.tally.calls[execution])

    def ask(self, run: RunReport, step: StepReport) -> Planned:
        """What a step of the run would do now: a dry tick, again as by Retry where it is not done yet."""
        region = self.deployment.machines[run.procedure].region
        event = {**step.event, "input": {**step.event["input"], "dry_run": True}}
        while True:
            try:
                return planned_from(self.functions.invoke(region, step.function.split(":")[6], event))
            except FunctionError as error:
                if error.body["errorType"] == "Refused":
                    return Planned("would refuse", error.body["errorMessage"])
                self.clock.sleep(1)

    def deliver(self, function: tuple[str, str], event: Mapping[str, Any]) -> None:
        """Runs the function of that Region and name with an event: whatever comes of it, nobody hears."""
        with suppress(FunctionError, AwsError):
            self.functions.invoke(*function, event)

    def lease(self) -> Lease | None:
        """As the ledger holds it now."""
        row = self._ledger.peek({"application": self.runbook.application, "item": "lease"})
        return Lease(**json.loads(row["body"])) if row else None

    def purpose(self, procedure: str) -> Purpose:
        """What the procedure is for."""
        return self.deployment.machines[procedure].purpose

    def running(self, execution: str) -> bool:
        """As the engine knows. Moto's interpreter is not asked: of its runs none counts as running."""
        return self.own_engine is not None and self.own_engine.executions[execution].status == "RUNNING"

    @property
    def engine(self) -> StepFunctions:
        """The twin's own, which tells what nobody else could be told, in no time."""
        assert self.own_engine is not None, "this simulation runs on moto's interpreter"
        return self.own_engine


def _build_of(runbook: Runbook) -> Build:
    """Raises a usage error where the twin has no such application."""
    try:
        return builder(runbook.application)
    except Unknown as why:
        raise click.UsageError(f"{runbook.path}: {why}") from None


def _topics(runbook: Runbook) -> Iterator[tuple[str, str]]:
    """The Region and name of every topic by which the runbook pages a person, each once."""
    arns = {
        arn: None
        for procedure in runbook.procedures.values()
        for line in lines(procedure)
        for _, arn in found(steps()[line.step], line.inputs, TopicArn)
    }
    for arn in arns:
        _, _, _, region, _, name = arn.split(":")
        yield region, name
