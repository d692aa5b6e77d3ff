"""Show the newest run of APP, or RUN, and what is owed.

RUN is a name or an ARN. Its states, the pending plan, debts and the lease are shown.
Exits 1 where the ledger does not answer: what it holds is then not shown.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import click

from functions.ledger import Records
from functions.outside import Outside

from ..operate.operator import Operator
from ..operate.proposal import Proposal, decision_on
from ..operate.render import Row, lease_row, ledger_rows, plan_rows, run_rows, what_is_at_stake
from ..operate.runs import RunSnapshot
from ..runbook.find import find
from ._options import about_runs, end, records_of, snapshot_of


@about_runs
@click.argument("run", required=False)
def command(outside: Outside | None, app: str, as_json: bool, run: str | None) -> None:
    operator = Operator(find(app), outside)
    answered, snapshot = records_of(operator), snapshot_of(operator, run)
    records = answered or Records()
    holder = operator.holder(records)
    pending = _pending(operator, records, snapshot)
    report: Mapping[str, Any] = {
        "application": operator.runbook.application,
        "execution": snapshot and snapshot.arn,
        "run": snapshot and snapshot.report.as_json(),
        "lease": holder and {**vars(holder.lease), "status": holder.status},
        "proposal": dict(records.proposal) | _asked(pending) if pending else None,
        "debts": dict(records.debts),
        "directive": dict(records.word_to(snapshot.arn, snapshot.started)) if snapshot else {},
        "take_over": dict(records.take_over),
        "ledger": answered is not None,
    }
    rows: list[Row] = [*run_rows(snapshot.arn, snapshot.report)] if snapshot else [("no run yet",)]
    rows += [
        ("", "", ""),
        ("lease", lease_row(holder) if answered else "unknown: the ledger does not answer", ""),
        *ledger_rows(records, snapshot),
    ]
    if pending and snapshot:
        rows += [
            ("", "", ""),
            (
                "plan",
                pending.hash,
                f"waits for a decision; {pending.refused}" if pending.refused else "waits for a decision",
            ),
            *plan_rows(pending.plan),
            *what_is_at_stake(
                operator.runbook, records, pending, snapshot.report.mode, operator.outside.clock()
            ),
            ("decide", f"farshore approve {app} {pending.hash} --why …   (or decline)", ""),
        ]
    end(as_json, report, rows)
    sys.exit(0 if answered is not None else 1)


def _asked(pending: Proposal) -> dict[str, Any]:
    """What is decided on, where that is not the plan itself."""
    return {"hash": pending.hash, "digest": pending.digest, "mode": pending.mode}


def _pending(operator: Operator, records: Records, snapshot: RunSnapshot | None) -> Proposal | None:
    """The plan that this run waits for a decision on."""
    proposal = operator.proposal(records)
    if snapshot is None or snapshot.described["status"] != "RUNNING":
        return None
    mine = proposal is not None and proposal.execution == snapshot.arn
    return proposal if mine and proposal and not decision_on(proposal, records) else None
