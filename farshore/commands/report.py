"""Show what happened in the newest run of APP, or in RUN.

RUN is a name or an ARN. Its history says it, and what the ledger holds of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from functions.ledger import Records
from functions.outside import Outside

from ..operate.history import committed
from ..operate.operator import Operator
from ..operate.proposal import as_said, decided
from ..operate.render import bound_row, ledger_rows, run_rows
from ..operate.runs import RunSnapshot
from ..operate.trouble import Trouble
from ..runbook.find import find
from ._options import about_runs, end, records_of, snapshot_of
from ._report_file import report_option, save_report


@about_runs
@click.argument("run", required=False)
@report_option
def command(outside: Outside | None, app: str, as_json: bool, run: str | None, files: Sequence[Path]) -> None:
    operator = Operator(find(app), outside)
    snapshot = snapshot_of(operator, run)
    if snapshot is None:
        raise Trouble(f"{app} has had no run yet: farshore start {app} --mode …")
    records = records_of(operator)
    described = snapshot.described
    begun = records is None or records.has_begun(snapshot.arn, snapshot.started)
    about = {
        "application": operator.runbook.application,
        "execution": snapshot.arn,
        "started": described["startDate"].isoformat(),
        "ended": described["stopDate"].isoformat() if "stopDate" in described else None,
        "redrives": described.get("redriveCount", 0),
        "point_of_no_return": committed(snapshot.report, begun) or None,
        "bound": snapshot.report.bound,
        "debts": dict(records.debts) if records is not None else None,
    }
    run_itself = snapshot.report.as_json()
    plans = _plans(operator, records, snapshot)
    save_report(files, about | {"runs": [run_itself | {"at": 0.0}], "plans": plans})
    owed = ledger_rows(records, snapshot) if records else ()
    bound = bound_row(snapshot.report, operator.runbook.objectives.rpo)
    shown = [*run_rows(snapshot.arn, snapshot.report, facts=True), *bound, *owed]
    end(as_json, run_itself | about, shown)


def _plans(operator: Operator, records: Records | None, snapshot: RunSnapshot) -> list[dict[str, Any]]:
    """The run's own plan that the ledger still holds, and what was said to it; times since the run began."""
    proposal = None if records is None else operator.proposal(records)
    if records is None or proposal is None or proposal.execution != snapshot.arn:
        return []
    return [
        {
            "at": proposal.at - snapshot.started,
            "execution": proposal.execution,
            "hash": proposal.hash,
            "mode": proposal.mode,
            "steps": [step.as_json() for step in proposal.plan],
            "decisions": [as_said(word, snapshot.started) for word in decided(proposal, records)],
        }
    ]
