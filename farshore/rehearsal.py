"""A whole game day in the twin: outage, failover, recovery, failback, and what customers felt of it.

What runs is what `sam deploy` ships: the runbook's compiled machines and the real step code, under the
policies that the template gives them. The twin answers as AWS, keeps score and knows nothing of Farshore.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import boto3

from functions.steps.step import MODES, AwsRegion
from functions.world import NotYet
from twin.applications.unicorn_shop import API, SCHEMA, UnicornShop, Wiring, users_in
from twin.aws import Cloud
from twin.clock import Clock
from twin.engine import on_the_clock
from twin.faults import Request
from twin.invariants import Breach, Watch
from twin.net import Net
from twin.postgres import Pair
from twin.services.cloudwatch import Metrics
from twin.services.dynamodb import StrongTable
from twin.services.events import Bus
from twin.services.health import Health
from twin.services.lambda_ import FunctionError, Functions
from twin.services.synthetics import Canary

from .deployment import EXECUTION, Deployment
from .history import RunReport, report_of
from .operate import Operator
from .policy import function_name
from .registry import steps
from .runbook import Runbook

Mode = Literal["graceful", "ungraceful"]

WARM_UP = 300.0
APPROVE_AFTER = 45.0
"""How long the rehearsal's person reads a plan before approving it."""
HOLD_BEFORE_DARK = 6.0
"""For how long replication stalls before a Region goes dark, so that there is something to lose."""
RETURN_AFTER_FLIP = 10.0
"""A dark Region comes back so long after customers have been routed away: addresses are stale then."""
SETTLE_EVERY = 60.0
EXPOSURE_BOUND = SETTLE_EVERY + 60.0
"""One period of the settling schedule, and its run."""
LINGER = 120.0
PATIENCE = 3 * 3600.0
SCENE_SECONDS = 5.0
RECENT_SECONDS = 30.0


@dataclass(frozen=True)
class Moment:
    """Something worth telling, at `at` seconds since the beginning."""

    at: float
    kind: str
    text: str


@dataclass(frozen=True)
class Scene:
    """How everything stands at an instant, for whoever watches."""

    at: float
    doing: str
    """What the story waits for."""
    regions: Mapping[AwsRegion, Mapping[str, bool]]
    """Each Region: `dark`, `pages` open, `api` serving, `data` the writer, `route` On."""
    bought: int
    failed: int
    """Purchases of the last half minute."""


@dataclass
class Report:
    """What a rehearsal found; `as_json` is the command line's JSON."""

    application: str
    seed: int
    mode: str
    dark: str | None
    virtual_seconds: float = 0.0
    wall_seconds: float = 0.0
    runs: list[RunReport] = field(default_factory=list)
    clients: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    debts: list[dict[str, Any]] = field(default_factory=list)
    breaches: list[Breach] = field(default_factory=list)
    simulated: list[str] = field(default_factory=list)

    @property
    def invariants(self) -> dict[str, int]:
        return {f"S{n}": sum(1 for b in self.breaches if b.invariant == f"S{n}") for n in range(1, 9)}

    @property
    def ok(self) -> bool:
        return not self.breaches and all(run.status == "SUCCEEDED" for run in self.runs)

    def as_json(self) -> dict[str, Any]:
        return {
            "application": self.application,
            "seed": self.seed,
            "mode": self.mode,
            "dark": self.dark,
            "virtual_seconds": round(self.virtual_seconds, 3),
            "wall_seconds": round(self.wall_seconds, 3),
            "runs": [run.as_json() for run in self.runs],
            "clients": self.clients,
            "data": self.data,
            "debts": self.debts,
            "invariants": self.invariants,
            "breaches": [vars(breach) for breach in self.breaches],
            "exposure_bound_seconds": EXPOSURE_BOUND,
            "simulated": self.simulated,
        }


READING = ("Get", "Describe", "List", "Invoke")
LEDGER_AND_PAGES = ("dynamodb", "sns")


