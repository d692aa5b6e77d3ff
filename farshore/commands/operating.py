"""What a person does to a deployed runbook: start, status, decide, direct, redrive, report.

Each command ends with one clear message where it fails, and tells what it did on standard output.
"""

from __future__ import annotations

import sys
from typing import Any, Literal

import click

from functions.calls import Absent, Silence
from functions.ledger import Records
from functions.outside import Outside
from functions.run import MODES, Mode

from ..operate.history import committed
from ..operate.operator import Holder, Operator
from ..operate.render import Row, lease_row, plan_rows, run_rows, show, what_is_at_stake, words_rows
from ..operate.runs import Seen, mode_of, region_of, short
from ..operate.trouble import Trouble
from ..runbook.find import find
from .common import command, end, records_of, seen_of, who_option, why_option
from .directing import abort_command, pause_command, resume_command, skip_command, ungraceful_command
from .redriving import redrive_command

__all__ = [
    "abort_command",
    "approve_command",
    "decline_command",
    "pause_command",
    "redrive_command",
    "report_command",
    "resume_command",
    "skip_command",
    "start_command",
    "status_command",
    "ungraceful_command",
]


@command("start")
@click.option("--procedure", default="failover", show_default=True)
@click.option("--mode", type=click.Choice(MODES), required=True, help="What the run may lose.")
@click.option("--dry-run", is_flag=True, help="Look and decide, and change nothing.")
@click.option(
    "--take-over", is_flag=True, help="You know that the lease's holder, which cannot be asked, is dead."
)
@who_option
@click.option("--why", help="Why; needed, and recorded, with --take-over.")
def start_command(
    outside: Outside | None,
    app: str,
    as_json: bool,
    procedure: str,
    mode: Mode,
    dry_run: bool,
    take_over: bool,
    who: str | None,
    why: str | None,
) -> None:
    """Start a run of APP in its machine's own Region.

    Before anyone is asked to approve, it tries its own permissions and the lease.
    """
    operator = Operator(find(app), outside)
    if procedure not in operator.runs.machines:
        raise click.UsageError(f"{app} has no {procedure}; it has {', '.join(operator.runs.machines)}")
    if take_over and (mode != "ungraceful" or not why or dry_run):
        raise click.UsageError("--take-over is for an ungraceful run that is no dry run, and needs --why")
    operator.runs.deployed(procedure)
    holder = operator.holder(operator.records())
    click.echo(lease_row(holder), err=True)
    _check(operator, holder, take_over, dry_run)
    if take_over and holder is not None and holder.status == "silent":
        operator.declare_dead(holder.lease.holder, who or operator.runs.caller, why or "")
        click.echo(f"take-over recorded: {short(holder.lease.holder)} is dead, says {who or 'you'}", err=True)
    execution = operator.start(procedure, mode, dry_run)
    more = {"execution": execution, "mode": mode, "dry_run": dry_run}
    end(
        as_json,
        more,
        [
            (f"started {short(execution)} in {region_of(execution)}, {mode}",),
            (f"look: farshore status {app}",),
        ],
    )


def _check(operator: Operator, holder: Holder | None, take_over: bool, dry_run: bool) -> None:
    """Refuses where the lease step would: it waits only for a run that pays a debt, and for nobody's word."""
    app = operator.runbook.application
    if holder is None or holder.ended or holder.lease.purpose == "settle":
        return
    run = short(holder.lease.holder)
    if holder.status == "RUNNING":
        raise Trouble(
            f"{run} is running and holds the lease of {app}: nothing was started. Wait for it "
            f"(farshore status {app}), or end it: farshore abort {app} --why …"
        )
    if not take_over and not dry_run:
        raise Trouble(
            f"{run} holds the lease of {app} and cannot be asked ({holder.why}): nothing was started. "
            "If you know that it is dead: --mode ungraceful --take-over --why …"
        )


@command("status")
@click.argument("run", required=False)
def status_command(outside: Outside | None, app: str, as_json: bool, run: str | None) -> None:
    """Show the newest run of APP, or RUN (its name or ARN): its states, the pending plan, debts, lease."""
    operator = Operator(find(app), outside)
    records, seen = records_of(operator), seen_of(operator, run)
    page_read = records or Records()
    holder = operator.holder(page_read)
    pending = _pending(page_read, seen)
    told: dict[str, Any] = {
        "application": operator.runbook.application,
        "execution": seen and seen.arn,
        "run": seen and seen.report.as_json(),
        "lease": holder and {**vars(holder.lease), "status": holder.status},
        "proposal": pending or None,
        "debts": dict(page_read.debts),
        "directive": dict(page_read.directive),
        "take_over": dict(page_read.take_over),
        "ledger": records is not None,
    }
    rows: list[Row] = [*run_rows(seen.arn, seen.report)] if seen else [("no run yet",)]
    rows += [
        ("", "", ""),
        ("lease", lease_row(holder) if records else "unknown: the ledger does not answer", ""),
    ]
    rows += words_rows(page_read, seen.arn if seen else "")
    if pending:
        rows += _proposal_rows(operator, page_read, seen)
        rows += [("decide", f"farshore approve {app} {pending['hash']} --why …   (or decline)", "")]
    end(as_json, told, rows)
    sys.exit(0 if records is not None else 1)


