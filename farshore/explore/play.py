"""One simulated run, from the curtain to the verdict: a person, a customer of the barest kind, the faults.

It stands on the twin's doubles and its own engine, and its data is a journal. What runs on it is the
runbook's own machines and the real step code, as everywhere.
"""

from __future__ import annotations

import functools
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from functions.errors import NotYet
from twin.cloud import WHO
from twin.customers import Pulse
from twin.faults import EarlierAnswers, Kind, Request
from twin.invariants import Breach
from twin.services.dynamodb.strong_table import WRITES

from ..operate.history import RunReport
from ..operate.trouble import Trouble
from ..runbook.load import Runbook
from ..simulate.deployment import TICK, Tick, label_of, report_of
from ..simulate.stage import Stage
from .score import Score
from .seed import ALARM, DECLINED, LAG, OUTAGE, Point, Seed
from .standing import standing
from .strike import REDRIVABLE, Strikes, insist
from .verdict import Ended, judge

if TYPE_CHECKING:
    from .forks import Forks

SEED = 1
"""Of the latencies: a run's faults tell it from others, not its dice."""
WARM_UP = 90.0
"""Seconds before the curtain: CloudWatch has a sample of the lag by then."""
READS_PLAN = 2.0
"""Seconds that exploration's person needs to read a plan. It is approved, unless a step would refuse."""
ALARMS_START = ("failover", "ungraceful")
LONGEST = 3 * 3600.0
"""Seconds after which a run that has not ended never will."""
REPAIRS = 2
"""How often a person repairs."""
AFTERMATH = 100.0
"""Seconds after the end in which whatever is still under way arrives, and the schedule has run once."""
DEBTS_PAID = 1800.0
"""Seconds in which a fence that is owed to a Region that answers again must be confirmed."""


@dataclass(frozen=True)
class Heard:
    """A call that was made at a point, for whoever counts them."""

    point: Point
    what: str
    """The call in words, as rds:DescribeGlobalClusters in us-west-1."""
    place: str
    """Its service and Region, as rds/us-west-1."""
    changes: bool
    """It changes something of the application."""
    notes: bool
    """It changes something in the ledger."""
    verdict: str
    """How its tick ended."""
    answered_before: bool
    """The same question has had another answer, so this one could be stale."""


class Judged:
    """What has breaches, or none."""

    breaches: tuple[Breach, ...]

    @property
    def safe(self) -> bool:
        return not any(breach.invariant.startswith("S") for breach in self.breaches)

    @property
    def live(self) -> bool:
        return not any(breach.invariant.startswith("L") for breach in self.breaches)


@dataclass
class Outcome(Judged):
    """What came of a seed."""

    seed: Seed
    status: str
    """Of the run that the seed is about."""
    breaches: tuple[Breach, ...]
    simulated_seconds: float
    heard: list[Heard] = field(default_factory=list)
    standings: Mapping[str, str] = field(default_factory=dict)
    """Where it stood at the beginning of each of its states, by label."""
    back: str = ""
    """The state at whose beginning it was back on course; "" where it was followed to its end."""


def broken(seed: Seed, why: str) -> Outcome:
    """Of a run that could not be played to its end."""
    return Outcome(seed, "BROKEN", (Breach("S5", 0.0, f"the simulation itself broke: {why}"),), 0.0)


