"""What a checker is: it is fed with events, and calls back with a breach."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

from functions.ledger import Lease
from functions.planned import Planned
from functions.run import Purpose
from twin.application import Application, Promise
from twin.cloud import Cloud
from twin.customers import Customers

from ..operate.history import RunReport, StepReport
from ..runbook.model import Runbook
from .events import Call
from .final_state import FinalState


@dataclass(frozen=True)
class Breach:
    """Something that must always hold, and did not."""

    invariant: str
    at: float
    """Seconds since the beginning; 0 where the simulation itself broke."""
    story: str


class Subject(Protocol):
    """What is checked: a simulation, as far as checkers may ask about it."""

    runbook: Runbook
    cloud: Cloud
    application: Application
    customers: Customers
    exposure_bound: float
    """Seconds for which a returned Region may accept stale writes before it is fenced."""

    def lease(self) -> Lease | None:
        """As the ledger holds it now. Takes no time and meets no fault."""

    def running(self, execution: str) -> bool:
        """As the engine knows, whatever AWS would answer. Takes no time."""

    def redriven_at(self, execution: str) -> float:
        """When, in seconds since 1970; 0 where it never was. Takes no time."""

    def moved(self, execution: str) -> bool:
        """AWS has done what moves data or customers, for this run. Takes no time."""

    def purpose(self, procedure: str) -> Purpose:
        """What the procedure is for."""

    def ask(self, run: RunReport, step: StepReport) -> Planned:
        """What the step would do now, by a dry tick. It takes time."""


class Checker:
    """One invariant. Every event of a simulation reaches it by one of these methods."""

    invariant: ClassVar[str]
    """Its short name: S1 to S8 are about safety, L1 about liveness."""

    def __init__(self, subject: Subject, breach: Callable[[str], None]) -> None:
        """`breach` takes the story of a breach: now, by the clock."""
        self.subject, self.breach = subject, breach
        self.excused: set[str] = set()
        """What it let pass, and why: a sentence each."""
        self._lasting: set[str] = set()
        """What does not hold just now, and has been said."""

    def hold(self, holds: bool, story: Callable[[], str], of: str = "") -> None:
        """A breach is said once, when it begins; `of` tells several apart."""
        if holds:
            self._lasting.discard(of)
        elif of not in self._lasting:
            self._lasting.add(of)
            self.breach(story())

    @property
    def restless(self) -> bool:
        """Time alone may bring about a breach: `on_event` must be called even if nothing has changed."""
        return False

    def begin(self) -> None:
        """From now on `on_event` is called: everything stands as it may."""

    def on_event(self) -> None:
        """Something has happened: after each event of the clock, unless nothing that it could see has
        changed (`Dataset.glance`, `Route.glance`, `Entry.glance`, and what is dark or parted)."""

    def on_call(self, call: Call) -> None:
        """AWS has done a call."""

    def on_approval(self, execution: str, plan: Mapping[str, Planned]) -> None:
        """A person approves a run's plan: by its states, what each would do."""

    def on_write(self, promise: Promise) -> None:
        """The application has acknowledged a write."""

    def on_run_end(self, run: RunReport) -> None:
        """A run has ended, and nobody has changed anything since. This may take time."""

    def on_end(self, final: FinalState) -> None:
        """Nothing happens any more."""

    def state(self) -> object:
        """What it waits to see the end of, for fingerprints."""
        return sorted(self._lasting)

    def figures(self) -> Mapping[str, float]:
        """What it has measured, by the names that a report gives it."""
        return {}
