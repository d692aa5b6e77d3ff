"""What a person reads on the console: tables on a terminal, plain lines in a pipe."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from functions.ledger import Records

from ..runbook.load import Runbook
from ..runbook.registry import steps
from .history import RunReport
from .operator import Holder
from .runs import short

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
    rows = list(rows)
    if not sys.stdout.isatty():
        for row in rows:
            click.echo("  ".join(row).rstrip())
        return
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for _ in range(max(map(len, rows), default=0)):
        table.add_column(overflow="fold")  # an ARN that ends in dots is of no use
    for row in rows:
        table.add_row(*map(_plain, row), style=STYLES.get(row[0].strip(), ""))
    Console(highlight=False).print(table)


def _plain(text: str) -> str:
    """Without rich's mark-up: an ARN or a JSON list is no style."""
    return text.replace("[", "\\[")


def plan_rows(plan: Iterable[Mapping[str, Any]]) -> Iterable[Row]:
    """A plan's entries, as a proposal or a plan's JSON holds them: a row for each, and one for each call."""
    moved = False
    for entry in plan:
        kind = entry["outcome"] if entry["outcome"] in STYLES else "done"
        facts = told(entry.get("facts", {}))
        why = entry.get("why") or entry["outcome"]
        if entry["no_return"] and kind != "done" and not moved:
            moved = True
            yield (kind, "", "-- point of no return: from here on, customers' data or traffic has moved --")
        yield (kind, entry["state"], f"{why} ({facts})" if facts else why)
        for call in entry.get("calls", ()):
            parameters = json.dumps(call["parameters"], default=str)
            yield ("", f"  {call['action']} in {call['region']}", parameters)


def told(facts: Mapping[str, Any]) -> str:
    """Facts as a person reads them: lag 0.5 s."""
    return ", ".join(_fact(name, value) for name, value in facts.items() if value not in ("", [], None))


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
        told_facts = told(step.facts) if facts else ""
        told_ticks = f"{step.seconds:.1f} s, {step.ticks} tick{'s' if step.ticks != 1 else ''}"
        yield (outcome, step.name, told_ticks, "; ".join(filter(None, (step.why, told_facts))))


def lease_row(holder: Holder | None) -> str:
    if holder is None:
        return "the lease is free"
    lease, status = holder.lease, f"{holder.status} {holder.why}".strip()
    hand = f"redrive {lease.redrives}, epoch {lease.epoch}"
    return f"the lease is held by {short(lease.holder)} ({status}), {hand}"


def words_rows(records: Records, execution: str) -> Iterable[Row]:
    """What people said to the run, and which fences are owed."""
    word = records.directive
    if execution and word.get("execution") == execution:
        said = {key: word[key] for key in ("pause", "skip", "ungraceful", "abort") if word.get(key)}
        yield (
            "directive",
            ", ".join(said) or "go on",
            f"{word['who']}: {word['why']}",
            told({"skip": word.get("skip")}),
        )
    if records.take_over:
        yield (
            "take-over",
            short(records.take_over["holder"]),
            f"{records.take_over['who']}: {records.take_over['why']}",
        )
    for resource, debt in records.debts.items():
        yield ("owed", resource, debt["why"])


def what_is_at_stake(runbook: Runbook, records: Records, mode: str, now: float) -> Iterable[Row]:
    """What a decision costs: the loss to expect, the fences that nobody confirmed, the time already spent."""
    plan = records.proposal["plan"]
    heard = records.directive.get("execution") == records.proposal["execution"]
    graceful = mode == "graceful" and not (heard and records.directive.get("ungraceful"))
    fences = [entry for entry in plan if _fences(entry) and entry["outcome"] in ("would change", "unknown")]
    age = now - records.proposal["at"]
    for entry in plan:
        facts = entry.get("facts", {})
        if "lag_seconds" in facts:
            lag, old = facts["lag_seconds"], facts["lag_age_seconds"] + age
            what = "nothing is lost: the writer moves when all has arrived"
            if not graceful:
                growing = ", and growing until writes are fenced" if fences else ""
                loss = f"expect to lose about {lag:g} s of writes{growing}"
                what = f"{loss}; the objective is {runbook.objectives.rpo:g} s"
            yield ("at stake", entry["state"], f"lagged {lag:g} s, {old:.0f} s ago; {what}")
    for entry in fences:
        if not entry.get("calls"):
            yield ("unknown", entry["state"], f"a fence that nobody can confirm: {entry.get('why', '')}")
    for resource, debt in records.debts.items():
        yield ("owed", resource, debt["why"])
    yield (
        "at stake",
        "time",
        f"the plan is {age:.0f} s old; the objective is {runbook.objectives.rto:g} s without service",
    )


def _fences(entry: Mapping[str, Any]) -> bool:
    kind = steps().get(entry["state"].split(" ")[0])
    return kind is not None and kind.fences
