"""What the commands about deployed runs share: their options, what they look up, and how they end."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import click

from functions.errors import NotYet
from functions.ledger import Records

from ..operate.operator import Operator
from ..operate.render import Row, show
from ..operate.runs import RunSnapshot
from ..operate.trouble import answering

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON on standard output, and nothing else."
)
who_option = click.option("--who", help="Who says so; without it, the caller's identity as AWS gives it.")
why_option = click.option("--why", required=True, help="Why; it is recorded and shown.")


def about_runs(body: Callable[..., None]) -> click.Command:
    """A command about an application's runs; it is given None for AWS itself, and the twin in tests."""
    return click.command()(click.argument("app")(json_option(click.pass_obj(answering(body)))))


def snapshot_of(operator: Operator, run: str | None) -> RunSnapshot | None:
    """The run of that name or ARN, or the newest; None where there is none yet."""
    if run is not None:
        return operator.runs.look(operator.runs.find(run))
    newest, silent = operator.runs.newest()
    for machine in silent:
        click.echo(f"{machine} did not answer: its runs are not shown", err=True)
    return None if newest is None else operator.runs.look(newest)


def records_of(operator: Operator) -> Records | None:
    """What is seen of a run without the ledger is worth showing, too."""
    try:
        return operator.records()
    except NotYet as silence:
        click.echo(f"{silence}: debts, lease and plan are not shown", err=True)
        return None


def end(as_json: bool, report: Mapping[str, Any], rows: list[Row]) -> None:
    """Prints what a command has to say, for a program or for a person."""
    if as_json:
        click.echo(json.dumps(report, indent=2, default=str))
    else:
        show(rows)
