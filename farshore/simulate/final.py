"""How everything stands in the end, read once from the simulation."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from functions.errors import NotYet, Refused
from functions.ledger import Records
from twin.application import Promise, open_regions, serving

from ..checkers.final_state import Circumstances, FinalState, SettlingRun
from ..operate.history import RunReport, explained
from .simulation import Simulation

SILENT = "the ledger does not answer"


@dataclass(frozen=True)
class AtItsEnd:
    """How the application stood when a run had just ended."""

    served: frozenset[str] = frozenset()
    """Regions in which new customers were served."""
    back: frozenset[str] = frozenset()
    """Regions that had all again that they had while all was well."""


def at_its_end(simulation: Simulation, well: Mapping[str, object]) -> AtItsEnd:
    """Now. `well` are its settings while all was well."""
    application = simulation.application
    back = (region for region, now in application.settings().items() if now == well[region])
    return AtItsEnd(frozenset(serving(application)), frozenset(back))


@dataclass(frozen=True)
class AtFirst:
    """How the run that all is about stood once it was over and debts were paid, before anybody repaired
    anything."""

    report: RunReport
    moved: bool
    """It may have moved data or customers."""
    served: frozenset[str]
    """Regions in which new customers were served."""
    at_its_end: AtItsEnd


@dataclass(frozen=True)
class RunFacts:
    """What whoever ran the simulation knows of it, and the simulation does not."""

    circumstances: Circumstances
    main: str
    """The execution that all is about."""
    first: AtFirst
    reports: Mapping[str, RunReport]
    """By execution, in the order of their ends: that run and all after it, but the settling ones."""
    well: Mapping[str, object]
    """The application's settings while all was well."""
    triggered: frozenset[str] = frozenset()
    """Of those executions, the ones that the alarm started."""
    repaired: bool = False
    lost: Collection[Promise] = ()
    """What was lost before that run, so not by it."""
    stuck: str = ""
    """What had to happen, and did not for hours."""


def at_first(simulation: Simulation, execution: str, at_its_end: AtItsEnd) -> AtFirst:
    """Now."""
    report, served = simulation.report(execution), frozenset(serving(simulation.application))
    return AtFirst(report, simulation.may_have_moved(execution), served, at_its_end)


def final_state(simulation: Simulation, facts: RunFacts) -> FinalState:
    """It takes the time that reading the ledger takes."""
    application, tally, notebook = simulation.application, simulation.tally, simulation.customers.notebook
    records, silent = Records(), [SILENT]
    with suppress(NotYet, Refused):
        records, silent = simulation.operator.records(), []
    accepted_at = tally.loss_accepted_at or simulation.clock.now
    lease = records.lease
    final = FinalState(
        circumstances=facts.circumstances,
        status=facts.first.report.status,
        why=facts.first.report.why,
        main=facts.main,
        reports=facts.reports,
        triggered=facts.triggered - {facts.main},
        moved=facts.first.moved,
        repaired=facts.repaired,
        stuck=facts.stuck,
        served_at_end=facts.first.at_its_end.served,
        back_at_end=facts.first.at_its_end.back,
        served_at_first=facts.first.served,
        served=frozenset(serving(application)),
        shall_serve=frozenset(),
        open=frozenset(open_regions(application)),
        pages=tally.pages,
        lost=[promise for promise in simulation.lost() if promise not in facts.lost],
        loss_accepted_at=tally.loss_accepted_at,
        last_write=max((p.at for p in notebook.promises if p.at <= accepted_at), default=0.0),
        debts=(*records.debts, *silent),
        owed=tally.debts,
        settling=tuple(_settled(simulation)),
        held_by="" if lease is None or lease.released else lease.holder,
        withheld=(),
        broken=tuple(each.resource for each in records.memories if each.owner == "outage"),
        kept=tuple(
            each.resource for each in records.memories if (each.owner, each.by) == ("run", facts.main)
        ),
        unlike={region: now != facts.well[region] for region, now in application.settings().items()},
    )
    last = final.last
    source, target = simulation.runbook.direction(last.procedure)
    shall_serve = application.shall_serve(last.procedure, source, target)
    # What the last run itself has remembered it took, or raised, on purpose.
    mine = {execution for execution, report in facts.reports.items() if report is last}
    withheld = (each.resource for each in records.memories if each.owner == "run" and each.by not in mine)
    return replace(final, shall_serve=frozenset(shall_serve), withheld=tuple(withheld))


def lease_taken(simulation: Simulation, execution: str) -> float:
    """When the execution took the lease last, in seconds since 1970; 0 where it never did."""
    ticks = simulation.deployment.ticks.get(f"{execution.rpartition(':')[2]}/lease", ())
    return max((tick.ended for tick in ticks if tick.answer.startswith("done")), default=0.0)


def _settled(simulation: Simulation) -> Iterator[SettlingRun]:
    """The runs that pay debts, but for those under way. Moto's interpreter is not asked for its own."""
    if simulation.account.engine is None:
        return
    for arn, (procedure, _) in simulation.executions.items():
        run = simulation.account.engine.executions[arn]
        if simulation.purpose(procedure) == "settle" and run.status != "RUNNING":
            failure = run.failure
            why = "" if failure is None else explained(failure.error or "", failure.cause or "")
            start = simulation.clock.start
            held = bool(lease_taken(simulation, arn))
            yield SettlingRun(run.status, why, run.started - start, run.stopped - start, held)
