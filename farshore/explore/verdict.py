"""What must hold when a run is over, beside what is looked at after every event (twin/invariants.py).

Safe is S1 to S8. Live is L1: a transient fault delays a run and does not stop it; a permanent one is ridden
out where the runbook can, and otherwise ends the run with the call named; and once the fault is gone, what a
person is told to do then (redrive it, or start another) ends well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from twin.invariants import Breach

from ..operate.history import RunReport
from ..runbook.load import Runbook
from ..runbook.model import lines
from ..runbook.registry import steps
from .seed import ALARM, DECLINED, HAND_KINDS, LAG, LASTING_KINDS, OPPOSITE, Fault, Seed

SHORT = 120.0
"""Seconds that a Region may be away without stopping a run that does not leave it."""
MINORITY = 2
"""Of an ARC cluster's five endpoints, so many may be dark."""


@dataclass(frozen=True)
class Ended:
    """How everything stood when nothing happened any more."""

    status: str
    """Of the run that the seed is about, before anybody repaired anything."""
    why: str
    reports: Mapping[str, RunReport]
    """By execution, in the order of their ends: that run and all after it, but the settling ones."""
    main: str
    triggered: frozenset[str]
    """Of those, the others that the alarm started."""
    moved: bool
    """That run may have moved data or customers."""
    repaired: bool
    served_at_first: frozenset[str]
    """Regions in which a customer who looks the name up could buy, before anybody repaired anything."""
    served: frozenset[str]
    """The same in the end."""
    open: frozenset[str]
    """Regions whose API lets writes in."""
    pages: int
    """How often a person was paged."""
    lost: tuple[float, ...]
    """When those writes were acknowledged that no writer has any more, in seconds since 1970."""
    failed_over_at: float | None
    """When Aurora was first told to accept a loss, in seconds since 1970."""
    last_write: float
    """When the last write before that was acknowledged."""
    debts: tuple[str, ...]
    settling: str
    """How a settling run ended that did not do what it is for; "" where all did."""
    held_by: str
    """The execution that holds the lease; "" where it is free."""
    withheld: tuple[str, ...]
    """Resources of which a run remembers what they were before it fenced them."""
    struck: float | None
    befallen: tuple[tuple[float, Fault, str], ...]
    """When each fault struck, and which call."""
    unlike: Mapping[str, bool]
    """By Region, whether what a run may change is other than while all was well."""

    @property
    def last(self) -> RunReport:
        """The run by which everything stands as it does: the alarm's others come and are refused."""
        return [
            report
            for arn, report in self.reports.items()
            if arn not in self.triggered or report.status == "SUCCEEDED"
        ][-1]


def judge(seed: Seed, ended: Ended, runbook: Runbook) -> Iterator[Breach]:
    """Every breach of what must hold at the end."""
    for invariant, story in (
        *_data(seed, ended, runbook),
        *_ends(seed, ended, runbook),
        *_gets_there(seed, ended, runbook),
    ):
        yield Breach(invariant, 0.0, story)


def _data(seed: Seed, ended: Ended, runbook: Runbook) -> Iterator[tuple[str, str]]:
    if not seed.may_lose and ended.failed_over_at is None and ended.lost:
        yield "S4", f"a graceful run lost {len(ended.lost)} acknowledged writes"
    if not seed.may_lose and ended.failed_over_at is not None:
        yield "S4", "a graceful run told Aurora to accept a loss"
    since = min(ended.last_write, ended.struck or ended.last_write)
    early = [at for at in ended.lost if at < since - runbook.objectives.rpo]
    if early:
        yield "S4", f"{len(early)} writes are lost, the first {since - early[0]:.0f} s before the last one"


def _ends(seed: Seed, ended: Ended, runbook: Runbook) -> Iterator[tuple[str, str]]:
    for report in ended.reports.values():
        if report.status == "RUNNING":
            waits = next(
                (f"{step.name}: {step.why}" for step in report.steps if not step.ended), "nobody knows"
            )
            yield "S5", f"{report.procedure} is still running after hours: {waits}"
        elif report.status != "SUCCEEDED" and not report.why:
            yield "S5", f"{report.procedure} ended {report.status} without a reason"
    if ended.last.status == "SUCCEEDED":
        yield from _did_everything(seed, ended, runbook)
    first = ended.reports[ended.main]
    # Who is denied the ledger cannot know whether anything has moved.
    unread = any(fault.kind == "denied" and "dynamodb:" in what for _, fault, what in ended.befallen)
    fell_short = not unread and ended.status == "FAILED" and not ended.moved and first.procedure in OPPOSITE
    if fell_short and not ended.served_at_first:
        yield (
            "S5",
            f"{first.procedure} failed before it had moved anything, and left customers nowhere to buy",
        )


def _fences(runbook: Runbook, procedure: str) -> bool:
    """The procedure takes something away from the Region that it leaves."""
    entries = runbook.procedures.get(procedure, runbook.procedures["failover"])
    return any(steps()[line.step].fences for line in lines(entries))


