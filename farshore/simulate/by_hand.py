"""A rehearsal that a person leads, who pulls plugs, starts runs and decides on their plans at any time.

Nothing breaks by itself here, nobody else approves, and no run is started but by a person or by the alarm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, Self, get_args

from functions.errors import NotYet, Refused
from functions.run import MODES, SCHEDULED, Mode
from twin.application import serving

from ..checkers.final_state import Circumstances
from ..compile.starts import ALARMS_START
from ..operate.run_tree import RunTree
from ..operate.runs import short
from ..operate.trouble import Trouble
from ..runbook.model import Runbook
from .final import RunFacts
from .plugs import DARK, HOWS, plugs_of
from .rehearsal import DEBTS_PAID, LINGER, WARM_UP, Rehearsal, Stuck
from .report import Hands, Moment, Scene
from .scenes import run_scene_of, run_to_come

Do = Literal["pull", "mend", "start", "approve", "decline", "end"]
DOES: tuple[Do, ...] = get_args(Do)
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
        self._pulled: set[str] = set()
        """Names of plugs."""
        self._by_alarm: set[str] = set()

    def __enter__(self) -> Self:
        super().__enter__()
        self._plugs = {plug.name: plug for plug in plugs_of(self.simulation)}
        machines = self.simulation.deployment.machines
        self._procedures = [name for name, it in machines.items() if it.purpose not in SCHEDULED]
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
        for plug in self._plugs.values():
            if plug.name in self._pulled:
                plug.mend()
        self.returning = self.returning or self.clock.now
        self.broken_at = self.broken_at or self.clock.now
        moved = [each for each, run in self._ended.items() if run.procedure == ALARMS_START]
        well = [each for each in moved if self._ended[each].status == "SUCCEEDED"]
        self._main = next(iter(well), self._main)
        if running := [short(each) for each in self._started if each not in self._ended]:
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
                self._say("end", "the game day is ended by hand")
            case "pull" | "mend" if act.what in self._plugs:
                self._turns(act)
            case "start" if act.what in self._procedures:
                mode: Mode = "ungraceful" if act.how == "ungraceful" else "graceful"
                self.clock.spawn(lambda: self._starts(act.what, mode))
            case "approve" | "decline":
                decision: Literal["approve", "decline"] = "approve" if act.do == "approve" else "decline"
                self.clock.spawn(lambda: self._decides(act.what, decision))

    def _turns(self, act: Act) -> None:
        plug = self._plugs[act.what]
        said = plug.what if plug.region in plug.what else f"{plug.what} in {plug.region}"
        if act.do == "mend":
            plug.mend()
            self._pulled.discard(plug.name)
            self._say("return", f"{said} is given back")
            return
        how = act.how if act.how in HOWS else DARK
        self.broken_at = self.broken_at or self.clock.now
        plug.pull(how)
        self._pulled.add(plug.name)
        self._say("outage", f"{plug.verb} {said}{'' if how == DARK else f' ({how})'}")

    def _starts(self, procedure: str, mode: Mode) -> None:
        purpose = self.simulation.purpose(procedure)
        if purpose == "break":
            self.broken_at = self.broken_at or self.clock.now
        elif purpose == "move" and procedure != ALARMS_START:
            self.returning = self.returning or self.clock.now
        try:
            execution = self._start(procedure, mode)
        except Stuck as stuck:
            self._say("start", str(stuck))
            return
        if procedure == ALARMS_START:
            self._main = self._main or execution

    def _started_by_alarm(self, execution: str, alarm: str) -> None:
        super()._started_by_alarm(execution, alarm)
        self._started.append(execution)
        self._by_alarm.add(execution)
        self._main = self._main or execution

    def _decides(self, plan: str, decision: Literal["approve", "decline"]) -> None:
        """On that plan and on no other; again where the ledger does not answer."""
        for _ in range(TRIES):
            with suppress(NotYet, Refused):
                records = self.simulation.operator.records()
                proposal = self.simulation.operator.proposal(records)
                if proposal is None or proposal.hash != plan:
                    self._say(decision, f"plan {plan} is not pending any more: look at the new one")
                    return
                if decision == "approve":
                    steps = {step.state: step for step in proposal.plan}
                    self.simulation.checkers.on_approval(proposal.execution, steps)
                try:
                    self.simulation.decide(records, proposal, decision, WHO, "by hand")
                except Trouble as trouble:
                    self._say(decision, str(trouble))
                    return
                waited = self.clock.now - proposal.at
                self._say(decision, f"plan {plan}: {decision}d after {waited:.0f} s")
                return
            self.clock.sleep(TRY_AGAIN)
        self._say(decision, f"plan {plan}: the ledger does not take it; say it again")

    # What follows from it.

    def _look(self) -> None:
        """Which runs have ended."""
        for execution in self._started:
            if execution not in self._ended and not self.simulation.running(execution):
                run = self._has_ended(execution)
                purpose = self.simulation.purpose(run.procedure)
                if run.status == "SUCCEEDED" and purpose in ("break", "mend"):
                    self._outage = purpose == "break"
        self._say_steps()

    def _scene(self) -> Scene:
        scene, plugs = super()._scene(), [plug.scene() for plug in self._plugs.values()]
        doing = f"plan {scene.plan.hash} waits for you" if scene.plan and not self._over else scene.doing
        return replace(scene, doing=doing, hands=Hands(plugs, self._procedures, MODES))

    def _run_scene(self) -> RunTree | None:
        """The first that is under way, or else the one that ended last: a second is refused in between."""
        under_way = [each for each in self._started if self.simulation.running(each)]
        shown = next(iter(under_way), next(reversed(self._ended), next(iter(self._started), "")))
        if not shown:
            return run_to_come(self.simulation, ALARMS_START)
        return run_scene_of(self.simulation, self._witness, shown)

    def _facts(self, main: str) -> RunFacts:
        facts = super()._facts(main)
        may_lose = any(report.mode == "ungraceful" for report in facts.reports.values())
        led = Circumstances(may_lose=may_lose, excuses=(LED,), last_may_fail=True, since=self.broken_at)
        return replace(facts, circumstances=led, triggered=frozenset(self._by_alarm))
