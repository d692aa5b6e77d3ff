"""The twin of one runbook's application, Farshore deployed beside it, and the checkers of both.

What runs is what `sam deploy` ships: the runbook's compiled machines and the real step code, under the
policies that the template gives them. The twin answers as AWS and knows nothing of Farshore. A rehearsal and
an exploration each have a simulation, and learn what happens in it by its `on_alarm` and `on_call`.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from typing import Any, Literal, Self

from botocore.credentials import ReadOnlyCredentials

from functions import prober
from functions.errors import NotYet, Refused
from functions.identity import Proof
from functions.inputs import TopicArn
from functions.ledger import LEASE, Lease, Records
from functions.outside import Outside
from functions.planned import Planned, planned_from
from functions.run import Purpose
from functions.telemetry import NAMESPACE, Telemetry, tick_of
from twin.application import Promise, fates
from twin.applications import account as accounts
from twin.applications import foundation
from twin.clock import Clock
from twin.cloud import ACCOUNT, AwsError, Behind, Cloud, stamp
from twin.customers import TTLS, Customers
from twin.doubles import Doubles
from twin.faults import Request
from twin.net import Net

from ..checkers.checkers import Checkers
from ..checkers.events import Call, call_of
from ..compile import probing
from ..compile.starts import ALARMS_START, AlarmRule, alarm_rules, schedule_of
from ..operate.history import RunReport, StepReport, run_report
from ..operate.identity import signed
from ..operate.operator import SILENT, Operator
from ..operate.proposal import Proposal
from ..operate.trouble import Trouble
from ..runbook.model import Runbook
from ..runbook.named import named
from .deployment import Deployment, no_telemetry, outside
from .furnishing import build_of, ttls_of
from .report import EXPOSURE_BOUND
from .tally import Tally

Backed = Literal["moto", "doubles"]
"""What answers where the twin has no back-end of its own: rehearsals have moto, exploration its doubles."""
Naming = Callable[[str], str]
"""The name of a procedure's next execution."""


