"""Let the paused run of APP go on.

Its current state's time begins anew.
"""

from __future__ import annotations

from functions.outside import Outside

from ..operate.operator import Operator
from ..operate.runs import short
from ..operate.trouble import Trouble
from ..runbook.find import find
from ._directing import direct, running
from ._options import about_runs, who_option, why_option


@about_runs
@who_option
@why_option
def command(outside: Outside | None, app: str, as_json: bool, who: str | None, why: str) -> None:
    operator = Operator(find(app), outside)
    run = running(operator)
    before = operator.records().word_to(run.lease.holder, run.started)
    if not before.get("pause") and not before.get("abort"):
        raise Trouble(
            f"{short(run.lease.holder)} is not paused: farshore status {app} shows what it waits for"
        )
    direct(operator, run, as_json, who, why, pause=False, resumed_at=operator.outside.clock())
