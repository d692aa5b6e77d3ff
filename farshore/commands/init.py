"""Begin a repository of your own in DIR.

That is a runbook, and what a team commits beside it. What follows from the runbook is compiled at once.
Nothing that is there already is touched.
"""

from __future__ import annotations

import re
import shlex
import tempfile
from pathlib import Path

import click

from ..compile.compilation import TEMPLATE
from ..compile.template import MARKER
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
    beginning = Beginning(
        application or _named(directory), primary, standby or STANDBY.get(primary, "us-east-1")
    )
    if found := list(wrong(beginning)):
        raise click.UsageError("\n".join(found))
    begun = texts(beginning)
    if not _is_begun(directory) and (there := _in_the_way(directory, begun)):
        raise click.UsageError(
            "\n".join(f"{path} is there, and `farshore compile` would write it" for path in there)
            + "\nnothing was written: move them, or begin in a folder of its own"
        )
    for name, text in begun.items():
        path = directory / name
        if path.exists():
            click.echo(f"kept {path}, which was there")
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        except OSError as error:
            raise click.ClickException(
                f"{error.filename}: {error.strerror}: name a folder that can be written"
            ) from error
        click.echo(f"wrote {path}")
    written = derived_from(directory).write()
    click.echo(f"compiled {len(written.stale)} files of it")
    if "file:" in begun["requirements.txt"]:
        click.echo("requirements.txt names a Farshore on this machine: write where your team has it")
    place = f"cd {shlex.quote(str(directory))} && " if directory != Path() else ""
    click.echo(f"\nnow: {place}farshore rehearse {beginning.application}; README.md there has the rest")


def _named(directory: Path) -> str:
    """After its folder, where that is written in letters that AWS takes."""
    name = directory.resolve().name
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") if name.isascii() else name


def _is_begun(directory: Path) -> bool:
    """It is a repository of Farshore's: what was compiled there is compiled again."""
    template = directory / TEMPLATE
    return template.is_file() and MARKER in template.read_text("utf-8", errors="replace")


def _in_the_way(directory: Path, begun: dict[str, str]) -> list[Path]:
    """Files of somebody's that would be compiled over."""
    with tempfile.TemporaryDirectory() as elsewhere:
        for name, text in begun.items():
            path = Path(elsewhere) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        compiled = derived_from(Path(elsewhere)).files
    return [directory / name for name in compiled if name not in begun and (directory / name).exists()]
