"""Show what happened in the newest run of APP, or in RUN."""

from __future__ import annotations

import click

from functions.outside import Outside

from ..operate.history import committed
from ..operate.operator import Operator
from ..operate.render import bound_row, ledger_rows, run_rows
from ..operate.trouble import Trouble
from ..runbook.find import find
from ._options import about_runs, end, records_of, snapshot_of


@about_runs
@click.argument("run", required=False)
def command(outside: Outside | None, app: str, as_json: bool, run: str | None) -> None:
    operator = Operator(find(app), outside)
    snapshot = snapshot_of(operator, run)
    if snapshot is None:
        raise Trouble(f"{app} has had no run yet: farshore start {app} --mode …")
    records = records_of(operator)
    described = snapshot.described
    begun = records is None or records.has_begun(snapshot.arn, snapshot.started)
    report = snapshot.report.as_json() | {
        "application": operator.runbook.application,
        "execution": snapshot.arn,
        "started": described["startDate"].isoformat(),
        "ended": described["stopDate"].isoformat() if "stopDate" in described else None,
        "redrives": described.get("redriveCount", 0),
        "point_of_no_return": committed(snapshot.report, begun) or None,
        "bound": snapshot.report.bound,
        "debts": dict(records.debts) if records is not None else None,
    }
    owed = ledger_rows(records, snapshot) if records else ()
    bound = bound_row(snapshot.report, operator.runbook.objectives.rpo)
    end(as_json, report, [*run_rows(snapshot.arn, snapshot.report, facts=True), *bound, *owed])
