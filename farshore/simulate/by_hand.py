"""A rehearsal that a person leads, who pulls plugs, starts runs and decides on their plans at any time.

Nothing breaks by itself here, nobody else approves, and no run is started but by a person or by the alarm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, Self, get_args

from functions.errors import NotYet, Refused
from functions.run import MODES, SCHEDULED, Mode
from twin.application import serving

from ..checkers.events import Call
from ..checkers.final_state import Circumstances
from ..compile.starts import ALARMS_START
from ..operate.proposal import Proposal
from ..operate.run_tree import RunTree
from ..operate.runs import short
from ..operate.trouble import Trouble
from ..runbook.model import Runbook
from .final import RunFacts
from .plugs import HOWS, Plug, plugs_of
from .rehearsal import DEBTS_PAID, LINGER, WARM_UP, Rehearsal, Stuck
from .report import DARK, Hands, Moment, Pull, Scene
from .scenes import FARED_KEPT, at_risk, run_scene_of, run_to_come, since_then

Do = Literal["pull", "mend", "start", "approve", "decline", "end"]
DOES: tuple[Do, ...] = get_args(Do)
Decision = Literal["approve", "decline"]
WORDS: Mapping[Decision, str] = {"approve": "yes", "decline": "no"}
MARKED = ("outage", "return", "approve", "decline", "end", "failed")
"""Kinds of moments that a drawing marks on the customers' line."""
WHO = "whoever leads the rehearsal"
TRY_AGAIN, TRIES = 5.0, 12
"""Seconds after which a decision that the ledger did not take is said again, and how often."""
LED = "a person has led it, and what happened was the person's will"


@dataclass(frozen=True)
class Act:
    """Something that the person does."""

    do: Do
    what: str = ""
    """A plug's name, a procedure, or a plan's hash."""
    how: str = ""
    """How a place is away, or in which mode a procedure is started."""


class Leader(Protocol):
    """The person, as far as the rehearsal knows of one."""

    def beat(self, at: float) -> float:
        """Seconds of the rehearsal, at this one of it, until it looks again what the person does."""

    def acts(self, at: float) -> Iterable[Act]:
        """What the person does before it may go on from there, an end last. Whoever iterates waits for it."""