class Play(Stage):
    """Plays a seed. `listen` wants every call at its point in the outcome; `forks` may go on from any."""

    def __init__(
        self, runbook: Runbook, script: Seed, listen: bool = False, forks: Forks | None = None
    ) -> None:
        super().__init__(runbook, script.mode, SEED, data="journal", backed="doubles")
        self.script = script
        self.main = ""
        """The execution that the seed is about."""
        self.triggered: list[str] = []
        """Executions that the alarm started."""
        self.repairs: list[str] = []
        """Runs that a person has let go on, or started anew, after they had failed."""
        self._listen, self._forks = listen, forks
        self._heard: dict[int, tuple[Point, Request, Tick | None]] = {}
        """By the request's identity."""
        self._standings: dict[str, str] = {}
        self._echoing: set[int] = set()
        """Of those, the ones that could be answered stale."""
        self._begun: Counter[str] = Counter()
        self.declines = False
        """The person's next answer is no."""

    def play(self) -> Outcome:
        """What breaks the twin itself is a breach, too: nothing may go unsaid."""
        try:
            with self.stage():
                return self._play()
        except Exception as error:
            return broken(self.script, f"{type(error).__name__}: {error}")

    def _play(self) -> Outcome:
        self.cloud.watchers.append(self._read_plan)
        self.score = Score(self)
        self.pulse = self.shop.pulse = Pulse(self.clock, self.shop)
        self.clock.sleep(WARM_UP)
        self._well = self.shop.settings()
        self._before()
        self._curtain()
        self._run()
        self._after()
        ended = self._ended()
        breaches = (*self.watch.breaches, *self.breaches, *judge(self.script, ended, self.runbook))
        heard = list(self._all_heard())
        return Outcome(self.script, ended.status, breaches, self.clock.elapsed, heard, self._standings)

    def _all_heard(self) -> Iterator[Heard]:
        for key, (point, request, tick) in self._heard.items():
            yield Heard(
                point,
                str(request),
                f"{request.service}/{request.region}",
                tick is not None and request.service != "http" and tick.change(request) is not None,
                tick is not None and request.service == "dynamodb" and request.operation in WRITES,
                tick.verdict if tick else "",
                key in self._echoing,
            )

    # The acts.

    def _before(self) -> None:
        """What must have happened before the run that the seed is about."""
        earlier = {"failback": ["failover"], "recovery": ["outage"]}.get(self.script.procedure, [])
        if self.script.has(OUTAGE):
            earlier = ["outage", *(each for it in earlier for each in (it, "recovery"))]
        for procedure in earlier:
            execution = self.begin(procedure, {"mode": "graceful"})
            self.clock.wait_for(lambda arn=execution: self.status(arn) != "RUNNING", LONGEST)  # type: ignore[misc]
            assert self.status(execution) == "SUCCEEDED", f"{execution}: {self.status(execution)}"
            self.clock.sleep(5)

    def _curtain(self) -> None:
        self.watch.begin()
        if self._listen or self._forks or self.script.has("stale"):
            self.cloud.faults.earlier = _Listening(self._echoing)
        self.strikes = Strikes(self, self.script)
        self._fork(None)
        self.declines = self.script.has(DECLINED)
        for fault in self.script.faults:
            if fault.kind == LAG:
                self.clock.sleep(float(fault.place))
        self.cloud.faults.injectors.append(self._befalls)

    def _run(self) -> None:
        name = f"{self.script.procedure}-{self._begun[self.script.procedure] + 1}"
        if self.script.has(ALARM):
            trigger = self.runbook.triggers[0]
            self.started_by_alarm({"mode": self.script.mode, "trigger": trigger.alarm})
            self.main = self.alarmed
        elif self._alarmed_at():
            self.clock.wait_for(lambda: self.alarmed != "", LONGEST)
            self.main = self.alarmed
        else:
            self.begin(self.script.procedure, {"mode": self.script.mode})
            # Not what `begin` answers: a second trigger at its very call may have been quicker.
            self.main = next(arn for arn in self.executions if arn.endswith(f":{name}"))
        self.clock.wait_for(self._quiet, LONGEST)

    def _alarmed_at(self) -> bool:
        """Nobody need start the run: the alarm does, because the Region that it leaves is dark for long."""
        primary, script = self.runbook.regions.primary, self.script
        dark = any(
            fault.kind == "dark"
            and fault.place == primary
            and fault.at is None
            and not isinstance(fault.until, float)
            for fault in script.faults
        )
        return bool(dark and self.runbook.triggers and (script.procedure, script.mode) == ALARMS_START)

    def _after(self) -> None:
        """Whatever is under way arrives; what failed is repaired, once nothing is in its way any more."""
        self.clock.sleep(AFTERMATH)
        self.strikes.cease()
        self.clock.wait_for(self._quiet, LONGEST)
        self.clock.wait_for(lambda: not self.debts_open(), DEBTS_PAID)
        self.first, self._served_at_first = self._reported(self.main), self._served()
        while (failed := self._to_repair()) and len(self.repairs) < REPAIRS:
            self.clock.wait_for(lambda: not self.shop.database.left_behind, LONGEST)
            self.clock.sleep(AFTERMATH)
            self.clock.wait_for(self._quiet, LONGEST)
            if self._to_repair() == failed:  # and no alarm has started another meanwhile
                self._repair(failed)
                self.clock.wait_for(self._quiet, LONGEST)
        self.clock.wait_for(lambda: not self.debts_open(), DEBTS_PAID)
        self.clock.sleep(5)
        self.clock.wait_for(self._quiet, LONGEST)

    def _quiet(self) -> bool:
        """Asked after every event: the newest first, which is likeliest to run."""
        if self.strikes.busy:
            return False
        for arn, (procedure, _) in reversed(self.executions.items()):
            if procedure != "settle" and self.running(arn):
                return False
        return True

    def running(self, arn: str) -> bool:
        """As the engine knows, whoever else could be told."""
        return self.engine.executions[arn].status == "RUNNING"

    def _to_repair(self) -> str:
        """The run that ended last of those that held the lease, if it did not end well; "" otherwise."""
        held = [arn for arn in self.executions if self._is_part(arn) and self._took_the_lease(arn)]
        last = max(held, key=self._took_the_lease, default=self.main)
        return last if self.engine.status(last) in REDRIVABLE else ""

    def _took_the_lease(self, arn: str) -> float:
        """When it did so last, in seconds since 1970; 0 where it never did, or only to settle."""
        return 0.0 if self.executions[arn][0] == "settle" else self._lease_taken(arn)

    def _lease_taken(self, arn: str) -> float:
        ticks = self.deployment.ticks.get(f"{arn.rpartition(':')[2]}/lease", ())
        return max((tick.ended for tick in ticks if tick.verdict.startswith("done")), default=0.0)

    def _let_go_at(self, arn: str) -> float:
        """When it ended, or had lost the lease to another, in seconds since 1970."""
        taken = self._took_the_lease(arn)
        later = [at for at in map(self._took_the_lease, self.executions) if at > taken > 0]
        return min([self.engine.executions[arn].stopped, *later])

    def _repair(self, execution: str) -> None:
        """As the documentation tells a person: redrive it, or start anew where it has undone its fences."""
        self.repairs.append(execution)
        report = self._reported(execution)
        if report.undone:
            self.begin(report.procedure, {"mode": self.script.mode})
        else:
            insist(self.clock, lambda: self.redrive(execution))

    def redrive(self, execution: str) -> None:
        """As `farshore redrive` does it. Raises NotYet and Trouble."""
        seen, records = self.operator.runs.look(execution), self.operator.records()
        self.operator.must_be_redrivable(seen, self.operator.holder(records))
        self.operator.go_on(seen, records)

    def procedure_of(self, execution: str) -> str:
        machine = execution.replace(":execution:", ":stateMachine:").rpartition(":")[0]
        return next(procedure for procedure, arn in self.deployment.arns.items() if arn == machine)

    def _reported(self, execution: str) -> RunReport:
        procedure, mode = self.executions[execution]
        return report_of(self.deployment, procedure, mode, execution, self.calls[execution])

    def _ended(self) -> Ended:
        """How everything stands at the end."""
        ran = [
            arn
            for arn, (procedure, _) in self.executions.items()
            if procedure != "settle" and self._is_part(arn)
        ]
        reports = {arn: self._reported(arn) for arn in sorted(ran, key=self._let_go_at)}
        records, shop = self.operator.records(), self.shop
        told_to = self.score.failed_over_at or self.clock.now
        ended = Ended(
            status=self.first.status,
            why=self.first.why,
            reports=reports,
            main=self.main,
            triggered=frozenset(self.triggered) - {self.main},
            moved=self.main in self.score.moved,
            repaired=bool(self.repairs),
            served_at_first=self._served_at_first,
            served=self._served(),
            open=frozenset(shop.open_regions()),
            pages=self.score.pages,
            lost=tuple(self.pulse.lost()),
            failed_over_at=self.score.failed_over_at,
            last_write=max((at for at, _ in self.pulse.promises if at <= told_to), default=0.0),
            debts=tuple(records.debts),
            settling=next(self._settling(), ""),
            held_by="" if records.lease is None or records.lease.released else records.lease.holder,
            withheld=tuple(memory.resource for memory in records.memories if memory.owner == "run"),
            struck=self.strikes.struck,
            befallen=tuple(self.strikes.befallen),
            unlike={region: now != self._well[region] for region, now in shop.settings().items()},
        )
        if ended.last.status == "SUCCEEDED":
            self.ask_again(ended.last)
        return ended

    def _settling(self) -> Iterator[str]:
        """What is wrong with a settling run: it failed in peace, or ended well and left a debt unpaid."""
        for arn, (procedure, _) in self.executions.items():
            run = self.engine.executions[arn]
            if procedure != "settle" or run.status == "RUNNING":
                continue
            if run.status != "SUCCEEDED" and not self.script.faults:
                yield self._reported(arn).why
            began, ended = run.started - self.clock.start, run.stopped - self.clock.start
            for debt in self.debts if run.status == "SUCCEEDED" and self._lease_taken(arn) else ():
                if debt["owed_at"] < began and (debt["paid_at"] or ended + 1) > ended:
                    yield f"well at {ended:.0f} s, and {debt['resource']} was still owed"

    def started_by_alarm(self, event: Mapping[str, Any]) -> None:
        super().started_by_alarm(event)
        self.triggered.append(list(self.executions)[-1])

    def _served(self) -> frozenset[str]:
        """Regions in which a customer who looks the name up can buy."""
        shop = self.shop
        return frozenset(shop.writers() & shop.open_regions() & shop.routes() & shop.led_to())

    def _is_part(self, arn: str) -> bool:
        return list(self.executions).index(arn) >= list(self.executions).index(self.main)

    def debts_open(self) -> bool:
        return any(debt["paid_at"] is None for debt in self.debts)

    def _name(self, procedure: str) -> str:
        """Counted by procedure, so that a point means the same run whatever happens before it."""
        self._begun[procedure] += 1
        return f"{procedure}-{self._begun[procedure]}"

    # The person.

    def _read_plan(self, request: Request, answer: object) -> None:
        """A plan is proposed in the ledger: a person reads it, and approves it."""
        item: Any = request.parameters.get("Item", {})
        if request.operation == "PutItem" and item.get("item", {}).get("S") == "proposal":
            self.aside(self._approve, READS_PLAN)

    def _approve(self) -> None:
        try:
            proposal = self.operator.records().proposal
            plan = {entry["state"]: entry for entry in proposal["plan"]}
            if any(entry["outcome"] == "would refuse" for entry in proposal["plan"]):
                return
            if self.declines:
                self.declines = False
                self.operator.decide(proposal["hash"], "decline", "exploration", "not tonight")
                return
            self.score.plans.setdefault(proposal["execution"], []).append(plan)
            self.operator.decide(proposal["hash"], "approve", "exploration", "no step would refuse")
        except NotYet:
            self.aside(self._approve, READS_PLAN)
        except Trouble:
            return  # a plan proposed twice is approved by whoever is quicker

    # What is heard at the seam.

    def point(self, request: Request) -> Point | None:
        """Where in the runs this call is; None where no run makes it."""
        tick = TICK.get()
        if tick is not None:
            tick.calls += 1
            return Point(tick.label, tick.number, tick.calls)
        if request.service == "lambda" and request.operation == "Invoke" and not request.caller:
            label = label_of(self.event(request))
            return Point(label, len(self.deployment.ticks.get(label, ())) + 1, 0)
        return None

    def event(self, request: Request) -> Mapping[str, Any]:
        """With which Step Functions invokes a function."""
        return _event(cast(bytes, request.parameters["Payload"]))

    def aside(self, act: Callable[[], object], delay: float = 0.0) -> None:
        """Starts something that no tick does, though one may be running."""
        tick, who = TICK.set(None), WHO.set(("", ""))
        try:
            self.clock.spawn(act, delay)
        finally:
            TICK.reset(tick)
            WHO.reset(who)

    def _befalls(self, request: Request) -> Kind | None:
        point = self.point(request)
        if point is None:
            return None
        if self._listen:
            self._heard[id(request)] = point, request, TICK.get()
        if point[1:] == (1, 0):
            self._stand(point, request)
        self._fork(point)
        kind = self.strikes.at(point, request)
        self.score.sends(request, kind)
        return kind

    def _stand(self, point: Point, request: Request) -> None:
        """One of the run's states begins: a process that was struck before may be back on its course."""
        execution, _, state = point.label.partition("/")
        if execution != f"{self.script.procedure}-1" or state.startswith("plan."):
            return
        if self._listen:
            self._standings[point.label] = standing(self, request)
        elif self._forks and self._forks.struck:
            course = self._forks.course
            if course.standings.get(point.label) == standing(self, request):
                self._forks.end(Outcome(self.script, course.status, (), self.clock.elapsed, back=point.label))

    def _fork(self, point: Point | None) -> None:
        """From here on, this may be another process, with something more to befall it."""
        further = self._forks.at(point) if self._forks else None
        if further is not None:
            more = further.faults[len(self.script.faults) :]
            self.script, self._listen = further, False
            self.cloud.validates = False  # whatever is asked, the course has asked
            if not further.has("stale"):
                self.cloud.faults.earlier = None  # nobody will ask what was answered before
            self.strikes.add(further, more)


@functools.lru_cache(maxsize=16)
def _event(payload: bytes) -> Mapping[str, Any]:
    """Whoever strikes a call reads it once more."""
    event: Mapping[str, Any] = json.loads(payload)
    return event


class _Listening(EarlierAnswers):
    """Notes which reads could be answered stale."""

    def __init__(self, echoing: set[int]) -> None:
        super().__init__()
        self._echoing = echoing

    def note(self, request: Request, answer: Mapping[str, Any]) -> Mapping[str, Any] | None:
        before = super().note(request, answer)
        if before is not None:
            self._echoing.add(id(request))
        return before
