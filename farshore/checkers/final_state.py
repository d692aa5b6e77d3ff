"""How everything stands when nothing happens any more, and what was done to the run that it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from twin.application import Promise

from ..operate.history import RunReport


@dataclass(frozen=True)
class Circumstances:
    """What was done to the run, and so what may be asked of it. By default nothing that may end it."""

    may_lose: bool
    """It is ungraceful, or was carried on as such."""
    excuses: Sequence[str] = ()
    """Why it need not succeed, a sentence each."""
    passing: bool = False
    """What was done to it was over by itself, with the one call that it met."""
    lasting: bool = False
    """What was done to it lasts, as a dark Region does: it may depend on nothing there."""
    undisturbed: bool = False
    """Nothing was done to it."""
    only_an_alarm: bool = False
    """An alarm started it, and nothing was wrong."""
    declined: bool = False
    """A person declined its plan."""
    second_run: bool = False
    """A second run was started meanwhile."""
    held_first: bool = False
    """It held the lease by then."""
    last_may_fail: bool = False
    """A second run was started, or a person said abort: the last run of all may fail and be right."""
    may_take: float | None = None
    """Seconds that what was done to it takes of itself, beside the runbook's rto; None where a person took
    the time."""
    left_under_way: bool = False
    """A person ended it all while a run was under way."""
    since: float | None = None
    """When the first of it happened, in seconds since 1970."""
    denied: Sequence[str] = ()
    """Calls that were denied: service and operation, and the Region, in words."""
    refused: bool = False
    """It may end, and only before it has moved anything."""
    prepare_says: Sequence[str] = ()
    """What is so that `prepare` must fail, and say one of these texts; none where it need not."""
    ledger_denied: bool = False
    """The ledger was among them: the run cannot know whether anything has moved."""

    @property
    def must_succeed(self) -> bool:
        """Nothing that was done to it may end it."""
        return not self.excuses


@dataclass(frozen=True)
class Debt:
    """A fence that was owed. Instants are seconds since the beginning."""

    resource: str
    owed_at: float
    paid_at: float | None = None


@dataclass(frozen=True)
class SettlingRun:
    """A run of the procedure that pays debts. Instants are seconds since the beginning."""

    status: str
    why: str
    began: float
    ended: float
    held_the_lease: bool


@dataclass(frozen=True)
class FinalState:
    """Everything, in the end."""

    circumstances: Circumstances
    status: str
    """Of the run that it is about, before anybody repaired anything."""
    why: str
    main: str
    """The execution that it is about."""
    reports: Mapping[str, RunReport]
    """By execution, in the order of their ends: that run and all after it, but the settling ones."""
    triggered: frozenset[str]
    """Of those, the others that the alarm started."""
    moved: bool
    """That run may have moved data or customers, before anybody repaired anything."""
    repaired: bool
    """A person has redriven it, or started anew."""
    stuck: str
    """What had to happen, and did not for hours; "" where nothing did."""
    served_at_end: frozenset[str]
    """Regions in which new customers were served when that run had just ended."""
    back_at_end: frozenset[str]
    """Regions that had all again then that they had while all was well: what was given back may take its time
    to serve, as tasks do that start."""
    served_at_first: frozenset[str]
    """Regions in which they were once what could be paid was, before anybody repaired anything."""
    served: frozenset[str]
    """The same in the end."""
    shall_serve: frozenset[str]
    """Where they should be, after the last run."""
    open: frozenset[str]
    """Regions that let requests in."""
    pages: int
    """How often a person was paged."""
    lost: Sequence[Promise]
    loss_accepted_at: float | None
    """When a call first let data be lost, in seconds since 1970."""
    last_write: float
    """When the last write before that was acknowledged."""
    debts: Sequence[str]
    """Fences that are owed still."""
    owed: Sequence[Debt]
    """All that ever were."""
    settling: Sequence[SettlingRun]
    """Those that have ended."""
    held_by: str
    """The execution that holds the lease; "" where it is free."""
    withheld: Sequence[str]
    """Resources of which a run remembers what they were before it fenced them."""
    broken: Sequence[str]
    """Resources that an outage of a game day has taken away, and holds."""
    kept: Sequence[str]
    """Resources that the run that it is about remembers what they were before it took them."""
    unlike: Mapping[str, bool]
    """By Region, whether what a run may change is other than while all was well."""

    @property
    def first(self) -> RunReport:
        """That run, as it stands in the end."""
        return self.reports[self.main]

    @property
    def last(self) -> RunReport:
        """The run by which everything stands as it does: the alarm's others are refused, or needless."""
        return [
            report
            for arn, report in self.reports.items()
            if arn not in self.triggered or (report.status == "SUCCEEDED" and not report.needless)
        ][-1]
