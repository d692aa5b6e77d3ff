"""A whole game day in the twin: outage, failover, recovery, failback, and what customers felt of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from functions.errors import NotYet
from twin.applications.unicorn_shop.application import Wiring

from ..runbook.load import Runbook
from .deployment import report_of
from .report import Moment, Report, Scene
from .stage import Mode, Stage

WARM_UP = 300.0
APPROVE_AFTER = 45.0
"""How long the rehearsal's person reads a plan before approving it."""
HOLD_BEFORE_DARK = 6.0
"""For how long replication stalls before a Region goes dark, so that there is something to lose."""
RETURN_AFTER_FLIP = 10.0
"""A dark Region comes back so long after customers have been routed away: addresses are stale then."""
LINGER = 120.0
PATIENCE = 3 * 3600.0
SCENE_SECONDS = 5.0
RECENT_SECONDS = 30.0


class Stuck(Exception):
    """The story did not go on: something that had to happen did not, within hours."""


class Rehearsal(Stage):
    """One game day. Use `stage()`, which takes the twin down again, then `play`."""

    def __init__(
        self,
        runbook: Runbook,
        mode: Mode,
        dark: str | None,
        seed: int,
        tell: Callable[[Moment], None],
        wiring: Wiring = "arc",
        show: Callable[[Scene], None] | None = None,
    ) -> None:
        super().__init__(runbook, mode, seed, wiring)
        self.dark, self._tell, self._show = dark, tell, show
        self._doing, self._told = "", 0
        self.report = Report(runbook.application, seed, mode, dark)
        self.struck = self.recovered = self.returning = 0.0
        """Instants: of the outage, of the primary's recovery, and of the beginning of failback."""

    def play(self) -> Report:
        """The story, from customers shopping to customers shopping again in the primary Region.

        Where it gets stuck, the report says so as a breach of S5, and the accounts are settled all the same.
        """
        try:
            self._play()
        except Stuck as stuck:
            self.breach("S7" if self.dark and "failover" in str(stuck) else "S5", str(stuck))
        self._settle_accounts()
        return self.report

    def _play(self) -> None:
        clock, runbook = self.clock, self.runbook
        self.shop.open()
        self.watch.begin()
        if self._show is not None:
            clock.every(SCENE_SECONDS, self._draw)
        self._say("shop", f"customers shop in {runbook.regions.primary}")
        clock.sleep(WARM_UP)
        self._strike()
        failover = self._wait_for("the alarm's run", lambda: self.alarmed)
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
            self._say(
                "recovery", f"the pages come from {runbook.regions.primary} again, and nothing else moves"
            )
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
            self.cloud.faults.dark.add(self.dark)
            self._say("outage", f"{self.dark} goes dark, {HOLD_BEFORE_DARK:g} s after replication stalled")
        else:
            self.struck = self.clock.now
            self._say("outage", f"a regional event strikes {self.runbook.regions.primary}")
            self._finish(self._start("outage"))

    def started_by_alarm(self, event: Mapping[str, Any]) -> None:
        first = not self.alarmed
        super().started_by_alarm(event)
        if first:
            machine = self.deployment.machines["failover"].name
            self._say("alarm", f"alarm {event['trigger']} starts {machine}, {self.mode}")

    def _start(self, procedure: str) -> str:
        machine = self.deployment.machines[procedure]
        self._say("start", f"{machine.name} is started in {machine.region}, graceful")
        return self.begin(procedure, {"mode": "graceful"})

    def _approve(self, execution: str) -> None:
        """The rehearsal's person: reads the plan that the run proposes, thinks, and approves it."""
        decided = ""
        while self.status(execution) == "RUNNING":
            try:
                proposal = self.operator.records().proposal
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
        self.cloud.faults.dark.discard(self.dark)
        self.shop.database.release()
        self.recovered = self.clock.now
        self._say("return", f"{self.dark} comes back by itself, and still takes itself for the writer")

    def _await_return(self) -> None:
        self._wait_for("the owed fences", lambda: self.recovered and not self.owed())
        self._say("settled", f"the fences of {self.dark} are confirmed: no debt is left")

    def _rebuilt(self) -> None:
        """After an ungraceful failover, failback waits until Aurora has rebuilt what was left behind."""
        if self.shop.database.left_behind:
            self._wait_for("the rebuilt cluster", lambda: not self.shop.database.left_behind)
            region = self.runbook.regions.primary
            self._say("rebuilt", f"Aurora has rebuilt the cluster in {region}, and it follows")
            self.clock.sleep(LINGER)

    def _finish(self, execution: str) -> None:
        self._wait_for("the end of a run", lambda: self.status(execution) != "RUNNING")
        procedure, mode = self.executions[execution]
        self._tell_steps()
        run = report_of(self.deployment, procedure, mode, execution, self.calls[execution])
        self.report.runs.append(run)
        self._say(
            "end",
            f"{self.runbook.application}-{procedure}: {run.status} in {run.seconds:.0f} s {run.why}".strip(),
        )
        if run.status != "SUCCEEDED":
            raise Stuck(f"{execution}: {run.status}: {run.why}")
        self.ask_again(run)

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
        shop, notebook = self.shop, self.shop.notebook
        writers, serving, routes = shop.writers(), shop.open_regions(), shop.routes()
        regions = {
            region: {
                "dark": self.cloud.faults.is_dark(region),
                "pages": shop.pages_open(region),
                "api": region in serving,
                "data": region in writers,
                "route": region in routes,
            }
            for region in (self.runbook.regions.primary, self.runbook.regions.standby)
        }
        recent = [p.done for p in notebook.purchases[-60:] if p.at > self.clock.now - RECENT_SECONDS]
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

    # The accounts.

    def _settle_accounts(self) -> None:
        report, shop, notebook = self.report, self.shop, self.shop.notebook
        writer = shop.database.writer
        users = shop.users.emails(writer)
        unarrived = {write.name for write in shop.table.missing(writer)}
        lost = [p for p in notebook.promises if p.kind == "user" and p.key not in users]
        lost += [p for p in notebook.promises if p.kind == "basket" and p.name in unarrived]
        named = {p.name for p in lost}
        late = sorted({write.name for write in shop.table.late} - named)
        overwritten = sorted({write.name for write in shop.table.overwritten} - named)
        before = sorted(p.at for p in lost if p.at <= self.struck)
        rpo = self.struck - before[0] if before else 0.0
        report.data = {
            "acknowledged": len(notebook.promises),
            "lost": sorted(named),
            "overwritten": overwritten,
            "late": late,
            "rpo_seconds": round(rpo, 3),
            "exposure_seconds": round(self.watch.exposure, 3),
        }
        prompt = {customer.name for customer in shop.customers if not customer.stale}
        report.clients = {
            "requests": len(notebook.purchases),
            "failed": notebook.failed,
            "rto_seconds": round(
                notebook.felt_outage(self.struck, self.returning or self.clock.now, prompt), 3
            ),
            "longest_outage_seconds": round(notebook.longest_outage(self.clock.start, self.clock.now), 3),
        }
        report.debts = self.debts
        report.virtual_seconds = self.clock.elapsed
        report.simulated = sorted(self.cloud.latency.used)
        if self.mode == "graceful" and lost:
            self.breach("S4", f"a graceful run lost {', '.join(sorted(named)[:5])}")
        if rpo > self.runbook.objectives.rpo:
            self.breach(
                "S4",
                f"{rpo:.1f} s of writes are lost, above the objective of {self.runbook.objectives.rpo:g} s",
            )
        report.breaches = [*self.watch.breaches, *self.breaches]


def _sentence(proposal: Mapping[str, Any]) -> str:
    entries = [entry for entry in proposal["plan"] if entry["outcome"] != "done"]
    first = next((entry["state"] for entry in entries if entry["no_return"]), "none")
    return f"plan {proposal['hash']} has {len(entries)} changes; the point of no return is {first}"
