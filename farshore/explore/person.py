"""The person who acts in an exploration: approves or declines a plan, stops, redrives and directs runs.

Nobody answers a person at once who asks a Region that is dark: what a person does is done again and again,
and not for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from functions.calls import Api, Silence
from functions.errors import NotYet
from functions.handler import run_from
from functions.outside import NO_ANSWER
from functions.planned import Planned
from functions.run import Mode
from twin.clock import Clock
from twin.cloud import WHO

from ..checkers.events import TICK, Call, Tick
from ..compile.definition import takes_lease
from ..operate.operator import REDRIVE
from ..operate.proposal import loss_of, proposal_of
from ..operate.runs import region_of
from ..operate.trouble import Trouble
from ..simulate.simulation import Simulation

READS_PLAN = 2.0
"""Seconds that the person, once paged, needs to read a plan. It is approved, unless a step would refuse."""
LOOKS_UP = 300.0
"""Seconds after which somebody looks whether a plan waits, though nobody was paged."""
JUST_BEFORE = 2.0
"""Seconds before it would be too late, when a person who hesitates decides."""
TRY_AGAIN, TRIES = 10.0, 30
"""Seconds after which a person repeats what nobody answered, and how often before giving up."""
LONGEST_REPAIR = 3600.0
"""Seconds that a person waits for what is mended before a run is started anew."""
REDRIVABLE = ("FAILED", "ABORTED", "TIMED_OUT")
STOP = Api("states:StopExecution", client="stepfunctions")
NAME = "exploration"
"""What the person signs with."""

Plan = Mapping[str, Planned]
"""What each step would do, by its state."""


class Person:
    """Of one simulation. `mode` is that of the runs that the person starts."""

    def __init__(self, simulation: Simulation, mode: Mode) -> None:
        self.mode = mode
        self.declines = False
        """The next plan is declined."""
        self.hesitates = False
        """The next plan is decided on just before its approval would be too late."""
        self.hasty = False
        """As soon as the run has ended, the other direction is started."""
        self.away = 0.0
        """Seconds for which nobody looks at the next plan: its run has ended by then, and is started anew."""
        self.busy = 0
        """How many things the person is still doing."""
        self.repaired: list[str] = []
        """Runs that were redriven, or started anew, after they had failed."""
        self.on_approval: list[Callable[[str, Plan], None]] = []
        """Called with the execution and the plan, for each plan that is approved."""
        self.decidesd: set[str] = set()
        """Plans, by their hash: they are not read twice."""
        self._will_decide = False
        """On whatever plan is proposed then: until then no other is read."""
        self._simulation, self._clock = simulation, simulation.clock

    def state(self) -> object:
        """All that what the person does next depends on; no time, which a fingerprint leaves out."""
        words = self.declines, self.hesitates, self.hasty, self.away > 0
        return self.busy, words, self._will_decide

    # Plans.

    def reads(self, call: Call) -> None:
        """A plan is proposed in the ledger, or the person is paged: reads it, and decides."""
        written = call.written
        if call.tick is not None and call.tick.pages(call.request) and not self._will_decide:
            aside(self._clock, self.decides, READS_PLAN)
        if written is None or written.item != "proposal" or written.body is None or self._will_decide:
            return
        if self.away:
            self._will_decide = True
            self.does(partial(self._comes_back, written.body["execution"]))
        elif self.hesitates and call.tick is not None:
            self._will_decide = True
            aside(self._clock, self.decides, _too_late(call.tick) - JUST_BEFORE - self.now)
        else:
            aside(self._clock, partial(self._looks_up, written.body["execution"]), LOOKS_UP)

    def _comes_back(self, execution: str) -> None:
        """Finds the plan still proposed and approves it, sees that the run has ended, and starts another."""
        self.waits(self.away)
        self.away = 0.0
        self.decides()
        self.starts(self.runs_what(execution))

    def _looks_up(self, execution: str) -> None:
        if not self._will_decide:
            self.decides(execution)

    def decides(self, execution: str = "") -> None:
        """On the plan that is proposed now, unless it was decided on, or a step would refuse; that of this
        execution only, where one is given."""
        self._will_decide = self.hesitates = False
        try:
            records = self._simulation.operator.records()
            proposal = proposal_of(records)
            if proposal is None or proposal.hash in self.decidesd:
                return
            if execution not in ("", proposal.execution):
                return
            if any(step.outcome == "would refuse" for step in proposal.plan):
                return
            if self.declines:
                self.declines = False
                self._simulation.decide(records, proposal, "decline", NAME, "not tonight")
                self.decidesd.add(proposal.hash)
                return
            for act in self.on_approval:
                act(proposal.execution, {step.state: step for step in proposal.plan})
            self._simulation.decide(records, proposal, "approve", NAME, "no step would refuse")
            self.decidesd.add(proposal.hash)
        except NotYet:
            aside(self._clock, partial(self.decides, execution), READS_PLAN)
        except Trouble:
            return  # a plan proposed twice is approved by whoever is quicker

    # Runs.

    def does(self, act: Callable[[], None]) -> None:
        """Starts something that the person does, until somebody answers."""
        self.busy += 1

        def do() -> None:
            try:
                self.insists(act)
            finally:
                self.busy -= 1

        aside(self._clock, do)

    def insists(self, act: Callable[[], None]) -> None:
        """Again and again, and not for ever."""
        for _ in range(TRIES):
            if _answered(act):
                break
            self._clock.sleep(TRY_AGAIN)

    def starts(self, procedure: str, mode: Mode | None = None) -> str:
        """The execution's ARN."""
        return self._simulation.begin(procedure, {"mode": mode or self.mode})

    def waits_for_the_end(self, execution: str) -> None:
        while self._simulation.running(execution):
            self._clock.sleep(TRY_AGAIN)

    def stops(self, execution: str) -> bool:
        """True where it was running."""
        if self._simulation.engine.status(execution) != "RUNNING":
            return False
        self._calls(STOP, executionArn=execution, error="Stopped", cause="by a person, in an exploration")
        return True

    def redrives(self, execution: str) -> None:
        """As `farshore redrive` does it, where the run can be redriven at all. Raises NotYet and Trouble."""
        if self._simulation.engine.status(execution) not in REDRIVABLE:
            return
        operator = self._simulation.operator
        run, records = operator.runs.look(execution), operator.records()
        if not takes_lease(run.definition):
            self._calls(REDRIVE, executionArn=execution)  # as `farshore redrive` says
            return
        operator.must_be_redrivable(run, records)
        operator.go_on(run, records)

    def runs_what(self, execution: str) -> str:
        """The procedure of an execution, which may be so new that its start was not answered yet."""
        machine = execution.replace(":execution:", ":stateMachine:").rpartition(":")[0]
        arns = self._simulation.deployment.arns
        return next(procedure for procedure, arn in arns.items() if arn == machine)

    def redrives_from_the_console(self, execution: str) -> None:
        """Without a look at anything, once no other run is under way."""
        (other, *_) = reversed(self._simulation.executions)
        while self._simulation.running(other):
            self._clock.sleep(TRY_AGAIN)
        self._calls(REDRIVE, executionArn=execution)

    def directs(self, execution: str, why: str, **words: Any) -> None:
        """Words to one run, through the ledger."""
        began = self._simulation.engine.executions[execution].started
        self._simulation.operator.direct(execution, began, NAME, why, **words)

    def lets_lose(self, execution: str) -> None:
        """Approves that the run goes on as ungraceful, where its plan was approved as graceful."""
        operator = self._simulation.operator
        records = operator.records()
        loss = loss_of(records)
        if loss is not None and loss.execution == execution:
            operator.decide(records, loss, "approve", NAME, "the Region is gone")

    def repairs(self, execution: str) -> None:
        """As the documentation says: redrives it, or starts anew where that is refused."""
        self.repaired.append(execution)
        operator = self._simulation.operator
        run = operator.runs.look(execution)
        if self._simulation.purpose(run.report.procedure) == "move" and self._held_by_a_game_day():
            mended = self.starts("recovery")
            self._clock.wait_for(lambda: self._simulation.engine.status(mended) != "RUNNING", LONGEST_REPAIR)
        if operator.why_anew(run, operator.records()):
            self.starts(run.report.procedure)
        else:
            self.insists(lambda: self.redrives(execution))

    def _held_by_a_game_day(self) -> bool:
        return any(memory.owner == "outage" for memory in self._simulation.operator.records().memories)

    def waits(self, seconds: float) -> None:
        self._clock.sleep(seconds)

    @property
    def now(self) -> float:
        """Seconds since 1970."""
        return self._clock.now

    def _calls(self, api: Api, **parameters: str) -> None:
        """In the Region of the execution. Raises NotYet where nobody answers."""
        call = api(region_of(parameters["executionArn"]), **parameters)
        reply = self._simulation.deployment.outside.reply(call)
        if isinstance(reply, Silence):
            raise NotYet(reply.why)


def _too_late(tick: Tick) -> float:
    """When the tick's state gives up waiting, in seconds since 1970."""
    _, since = run_from(tick.event)
    return since + float(tick.event["inputs"]["within"])


def aside(clock: Clock, act: Callable[[], object], delay: float = 0.0) -> None:
    """Starts something that no tick does, though one may be running."""
    tick, who = TICK.set(None), WHO.set(("", ""))
    try:
        clock.spawn(act, delay)
    finally:
        TICK.reset(tick)
        WHO.reset(who)


def _answered(act: Callable[[], None]) -> bool:
    """Whether somebody answered the person; a refusal is an answer, too."""
    try:
        act()
    except (NotYet, Trouble, *NO_ANSWER):
        return False
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"] < 500
    return True
