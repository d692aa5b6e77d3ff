"""Carry the run of APP on as ungraceful.

From then on data may be lost, within the bounds of the runbook. Where its plan was approved as graceful,
it waits until somebody approves that, too.
"""

from __future__ import annotations

import click

from functions.outside import Outside

from ..operate.operator import Operator
from ..operate.proposal import loss_of
from ..runbook.find import find
from ._directing import direct, running
from ._options import about_runs, who_option, why_option


@about_runs
@who_option
@why_option
def command(outside: Outside | None, app: str, as_json: bool, who: str | None, why: str) -> None:
    operator = Operator(find(app), outside)
    click.echo(
        "from here on, the run may lose data; a plan that waits for approval is proposed anew", err=True
    )
    direct(operator, running(operator), as_json, who, why, ungraceful=True)
    if loss := loss_of(operator.records()):
        click.echo(
            f"its plan was approved as graceful, so it waits until somebody approves that, too: "
            f"farshore approve {app} {loss.hash} --why …",
            err=True,
        )