class Simulation:
    """A context manager: what is public, but for what is given, is there once it has been entered."""

    exposure_bound = EXPOSURE_BOUND

    def __init__(
        self,
        runbook: Runbook,
        seed: int,
        *,
        data: foundation.Data = "real",
        backed: Backed = "moto",
        build: foundation.Build | None = None,
        engine: accounts.Engine = accounts.own_engine,
        naming: Naming | None = None,
        telemetry: Telemetry | None = None,
        outside: type[Outside] = Outside,
    ) -> None:
        """The application is the one of the runbook's name, or a stand-in; unless `build` gives another."""
        self.runbook, self.seed = runbook, seed
        self.clock = Clock()
        self.executions: dict[str, tuple[str, str]] = {}
        """Every execution that was started, with its procedure and mode."""
        self.on_alarm: list[Callable[[str, str], None]] = []
        """Called with each execution that an alarm has started, and the alarm's name."""
        self.on_call: list[Callable[[Call], None]] = []
        """Called with each call that AWS has done."""
        self._data, self._backed, self._engine, self._telemetry = data, backed, engine, telemetry
        self._outside = outside
        self._build = build or build_of(runbook)
        self._ttls = TTLS if build else ttls_of(runbook)
        self._naming = naming or (lambda procedure: f"{procedure}-{len(self.executions) + 1}")
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.cloud = stack.enter_context(Cloud(self.clock, self.seed, _backing(self._backed)))
            self._furnish(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _furnish(self, stack: ExitStack) -> None:
        cloud, runbook = self.cloud, self.runbook
        self.net = Net(cloud)
        self.account = account = accounts.Account(cloud, self.net, stack, self._engine)
        self.functions, self.metrics = account.functions, account.metrics
        self._person = account.user("operator")
        self._ledger = account.strong_table(runbook.ledger.table, runbook.ledger.regions)
        on = foundation.Foundation(
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
        self.application = self._build(on)
        stack.callback(self.functions.close)
        self.customers = Customers(self.clock, self.net, self.application, self.seed, self._ttls)
        for arn in dict.fromkeys(str(arn) for *_, arn in named(runbook, TopicArn)):
            account.topic(arn)
        telemetry = self._telemetry or (tick_of if self._backed == "moto" else no_telemetry)
        self.deployment = Deployment(account, outside(cloud, self.net, self._outside), runbook, telemetry)
        self.operator = Operator(runbook, self.deployment.outside, runbook.regions.standby)
        self._observe()
        self.tally, self.checkers = Tally(self.clock), Checkers(self)
        self.on_call[:0] = [self.tally.on_call, self.checkers.on_call]
        cloud.faults.injectors.append(self.tally.count)
        cloud.watchers.append(self._done)

    def _observe(self) -> None:
        """Canaries outside the primary with their alarms, probes with theirs, and what the template has start
        machines."""
        standby: str = self.runbook.regions.standby
        observer = self.runbook.regions.observer or standby
        probed = probing.standing(self.runbook)
        self._probe()
        for rule in (rule for rule in self.alarm_rules if rule.alarm not in probed):
            for region in sorted({standby, observer}):
                self.account.canary(region, rule.alarm, self.application.journey(region))
        for machine in self.deployment.machines.values():
            region, procedure = machine.region, machine.procedure
            for rule in alarm_rules(self.runbook, machine):
                self.account.rule(
                    region, rule.alarm, rule.pattern(ACCOUNT), self.started_by_alarm, rule.given
                )
            if schedule := schedule_of(machine):
                start, seconds = functools.partial(self.begin, procedure), schedule.minutes * 60.0
                self.account.schedule(region, procedure, seconds, start, schedule.given)

    def _probe(self) -> None:
        """What the template has looked at every two seconds, and its alarms."""
        for region, machine in self.deployment.probing.items():
            start = functools.partial(self._look, machine)
            self.account.schedule(region, probing.PROCEDURE, probing.SCHEDULE_SECONDS, start, {})
        for alarm in probing.alarms(self.runbook):
            for region in alarm.regions:
                self.metrics.alarm(
                    region,
                    alarm.name,
                    NAMESPACE,
                    prober.METRIC,
                    alarm.dimensions,
                    prober.VALUES["yes"],
                    "GreaterThanOrEqualToThreshold",
                    period=probing.PERIOD_SECONDS,
                    evaluation_periods=probing.PERIODS,
                    treat_missing="notBreaching",
                    statistic="Minimum",
                )

    def _look(self, machine: str, given: Mapping[str, Any]) -> None:
        """Starts a minute of looks: no run, and nobody judges it."""
        self.account.start(machine, f"minute-{self.clock.elapsed / 60:.0f}", json.dumps(given))

    @property
    def alarm_rules(self) -> tuple[AlarmRule, ...]:
        """The alarms that start a run, each with the run's constant input, as the template has them."""
        machine = self.deployment.machines[ALARMS_START]
        return alarm_rules(self.runbook, machine)

    def _done(self, request: Request, answer: object) -> None:
        call = call_of(request, self.runbook.ledger.table)
        for act in tuple(self.on_call):  # one may look on no longer
            act(call)

    def started_by_alarm(self, given: Mapping[str, Any]) -> None:
        """The alarm's rule starts the machine: what it gets is the rule's constant input."""
        execution = self.begin(ALARMS_START, given)
        for act in self.on_alarm:
            act(execution, given["trigger"])

    def begin(self, procedure: str, given: Mapping[str, Any]) -> str:
        """Starts a machine as the console would, and gives the execution's ARN."""
        machine, name = self.deployment.arn(procedure), self._naming(procedure)
        execution = self.account.start(machine, name, json.dumps(given))
        self.executions[execution] = (procedure, str(given["mode"]))
        return execution

    def decide(
        self,
        records: Records,
        proposal: Proposal,
        decision: Literal["approve", "decline"],
        who: str,
        why: str,
    ) -> None:
        """A person's decision, with a proof where the plan takes no other; a second one's, where two must
        approve. Raises Trouble as the operator."""
        operator = self.operator
        signature: tuple[Proof | None, str] = (None, "")
        if proposal.needs_proof:
            signature = signed(operator.outside, proposal, decision, why, self._person)
        operator.decide(records, proposal, decision, who, why, *signature)
        if proposal.approvers > 1 and decision == "approve":
            signature = signed(operator.outside, proposal, decision, why, self._second_person)
            operator.decide(operator.records(), proposal, decision, f"{who}'s colleague", why, *signature)

    @functools.cached_property
    def _second_person(self) -> ReadOnlyCredentials:
        return self.account.user("colleague")

    # What may be asked. The first takes time, as a call does; the others take none.

    def status(self, execution: str) -> str:
        """RUNNING, SUCCEEDED, FAILED …; SILENT where nobody says."""
        try:
            described = self.operator.runs.describe(execution)
        except Trouble:
            return SILENT
        return str(described["status"]) if isinstance(described, Mapping) else SILENT

    def owed(self) -> Mapping[str, Any]:
        """Debts in the ledger; something in any case while it does not answer."""
        try:
            return self.operator.records().debts
        except (NotYet, Refused) as why:
            return {"?": str(why)}

    def report(self, execution: str) -> RunReport:
        """Of a run as it stands, by its history; SILENT where nobody gives it."""
        procedure, mode = self.executions[execution]
        machine, calls = self.deployment.machines[procedure], self.tally.calls[execution]
        try:
            described, events = self.operator.runs.told(execution)
        except Trouble as why:
            now = stamp(self.clock.now)
            described, events = {"status": SILENT, "error": SILENT, "cause": str(why), "startDate": now}, []
        return run_report(procedure, mode, machine.definition, described, events, calls)

    def ask(self, run: RunReport, step: StepReport) -> Planned:
        """What a step of the run would do now: a dry tick, again as by Retry where it is not done yet."""
        region = self.deployment.machines[run.procedure].region
        event = {**step.event, "input": {**step.event["input"], "dry_run": True}}
        while True:
            try:
                return planned_from(self.functions.invoke(region, step.function.split(":")[6], event))
            except accounts.FunctionError as error:
                if error.body["errorType"] == "Refused":
                    return Planned("would refuse", error.body["errorMessage"])
                self.clock.sleep(1)

    def deliver(self, function: tuple[str, str], event: Mapping[str, Any]) -> None:
        """Runs the function of that Region and name with an event: nobody gets its answer."""
        with suppress(accounts.FunctionError, AwsError):
            self.functions.invoke(*function, event)

    def lease(self) -> Lease | None:
        """As the ledger holds it now."""
        row = self._ledger.peek({"application": self.runbook.application, "item": LEASE})
        return Lease(**json.loads(row["body"])) if row else None

    def purpose(self, procedure: str) -> Purpose:
        """What the procedure is for."""
        return self.deployment.machines[procedure].purpose

    def running(self, execution: str) -> bool:
        """As the engine knows. Moto's interpreter is not asked: of its runs none counts as running."""
        return (
            self.account.engine is not None and self.account.engine.executions[execution].status == "RUNNING"
        )

    def redriven_at(self, execution: str) -> float:
        """When, as the engine knows, in seconds since 1970; 0 where it never was."""
        return 0.0 if self.account.engine is None else self.account.engine.executions[execution].redriven

    def lost(self) -> list[Promise]:
        """Acknowledged writes that are lost, as is known once all data have caught up."""
        promises = self.customers.notebook.promises
        return [promise for promise, fate in fates(self.application, promises).items() if fate == "lost"]

    def may_have_moved(self, execution: str) -> bool:
        """It has sent what moves data or customers, and was not denied it."""
        return execution in self.tally.may_have_moved

    def moved(self, execution: str) -> bool:
        """AWS has done what moves data or customers, for this run."""
        return execution in self.tally.moved

    @property
    def engine(self) -> accounts.OwnEngine:
        """The twin's own: it knows what AWS would not say, and is asked in no time."""
        assert self.account.engine is not None, "this simulation runs on moto's interpreter"
        return self.account.engine


def _backing(backed: Backed) -> Behind:
    if backed == "doubles":
        return Doubles()
    from twin.moto.backing import Moto  # a second, and memory that each fork of an exploration would copy

    return Moto()
