"""The twin of one runbook's application as a test sees it: AWS and customers, Farshore deployed, one person.

Inside it every boto3 client asks the twin. Nothing happens by itself: the clock stands still until a test
lets it go on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Self

from functions.run import Mode
from twin.application import fates, serving
from twin.faults import Kind, Request

from ..explore.person import Person
from ..operate.history import RunReport
from ..runbook.model import Runbook
from ..simulate.simulation import Simulation

HOUR = 3600.0
WARM_UP_SECONDS = 200.0
"""Customers are served, alarms have data, and heartbeats have been written."""
Word = Literal["approve", "decline", "nothing"]


@dataclass(frozen=True)
class Run:
    """One execution."""

    twin: Twin
    arn: str

    @property
    def status(self) -> str:
        """RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED."""
        return self.twin.simulation.status(self.arn)

    def ended(self, within: float = 4 * HOUR) -> RunReport:
        """What came of it, once it has ended. Raises AssertionError where it has not in so many seconds."""
        simulation = self.twin.simulation
        met = self.twin.clock.wait_for(lambda: not simulation.running(self.arn), within)
        assert met, f"{self.arn} has not ended within {within:g} s"
        return simulation.report(self.arn)

    def outcomes(self) -> dict[str, str]:
        """How each step has ended by now, by its state's name."""
        steps = self.twin.simulation.report(self.arn).steps
        return {step.name: step.outcome for step in steps if step.ended}


class _Reader(Person):
    """Whoever is paged, and does what the test says then."""

    def __init__(self, twin: Twin) -> None:
        super().__init__(twin.simulation, "graceful")
        self._twin = twin

    def decides(self) -> None:
        self.declines = self._twin.says == "decline"
        if self._twin.says != "nothing":
            super().decides()


class Twin:
    """A context manager; the fixture `twin` enters and leaves it."""

    def __init__(self, runbook: Runbook, seed: int = 1) -> None:
        self.runbook = runbook
        self.simulation = Simulation(runbook, seed, data="memory")
        self.clock = self.simulation.clock
        self.says: Word = "approve"
        """What the person who is paged does with a plan that nothing refuses."""

    def __enter__(self) -> Self:
        self.simulation.__enter__()
        self.simulation.on_call.append(_Reader(self).reads)
        self.simulation.customers.come()
        self.advance(WARM_UP_SECONDS)
        return self

    def __exit__(self, *what: object) -> None:
        self.simulation.__exit__(*what)

    # What happens.

    def advance(self, seconds: float) -> None:
        """So much time passes."""
        self.clock.sleep(seconds)

    def darken(self, region: str) -> None:
        """Nobody answers there, and customers who are led there are not served."""
        self.simulation.cloud.faults.dark.add(region)

    def lighten(self, region: str) -> None:
        """It answers again, as it was."""
        self.simulation.cloud.faults.dark.discard(region)

    def stall(self) -> None:
        """Replication stands still: what is written from now on stays where it is."""
        for dataset in self.simulation.application.datasets:
            dataset.stall()

    def meets(self, kind: Kind, operation: str, times: int = 1) -> None:
        """So many of the next calls of the operation that Farshore's functions make meet a fault, such as
        throttled, denied, lost_after (AWS has done it, and nobody gets the answer)."""
        left = [times]

        def fault(request: Request) -> Kind | None:
            if not request.caller or request.operation != operation or not left[0]:
                return None
            left[0] -= 1
            return kind

        self.simulation.cloud.faults.injectors.append(fault)

    def start(self, procedure: str = "failover", mode: Mode = "graceful", **more: Any) -> Run:
        """Starts a run; `more` is the rest of its input, as `dry_run=True`."""
        return Run(self, self.simulation.begin(procedure, {"mode": mode, **more}))

    # What is seen.

    @property
    def machines(self) -> dict[str, str]:
        """The ARN of each state machine, by its procedure, for boto3's own client."""
        return dict(self.simulation.deployment.arns)

    @property
    def runs(self) -> list[Run]:
        """Every execution so far, those of alarms and schedules included."""
        return [Run(self, arn) for arn in self.simulation.executions]

    @property
    def serving(self) -> set[str]:
        """Regions to which customers are led, and which take their writes."""
        return set(serving(self.simulation.application))

    @property
    def owed(self) -> list[str]:
        """Fences that are owed, by the ledger."""
        return sorted(self.simulation.owed())

    def lost(self) -> list[str]:
        """Names of writes that customers were promised, and that no Region which serves has."""
        application = self.simulation.application
        found = fates(application, self.simulation.customers.notebook.promises)
        return [promise.name for promise, fate in found.items() if fate == "lost"]

    def felt(self, since: float) -> float:
        """For how long after this instant of the clock customers who honour names' time to live were without
        service, in seconds."""
        customers = self.simulation.customers
        prompt = {customer.name for customer in customers.each if not customer.stale}
        return customers.notebook.felt_outage(since, self.clock.now, prompt)

    @property
    def now(self) -> float:
        """The clock, in seconds since 1970."""
        return self.clock.now