@command("approve")
@click.argument("plan", metavar="HASH")
@who_option
@why_option
def approve_command(outside: Outside | None, app: str, as_json: bool, **given: Any) -> None:
    """Approve the pending plan of APP whose hash is HASH, after showing it."""
    _decide(outside, app, as_json, "approve", **given)


@command("decline")
@click.argument("plan", metavar="HASH")
@who_option
@why_option
def decline_command(outside: Outside | None, app: str, as_json: bool, **given: Any) -> None:
    """Decline the pending plan of APP whose hash is HASH: the run gives its fences back and fails."""
    _decide(outside, app, as_json, "decline", **given)


def _decide(
    outside: Outside | None,
    app: str,
    as_json: bool,
    decision: Literal["approve", "decline"],
    plan: str,
    who: str | None,
    why: str,
) -> None:
    operator = Operator(find(app), outside)
    records = operator.records()
    proposal = records.proposal
    if proposal.get("hash") != plan:
        pending = f"the pending one is {proposal['hash']}" if proposal else "none is pending"
        raise Trouble(f"plan {plan} is not pending in {app}, {pending}: look first: farshore status {app}")
    if (before := records.decisions.get(plan)) is not None and before["decision"] != decision:
        raise Trouble(
            f"{before['who']} said {before['decision']} to plan {plan} already ({before['why']}): "
            f"to stop that run: farshore abort {app} --why …"
        )
    told = operator.runs.describe(proposal["execution"])
    if isinstance(told, Absent) or (not isinstance(told, Silence) and told["status"] != "RUNNING"):
        raise Trouble(
            f"the run that proposed plan {plan} has ended: nothing waits for it: farshore status {app}"
        )
    mode = "" if isinstance(told, Silence) else mode_of(told)
    rows = [
        *plan_rows(proposal["plan"]),
        *what_is_at_stake(operator.runbook, records, mode, operator.outside.clock()),
    ]
    if not as_json:
        show(rows)
    who = who or operator.runs.caller
    operator.decide(plan, decision, who, why)
    more = {"plan": plan, "decision": decision, "who": who, "why": why, "execution": proposal["execution"]}
    end(as_json, more, [(f"{decision}d plan {plan} as {who}, for {short(proposal['execution'])}",)])


@command("report")
@click.argument("run", required=False)
def report_command(outside: Outside | None, app: str, as_json: bool, run: str | None) -> None:
    """Tell what happened in the newest run of APP, or in RUN, from its history."""
    operator = Operator(find(app), outside)
    seen = seen_of(operator, run)
    if seen is None:
        raise Trouble(f"{app} has had no run yet: farshore start {app} --mode …")
    records = records_of(operator)
    told = seen.report.as_json() | {
        "application": operator.runbook.application,
        "execution": seen.arn,
        "started": seen.told["startDate"].isoformat(),
        "ended": seen.told["stopDate"].isoformat() if "stopDate" in seen.told else None,
        "redrives": seen.told.get("redriveCount", 0),
        "point_of_no_return": committed(seen.report, records is None or records.begun == seen.arn) or None,
        "debts": dict(records.debts) if records is not None else None,
    }
    rows = [*run_rows(seen.arn, seen.report, facts=True), *(words_rows(records, seen.arn) if records else ())]
    end(as_json, told, rows)


def _pending(records: Records, seen: Seen | None) -> dict[str, Any]:
    """The plan that a run waits for a decision on."""
    proposal = dict(records.proposal)
    waits = seen is not None and seen.told["status"] == "RUNNING" and proposal.get("execution") == seen.arn
    return proposal if waits and proposal["hash"] not in records.decisions else {}


def _proposal_rows(operator: Operator, records: Records, seen: Seen | None) -> list[Row]:
    mode = seen.report.mode if seen else ""
    rows: list[Row] = [("", "", ""), ("plan", records.proposal["hash"], "waits for a decision")]
    return [
        *rows,
        *plan_rows(records.proposal["plan"]),
        *what_is_at_stake(operator.runbook, records, mode, operator.outside.clock()),
    ]
