"""Begin a repository of your own in DIR: a runbook, and what a team commits beside it.

Nothing that is there already is touched. What follows from the runbook is compiled at once.
"""

from __future__ import annotations

import re
from pathlib import Path

import click

from ..init.repository import Beginning, texts, wrong
from .compile import derived_from

STANDBY = {"us-east-1": "us-west-2"}
"""The other Region, where nobody says which; us-east-1 for any other."""


@click.command()
@click.argument("directory", metavar="[DIR]", default=".", type=click.Path(file_okay=False, path_type=Path))
@click.option("--application", help="Its name; that of the folder, if you do not say.")
@click.option("--primary", default="us-east-1", show_default=True, help="The Region that serves.")
@click.option("--standby", help="The Region that takes over; us-west-2, or us-east-1 beside another.")
def command(directory: Path, application: str | None, primary: str, standby: str | None) -> None:
    named = re.sub(r"[^a-z0-9]+", "-", directory.resolve().name.lower()).strip("-")
    beginning = Beginning(application or named, primary, standby or STANDBY.get(primary, "us-east-1"))
    if found := list(wrong(beginning)):
        raise click.UsageError("\n".join(found))
    for name, text in texts(beginning).items():
        path = directory / name
        if path.exists():
            click.echo(f"kept {path}, which was there")
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        except OSError as error:
            raise click.ClickException(f"{error.filename}: {error.strerror}") from error
        click.echo(f"wrote {path}")
    written = derived_from(directory).write()
    click.echo(f"compiled {len(written.stale)} files of it")
    place = f"cd {directory} && " if directory != Path() else ""
    click.echo(f"\nnow: {place}farshore rehearse {beginning.application}; README.md there has the rest")
