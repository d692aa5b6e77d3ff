"""The twin of one runbook's application as a test sees it: AWS and customers, Farshore deployed, one person.

Inside it every boto3 client asks the twin. Nothing happens by itself: the clock stands still until a test
lets it go on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, Self, TypeVar, get_args

from functions.run import Mode
from twin.application import fates, serving
from twin.faults import KINDS, Kind, Request

from ..explore.person import Person
from ..operate.history import RunReport
from ..runbook.model import Runbook
from ..runbook.regions import partitions
from ..runbook.registry import steps
from ..runbook.wording import did_you_mean, nearest
from ..simulate.simulation import Simulation

HOUR = 3600.0
WARM_UP_SECONDS = 200.0
"""Customers are served, alarms have data, and heartbeats have been written."""
Word = Literal["approve", "decline", "nothing"]
T = TypeVar("T")


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
        waits = [step.name for step in simulation.report(self.arn).steps if not step.ended]
        assert met, f"{self.arn} has not ended within {within:g} s: {', '.join(waits)} waits"
        return simulation.report(self.arn)

    def outcomes(self) -> dict[str, str]:
        """How each step has ended by now, by its state's name."""
        steps = self.twin.simulation.report(self.arn).steps
        return {step.name: step.outcome for step in steps if step.ended}


@dataclass
class _Fault:
    """What the next calls of an operation meet."""

    kind: Kind
    operation: str
    left: int
    met: bool = False

    def __call__(self, request: Request) -> Kind | None:
        if not request.caller or request.operation != self.operation or not self.left:
            return None
        self.left, self.met = self.left - 1, True
        return self.kind

    def __str__(self) -> str:
        return f"{self.kind} {self.operation}"


def _one_of(word: T, known: Iterable[T], what: str) -> T:
    """Raises ValueError, with what may be written."""
    options = list(known)
    if word not in options:
        words = [*map(str, options)]
        near = did_you_mean(nearest(str(word), words), words, "there are")
        raise ValueError(f"{word!r} is no {what}: {near}")
    return word


class _Reader(Person):
    """Whoever is paged, and does what the test says then."""

    def __init__(self, twin: Twin) -> None:
        super().__init__(twin.simulation, "graceful")
        self._twin = twin

    def decides(self, execution: str = "") -> None:
        self.declines = self._twin.says == "decline"
        if self._twin.says != "nothing":
            super().decides(execution)


class Twin:
    """A context manager; the fixture `twin` enters and leaves it."""

    def __init__(self, runbook: Runbook, seed: int = 1) -> None:
        self.runbook = runbook
        self.simulation = Simulation(runbook, seed, data="memory")
        self.clock = self.simulation.clock
        self._says: Word = "approve"
        self.faults: list[_Fault] = []
        """What `meets` has said."""

    def __enter__(self) -> Self:
        self.simulation.__enter__()
        self.simulation.on_call.append(_Reader(self).reads)
        self.simulation.customers.come()
        self.advance(WARM_UP_SECONDS)
        return self

    def __exit__(self, *what: object) -> None:
        self.simulation.__exit__(*what)
        if what == (None, None, None):
            self.must_be_met()

    @property
    def says(self) -> Word:
        """What the person who is paged does with a plan that nothing refuses: approve, decline or nothing."""
        return self._says

    @says.setter
    def says(self, word: Word) -> None:
        self._says = _one_of(word, get_args(Word), "word")

    # What happens.

    def advance(self, seconds: float) -> None:
        """So much time passes."""
        if seconds < 0:
            raise ValueError(f"{seconds:g} s: time does not go back")
        self.clock.sleep(seconds)

    def darken(self, region: str) -> None:
        """Nobody answers there, and customers who are led there are not served."""
        self.simulation.cloud.faults.dark.add(_one_of(region, partitions(), "Region"))

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
        known = {api.operation_name for kind in steps().values() for api in (*kind.reads, *kind.writes)}
        _one_of(kind, KINDS, "kind of fault")
        fault = _Fault(kind, _one_of(operation, sorted(known), "operation of a step"), times)
        self.faults.append(fault)
        self.simulation.cloud.faults.injectors.append(fault)

    def start(self, procedure: str = "failover", mode: Mode = "graceful", **more: Any) -> Run:
        """Starts a run; `more` is the rest of its input, as `dry_run=True`."""
        procedure = _one_of(procedure, self.machines, "procedure")
        return Run(self, self.simulation.begin(procedure, {"mode": mode, **more}))

    def must_be_met(self) -> None:
        """At the end of the test, too: raises AssertionError for a fault that no call has met."""
        unmet = sorted({str(fault) for fault in self.faults if not fault.met})
        assert not unmet, f"nothing met: {', '.join(unmet)}: the test shows nothing of it"

    # What is seen.

    @property
    def machines(self) -> dict[str, str]:
        """The ARN of each state machine, by its procedure, for boto3's own client."""
        deployment = self.simulation.deployment
        return {procedure: deployment.arn(procedure) for procedure in deployment.machines}

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
