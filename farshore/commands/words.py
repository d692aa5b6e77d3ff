"""Write the part of docs/words.md that follows from registries.

What exploration can do to a run, and what must always hold, is said where it is done: in the record of a kind
of fault, in the file of a checker. Below a marker, docs/words.md repeats it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

WORDS = Path("docs/words.md")
MARKER = "<!-- From here to the end: written by `farshore words`. -->\n"


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if it is stale.")
def command(check: bool) -> None:
    try:
        by_hand, found, now = WORDS.read_text(encoding="utf-8").partition(MARKER)
    except OSError as error:
        raise click.ClickException(f"{WORDS}: {error.strerror}: run this where the repository is") from error
    if not found:
        raise click.ClickException(
            f"{WORDS} has no line {MARKER.strip()}: put it back before its last tables"
        )
    wanted = "\n".join(["", *_derived()])
    if wanted == now:
        click.echo(f"up to date: {WORDS}")
    elif check:
        click.echo(f"stale: {WORDS}: run `farshore words`", err=True)
        sys.exit(1)
    else:
        WORDS.write_text(by_hand + MARKER + wanted, encoding="utf-8")
        click.echo(f"wrote {WORDS}")


def _derived() -> Iterator[str]:
    from ..checkers.checkers import sentences  # the twin, for this verb only
    from ..explore.kinds import KINDS, families

    yield from _table("What must always hold", sentences())
    yield from _table("Families of faults", {family.name: family.explained for family in families()})
    kinds = {
        f"`{kind.word}`": f"a call {kind.sentence}"
        if kind.sentence
        else kind.explained or kind.family.explained
        for kind in KINDS.values()
    }
    yield from _table("Kinds of faults", kinds)


def _table(title: str, rows: Mapping[str, str]) -> Iterator[str]:
    yield from (f"## {title}", "", "| word | meaning |", "|---|---|")
    yield from (f"| {word} | {text[0].upper()}{text[1:]}. |" for word, text in rows.items())
    yield ""
