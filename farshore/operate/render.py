"""What a person reads on the console: tables on a terminal, plain lines in a pipe."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from functions.calls import Call
from functions.global_tables import some
from functions.ledger import Records
from functions.planned import Planned, one_line

from ..runbook.model import Runbook
from .history import RunReport
from .operator import Holder
from .proposal import Proposal
from .runs import RunSnapshot, short

STYLES = {
    "would change": "bold",
    "would refuse": "bold red",
    "unknown": "bold yellow",
    "would wait": "cyan",
    "waiting": "cyan",
    "failed": "bold red",
    "done": "green",
}

Row = Sequence[str]


def show(rows: Iterable[Row]) -> None:
    """Rows of texts; the first cell says how a row is coloured. One line a row where nobody looks on."""
    if not sys.stdout.isatty():
        for row in rows:
            click.echo(line(row))
        return
    Console(highlight=False).print(table(rows))


def line(row: Row) -> str:
    """A row where nobody looks on."""
    return "  ".join(map(one_line, row)).rstrip()


def table(rows: Iterable[Row]) -> Table:
    """Rows on a terminal."""
    rows = [tuple(map(one_line, row)) for row in rows]
    made = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for _ in range(max(map(len, rows), default=0)):
        made.add_column(overflow="fold")  # an ARN that ends in dots is of no use
    for row in rows:
        made.add_row(*map(_plain, row), style=STYLES.get(row[0].strip(), ""))
    return made


def _plain(text: str) -> str:
    """Without rich's mark-up: an ARN or a JSON list is no style."""
    return text.replace("[", "\\[")


def plan_rows(plan: Iterable[Planned]) -> Iterable[Row]:
    """A row for each step of a plan, and one for each of its calls."""
    every = tuple(plan)
    first = point_of_no_return(every)
    for step in every:
        if step is first:
            no_return = "-- point of no return: from here on, customers' data or traffic has moved --"
            yield (step.outcome, "", no_return)
        facts = described({name: value for name, value in step.facts.items() if value != step.why})
        yield (step.outcome, step.state, f"{step.why} ({facts})" if facts else step.why)
        for call in step.calls:
            yield ("", f"  {call}", given(call))


def point_of_no_return(plan: Iterable[Planned]) -> Planned | None:
    """The first step with which data or traffic would move; None where none would."""
    return next((step for step in plan if step.no_return and step.outcome != "done"), None)


def given(call: Call) -> str:
    """Its parameters, on one line."""
    return json.dumps(call.parameters, default=_text)


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def described(facts: Mapping[str, Any]) -> str:
    """Facts as a person reads them: lag 0.5 s."""
    return ", ".join(_fact(name, value) for name, value in facts.items() if value not in ("", [], (), None))


def _fact(name: str, value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    if name.endswith("_seconds"):
        return f"{name.removesuffix('_seconds').replace('_', ' ')} {text} s"
    return f"{name.replace('_', ' ')} {text}"


def run_rows(arn: str, report: RunReport, facts: bool = False) -> Iterable[Row]:
    """A run and its states: outcome, state, time, ticks, and what there is to say."""
    source, target = report.direction
    mode = report.mode or "no mode"
    yield (
        report.status.lower(),
        short(arn),
        f"{report.procedure}, {source} to {target}, {mode}, {report.seconds:.0f} s",
        report.why,
    )
    for step in report.steps:
        outcome = step.outcome
        if not step.ended:
            outcome = "waiting" if step is report.steps[-1] and report.status == "RUNNING" else "failed"
        took = f"{step.seconds:.1f} s, {step.ticks} tick{'s' if step.ticks != 1 else ''}"
        more = described(step.facts) if facts else ""
        yield (outcome, step.name, took, "; ".join(filter(None, (step.why, more))))


def bound_of(report: RunReport) -> str:
    """How much a run can have lost, and of what, for people; "" where nothing was to say it."""
    bound = report.bound
    if bound is None:
        return ""
    if "loss_at_most_seconds" not in bound:
        return f"unknown: {bound.get('why', 'its heartbeats say nothing')}"
    most, least = bound["loss_at_most_seconds"], bound.get("loss_at_least_seconds", 0.0)
    more = f", and of {least:g} s at least" if least else ""
    stores = bound.get("stores")
    of = f" of {some(stores)}" if isinstance(stores, Mapping) and stores else ""
    return f"the writes of {most:g} s{of} at most{more}" if most else f"nothing{of}"


def bound_row(report: RunReport, objective: float) -> Iterable[Row]:
    if said := bound_of(report):
        yield ("bound", "by heartbeats", f"{said}; the objective is {objective:g} s")


def lease_row(holder: Holder | None) -> str:
    if holder is None:
        return "the lease is free"
    lease, status = holder.lease, f"{holder.status} {holder.why}".strip()
    epoch = f"redrive {lease.redrives}, epoch {lease.epoch}"
    return f"the lease is held by {short(lease.holder)} ({status}), {epoch}"


def ledger_rows(records: Records, snapshot: RunSnapshot | None) -> Iterable[Row]:
    """What people said to the run, and which fences are owed."""
    if snapshot and (word := records.word_to(snapshot.arn, snapshot.started)):
        said = [key for key in ("pause", "skip", "ungraceful", "override", "abort") if word.get(key)]
        named = described({"skip": word.get("skip"), "override": list(word.get("override", ()))})
        yield ("directive", ", ".join(said) or "go on", f"{word['who']}: {word['why']}", named)
    if word := records.take_over:
        yield ("take-over", short(word["holder"]), f"{word['who']}: {word['why']}")
    yield from _debt_rows(records)


def _debt_rows(records: Records) -> Iterable[Row]:
    for resource, debt in records.debts.items():
        yield ("owed", resource, debt["why"])


def what_is_at_stake(
    runbook: Runbook, records: Records, proposal: Proposal, mode: str, now: float
) -> Iterable[Row]:
    """What a decision costs: the loss to expect, the fences that nobody confirmed, the time already spent."""
    word = records.word_to(proposal.execution, proposal.started)
    graceful = mode == "graceful" and not word.get("ungraceful")
    # At the time of the proposal a silent Region is still being waited for: nobody can confirm that, either.
    fences = [step for step in proposal.plan if step.fences and step.outcome not in ("done", "would refuse")]
    age = now - proposal.at
    for step in proposal.plan:
        if "lag_seconds" in step.facts:
            lag, old = step.facts["lag_seconds"], step.facts["lag_age_seconds"] + age
            what = "nothing is lost: the writer moves when all has arrived"
            if not graceful:
                growing = ", and growing until writes are fenced" if fences else ""
                loss = f"expect to lose about {lag:g} s of writes{growing}"
                what = f"{loss}; the objective is {runbook.objectives.rpo:g} s"
            yield ("at stake", step.state, f"lagged {lag:g} s, {old:.0f} s ago; {what}")
    for step in fences:
        if not step.calls:
            yield ("unknown", step.state, f"a fence that nobody can confirm: {step.why}")
    yield from _debt_rows(records)
    objective = f"the objective is {runbook.objectives.rto:g} s without service"
    yield ("at stake", "time", f"the plan is {age:.0f} s old; {objective}")
