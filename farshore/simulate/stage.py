"""The twin as a rehearsal needs it: one application in its Regions, Farshore deployed beside it, and a score.

What runs is what `sam deploy` ships: the runbook's compiled machines and the real step code, under the
policies that the template gives them. The twin answers as AWS and knows nothing of Farshore.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, Literal, Self

import boto3

from functions.errors import NotYet
from functions.telemetry import tick_of
from twin.applications.unicorn_shop.application import API, UnicornShop, Wiring
from twin.applications.unicorn_shop.users import Engine, store_of
from twin.clock import Clock
from twin.cloud import Behind, Cloud
from twin.doubles import Doubles
from twin.faults import Request
from twin.invariants import Breach, Watch
from twin.net import Net
from twin.services.aurora.model import Store
from twin.services.cloudwatch.model import Metrics
from twin.services.dynamodb.model import DynamoDB
from twin.services.events.model import Bus
from twin.services.health.model import Health
from twin.services.lambda_.model import FunctionError, Functions
from twin.services.stepfunctions.model import StepFunctions
from twin.services.synthetics.model import Synthetics

from ..compile.policy import function_name
from ..operate.history import RunReport
from ..operate.operator import Operator
from ..runbook.load import Runbook
from ..runbook.registry import steps
from .deployment import TICK, Deployment, unheard
from .report import EXPOSURE_BOUND, SETTLE_EVERY

Mode = Literal["graceful", "ungraceful"]
Backed = Literal["moto", "doubles"]
"""What answers where the twin has no back-end of its own: rehearsals have moto, exploration its doubles."""


def _backing(backed: Backed) -> Behind:
    if backed == "doubles":
        return Doubles()
    from twin.moto.backing import Moto  # which takes a second, and memory that every fork pays for

    return Moto()


class Stage:
    """The twin of one runbook's application. Everything public is there once `stage()` has been entered."""

    def __init__(
        self,
        runbook: Runbook,
        mode: Mode,
        seed: int,
        wiring: Wiring = "arc",
        data: Engine = "postgres",
        backed: Backed = "moto",
    ) -> None:
        self.runbook, self.mode, self.seed, self._data, self._backed = runbook, mode, seed, data, backed
        self._wiring: Wiring = wiring
        self.clock = Clock()
        self.executions: dict[str, tuple[str, str]] = {}
        """Every execution that was started, with its procedure and mode."""
        self.alarmed = ""
        """The execution that an alarm started first."""
        self.calls: Counter[str] = Counter()
        """Calls to AWS and HTTP requests of the steps, by execution."""
        self.breaches: list[Breach] = []
        """Of what the twin cannot know: S5 to S8."""
        self.debts: list[dict[str, Any]] = []
        """Fences that were owed: when, and when they were paid, in seconds since the beginning."""

    @contextmanager
    def stage(self) -> Iterator[Self]:
        """Builds the twin, and takes it down at the end."""
        with ExitStack() as stack:
            self.cloud = stack.enter_context(Cloud(self.clock, self.seed, _backing(self._backed)))
            self._engine(stack)
            store, close = store_of(self._data, (self.runbook.regions.primary, self.runbook.regions.standby))
            stack.callback(close)
            self._build(store, stack)
            yield self

    def _engine(self, stack: ExitStack) -> None:
        """What runs state machines: the twin's own engine. A test puts moto's interpreter in its place."""
        self.engine = StepFunctions(self.cloud)

    def _build(self, store: Store, stack: ExitStack) -> None:
        cloud, runbook = self.cloud, self.runbook
        self.net = Net(cloud)
        self.functions = Functions(cloud)
        stack.callback(self.functions.close)
        bus = Bus(cloud)
        self.metrics = metrics = Metrics(cloud, bus)
        Health(cloud, bus)
        self.ledger = DynamoDB(cloud).strong_table(runbook.ledger.table, runbook.ledger.regions)
        self.shop = UnicornShop(
            cloud, self.net, self.functions, store, metrics.put, self.seed, wiring=self._wiring
        )
        for region in (runbook.regions.primary, runbook.regions.standby):
            boto3.client("sns", region_name=region).create_topic(Name="farshore-pages")
        telling = tick_of if self._backed == "moto" else unheard
        self.deployment = Deployment(cloud, self.net, self.functions, runbook, telling)
        self.operator = Operator(runbook, self.deployment.outside, runbook.regions.standby)
        self._observe(metrics, bus)
        self.watch = Watch(cloud, self.shop, EXPOSURE_BOUND)
        cloud.faults.injectors.append(self._count)
        cloud.watchers += [self._one_hand, self._keep_debts]

    def _observe(self, metrics: Metrics, bus: Bus) -> None:
        """Canaries outside the primary, the alarm that starts the run, and the schedule that pays debts."""
        standby, observer = (
            self.runbook.regions.standby,
            self.runbook.regions.observer or self.runbook.regions.standby,
        )
        canaries = Synthetics(self.cloud, self.net, metrics)
        for trigger in self.runbook.triggers:
            for region in sorted({standby, observer}):
                canaries.canary(region, trigger.alarm, f"https://{API}/unicorns")
                metrics.alarm(
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
            bus.rule(standby, trigger.alarm, pattern, lambda event: self.started_by_alarm(event), given)
        if "settle" in self.deployment.machines:
            bus.schedule(standby, "settle", SETTLE_EVERY, self.settle)

    def started_by_alarm(self, event: Mapping[str, Any]) -> None:
        """EventBridge starts the machine: the event is the rule's constant input."""
        execution = self.begin("failover", event)
        self.alarmed = self.alarmed or execution

    def settle(self, event: Mapping[str, Any]) -> None:
        """The schedule starts the machine that pays debts."""
        self.begin("settle", {"mode": "ungraceful"})

    def begin(self, procedure: str, given: Mapping[str, Any]) -> str:
        """Starts a machine as the console would, and gives the execution's ARN."""
        started = self.deployment.client(procedure).start_execution(
            stateMachineArn=self.deployment.arns[procedure],
            name=self._name(procedure),
            input=json.dumps(given),
        )
        execution: str = started["executionArn"]
        self.executions[execution] = (procedure, str(given["mode"]))
        return execution

    def _name(self, procedure: str) -> str:
        """Of its next execution."""
        return f"{procedure}-{len(self.executions) + 1}"

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

    def breach(self, invariant: str, story: str) -> None:
        self.breaches.append(Breach(invariant, round(self.clock.elapsed, 3), story))

    def ask_again(self, run: RunReport) -> None:
        """S6: every step of the run, asked once more, has nothing left to change."""
        region = self.deployment.machines[run.procedure].region
        with self.cloud.faults.suspended():
            for step in run.steps:
                kind = steps()[step.event["run"]["step"]]
                if kind.needs_lease and kind.writes and step.outcome != "unknown":
                    event = {**step.event, "input": {**step.event["input"], "dry_run": True}}
                    told = self._asked(region, function_name(kind.name), event)
                    if told["outcome"] == "would change":
                        self.breach("S6", f"{run.procedure}: {step.name} would change again: {told['why']}")

    def _asked(self, region: str, function: str, event: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a tick answers in the end: one that is not done yet is ticked again, as by Retry."""
        while True:
            try:
                answer: Mapping[str, Any] = self.functions.invoke(region, function, event)
                return answer
            except FunctionError as error:
                if error.body["errorType"] == "Refused":
                    return {"outcome": "would change", "why": error.body["errorMessage"]}
                self.clock.sleep(1)

    # Who keeps score, at the seam.

    def _count(self, request: Request) -> None:
        tick = TICK.get()
        self.calls[tick.execution if tick else ""] += 1

    def _keep_debts(self, request: Request, answer: object) -> None:
        if request.service != "dynamodb":
            return
        row: Any = request.parameters.get("Item") or request.parameters.get("Key") or {}
        kind, _, resource = row.get("item", {}).get("S", "").partition("#")
        if kind == "debt":
            now = round(self.clock.elapsed, 3)
            open_debt = next(
                (d for d in self.debts if d["resource"] == resource and d["paid_at"] is None), None
            )
            if request.operation == "PutItem" and open_debt is None:
                self.debts.append({"resource": resource, "owed_at": now, "paid_at": None})
            elif request.operation == "DeleteItem" and open_debt is not None:
                open_debt["paid_at"] = now

    def _one_hand(self, request: Request, answer: object) -> None:
        """S8: what changes anything was sent by whoever holds the lease."""
        tick = TICK.get()
        if tick is not None and tick.change(request):
            lease = self.ledger.peek({"application": self.runbook.application, "item": "lease"})
            held = json.loads(lease["body"]) if lease else {}
            mine = held.get("holder") == tick.execution and not held.get("released")
            # A call of the hand before may still arrive while the new one keeps quiet, and no longer.
            if not mine and self.clock.now >= held.get("quiet_until", 0.0):
                self.breach("S8", f"{tick.label} sent {request}, but {held.get('holder')} holds the lease")
