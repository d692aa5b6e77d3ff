"""End the run of APP.

Before its point of no return, what it took from customers is given back.
"""

from __future__ import annotations

import click

from functions.outside import Outside

from ..operate.history import committed
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
    execution = run.lease.holder
    try:
        begun = operator.records().has_begun(execution, run.started)
        past = committed(operator.runs.look(execution).report, begun)
    except Trouble as trouble:
        click.echo(f"whether it is past its point of no return is unknown: {trouble.message}", err=True)
    else:
        after = (
            f"past the point of no return ({past}): nothing is undone, its fences stay; redrive or fail back"
            if past
            else "before the point of no return: its fences are given back"
        )
        click.echo(f"{short(execution)} is {after}", err=True)
    # A pause would hold the undoing, too.
    direct(operator, run, as_json, who, why, abort=True, pause=False)
