"""A whole game day in the twin: outage, failover, recovery, failback, and what customers felt of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Self

from functions.errors import NotYet
from functions.run import Mode
from twin.application import fates, intended, led_to, serving

from ..checkers.final_state import Circumstances
from ..operate.history import RunReport
from ..operate.proposal import Proposal, proposal_of
from ..runbook.model import Runbook
from .final import AtFirst, RunFacts, final_state
from .report import Moment, Report, Scene
from .scenes import scene_of
from .simulation import Simulation

WARM_UP = 300.0
APPROVE_AFTER = 45.0
"""How long the rehearsal's person reads a plan before approving it."""
HOLD_BEFORE_DARK = 6.0
"""For how long replication stalls before a Region goes dark, so that there is something to lose."""
RETURN_AFTER_FLIP = 10.0
"""A dark Region comes back so long after customers have been routed away: addresses are stale then."""
LINGER = 120.0
PATIENCE = 3 * 3600.0
NOTICED = 60.0
"""Seconds after which a person starts the failover that no alarm starts."""
SCENE_SECONDS = 5.0
RECENT_SECONDS = 30.0


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
        self.simulation = Simulation(runbook, mode, seed, **simulated)
        self.runbook, self.mode, self.dark = runbook, mode, dark
        self.clock = self.simulation.clock
        self.report = Report(runbook.application, seed, mode, dark)
        self.broken_at = self.recovered = self.returning = 0.0
        """Instants: of the outage, of the primary's recovery, and of the beginning of failback."""
        self._on_moment, self._show = say, show
        self._doing, self._stuck, self._logs_read = "", "", 0
        self._alarmed = ""
        """The execution that the alarm started first."""
        self._well: Mapping[str, object] = {}
        self._ended: dict[str, RunReport] = {}
        """The runs that have ended, by execution."""
        self.simulation.on_alarm.append(self._started_by_alarm)

    def __enter__(self) -> Self:
        self.simulation.__enter__()
        return self

    def __exit__(self, *what: object) -> None:
        self.simulation.__exit__(*what)

    def play(self) -> Report:
        """The game day, from customers who are served to customers who are served in the primary again.

        Where it gets stuck, the report says so as a breach, and takes the figures all the same.
        """
        try:
            self._play()
        except Stuck as stuck:
            self._stuck = str(stuck)
        self._take_figures()
        self._check()
        return self.report

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
            self.recovered = clock.now
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
            self._finish(self._start("outage"))

    def _failover(self) -> str:
        """The execution. An alarm starts it where the runbook has a trigger, else a person."""
        if self.runbook.triggers:
            execution: str = self._wait_for("the alarm's run", lambda: self._alarmed)
            return execution
        self.clock.sleep(NOTICED)
        return self._start("failover", self.mode)

    def _started_by_alarm(self, execution: str, alarm: str) -> None:
        if not self._alarmed:
            self._alarmed = execution
            machine = self.simulation.deployment.machines[self._procedure(execution)].name
            self._say("alarm", f"alarm {alarm} starts {machine}, {self.mode}")

    def _start(self, procedure: str, mode: Mode = "graceful") -> str:
        machine = self.simulation.deployment.machines[procedure]
        self._say("start", f"{machine.name} is started in {machine.region}, {mode}")
        return self.simulation.begin(procedure, {"mode": mode})

    def _approve(self, execution: str) -> None:
        """The rehearsal's person: reads the plan that the run proposes, thinks, and approves it."""
        decided, operator = "", self.simulation.operator
        while self.simulation.status(execution) == "RUNNING":
            try:
                proposal = proposal_of(operator.records())
            except NotYet:
                proposal = None
            if proposal and proposal.hash != decided and proposal.execution == execution:
                self._say("plan", _sentence(proposal))
                self.clock.sleep(APPROVE_AFTER)
                plan = {step.state: step for step in proposal.plan}
                self.simulation.checkers.on_approval(execution, plan)
                operator.decide(proposal.hash, "approve", "rehearsal", "a game day")
                self._say("approve", f"plan {proposal.hash} is approved after {APPROVE_AFTER:g} s")
                decided = proposal.hash
            self.clock.sleep(5)

    def _return_unasked(self) -> None:
        """The dark Region comes back at the worst moment: customers have moved, addresses are stale."""
        assert self.dark is not None
        application = self.simulation.application
        while self.dark in intended(application) & led_to(application):
            self.clock.sleep(1)
        self.clock.sleep(RETURN_AFTER_FLIP)
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
        self._wait_for("the end of a run", lambda: self.simulation.status(execution) != "RUNNING")
        self._say_steps()
        run = self.simulation.report(execution)
        self.report.runs.append(run)
        self._ended[execution] = run
        name = f"{self.runbook.application}-{run.procedure}"
        self._say("end", f"{name}: {run.status} in {run.seconds:.0f} s {run.why}".strip())
        if run.status != "SUCCEEDED":
            raise Stuck
        self.simulation.checkers.on_run_end(run)

    def _wait_for(self, what: str, met: Callable[[], Any]) -> Any:
        self._doing = f"waiting for {what}"
        deadline = self.clock.now + PATIENCE
        while not (found := met()):
            if self.clock.now > deadline:
                raise Stuck(f"{what} never came")
            self.clock.sleep(5)
            self._say_steps()
        return found

    def _procedure(self, execution: str) -> str:
        return self.simulation.executions[execution][0]

    # What is said on the way.

    def _say(self, kind: str, text: str) -> None:
        self._on_moment(Moment(self.clock.elapsed, kind, text))

    def _draw(self) -> None:
        application, visits = self.simulation.application, self.simulation.customers.notebook.visits
        recent = [v.done for v in visits[-60:] if v.at > self.clock.now - RECENT_SECONDS]
        assert self._show is not None
        regions = {region: scene_of(self.simulation, region) for region in application.regions}
        self._show(Scene(self.clock.elapsed, self._doing, regions, recent.count(True), recent.count(False)))

    def _say_steps(self) -> None:
        """Says of each step that ended since the last look how it ended, as its function logged it."""
        logs = self.simulation.functions.logs
        for at, _, function, line in logs[self._logs_read :]:
            if function.startswith("farshore-") and '"level"' in line:
                said = json.loads(line)
                if said["message"] != "NotYet" and said["purpose"] != "settle" and "dry_run" not in said:
                    facts = (f"{k} {v}" for k, v in said["facts"].items() if k.endswith("seconds"))
                    more = ", ".join(facts)
                    text = f"{said['state']}: {said['message']}" + (f" ({more})" if more else "")
                    self._on_moment(Moment(at - self.clock.start, "step", text))
        self._logs_read = len(logs)

    # The figures.

    def _take_figures(self) -> None:
        report, simulation, notebook = self.report, self.simulation, self.simulation.customers.notebook
        found = fates(simulation.application, notebook.promises)
        named = {fate: sorted(p.name for p, f in found.items() if f == fate) for fate in set(found.values())}
        before = sorted(p.at for p, fate in found.items() if fate == "lost" and p.at <= self.broken_at)
        report.data = {
            "acknowledged": len(notebook.promises),
            "lost": named.get("lost", []),
            "overwritten": named.get("overwritten", []),
            "late": named.get("late", []),
            "rpo_seconds": round(self.broken_at - before[0] if before else 0.0, 3),
            **{name: round(figure, 3) for name, figure in simulation.checkers.figures().items()},
        }
        prompt = {customer.name for customer in simulation.customers.each if not customer.stale}
        until = self.returning or self.clock.now
        report.clients = {
            "requests": len(notebook.visits),
            "failed": notebook.failed,
            "rto_seconds": round(notebook.felt_outage(self.broken_at, until, prompt), 3),
            "longest_outage_seconds": round(notebook.longest_outage(self.clock.start, self.clock.now), 3),
        }
        report.debts = [vars(debt) for debt in simulation.tally.debts]
        report.virtual_seconds = self.clock.elapsed
        report.simulated = sorted(simulation.cloud.latency.used)

    def _check(self) -> None:
        """What must hold in the end: by the same checkers as an exploration's."""
        simulation, checkers = self.simulation, self.simulation.checkers
        executions = list(simulation.executions)
        main = self._alarmed or executions[-1] if executions else ""
        if main:
            reports = dict(self._ended)
            reports.setdefault(main, simulation.report(main))
            served = frozenset(serving(simulation.application))
            facts = RunFacts(
                Circumstances(
                    may_lose=self.mode == "ungraceful", lasting=bool(self.dark), since=self.broken_at
                ),
                main,
                AtFirst(reports[main], simulation.moved(main), served, served),
                reports,
                self._well,
                stuck=self._stuck,
            )
            checkers.on_end(final_state(simulation, facts))
        self.report.breaches = list(checkers.breaches)


def _sentence(proposal: Proposal) -> str:
    due = [step for step in proposal.plan if step.outcome != "done"]
    first = next((step.state for step in due if step.no_return), "none")
    return f"plan {proposal.hash} has {len(due)} changes; the point of no return is {first}"