def _did_everything(seed: Seed, ended: Ended, runbook: Runbook) -> Iterator[tuple[str, str]]:
    """What only a run that did everything leaves behind."""
    procedure = ended.last.procedure
    source, target = direction(replace(seed, procedure=procedure), runbook)  # wherever its machine may lead
    done = f"{procedure} SUCCEEDED, but"
    if ended.held_by in ended.reports:
        yield "S5", f"{done} the lease was not released"
    if procedure in ("failover", "failback"):
        if seed.has(ALARM) and not ended.repaired:
            yield "S5", f"{done} only an alarm said that anything was wrong"
        if ended.served != {target}:
            yield "S5", f"{done} customers can buy in {_and(ended.served)}, not {target}"
        if stuck := [resource for resource in ended.withheld if f":{target}:" in resource]:
            yield "S5", f"{done} {', '.join(stuck)} was never given back"
        if source in ended.open and _fences(runbook, procedure):
            yield "S5", f"{done} the API is still open in {source}, which was to be fenced"
        if ended.unlike[target]:
            yield "S5", f"{done} {target} has not got back what it had while all was well"
    if procedure == "recovery" and ended.unlike[source]:
        yield "S5", f"{done} {source} has not got back what the outage took"
    if procedure == "outage" and not ended.unlike[source]:
        yield "S5", f"{done} nothing is broken in {source}"


def _gets_there(seed: Seed, ended: Ended, runbook: Runbook) -> Iterator[tuple[str, str]]:
    if ended.status != "SUCCEEDED" and must_succeed(seed, runbook):
        lasting = seed.has(*LASTING_KINDS)
        yield ("S7" if lasting else "L1"), f"{seed.procedure} ended {ended.status}: {ended.why}"
    if ended.last.status not in ("SUCCEEDED", "RUNNING"):
        what = "even when repaired" if ended.repaired else "the last of all runs"
        if not seed.has("abort", "again", "other") or ended.repaired:
            yield "L1", f"{ended.last.procedure}, {what}, ended {ended.last.status}: {ended.last.why}"
    if seed.has("again", "other"):
        yield from _one_wins(seed, ended)
    if seed.has(DECLINED) and "declined" not in ended.why:
        yield "S8", f"a person declined the plan, and {seed.procedure} ended {ended.status}: {ended.why}"
    if ended.settling:
        yield "L1", f"settling ended {ended.settling}"
    if seed.has("denied") and ended.status == "FAILED":
        yield from _names_the_call(ended)
    if not seed.faults and not ended.pages and seed.procedure in OPPOSITE:
        yield "L1", "nobody was paged to approve the plan"
    if ended.debts:
        yield "L1", f"owed for ever: {', '.join(ended.debts)}"
    if not ended.served and seed.procedure != "outage":
        yield "L1", "customers cannot buy anywhere, long after the end"


def _one_wins(seed: Seed, ended: Ended) -> Iterator[tuple[str, str]]:
    first = all(fault.at is not None and not fault.at.label.endswith("/lease") for fault in seed.faults)
    if first and ended.status != "SUCCEEDED":
        yield "S8", f"{seed.procedure} held the lease, another run was started, and it ended: {ended.why}"
    good = [report for report in ended.reports.values() if report.status == "SUCCEEDED"]
    if not good:
        yield "L1", "two hands, and neither got there"
    for report in ended.reports.values():
        if report.status == "FAILED" and not report.why.startswith("Refused"):
            yield "L1", f"{report.procedure} ended FAILED, and no step refused it: {report.why}"


def _names_the_call(ended: Ended) -> Iterator[tuple[str, str]]:
    denied = [what for _, fault, what in ended.befallen if fault.kind == "denied"]
    for what in denied:
        operation = what.split(" in ")[0].partition(":")[2]
        if operation not in ended.why:
            yield "L1", f"{what} was denied, and the run ended without naming it: {ended.why}"


def must_succeed(seed: Seed, runbook: Runbook) -> bool:
    """Nothing in the seed may stop the run that it is about."""
    if seed.has("denied", LAG, ALARM, DECLINED, *HAND_KINDS):
        return False
    lasting = [fault for fault in seed.faults if fault.kind in LASTING_KINDS]
    endpoints = [fault for fault in lasting if "." in fault.place]
    others = [fault for fault in lasting if fault not in endpoints]
    return len(endpoints) <= MINORITY and all(_ridden_out(fault, seed, runbook) for fault in others)


def _ridden_out(fault: Fault, seed: Seed, runbook: Runbook) -> bool:
    source, target = direction(seed, runbook)
    places = {place.rpartition("/")[2] for place in fault.place.split("~")}
    if fault.kind == "cut":
        return seed.may_lose or not places <= {source, target}
    if target in places:
        return fault.kind == "dark" and isinstance(fault.until, float) and fault.until <= SHORT
    return source not in places or seed.may_lose


def direction(seed: Seed, runbook: Runbook) -> tuple[str, str]:
    """`$from` and `$to` of the seed's procedure."""
    primary, standby = runbook.regions.primary, runbook.regions.standby
    return (standby, primary) if seed.procedure == "failback" else (primary, standby)


def _and(regions: frozenset[str]) -> str:
    return " and ".join(sorted(regions)) or "no Region"