class ByHand(Rehearsal):
    """It goes on until the person ends it; then what was pulled is given back, and figures are taken."""

    def __init__(
        self,
        runbook: Runbook,
        mode: Mode,
        seed: int,
        say: Callable[[Moment], None],
        show: Callable[[Scene], None],
        leader: Leader,
        **simulated: Any,
    ) -> None:
        super().__init__(runbook, mode, None, seed, say, show, **simulated)
        self.report.by_hand = True
        self._leader = leader
        self._over = False
        self._left_under_way = False
        """A run had not ended when the person ended the game day."""
        self._pulled: dict[str, int] = {}
        """By the name of each plug that is pulled, its place in the report's list."""
        self._by_alarm: set[str] = set()
        self._turned_away: set[str] = set()
        """Executions that did not get the lease."""
        self._starting: set[str] = set()
        """Procedures that are about to be started."""
        self._deciding: dict[str, Decision] = {}
        """By the hash of each plan that is being decided on."""
        self._proposals: dict[str, Proposal] = {}
        """By their hashes."""

    def __enter__(self) -> Self:
        super().__enter__()
        self._plugs = {plug.name: plug for plug in plugs_of(self.simulation)}
        machines = self.simulation.deployment.machines
        self._procedures = [name for name, it in machines.items() if it.purpose not in SCHEDULED]
        self.simulation.on_call.append(self._has_decided)
        return self

    def _play(self) -> None:
        clock, simulation = self.clock, self.simulation
        self._doing = "waiting for you to begin"
        self._beat()
        simulation.customers.come()
        simulation.checkers.begin()
        self._say("shop", f"customers shop in {' and '.join(sorted(serving(simulation.application)))}")
        self._doing = "letting customers and evidence settle"
        clock.sleep(WARM_UP)
        self._well = simulation.application.settings()
        self._doing = "yours: pull a plug, or start a run"
        while not self._over:
            clock.sleep(1)
            self._look()
        self._give_back()

    def _give_back(self) -> None:
        """All that the person has taken; what runs took, they owe."""
        self._doing = "giving back what was pulled"
        self.returning = self.clock.now
        for name in list(self._pulled):
            self._mend(self._plugs[name])
        self.broken_at = self.broken_at or self.clock.now
        moved = [each for each, run in self._ended.items() if run.procedure == ALARMS_START]
        well = [each for each in moved if self._ended[each].status == "SUCCEEDED"]
        self._main = next(iter(well), self._main)
        if running := [short(each) for each in self._started if each not in self._ended]:
            self._left_under_way = True
            raise Stuck(f"it was ended while {' and '.join(running)} was under way")
        if self._outage:
            self._finish(self._start("recovery"))
        self.clock.sleep(LINGER)
        self._look()
        self._wait_for("the owed fences", lambda: not self.simulation.owed(), DEBTS_PAID)

    # What the person does.

    def _beat(self) -> None:
        """Shows how everything stands and does what the person does, until the rehearsal may go on."""
        self._draw()
        if not self._over:
            for act in self._leader.acts(self.clock.elapsed):
                self._does(act)
                self._draw()
        self.clock.after(self._leader.beat(self.clock.elapsed), self._beat)

    def _does(self, act: Act) -> None:
        """What takes time is done beside everything else, as by anybody at a console."""
        match act.do:
            case "end":
                self._over = True
                self._say("over", "the game day is ended by hand")
            case "pull" | "mend" if act.what in self._plugs:
                self._turns(act)
            case "start" if act.what in self._starting:
                self._say("start", f"{act.what} is being started already")
            case "start" if act.what in self._procedures:
                self._starting.add(act.what)
                mode: Mode = "ungraceful" if act.how == "ungraceful" else "graceful"
                self.clock.spawn(lambda: self._starts(act.what, mode))
            case "approve" | "decline" as decision if act.what in self._deciding:
                said = WORDS[self._deciding[act.what]]
                self._say(decision, f"plan {act.what}: your {said} is on its way")
            case "approve" | "decline" as decision:
                self._deciding[act.what] = decision
                self.clock.spawn(lambda: self._decides(act.what, decision))

    def _turns(self, act: Act) -> None:
        plug, pulled = self._plugs[act.what], act.what in self._pulled
        if act.do == "pull":
            self._pull(plug, act.how if act.how in HOWS else DARK)
        elif pulled:
            self._mend(plug)

    def _pull(self, plug: Plug, how: str) -> None:
        """Pulled again another way, it is given back first."""
        if plug.name in self._pulled:
            self._mend(plug)
        self.broken_at = self.broken_at or self.clock.now
        plug.pull(how)
        self._pulled[plug.name] = len(self.report.pulls)
        self.report.pulls.append(Pull(plug.said, plug.state, round(self.clock.elapsed, 3)))
        self._say("outage", f"{plug.said} is {plug.state}")

    def _mend(self, plug: Plug) -> None:
        plug.mend()
        number = self._pulled.pop(plug.name)
        pull = self.report.pulls[number]
        self.report.pulls[number] = replace(pull, until=round(self.clock.elapsed, 3))
        self._say("return", f"{plug.said} is given back")

    def _starts(self, procedure: str, mode: Mode) -> None:
        purpose = self.simulation.purpose(procedure)
        if purpose == "break":
            self.broken_at = self.broken_at or self.clock.now
        try:
            execution = self._start(procedure, mode)
        except Stuck as stuck:
            self._say("start", str(stuck))
            return
        finally:
            self._starting.discard(procedure)
        if procedure == ALARMS_START:
            self._main = self._main or execution

    def _started_by_alarm(self, execution: str, alarm: str) -> None:
        super()._started_by_alarm(execution, alarm)
        self._started.append(execution)
        self._by_alarm.add(execution)
        self._main = self._main or execution

    def _decides(self, plan: str, decision: Decision) -> None:
        try:
            self._say(decision, self._decided(plan, decision))
        finally:
            del self._deciding[plan]

    def _decided(self, plan: str, decision: Decision) -> str:
        """On that plan and on no other, and what came of it; said again where the ledger does not answer."""
        for _ in range(TRIES):
            with suppress(NotYet, Refused):
                records = self.simulation.operator.records()
                proposal = self.simulation.operator.proposal(records)
                if proposal is None or proposal.hash != plan:
                    return f"plan {plan} is not pending any more: look at the new one"
                self._proposals[plan] = proposal
                try:
                    self.simulation.decide(records, proposal, decision, WHO, "by hand")
                except Trouble as trouble:
                    return str(trouble)
                return f"plan {plan}: {decision}d after {self.clock.now - proposal.at:.0f} s"
            self.clock.sleep(TRY_AGAIN)
        return f"plan {plan}: the ledger does not take it; say it again"

    def _has_decided(self, call: Call) -> None:
        """The ledger has taken an approval: that, and not that it was sent, is what a run may go by."""
        item, body = ("", None) if call.written is None else (call.written.item, call.written.body)
        proposal = self._proposals.get(item.removeprefix("decision#"))
        if proposal is not None and body is not None and body["decision"] == "approve":
            steps = {step.state: step for step in proposal.plan}
            self.simulation.checkers.on_approval(proposal.execution, steps)

    # What follows from it.

    def _look(self) -> None:
        """Which runs have ended."""
        for execution in self._started:
            if execution not in self._ended and not self.simulation.running(execution):
                run = self._has_ended(execution)
                if run.turned_away:  # what it says has been said, and it has done nothing
                    self.report.runs.remove(run)
                    self._turned_away.add(execution)
                purpose = self.simulation.purpose(run.procedure)
                if run.status == "SUCCEEDED" and purpose in ("break", "mend"):
                    self._outage = purpose == "break"
        self._say_steps()

    def _scene(self) -> Scene:
        scene, moments = super()._scene(), self.report.moments
        prompt = {customer.name for customer in self.simulation.customers.each if not customer.stale}
        now = self.clock.now
        outages = self.simulation.customers.notebook.outages(now, prompt)
        lasting = [each.at - self.clock.start for each in outages[-1:] if each.until >= now]
        recent = list(since_then(moments, scene.at - FARED_KEPT))
        plugs = [
            replace(plug.scene(), since=self.report.pulls[self._pulled[name]].at)
            if name in self._pulled
            else plug.scene()
            for name, plug in self._plugs.items()
        ]
        plan, doing = scene.plan, scene.doing
        if plan is not None and not self._over:
            doing = f"plan {plan.hash} waits for you"
            plan = replace(plan, deciding=self._deciding.get(plan.hash, ""))
        hands = Hands(plugs, list(HOWS.items()), self._procedures, MODES)
        return replace(
            scene,
            doing=doing,
            plan=plan,
            hands=hands,
            outage=next(iter(lasting), None),
            at_risk=at_risk(self.simulation),
            marks=[each for each in recent if each.kind in MARKED],
        )

    def _run_scene(self) -> RunTree | None:
        """The first that is under way, or else the one that ended last; not one that did not get the lease,
        where there is another."""
        mine = [each for each in self._started if each not in self._turned_away] or self._started
        under_way = [each for each in mine if self.simulation.running(each)]
        ended = [each for each in self._ended if each in mine]
        shown = next(iter(under_way), next(reversed(ended), next(iter(mine), "")))
        if not shown:
            return run_to_come(self.simulation, ALARMS_START)
        return run_scene_of(self.simulation, self._witness, shown)

    def _facts(self, main: str) -> RunFacts:
        facts = super()._facts(main)
        may_lose = any(report.mode == "ungraceful" for report in facts.reports.values())
        led = Circumstances(
            may_lose=may_lose,
            excuses=(LED,),
            last_may_fail=True,
            since=self.broken_at,
            left_under_way=self._left_under_way,
        )
        return replace(facts, circumstances=led, triggered=frozenset(self._by_alarm))
