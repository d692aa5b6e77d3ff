"""Name by key what differs in the tables of APP, and put it back.

It prints a line of JSON for each key under which the two Regions have not the same. With RUN they are the
tables that this run has named, seen in its direction; with --keys, only what a sweep has listed. Delete the
lines that shall not be applied, say which Region's item stands, and give the file back with --apply. That
shows what it would write; with --yes it writes, wherever the Regions still have what the line says.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterable
from pathlib import Path

import click

from functions.inputs import TableName
from functions.outside import Outside

from ..compile.definition import step_of
from ..operate.differences import TIME, Difference
from ..operate.operator import Operator
from ..operate.reconcile import apply, read_keys, read_lines
from ..operate.render import show
from ..operate.runs import RunSnapshot
from ..operate.tables import Tables
from ..operate.trouble import Trouble
from ..runbook.find import find
from ..runbook.named import tables_of
from ..runbook.typed import found
from ..runbook.wording import did_you_mean, nearest
from ._options import about_runs, end


@about_runs
@click.argument("run", required=False)
@click.option("--table", "only", multiple=True, help="This table; without it, every one of the runbook.")
@click.option(
    "--keys",
    "listed",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Look at the keys of these lines alone: a sweep's report, or what was printed here before.",
)
@click.option(
    "--time",
    default=TIME,
    show_default=True,
    help="The attribute that bears an item's time: seconds or milliseconds since 1970, or ISO 8601.",
)
@click.option(
    "--apply", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The lines picked."
)
@click.option("--stands", default="", help="The Region whose item stands, on each line that does not say.")
@click.option("--yes", is_flag=True, help="You have seen what it would write.")
def command(
    outside: Outside | None,
    app: str,
    as_json: bool,
    run: str | None,
    only: tuple[str, ...],
    listed: Path | None,
    time: str,
    file: Path | None,
    stands: str,
    yes: bool,
) -> None:
    operator = Operator(find(app), outside)
    tables = tables_of(operator.runbook)
    for table in only:
        if table not in tables:
            hint = did_you_mean(nearest(table, tables), list(tables), "it names")
            raise Trouble(f"{table} is no table of the runbook {operator.runbook.path}: {hint}")
    if listed is not None:
        if file is not None or run is not None or only:
            raise click.UsageError("--keys names tables and keys itself: leave RUN, --table and --apply out")
        _look(operator, listed, tables, time)
    elif file is not None:
        _apply(operator, as_json, file, only or tables, stands, yes)
    elif run is not None:
        snapshot = operator.runs.look(operator.runs.find(run))
        there, here = snapshot.report.direction
        _compare(operator, only or _named_in(snapshot), here, there, time)
    else:
        there, here = operator.runbook.direction("failover")
        _compare(operator, only or tables, here, there, time)


def _named_in(snapshot: RunSnapshot) -> Collection[str]:
    """The tables of what the run has ticked."""
    ticked = [(step_of(step.event), step.event) for step in snapshot.report.steps]
    names = {
        str(table)
        for kind, event in ticked
        if kind is not None
        for _, table in found(kind, event["inputs"], TableName)
    }
    return sorted(names)


def _compare(operator: Operator, tables: Collection[str], here: str, there: str, time: str) -> None:
    for table in tables:
        click.echo(f"{table}: {here} and {there} are compared", err=True)
        differences, share = Tables(operator.runs, here, there).differences(table)
        _tell(differences, time)
        more = f" of one key in {share}: put these back, and compare again" if share > 1 else ""
        click.echo(f"{table}: {len(differences)} keys differ{more}", err=True)


def _look(operator: Operator, listed: Path, tables: Collection[str], time: str) -> None:
    there, here = operator.runbook.direction("failover")
    for table, rows in read_keys(str(listed), _text(listed), tables).items():
        differences = Tables(operator.runs, here, there).of_rows(table, rows)
        _tell(differences, time)
        click.echo(f"{table}: {len(differences)} of {len(rows)} keys differ still", err=True)


def _tell(differences: Iterable[Difference], time: str) -> None:
    for difference in differences:
        click.echo(json.dumps(difference.as_json(time), ensure_ascii=False))


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except UnicodeDecodeError:
        raise Trouble(f"{file} is no text in UTF-8: give what `farshore reconcile` has printed") from None


def _apply(
    operator: Operator, as_json: bool, file: Path, tables: Collection[str], stands: str, yes: bool
) -> None:
    regions = operator.runbook.direction("failover")
    intents = read_lines(str(file), _text(file), tables, regions, stands)
    if not yes:
        show([intent.row for intent in intents])
        raise Trouble("nothing was written: if that is what you want, the same again with --yes")
    applied = [apply(intent, operator.runs) for intent in intents]
    report = {
        "application": operator.runbook.application,
        "lines": [each.as_json() for each in applied],
    }
    end(as_json, report, [each.row for each in applied])
    sys.exit(0 if all(each.stands for each in applied) else 1)
