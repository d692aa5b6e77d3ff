"""What the commands about deployed runs share: their options, and how they end."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import click

from functions.errors import NotYet
from functions.ledger import Records

from ..operate.operator import Operator
from ..operate.render import Row, show
from ..operate.runs import Seen
from ..operate.trouble import answering

Command = Callable[..., None]
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON on standard output, and nothing else."
)
who_option = click.option("--who", help="Who says so; without it, the caller's identity as AWS tells it.")
why_option = click.option("--why", required=True, help="Why; it is recorded and shown.")


def command(name: str) -> Callable[[Command], click.Command]:
    """A command about an application; `outside` is the twin's in tests, and AWS itself otherwise."""

    def made(body: Command) -> click.Command:
        return click.command(name)(click.argument("app")(json_option(click.pass_obj(answering(body)))))

    return made


def seen_of(operator: Operator, run: str | None) -> Seen | None:
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


def end(as_json: bool, told: dict[str, Any], rows: list[Row]) -> None:
    if as_json:
        click.echo(json.dumps(told, indent=2, default=str))
    else:
        show(rows)
