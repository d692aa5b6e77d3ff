"""Deploy APP to each of its Regions, in order, or print how.

The commands are sam's and farshore's own. They stop where one fails: what the account lacks is said before
anything is built, and nothing is armed before the ledger answers and somebody is paged.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click

from ..compile.deployment import mistakes, script
from ..runbook.find import find
from ._arming import stack_option


@click.command()
@click.argument("app")
@click.option("--print", "only_print", is_flag=True, help="Print the commands, and run none.")
@click.option(
    "--parameter",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    help="Of the template, such as PageAddress=ops@shop.example; it keeps its value from then on.",
)
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="Of everything; give it each time.")
@stack_option
def command(
    app: str, only_print: bool, parameters: tuple[str, ...], tags: tuple[str, ...], stack_name: str
) -> None:
    runbook = find(app)
    wrong = [*mistakes(parameters), *(f"{tag}: write KEY=VALUE" for tag in tags if "=" not in tag)]
    if wrong:
        raise click.UsageError("\n".join(wrong))
    text = "\n".join(script(app, runbook, stack_name, parameters, tags))
    if only_print:
        click.echo(text)
    else:
        ours = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        done = subprocess.run(["sh", "-c", text], check=False, env={**os.environ, "PATH": ours})
        sys.exit(done.returncode)
