"""How everything stands when a game day stops before its end, and what to do: what a night would ask."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from functions.errors import NotYet, Refused
from functions.ledger import Records
from twin.application import intended, serving

from ..operate.history import RunReport
from ..operate.operator import SILENT
from ..operate.runs import short
from .report import Fence, Stand
from .simulation import Simulation

Runs = Sequence[tuple[str, RunReport]]
"""Runs in their order, each with its execution."""


def stand_of(simulation: Simulation, runs: Runs, why: str) -> Stand:
    """`why` is what has stopped the game day; "" where that is how its last run ended.

    It takes the time that reading the ledger takes."""
    application, faults = simulation.application, simulation.cloud.faults
    records, silent = Records(), ""
    try:
        records = simulation.operator.records()
    except (NotYet, Refused) as error:
        silent = str(error)
    lease, last = records.lease, runs[-1][1] if runs else None
    ended = f"{last.procedure} ended {last.status}: {last.why}" if last else ""
    stand = Stand(
        stopped=why or ended,
        served=sorted(serving(application)),
        led_to=sorted(intended(application)),
        writers={each.name: sorted(each.writers()) for each in application.datasets},
        dark=sorted(region for region in application.regions if faults.is_dark(region)),
        fences=[Fence(each.resource, each.owner) for each in records.memories],
        owed=sorted(records.debts),
        held_by="" if lease is None or lease.released else short(lease.holder),
        ledger=silent,
    )
    stand.to_do.extend(_to_do(simulation, stand, runs))
    return stand


def _to_do(simulation: Simulation, stand: Stand, runs: Runs) -> Iterator[str]:
    """On a night like this one, in order; and at last in the rehearsal."""
    app = simulation.runbook.application
    if stand.ledger:
        yield "see that the ledger answers, and lets in who asks: until then no run changes anything"
    if runs:
        yield from _about(app, *runs[-1])
    if any(fence.owner == "outage" for fence in stand.fences):
        yield f"end the game day: farshore start {app} --procedure recovery --mode graceful"
    if stand.owed:
        where = f" until {' and '.join(stand.dark)} answers" if stand.dark else ""
        yield f"leave what is owed to the schedule: it is tried every minute{where}"
    yield f"then rehearse again: {simulation.runbook.path}"


def _about(app: str, execution: str, run: RunReport) -> Iterator[str]:
    if run.status == "RUNNING":
        yield f"look at what it waits for: farshore status {app}; or end it: farshore abort {app} --why …"
    elif run.status == SILENT:
        yield f"look again when somebody answers for {short(execution)}: farshore status {app}"
    elif run.undone:
        yield (
            "mend what stopped it (nothing had moved, and what it took is given back or owed), and start a "
            f"new run: farshore start {app} --procedure {run.procedure} --mode {run.mode}"
        )
    elif run.status != "SUCCEEDED":
        name = execution.rpartition(":")[2]
        yield f"mend what stopped it, then let it go on from there: farshore redrive {app} {name}"
