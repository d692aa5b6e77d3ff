"""The command line: one program, and a file of `farshore/commands/` for each verb or family of verbs.

A command module is imported when its verb is used, so that `farshore compile` does not pay for the twin.
"""

from __future__ import annotations

import importlib
import signal
import sys

import click

from .runbook.mistakes import Mistakes

VERBS = {
    "compile": "compiling",
    "lint": "linting",
    "plan": "planning",
    "rehearse": "rehearsing",
    "explore": "exploring",
    "replay": "exploring",
    "start": "operating",
    "status": "operating",
    "approve": "operating",
    "decline": "operating",
    "pause": "operating",
    "resume": "operating",
    "skip": "operating",
    "ungraceful": "operating",
    "abort": "operating",
    "redrive": "operating",
    "report": "operating",
}


class Verbs(click.Group):
    """Finds each verb's command in its module, as `NAME_command`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in VERBS:
            return None
        module = importlib.import_module(f"farshore.commands.{VERBS[name]}")
        command: click.Command = getattr(module, f"{name}_command")
        return command


@click.group(cls=Verbs)
@click.version_option(package_name="farshore")
def farshore() -> None:
    """Runbooks for multi-Region failover and failback on AWS."""


def main() -> None:
    """Every failure is one clear message and a non-zero exit; on SIGTERM the twin's databases end with us."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(farshore(standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        sys.exit(130)
    except Mistakes as mistakes:
        click.echo(str(mistakes), err=True)
        sys.exit(1)
