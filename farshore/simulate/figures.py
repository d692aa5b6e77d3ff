"""The figures of a rehearsal, once it is over: what customers felt, what became of their data, and the course
of it, by the clock."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from functions.planned import planned_from
from twin.application import Fate, Promise, fates
from twin.customers import Outage, Visit

from ..checkers.checkers import sentences
from ..operate.history import RunReport
from ..operate.proposal import as_said
from .report import Report
from .rto import made_of, totals
from .simulation import Simulation
from .witness import Plan, Witness

BIN_SECONDS = 5
"""Visits are counted in steps of so many seconds."""


@dataclass(frozen=True)
class Instants:
    """Of a game day, in seconds of the clock."""

    broken_at: float
    """When the outage began; of a game day that is led by hand, when the first thing was taken away."""
    until: float
    """When failback began, or the game day stopped: what customers felt later is not the outage's."""


def take_figures(
    report: Report,
    simulation: Simulation,
    witness: Witness,
    instants: Instants,
    main: tuple[str, RunReport] | None,
) -> None:
    """`main` is the run that ends the outage, with its execution; None where none has begun."""
    notebook, runbook, start = simulation.customers.notebook, simulation.runbook, simulation.clock.start
    broken_at = instants.broken_at
    found = fates(simulation.application, notebook.promises)
    prompt = {customer.name for customer in simulation.customers.each if not customer.stale}
    if report.by_hand:  # anything may have been taken, at any time and again
        outages = notebook.outages(instants.until, prompt)
    else:
        outages = [Outage(broken_at, broken_at + notebook.felt_outage(broken_at, instants.until, prompt))]
    longest = max(outages, key=lambda outage: outage.seconds, default=Outage(broken_at, broken_at))
    broken_at, rto = longest.at, round(longest.seconds, 3)
    report.data = _data(found, outages) | {
        name: round(figure, 3) for name, figure in simulation.checkers.figures().items()
    }
    report.debts = [vars(debt) for debt in simulation.tally.debts]
    report.virtual_seconds = simulation.clock.elapsed
    report.simulated = sorted(simulation.cloud.latency.used)
    spans = made_of(simulation, witness, main, broken_at, rto)
    report.course = {
        "objectives": {"rto_seconds": runbook.objectives.rto, "rpo_seconds": runbook.objectives.rpo},
        "regions": {"primary": runbook.regions.primary, "standby": runbook.regions.standby},
        "outage_at": round(broken_at - start, 3),
        "rto": {
            "seconds": rto,
            "parts": {kind: each / 1000 for kind, each in totals(spans).items()},
            "spans": [
                {"kind": s.kind, "what": s.what, "at": s.at / 1000, "seconds": (s.until - s.at) / 1000}
                for s in spans
            ],
        },
        **({"outages": [_outage(each, start) for each in outages]} if report.by_hand else {}),
        "visits": list(_binned(notebook.visits, start)),
        "unkept": [_unkept(p, fate, start) for p, fate in found.items() if fate != "kept"],
        "plans": [_plan(plan, start) for plan in witness.plans],
        "changes": [_legible(dataclasses.asdict(each), start) for each in witness.changes],
        "checked": sentences(),
    }
    report.clients = {
        "requests": len(notebook.visits),
        "failed": notebook.failed,
        "rto_seconds": rto,
        "longest_outage_seconds": round(notebook.longest_outage(start, simulation.clock.now), 3),
    }


def _outage(outage: Outage, start: float) -> dict[str, float]:
    return {"at": round(outage.at - start, 3), "seconds": round(outage.seconds, 3)}


def _data(found: dict[Promise, Fate], outages: Sequence[Outage]) -> dict[str, Any]:
    """How far loss reaches back is counted from the beginning of the outage that follows."""
    named = {fate: sorted(p.name for p, f in found.items() if f == fate) for fate in set(found.values())}
    lost = [promise.at for promise, fate in found.items() if fate == "lost"]
    reaches = [
        outage.at - made
        for before, outage in pairwise([Outage(0.0, 0.0), *outages])
        for made in lost
        if before.until < made <= outage.at
    ]
    return {
        "acknowledged": len(found),
        "lost": named.get("lost", []),
        "overwritten": named.get("overwritten", []),
        "late": named.get("late", []),
        "rpo_seconds": round(max(reaches, default=0.0), 3),
    }


def _binned(visits: Sequence[Visit], start: float) -> Iterator[dict[str, Any]]:
    """Every bin from the first to the last, those without a visit, too."""
    bins: dict[int, list[bool]] = {}
    for visit in visits:
        bins.setdefault(int((visit.at - start) // BIN_SECONDS), []).append(visit.done)
    for number in range(min(bins, default=0), max(bins, default=-1) + 1):
        done = bins.get(number, [])
        yield {"at": number * BIN_SECONDS, "done": done.count(True), "failed": done.count(False)}


def _unkept(promise: Promise, fate: Fate, start: float) -> dict[str, Any]:
    return {
        "name": promise.name,
        "fate": fate,
        "dataset": promise.dataset,
        "region": promise.region,
        "at": round(promise.at - start, 3),
    }


def _plan(plan: Plan, start: float) -> dict[str, Any]:
    return {
        "at": round(plan.at - start, 3),
        "execution": plan.execution,
        "hash": plan.hash,
        "mode": plan.mode,
        "steps": [planned_from(step).as_json() for step in plan.steps],
        "decisions": [as_said(word, start) for word in plan.decisions],
    }


def _legible(change: dict[str, Any], start: float) -> dict[str, Any]:
    """As JSON holds it."""
    legible: dict[str, Any] = json.loads(json.dumps(change, default=str))
    return legible | {"at": round(change["at"] - start, 3)}
