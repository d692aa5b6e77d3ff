"""The command line: one program, and a file of `farshore/commands/` for each verb.

A verb is its file's name, and its help the file's docstring. The file is imported when the verb is used, so
that `farshore compile` does not pay for the twin, nor `farshore --help` for anything. Files whose names begin
with `_` hold what verbs share.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import signal
import sys
from importlib.util import find_spec

import click

from . import commands
from .runbook.mistakes import Mistakes


class Verbs(click.Group):
    """Every verb of the folder, found by its file, which has its `command`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        names = [module.name for module in pkgutil.iter_modules(commands.__path__)]
        return sorted(name for name in names if not name.startswith("_"))

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.list_commands(ctx):
            return None
        module = importlib.import_module(f"{commands.__name__}.{name}")
        command: click.Command = module.command
        command.name, command.help = name, inspect.getdoc(module)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in self.list_commands(ctx):
            from .runbook.wording import (
                did_you_mean,
                nearest,
            )  # imports every step: for a slip of the pen only

            verbs = self.list_commands(ctx)
            ctx.fail(f"no verb {args[0]!r}: {did_you_mean(nearest(args[0], verbs), verbs, 'there are')}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(verb, _first_line(verb)) for verb in self.list_commands(ctx)])


def _first_line(verb: str) -> str:
    """Of its file's docstring, read without importing it."""
    spec = find_spec(f"{commands.__name__}.{verb}")
    assert spec is not None
    assert spec.origin is not None
    with open(spec.origin, encoding="utf-8") as file:
        doc = ast.get_docstring(ast.parse(file.read()))
    return (doc or "").partition("\n")[0]


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
