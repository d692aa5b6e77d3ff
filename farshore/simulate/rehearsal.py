"""A whole game day in the twin: outage, failover, recovery, failback, and what customers felt of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Self

from botocore.exceptions import BotoCoreError, ClientError

from functions.errors import NotYet, Refused
from functions.ledger import Records
from functions.run import SCHEDULED, Mode
from twin.application import intended, led_to, serving

from ..checkers.final_state import Circumstances
from ..compile.modes import modes_of
from ..compile.starts import ALARMS_START
from ..operate.history import RunReport
from ..operate.operator import SILENT
from ..operate.proposal import Proposal, proposal_of
from ..operate.render import described
from ..operate.run_tree import RunTree
from ..operate.trouble import Trouble
from ..runbook.model import Runbook
from ..runbook.registry import steps, written
from .figures import Instants, take_figures
from .final import AtFirst, RunFacts, at_its_end, final_state
from .report import Moment, Report, Scene
from .scenes import RECENT_SECONDS, Fares, plan_scene_of, run_scene_of, scene_of, since_then, writes_of
from .simulation import Simulation
from .standing import stand_of
from .witness import Witness

WARM_UP = 300.0
APPROVE_AFTER = 45.0
"""How long the rehearsal's person reads a plan before approving it."""
HOLD_BEFORE_DARK = 6.0
"""For how long replication stalls before a Region goes dark, so that there is something to lose."""
RETURN_AFTER_FLIP = 10.0
"""A dark Region comes back so long after customers have been routed away: addresses are stale then."""
LINGER = 120.0
DEBTS_PAID = 1800.0
"""Seconds that owed fences are waited for when the game day has been called off."""
PATIENCE = 3 * 3600.0
NOTICED = 60.0
"""Seconds after which a person starts the failover that no alarm starts."""
SOONER = 10.0
"""The same of a person who is to be sooner than the alarm of a probe."""
UNDER_WAY = ("RUNNING", SILENT)
"""The statuses of a run that has not ended, as far as anybody knows."""
SCENE_SECONDS = 1.0
SAID_SHOWN = 60
"""Moments of a scene."""


class Stuck(Exception):
    """The game day does not go on: a run failed, or what is said did not happen within hours."""