class Stuck(Exception):
    """The story did not go on: something that had to happen did not, within hours."""


class Rehearsal:
    """One game day. Use `stage()`, which takes the twin down again, then `play`."""

    def __init__(
        self,
        book: Runbook,
        mode: Mode,
        dark: str | None,
        seed: int,
        tell: Callable[[Moment], None],
        wiring: Wiring = "arc",
        show: Callable[[Scene], None] | None = None,
    ) -> None:
        assert mode in MODES
        self.book, self.mode, self.dark, self.seed, self._tell = book, mode, dark, seed, tell
        self._wiring: Wiring = wiring
        self._show, self._doing = show, ""
        self.clock = Clock()
        self.report = Report(book.application, seed, mode, dark)
        self.executions: dict[str, tuple[str, str]] = {}
        """Every execution that was started, with its procedure and mode."""
        self._calls: Counter[str] = Counter()
        self._told = 0
        self._owed: dict[str, float] = {}
        self.struck = self.recovered = self.returning = 0.0
        """Instants: of the outage, of the primary's recovery, and of the beginning of failback."""

    @contextmanager
    def stage(self) -> Iterator[Rehearsal]:
        """Builds the twin, and takes it down at the end."""
        with ExitStack() as stack:
            self.cloud = stack.enter_context(Cloud(self.clock, self.seed))
            stack.enter_context(on_the_clock(self.clock))
            store = Pair((self.book.regions.primary, self.book.regions.standby), SCHEMA)
            stack.callback(store.close)
            self._build(store, stack)
            yield self

    def _build(self, store: Pair, stack: ExitStack) -> None:
        cloud, book = self.cloud, self.book
        self.net = Net(cloud)
        self.functions = Functions(cloud)
        stack.callback(self.functions.close)
        bus = Bus(cloud)
        metrics = Metrics(cloud, bus)
        Health(cloud, bus)
        self.ledger = StrongTable(cloud, book.ledger.table, book.ledger.regions)
        self.shop = UnicornShop(
            cloud, self.net, self.functions, store, metrics.put, self.seed, wiring=self._wiring
        )
        for region in (book.regions.primary, book.regions.standby):
            boto3.client("sns", region_name=region).create_topic(Name="farshore-pages")
        self.deployment = Deployment(cloud, self.net, self.functions, book)
        self.operator = Operator(book, self.deployment.outside, book.regions.standby)
        self._observe(metrics, bus)
        self.watch = Watch(cloud, self.shop, EXPOSURE_BOUND)
        cloud.weather.script.append(self._count)
        cloud.watchers += [self._one_hand, self._keep_debts]

    def _observe(self, metrics: Metrics, bus: Bus) -> None:
        """Canaries outside the primary, the alarm that starts the run, and the schedule that pays debts."""
        standby, observer = self.book.regions.standby, self.book.regions.observer or self.book.regions.standby
        for trigger in self.book.triggers:
            for region in sorted({standby, observer}):
                Canary(self.cloud, self.net, metrics, region, trigger.alarm, f"https://{API}/unicorns")
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
            bus.rule(standby, trigger.alarm, pattern, lambda event: self._started_by_alarm(event), given)
        if "settle" in self.deployment.machines:
            bus.schedule(standby, "settle", SETTLE_EVERY, lambda event: self._settle())

    def play(self) -> Report:
        """The story, from customers shopping to customers shopping again in the primary Region.

        Where it gets stuck, the report says so as a breach of S5, and the accounts are settled all the same.
        """
        try:
            self._play()
        except Stuck as stuck:
            self._breach("S7" if self.dark and "failover" in str(stuck) else "S5", str(stuck))
        self._settle_accounts()
        return self.report

    def _play(self) -> None:
        clock, book = self.clock, self.book
        self.shop.open()
        self.watch.begin()
        if self._show is not None:
            clock.every(SCENE_SECONDS, self._draw)
        self._say("shop", f"customers shop in {book.regions.primary}")
        clock.sleep(WARM_UP)
        self._strike()
        failover = self._wait_for("the alarm's run", lambda: self._alarmed)
        clock.spawn(lambda: self._approve(failover))
        if self.dark:
            clock.spawn(self._return_unasked)
        self._finish(failover)
        if self.dark:
            self._await_return()
        else:
            clock.sleep(LINGER)
            self._finish(self._start("recovery"))
            self.recovered = clock.now
            self._say("recovery", f"the pages come from {book.regions.primary} again, and nothing else moves")
            clock.sleep(LINGER)
        self._rebuilt()
        self.returning = clock.now
        failback = self._start("failback")
        clock.spawn(lambda: self._approve(failback))
        self._finish(failback)
        clock.sleep(LINGER)

    # The story's turns.

    def _strike(self) -> None:
        if self.dark:
            self.shop.database.hold()
            self.clock.sleep(HOLD_BEFORE_DARK)
            self.struck = self.clock.now
            self.cloud.weather.dark.add(self.dark)
            self._say("outage", f"{self.dark} goes dark, {HOLD_BEFORE_DARK:g} s after replication stalled")
        else:
            self.struck = self.clock.now
            self._say("outage", f"a regional event strikes {self.book.regions.primary}")
            self._finish(self._start("outage"))

    _alarmed: str = ""

    def _started_by_alarm(self, event: Mapping[str, Any]) -> None:
        arn = self._begin("failover", event)
        if not self._alarmed:
            self._alarmed = arn
            self._say(
                "alarm", f"alarm {event['trigger']} starts {self.book.application}-failover, {self.mode}"
            )

    def _start(self, procedure: str) -> str:
        machine = self.deployment.machines[procedure]
        self._say("start", f"{machine.name} is started in {machine.region}, graceful")
        return self._begin(procedure, {"mode": "graceful"})

    def _begin(self, procedure: str, given: Mapping[str, Any]) -> str:
        client = self.deployment.client(procedure)
        started = client.start_execution(
            stateMachineArn=self.deployment.arns[procedure],
            name=f"{procedure}-{len(self.executions) + 1}",
            input=json.dumps(given),
        )
        arn: str = started["executionArn"]
        self.executions[arn] = (procedure, str(given["mode"]))
        return arn

    def _settle(self) -> None:
        self._begin("settle", {"mode": "ungraceful"})

    def _approve(self, execution: str) -> None:
        """The rehearsal's person: reads the plan that the run proposes, thinks, and approves it."""
        decided = ""
        while self._status(execution) == "RUNNING":
            try:
                proposal = self.operator.page().proposal
            except NotYet:
                proposal = {}
            plan = proposal.get("hash", "")
            if plan and plan != decided and proposal.get("execution") == execution:
                self._say("plan", _sentence(proposal))
                self.clock.sleep(APPROVE_AFTER)
                self.operator.decide(plan, "approve", "rehearsal", "a game day")
                self._say("approve", f"plan {plan} is approved after {APPROVE_AFTER:g} s")
                decided = plan
            self.clock.sleep(5)

    def _return_unasked(self) -> None:
        """The dark Region comes back at the worst moment: customers have moved, addresses are stale."""
        assert self.dark is not None
        while self.dark in self.shop.routes():
            self.clock.sleep(1)
        self.clock.sleep(RETURN_AFTER_FLIP)
        self.cloud.weather.dark.discard(self.dark)
        self.shop.database.release()
        self.recovered = self.clock.now
        self._say("return", f"{self.dark} comes back by itself, and still takes itself for the writer")

    def _await_return(self) -> None:
        self._wait_for("the owed fences", lambda: self.recovered and not self._debts())
        self._say("settled", f"the fences of {self.dark} are confirmed: no debt is left")

    def _rebuilt(self) -> None:
        """After an ungraceful failover, failback waits until Aurora has rebuilt what was left behind."""
        if self.shop.database.left_behind:
            self._wait_for("the rebuilt cluster", lambda: not self.shop.database.left_behind)
            region = self.book.regions.primary
            self._say("rebuilt", f"Aurora has rebuilt the cluster in {region}, and it follows")
            self.clock.sleep(LINGER)

    def _finish(self, execution: str) -> None:
        self._wait_for("the end of a run", lambda: self._status(execution) != "RUNNING")
        procedure, mode = self.executions[execution]
        self._tell_steps()
        run = report_of(self.deployment, procedure, mode, execution, self._calls[execution])
        self.report.runs.append(run)
        self._say(
            "end",
            f"{self.book.application}-{procedure}: {run.status} in {run.seconds:.0f} s {run.why}".strip(),
        )
        if run.status != "SUCCEEDED":
            raise Stuck(f"{execution}: {run.status}: {run.why}")
        self._again(execution, run)

    def _wait_for(self, what: str, met: Callable[[], Any]) -> Any:
        self._doing = f"waiting for {what}"
        deadline = self.clock.now + PATIENCE
        while not (found := met()):
            if self.clock.now > deadline:
                raise Stuck(f"{what} never came")
            self.clock.sleep(5)
            self._tell_steps()
        return found

    # What is seen on the way.

    def _say(self, kind: str, text: str) -> None:
        self._tell(Moment(self.clock.elapsed, kind, text))

    def _draw(self) -> None:
        shop, book = self.shop, self.shop.book
        writers, serving, routes = shop.writers(), shop.open_regions(), shop.routes()
        regions = {
            region: {
                "dark": self.cloud.weather.is_dark(region),
                "pages": shop.pages_open(region),
                "api": region in serving,
                "data": region in writers,
                "route": region in routes,
            }
            for region in (self.book.regions.primary, self.book.regions.standby)
        }
        recent = [p.done for p in book.purchases[-60:] if p.at > self.clock.now - RECENT_SECONDS]
        assert self._show is not None
        self._show(Scene(self.clock.elapsed, self._doing, regions, recent.count(True), recent.count(False)))

    def _tell_steps(self) -> None:
        """Says of each step that ended since the last look how it ended, as its function logged it."""
        for at, _, function, line in self.functions.logs[self._told :]:
            if function.startswith("farshore-") and '"level"' in line:
                said = json.loads(line)
                if said["message"] != "NotYet" and said["procedure"] != "settle" and "dry_run" not in said:
                    facts = (f"{k} {v}" for k, v in said["facts"].items() if k.endswith("seconds"))
                    more = ", ".join(facts)
                    text = f"{said['state']}: {said['message']}" + (f" ({more})" if more else "")
                    self._tell(Moment(at - self.clock.start, "step", text))
        self._told = len(self.functions.logs)

    def _count(self, request: Request) -> None:
        self._calls[EXECUTION.get()] += 1

    def _keep_debts(self, request: Request, answer: object) -> None:
        """When each fence began to be owed, and when it was paid."""
        row: Any = request.parameters.get("Item") or request.parameters.get("Key") or {}
        kind, _, resource = row.get("item", {}).get("S", "").partition("#")
        if kind != "debt":
            return
        if request.operation == "PutItem":
            self._owed.setdefault(resource, self.clock.elapsed)
        elif resource in self._owed:
            since = self._owed.pop(resource)
            told = {"resource": resource, "owed_at": round(since, 3), "paid_at": round(self.clock.elapsed, 3)}
            self.report.debts.append(told)

    def _one_hand(self, request: Request, answer: object) -> None:
        """S8: what changes anything was sent by whoever holds the lease."""
        execution = EXECUTION.get()
        if (
            execution
            and request.service not in LEDGER_AND_PAGES
            and not request.operation.startswith(READING)
        ):
            lease = self.ledger.peek({"application": self.book.application, "item": "lease"})
            held = json.loads(lease["body"]) if lease else {}
            if held.get("holder") != execution or held.get("released"):
                self._breach("S8", f"{execution} sent {request}, but {held.get('holder')} holds the lease")

    def _status(self, execution: str) -> str:
        client = self.deployment.client(self.executions[execution][0])
        status: str = client.describe_execution(executionArn=execution)["status"]
        return status

    def _debts(self) -> Mapping[str, Any]:
        try:
            return self.operator.page().debts
        except NotYet:
            return {"?": "the ledger does not answer"}

    def _again(self, execution: str, run: RunReport) -> None:
        """S6: every step of the run, asked once more, has nothing left to change."""
        region = self.deployment.machines[run.procedure].region
        kinds = {function_name(name): kind for name, kind in steps().items()}
        for step in run.steps:
            kind = kinds[step.function.split(":")[6]]
            if kind.needs_lease and kind.writes and step.outcome != "unknown":
                event = {**step.event, "input": {**step.event["input"], "dry_run": True}}
                told = self._ask_again(region, function_name(kind.name), event)
                if told["outcome"] == "would change":
                    self._breach("S6", f"{run.procedure}: {step.name} would change again: {told['why']}")

    def _ask_again(self, region: str, function: str, event: Mapping[str, Any]) -> Mapping[str, Any]:
        """A dry tick; one that ends without a verdict (a fault befell it) is ticked again, as by Retry."""
        while True:
            try:
                answer: Mapping[str, Any] = self.functions.invoke(region, function, event)
                return answer
            except FunctionError as error:
                if error.body["errorType"] == "Refused":
                    return {"outcome": "would change", "why": error.body["errorMessage"]}
                self.clock.sleep(1)

    def _breach(self, invariant: str, story: str) -> None:
        self.report.breaches.append(Breach(invariant, round(self.clock.elapsed, 3), story))

    # The accounts.

    def _settle_accounts(self) -> None:
        report, shop, book = self.report, self.shop, self.shop.book
        report.breaches += self.watch.breaches
        writer = shop.database.writer
        users = users_in(shop.database.store.connect(writer))
        unarrived = {write.name for write in shop.table.missing(writer)}
        lost = [p for p in book.promises if p.kind == "user" and p.key not in users]
        lost += [p for p in book.promises if p.kind == "basket" and p.name in unarrived]
        named = {p.name for p in lost}
        late = sorted({write.name for write in shop.table.late} - named)
        overwritten = sorted({write.name for write in shop.table.overwritten} - named)
        before = sorted(p.at for p in lost if p.at <= self.struck)
        rpo = self.struck - before[0] if before else 0.0
        report.data = {
            "acknowledged": len(book.promises),
            "lost": sorted(named),
            "overwritten": overwritten,
            "late": late,
            "rpo_seconds": round(rpo, 3),
            "exposure_seconds": round(self.watch.exposure, 3),
        }
        prompt = {customer.name for customer in shop.customers if not customer.stale}
        report.clients = {
            "requests": len(book.purchases),
            "failed": book.failed,
            "rto_seconds": round(book.felt_outage(self.struck, self.returning or self.clock.now, prompt), 3),
            "longest_outage_seconds": round(book.longest_outage(self.clock.start, self.clock.now), 3),
        }
        report.debts += [
            {"resource": r, "owed_at": round(at, 3), "paid_at": None} for r, at in self._owed.items()
        ]
        report.virtual_seconds = self.clock.elapsed
        report.simulated = sorted(self.cloud.latency.used)
        if self.mode == "graceful" and lost:
            self._breach("S4", f"a graceful run lost {', '.join(sorted(named)[:5])}")
        if rpo > self.book.objectives.rpo:
            self._breach(
                "S4", f"{rpo:.1f} s of writes are lost, above the objective of {self.book.objectives.rpo:g} s"
            )


def _sentence(proposal: Mapping[str, Any]) -> str:
    entries = [entry for entry in proposal["plan"] if entry["outcome"] != "done"]
    first = next((entry["state"] for entry in entries if entry["no_return"]), "none")
    return f"plan {proposal['hash']} has {len(entries)} changes; the point of no return is {first}"
