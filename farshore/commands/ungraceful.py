"""Carry the run of APP on as ungraceful.

From then on data may be lost, within the bounds of the runbook.
"""

from __future__ import annotations

import click

from functions.outside import Outside

from ..operate.operator import Operator
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
