"""Carry the run of APP on as ungraceful.

From then on data may be lost, within the bounds of the runbook. Where its plan was approved as graceful,
it waits until somebody approves that, too. Where the runbook has approvals proved, it takes a new run.
"""

from __future__ import annotations

import click

from functions.outside import Outside
from functions.tick import LOSS_BY_PROOF

from ..operate.operator import Operator
from ..operate.proposal import loss_of
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
    records, execution = operator.records(), (run.lease.holder, run.started)
    if records.wants_proof(*execution) and records.asks_to_lose(*execution):
        raise Trouble(
            f"the plan of {short(run.lease.holder)} was approved as graceful, {LOSS_BY_PROOF}: "
            f"farshore abort {app} --why …"
        )
    click.echo(
        "from here on, the run may lose data; a plan that waits for approval is proposed anew", err=True
    )
    direct(operator, run, as_json, who, why, ungraceful=True)
    if loss := loss_of(operator.records()):
        click.echo(
            f"its plan was approved as graceful, so it waits until somebody approves that, too: "
            f"farshore approve {app} {loss.hash} --why …",
            err=True,
        )
