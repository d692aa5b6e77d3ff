"""The long fuzz of the front doors, on all cores: `make fuzz`, or `python tests/fuzz.py --help`.

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
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from pathlib import Path

import click
from odd_answers import ended, odd_tick
from odd_runbooks import Door, Endless, odd_runbook

SAYS_SECONDS = 30
MOST_FAILURES = 10
MOST_CHARACTERS = 5000
"""Of an input that is shown; its number makes the whole again."""
AT_ONCE = 20
"""Inputs that a process takes from the row."""
FAILED = "failed"


@click.command()
@click.option("--times", default=100_000, show_default=True, help="How many ticks, and how many runbooks.")
@click.option("--seed", type=int, help="The first input's number; else one by chance, which is printed.")
def fuzz(times: int, seed: int | None) -> None:
    """Ticks with odd answers, ledger items and events; odd runbooks through lint and compile."""
    first = random.randrange(10**9) if seed is None else seed
    click.echo(f"fuzz: {times} ticks and {times} runbooks: make fuzz SEED={first} FUZZ={times}")
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        for what in ("ticks", "runbooks"):
            numbers = range(first, first + times)
            with ProcessPoolExecutor(initializer=os.chdir, initargs=(folder,)) as pool:
                failures += _count(what, times, pool.map(partial(_tried, what), numbers, chunksize=AT_ONCE))
                pool.shutdown(cancel_futures=True)
    raise SystemExit(1 if failures else 0)


def _count(what: str, times: int, results: Iterable[tuple[str, str]]) -> int:
    """How many inputs failed; each is printed."""
    ends: Counter[str] = Counter()
    began = said = time.monotonic()
    for done, (end, failure) in enumerate(results, 1):
        ends[end] += 1
        if failure:
            click.echo(failure)
        now, enough = time.monotonic(), ends[FAILED] == MOST_FAILURES
        if now - said > SAYS_SECONDS or done == times or enough:
            counted = ", ".join(f"{count} {end}" for end, count in sorted(ends.items()))
            click.echo(f"{what}: {done} of {times}, {done / (now - began):.0f} a second: {counted}")
            said = now
        if enough:
            break
    return ends[FAILED]


def _tried(what: str, number: int) -> tuple[str, str]:
    """How this input ended; and what is told of one that failed, "" of another."""
    try:
        return (ended(odd_tick(number)) if what == "ticks" else _refused_or_not(number)), ""
    except (Exception, Endless):
        said = (
            pprint.pformat(odd_tick(number))
            if what == "ticks"
            else odd_runbook(number).decode(errors="replace")
        )
        return FAILED, (
            f"\n{what}: input {number} fails:\n{said[:MOST_CHARACTERS]}\n{traceback.format_exc()}\n"
            f"again: make fuzz SEED={number} FUZZ=1\n"
        )


def _refused_or_not(number: int) -> str:
    return "accepted" if _door(os.getpid()).accepts(odd_runbook(number)) else "refused"


@cache
def _door(process: int) -> Door:
    """Each process has a folder of its own."""
    folder = Path(str(process))
    folder.mkdir()
    os.chdir(folder)
    return Door(Path.cwd())


if __name__ == "__main__":
    fuzz()
