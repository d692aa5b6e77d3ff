"""What a person reads on the console: tables on a terminal, plain lines in a pipe."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table

STYLES = {
    "would change": "bold",
    "would refuse": "bold red",
    "unknown": "bold yellow",
    "would wait": "cyan",
    "waiting": "cyan",
    "failed": "bold red",
    "done": "green",
}

Row = Sequence[str]


def show(rows: Iterable[Row]) -> None:
    """Rows of texts; the first cell says how a row is coloured. One line a row where nobody looks on."""
    rows = list(rows)
    if not sys.stdout.isatty():
        for row in rows:
            click.echo("  ".join(row).rstrip())
        return
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for row in rows:
        table.add_row(*map(_plain, row), style=STYLES.get(row[0].strip(), ""))
    Console(highlight=False).print(table)


def _plain(text: str) -> str:
    """Without rich's mark-up: an ARN or a JSON list is no style."""
    return text.replace("[", "\\[")


def plan_rows(plan: Iterable[Mapping[str, Any]]) -> Iterable[Row]:
    """A plan's entries, as a proposal or a plan's JSON holds them: a row for each, and one for each call."""
    for entry in plan:
        kind = entry["outcome"] if entry["outcome"] in STYLES else "done"
        facts = told(entry.get("facts", {}))
        why = entry.get("why") or entry["outcome"]
        if entry["no_return"] and kind != "done":
            yield (kind, "-- point of no return: from here on, customers' data or traffic has moved --", "")
        yield (kind, entry["state"], f"{why} ({facts})" if facts else why)
        for call in entry.get("calls", ()):
            parameters = json.dumps(call["parameters"], default=str)
            yield ("", f"  {call['action']} in {call['region']}", parameters)


def told(facts: Mapping[str, Any]) -> str:
    """Facts as a person reads them: lag 0.5 s."""
    return ", ".join(_fact(name, value) for name, value in facts.items() if value not in ("", [], None))


def _fact(name: str, value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    if name.endswith("_seconds"):
        return f"{name.removesuffix('_seconds').replace('_', ' ')} {text} s"
    return f"{name.replace('_', ' ')} {text}"
