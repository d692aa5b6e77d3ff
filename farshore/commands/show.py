"""Show the runbook of APP as a tree, or as a picture.

Its steps are in order, each with what it stands on and its limit, and the critical path with its minutes.
With --role, print the template of a role of another account that its lines name, instead.

Exits 1 where the runbook is wrong, with all of its mistakes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from ..compile.assumed_role import role_template, roles_of
from ..compile.drawing import drawing
from ..compile.machine import machines
from ..compile.outline import NO_RETURN, Box, Outline, first_no_return, outlines
from ..runbook.find import find
from ..runbook.model import Runbook
from ._report_file import ReportFile, save


@click.command()
@click.argument("app")
@click.option("--svg", type=ReportFile(".svg"), help="Write it as a picture, too.")
@click.option("--role", metavar="ARN", help="Print what this role must allow, and whom it must trust.")
def command(app: str, svg: Path | None, role: str | None) -> None:
    runbook = find(app)
    if role is not None:
        click.echo(_template(runbook, role), nl=False)
        return
    found = list(outlines(runbook))
    for outline in found:
        click.secho(outline.title, bold=True)
        for line in _tree(outline):
            click.echo(line)
        click.echo()
    if svg is not None:
        save(svg, drawing(found))


def _template(runbook: Runbook, role: str) -> str:
    made = machines(runbook)
    try:
        return role_template(runbook, made, role)
    except KeyError:
        its = ", ".join(roles_of(made)) or "none"
        raise click.UsageError(f"{runbook.application} assumes no {role}; its roles are {its}") from None


def _tree(outline: Outline) -> Iterator[str]:
    for number, row in enumerate(outline.rows):
        last = number + 1 == len(outline.rows)
        if number == first_no_return(outline):
            yield f"│  {click.style(f'-- {NO_RETURN} --', fg='red')}"
        if len(row) == 1:
            yield f"{'└─' if last else '├─'} {_said(row[0])}"
            continue
        yield f"{'└─' if last else '├─'} side by side"
        for place, box in enumerate(row, 1):
            yield f"{' ' if last else '│'}  {'└─' if place == len(row) else '├─'} {_said(box)}"


def _said(box: Box) -> str:
    beside = "" if box.critical else ", beside the critical path"
    return f"{click.style(box.name, bold=True)}  {box.says}{beside}"