class Rehearsal:
    """One game day, as a context manager: it has a simulation from its making to its end."""

    def __init__(
        self,
        runbook: Runbook,
        mode: Mode,
        dark: str | None,
        seed: int,
        say: Callable[[Moment], None],
        show: Callable[[Scene], None] | None = None,
        **simulated: Any,
    ) -> None:
        """`say` gets each moment, `show` each scene; the rest is the simulation's."""
        self.simulation = Simulation(runbook, seed, **simulated)
        self.runbook, self.mode, self.dark = runbook, mode, dark
        self.clock = self.simulation.clock
        self.report = Report(runbook.application, seed, mode, dark)
        self.approve_after = APPROVE_AFTER
        """How long the person reads a plan before approving it, in seconds."""
        self.broken_at = self.recovered = self.returning = 0.0
        """Instants: of the outage, of the primary's recovery, and of the beginning of failback."""
        self._on_moment, self._show = say, show
        self._doing, self._stuck, self._logs_read = "", "", 0
        self._alarmed = ""
        """The execution that the alarm started first."""
        self._main = ""
        """The execution that all is about: the failover, or the last that was started before it."""
        self._outage = False
        """The outage has been made, and not been mended."""
        self._well: Mapping[str, object] = {}
        self._started: list[str] = []
        """The game day's own runs, in order."""
        self._ended: dict[str, RunReport] = {}
        """Those that have ended, or were under way when it stopped."""
        self.simulation.on_alarm.append(self._started_by_alarm)

    def __enter__(self) -> Self:
        self.simulation.__enter__()
        self._witness, self._fares = Witness(self.simulation), Fares(self.simulation)
        return self

    def __exit__(self, *what: object) -> None:
        self.simulation.__exit__(*what)

    def play(self) -> Report:
        """The game day, from customers who are served to customers who are served in the primary again.

        Where it stops before that, the report says why, how everything stands and what to do, and takes the
        figures all the same, once the game day has been called off.
        """
        if not self._done(self._play):
            self._done(self._stop)
        self._done(self._take_figures)
        self._done(self._check)
        return self.report

    def _done(self, act: Callable[[], None]) -> bool:
        """False where it did not come to its end; nothing may go unsaid because something else breaks."""
        try:
            act()
        except Stuck as stuck:
            self._stuck = str(stuck)
        except Exception as error:
            self.report.broken.append(f"{type(error).__name__}: {error}")
        else:
            return True
        return False

    def _stop(self) -> None:
        """It goes no further: what stands now is told, and what was broken is given back."""
        self.returning = self.returning or self.clock.now
        for execution in self._started:
            if execution not in self._ended:  # it is under way
                self._ended[execution] = self.simulation.report(execution)
                self.report.runs.append(self._ended[execution])
        self._main = self._main or next(reversed(self._started), "")
        why = self._stuck or next(iter(self.report.broken), "")
        self.report.stand = stand_of(self.simulation, list(self._ended.items()), why)
        with suppress(Stuck):
            self._call_off()

    def _call_off(self) -> None:
        """The game day is over: the Region comes back, or gets back what the outage took."""
        if self.dark:
            self._come_back()
        elif self._outage:
            self._finish(self._start("recovery"))
        self.clock.sleep(LINGER)
        self._wait_for("the owed fences", lambda: not self.simulation.owed(), DEBTS_PAID)

    def _play(self) -> None:
        clock, simulation, runbook = self.clock, self.simulation, self.runbook
        simulation.customers.come()
        simulation.checkers.begin()
        if self._show is not None:
            clock.every(SCENE_SECONDS, self._draw)
        self._say("shop", f"customers shop in {' and '.join(sorted(serving(simulation.application)))}")
        clock.sleep(WARM_UP)
        self._well = simulation.application.settings()
        self._break()
        failover = self._failover()
        clock.spawn(lambda: self._approve(failover))
        if self.dark:
            clock.spawn(self._return_unasked)
        self._finish(failover)
        if self.dark:
            self._await_return()
        else:
            clock.sleep(LINGER)
            self._finish(self._start("recovery"))
            self.recovered, self._outage = clock.now, False
            primary = runbook.regions.primary
            self._say("recovery", f"{primary} has back what the outage took, and nothing else moves")
            clock.sleep(LINGER)
        self._rebuilt()
        self.returning = clock.now
        failback = self._start("failback")
        clock.spawn(lambda: self._approve(failback))
        self._finish(failback)
        clock.sleep(LINGER)

    # What happens on a game day.

    def _break(self) -> None:
        if self.dark:
            for dataset in self.simulation.application.datasets:
                dataset.stall()
            self.clock.sleep(HOLD_BEFORE_DARK)
            self.broken_at = self.clock.now
            self.simulation.cloud.faults.dark.add(self.dark)
            self._say("outage", f"{self.dark} goes dark, {HOLD_BEFORE_DARK:g} s after replication stalled")
        else:
            self.broken_at = self.clock.now
            self._say("outage", f"a regional event begins in {self.runbook.regions.primary}")
            self._outage = True
            self._finish(self._start("outage"))

    def _failover(self) -> str:
        """The execution. The alarm starts it where the template has it start runs in this mode; else a person
        does, and sooner."""
        rules = self.simulation.alarm_rules
        if {rule.mode for rule in rules} == {self.mode}:
            self._main = self._wait_for("the alarm's run", lambda: self._alarmed)
            if self.runbook.probes and not self.simulation.running(self._main):
                # A probe has seen the outage while that was being made, and the run found the lease taken.
                self._main = self._start(ALARMS_START, self.mode)
            else:
                self._started.append(self._main)
        else:
            self.clock.sleep(SOONER if self.runbook.probes else NOTICED)
            for rule in rules:
                if rule.mode != self.mode:
                    self._say("alarm", f"alarm {rule.alarm} would start it {rule.mode}: a person is sooner")
            self._main = self._start(ALARMS_START, self.mode)
        return self._main

    def _started_by_alarm(self, execution: str, alarm: str) -> None:
        procedure, mode = self.simulation.executions[execution]
        machine = self.simulation.deployment.machines[procedure].name
        second = ": a second run" if self._main or self._alarmed else ""
        self._alarmed = self._alarmed or execution
        self._say("alarm", f"alarm {alarm} starts {machine}, {mode}{second}")

    def _start(self, procedure: str, mode: Mode | None = None) -> str:
        """In a mode that no step refuses, where none is given."""
        mode = mode or modes_of(self.runbook, procedure)[0]
        machine = self.simulation.deployment.machines[procedure]
        self._say("start", f"{machine.name} is started in {machine.region}, {mode}")
        try:
            execution = self.simulation.begin(procedure, {"mode": mode})
        except (BotoCoreError, ClientError) as why:
            raise Stuck(f"{machine.name} could not be started: {why}") from None
        self._started.append(execution)
        return execution

    def _approve(self, execution: str) -> None:
        """The rehearsal's person: reads the plan that the run proposes, thinks, and approves it. Where the
        ledger does not answer, or refuses, the person tries again."""
        decided = ""
        while self.simulation.status(execution) in UNDER_WAY:
            with suppress(NotYet, Refused, Trouble):
                records = self.simulation.operator.records()
                proposal = proposal_of(records)
                if proposal and proposal.hash != decided and proposal.execution == execution:
                    self._decide(records, proposal)
                    decided = proposal.hash
            self.clock.sleep(5)

    def _decide(self, records: Records, proposal: Proposal) -> None:
        self._say("plan", _sentence(proposal))
        self.clock.sleep(self.approve_after)
        if self.simulation.status(proposal.execution) not in UNDER_WAY:
            return
        plan = {step.state: step for step in proposal.plan}
        self.simulation.checkers.on_approval(proposal.execution, plan)
        self.simulation.decide(records, proposal, "approve", "rehearsal", "a game day")
        self._say("approve", f"plan {proposal.hash} is approved after {self.approve_after:g} s")

    def _return_unasked(self) -> None:
        """The dark Region comes back at the worst moment: customers have moved, addresses are stale."""
        application = self.simulation.application
        while self.dark in intended(application) & led_to(application):
            self.clock.sleep(1)
        self.clock.sleep(RETURN_AFTER_FLIP)
        self._come_back()

    def _come_back(self) -> None:
        if self.recovered or self.dark is None:
            return
        application = self.simulation.application
        self.simulation.cloud.faults.dark.discard(self.dark)
        for dataset in application.datasets:
            dataset.resume()
        self.recovered = self.clock.now
        taken = [d.name for d in application.datasets if not d.many_writers and self.dark in d.writers()]
        believes = f", and still takes itself for the writer of {' and '.join(taken)}" if taken else ""
        self._say("return", f"{self.dark} comes back by itself{believes}")

    def _await_return(self) -> None:
        self._wait_for("the owed fences", lambda: self.recovered and not self.simulation.owed())
        self._say("settled", f"the fences of {self.dark} are confirmed: no debt is left")

    def _rebuilt(self) -> None:
        """After an ungraceful failover, failback waits until the data that were left behind are rebuilt."""
        region = self.runbook.regions.primary
        behind = [each for each in self.simulation.application.datasets if not each.caught_up(region)]
        if behind:
            self._wait_for("the rebuilt data", lambda: all(each.caught_up(region) for each in behind))
            names = " and ".join(dataset.name for dataset in behind)
            self._say("rebuilt", f"{names} in {region} are rebuilt, and follow")
            self.clock.sleep(LINGER)

    def _finish(self, execution: str) -> None:
        self._wait_for("the end of a run", lambda: self.simulation.status(execution) not in UNDER_WAY)
        if self._has_ended(execution).status != "SUCCEEDED":
            raise Stuck

    def _has_ended(self, execution: str) -> RunReport:
        self._say_steps()
        run = self.simulation.report(execution)
        self.report.runs.append(run)
        self._ended[execution] = run
        name = f"{self.runbook.application}-{run.procedure}"
        kind = "end" if run.status == "SUCCEEDED" else "failed"
        self._say(kind, f"{name}: {run.status} in {run.seconds:.0f} s {run.why}".strip())
        if run.status == "SUCCEEDED":
            self.simulation.checkers.on_run_end(run)
        return run

    def _wait_for(self, what: str, met: Callable[[], Any], patience: float = PATIENCE) -> Any:
        self._doing = f"waiting for {what}"
        deadline = self.clock.now + patience
        while not (found := met()):
            if self.clock.now > deadline:
                raise Stuck(f"{what} never came")
            self.clock.sleep(5)
            self._say_steps()
        return found

    # What is said on the way.

    def _say(self, kind: str, text: str) -> None:
        """After the steps that have ended by now."""
        self._say_steps()
        self._tell(Moment(self.clock.elapsed, kind, text))

    def _tell(self, moment: Moment) -> None:
        self.report.moments.append(moment)
        self._on_moment(moment)

    def _draw(self) -> None:
        assert self._show is not None
        self._fares.count()
        self._show(self._scene())

    def _scene(self) -> Scene:
        """Everything as it stands: the one thing that a terminal and a page are drawn from."""
        application, visits = self.simulation.application, self.simulation.customers.notebook.visits
        recent = [visit.done for visit in since_then(visits, self.clock.now - RECENT_SECONDS)]
        regions = {region: scene_of(self.simulation, region) for region in application.regions}
        done = recent.count(True)
        return Scene(
            self.clock.elapsed,
            self._doing,
            regions,
            self._run_scene(),
            done,
            len(recent) - done,
            tuple(self._fares.kept),
            writes_of(self.simulation),
            self.report.moments[: -SAID_SHOWN - 1 : -1],
            plan_scene_of(self.simulation, self._witness),
        )

    def _run_scene(self) -> RunTree | None:
        newest = next(reversed(self._started), None)
        return None if newest is None else run_scene_of(self.simulation, self._witness, newest)

    def _say_steps(self) -> None:
        """Says of each step that ended since the last look how it ended, as its function logged it."""
        logs = self.simulation.functions.logs
        for at, _, function, line in logs[self._logs_read :]:
            if function.startswith("farshore-") and '"level"' in line:
                said = json.loads(line)
                of_a_run = "purpose" in said and said["purpose"] not in SCHEDULED
                if of_a_run and said["message"] != "NotYet" and "dry_run" not in said:
                    counted = _counted(said["facts"]) if said["step"] in written(steps()) else ""
                    text = f"{said['state']}: {said['message']}" + (f" ({counted})" if counted else "")
                    self._tell(Moment(at - self.clock.start, "step", text))
        self._logs_read = len(logs)

    # The figures.

    def _take_figures(self) -> None:
        main = self._main or next(reversed(self._ended), "")
        take_figures(
            self.report,
            self.simulation,
            self._witness,
            Instants(self.broken_at, self.returning or self.clock.now),
            (main, self._ended[main]) if main in self._ended else None,
        )

    def _check(self) -> None:
        """What must hold in the end: by the same checkers as an exploration's."""
        simulation, checkers = self.simulation, self.simulation.checkers
        main = self._main or next(reversed(self._started), "")
        if main:
            checkers.on_end(final_state(simulation, self._facts(main)))
        self.report.breaches = list(checkers.breaches)

    def _facts(self, main: str) -> RunFacts:
        reports, now = dict(self._ended), at_its_end(self.simulation, self._well)
        return RunFacts(
            Circumstances(may_lose=self.mode == "ungraceful", lasting=bool(self.dark), since=self.broken_at),
            main,
            AtFirst(reports[main], self.simulation.may_have_moved(main), now.served, now),
            reports,
            self._well,
            stuck=self._stuck,
        )


def _sentence(proposal: Proposal) -> str:
    due = [step for step in proposal.plan if step.outcome != "done"]
    first = next((step.state for step in due if step.no_return), "none")
    return f"plan {proposal.hash} has {len(due)} changes; the point of no return is {first}"


def _counted(facts: Mapping[str, Any]) -> str:
    """What a step counted and measured: that there was none of something, it need not say."""
    numbers = {name: fact for name, fact in facts.items() if isinstance(fact, int | float)}
    return described({name: fact for name, fact in numbers.items() if fact or name.endswith("_seconds")})
