"""Derive everything that is deployed from the runbooks.

That is statemachines/, template.yaml, docs/steps.md, docs/runbooks/, the schema that editors read, and the
events in tests/.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from ..compile.compilation import Compilation, compiled
from ..lint import errors
from ..operate.permissions import PERMISSIONS
from ..runbook.find import RUNBOOKS
from ..runbook.load import read_all
from ..runbook.mistakes import Mistakes


@click.command()
@click.option(
    "--check", is_flag=True, help="Write nothing; list what is stale, and exit with 1 if anything is."
)
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def command(check: bool, as_json: bool) -> None:
    derived = derived_from(Path())
    try:
        due = derived.difference() if check else derived.write()
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}: nothing is compiled") from error
    report = {
        "written": [] if check else list(due.stale),
        "removed": [] if check else list(due.left_over),
        "stale": [*due.stale, *due.left_over] if check else [],
    }
    if as_json:
        click.echo(json.dumps(report, indent=2))
    else:
        for path in due.stale:
            click.echo(f"stale: {path}" if check else f"wrote {path}")
        for path in due.left_over:
            click.echo(f"left over: {path}" if check else f"removed {path}")
        if not any(report.values()):
            click.echo(f"up to date: {len(derived.files)} files")
        elif check:
            click.echo("run `farshore compile`", err=True)
    if report["stale"]:
        sys.exit(1)


def derived_from(root: Path) -> Compilation:
    """What lint calls an error is refused as well, and all of it at once. Raises Mistakes."""
    runbooks, mistakes = read_all(root / RUNBOOKS)
    wrong = [*mistakes, *errors(runbooks)]
    if mistakes:
        raise Mistakes(wrong)
    try:
        derived = compiled(root, runbooks, PERMISSIONS)
    except Mistakes as refused:
        raise Mistakes(dict.fromkeys([*refused.mistakes, *wrong])) from None
    if wrong:
        raise Mistakes(wrong)
    return derived
