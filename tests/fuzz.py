"""The long fuzz of the front doors: `make fuzz`, or `python tests/fuzz.py --help`.

Inputs and judgement are those of test_odd_answers.py and test_odd_runbooks.py; each input has a number.
"""

from __future__ import annotations

import os
import pprint
import random
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import click
from odd_answers import ended, odd_tick
from odd_runbooks import Door, Endless, odd_runbook

SAYS_SECONDS = 30
MOST_FAILURES = 10
MOST_CHARACTERS = 5000
"""Of an input that is shown; its number makes the whole again."""


@click.command()
@click.option("--times", default=100_000, show_default=True, help="How many ticks, and how many runbooks.")
@click.option("--seed", type=int, help="The first input's number; else one by chance, which is printed.")
def fuzz(times: int, seed: int | None) -> None:
    """Ticks with odd answers, ledger items and events; odd runbooks through lint and compile."""
    first = random.randrange(10**9) if seed is None else seed
    click.echo(f"fuzz: {times} ticks and {times} runbooks: make fuzz SEED={first} FUZZ={times}")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        door = Door(Path(folder))
        doors: dict[str, tuple[Callable[[int], str], Callable[[int], str]]] = {
            "ticks": (
                lambda number: ended(odd_tick(number)),
                lambda number: pprint.pformat(odd_tick(number)),
            ),
            "runbooks": (
                lambda number: "accepted" if door.accepts(odd_runbook(number)) else "refused",
                lambda number: odd_runbook(number).decode("utf-8", "replace"),
            ),
        }
        failures = sum(_tried(what, range(first, first + times), *each) for what, each in doors.items())
        os.chdir("/")
    raise SystemExit(1 if failures else 0)


def _tried(what: str, numbers: range, tried: Callable[[int], str], shown: Callable[[int], str]) -> int:
    """How many inputs failed: of each the number, what it is, and what was raised."""
    ends: Counter[str] = Counter()
    began = said = time.monotonic()
    for number in numbers:
        try:
            ends[tried(number)] += 1
        except (Exception, Endless):
            ends["failed"] += 1
            click.echo(f"\n{what}: input {number} fails:\n{shown(number)[:MOST_CHARACTERS]}")
            click.echo(traceback.format_exc())
            click.echo(f"again: make fuzz SEED={number} FUZZ=1\n")
        done, now = number - numbers.start + 1, time.monotonic()
        if now - said > SAYS_SECONDS or done == len(numbers) or ends["failed"] == MOST_FAILURES:
            counted = ", ".join(f"{count} {end}" for end, count in sorted(ends.items()) if count)
            click.echo(f"{what}: {done} of {len(numbers)}, {done / (now - began):.0f} a second: {counted}")
            said = now
        if ends["failed"] == MOST_FAILURES:
            break
    return ends["failed"]


if __name__ == "__main__":
    fuzz()
