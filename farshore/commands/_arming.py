"""What `arm` and `disarm` share: setting the parameter of one application in each of its stacks."""

from __future__ import annotations

import sys

import click

from ..compile.parameters import triggers
from ..compile.samconfig import STACK
from ..operate.render import Row
from ..operate.stacks import Stacks
from ..operate.trouble import Trouble
from ._options import end

stack_option = click.option(
    "--stack-name", default=STACK, show_default=True, help="The stack's name, in every Region."
)


def set_in_each(stacks: Stacks, value: str, as_json: bool) -> None:
    """In the ledger's Region first. A Region that does not do it keeps none of the others from it."""
    failed: list[str] = []
    done: list[str] = []
    for region in stacks.regions:
        try:
            stacks.set(region, triggers(stacks.application), value)
            done.append(region)
        except Trouble as trouble:
            failed.append(trouble.message)
    report = {"application": stacks.application, "stack": stacks.name, value: done, "failed": failed}
    rows: list[Row] = [(value, stacks.application, f"in {region}") for region in done]
    end(as_json, report, rows)
    for message in failed:
        click.echo(message, err=True)
    if failed:
        sys.exit(1)


def not_ready(stacks: Stacks) -> list[str]:
    """Every stack that cannot be set, each with what to do."""
    found: list[str] = []
    for region in stacks.regions:
        try:
            stacks.ready(region, triggers(stacks.application))
        except Trouble as trouble:
            found.append(trouble.message)
    return found
