"""A comparison finds what differs, whatever a segment holds in each Region, in whatever pieces it is read."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions import comparison
from functions.comparison import SEGMENT_BYTES, SIDES, Progress, Told
from functions.digests import Sums, entries, leaf_of, salt_of

SALT = salt_of("a run")
tables = st.dictionaries(st.integers(0, 80), st.integers(0, 2), max_size=40)


def read(table: dict[int, int]) -> list[tuple[bytes, int]]:
    rows = [{"PK": {"N": str(key)}, "n": {"N": str(n)}} for key, n in table.items()]
    return list(entries(rows, ("PK",), SALT))


def told(items: list[tuple[bytes, int]], after: str, only: tuple[int, ...]) -> Told:
    sums = Sums.none()
    for key, digest in items:
        sums.add(key, digest)
    keys = {key.decode(): str(digest) for key, digest in items if leaf_of(key) in only}
    return Told(len(items), 0.5, after, None if only else sums, keys)


def as_the_ledger_has_it(progress: Progress) -> Progress:
    text = json.dumps(progress.as_json())
    body: dict[str, Any] = json.loads(text)
    found = Progress.from_json(body)
    assert json.dumps(found.as_json()) == text
    return found


def compared(here: dict[int, int], there: dict[int, int], dice: random.Random, segments: int) -> Progress:
    """By looks that read some of what is due, in pieces, and are now and then lost before they are noted."""
    parts: list[list[list[tuple[bytes, int]]]] = [[[] for _ in range(segments)] for _ in SIDES]
    for side, table in zip(SIDES, (here, there), strict=True):
        for each in read(table):
            parts[side][dice.randrange(segments)].append(each)
    progress = Progress(("PK",), segments, 0.0)
    for _ in range(10_000):
        if progress.same or progress.looked:
            return progress
        before = as_the_ledger_has_it(progress)
        progress.start(1000, 5, 1e9)
        for segment, side in progress.due():
            if dice.random() < 0.4:
                continue
            rows, done = parts[side][segment], int(progress.open[segment].after[side] or 0)
            end = min(len(rows), done + dice.randint(1, 10))
            after = str(end) if end < len(rows) else ""
            progress.take(segment, side, told(rows[done:end], after, progress.only))
        progress.turn()
        progress = before if dice.random() < 0.2 else as_the_ledger_has_it(progress)
    raise AssertionError("it never came to an end")


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(tables, tables, st.booleans(), st.integers(1, 12), st.integers())
def test_all_that_differs_is_found_and_nothing_else(
    here: dict[int, int], there: dict[int, int], alike: bool, segments: int, seed: int
) -> None:
    there = {**here, **dict(list(there.items())[:3])} if alike else there
    progress = compared(here, there, random.Random(seed), segments)
    truly = {key for key in {*here, *there} if here.get(key) != there.get(key)}
    assert {int(json.loads(key)[0]["N"]) for key in progress.keys} == truly
    assert progress.same == (not truly)
    assert progress.items == [len(here), len(there)]


def test_a_table_has_as_many_segments_as_its_size_says() -> None:
    sizes = (0, 1, SEGMENT_BYTES, SEGMENT_BYTES + 1, 10**13)
    assert [Progress.of_table((), size, 0.0).segments for size in sizes] == [1, 1, 1, 2, 1_000_000]


def test_where_very_many_segments_are_unequal_all_are_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "MOST_UNEQUAL", 2)
    progress = compared(dict.fromkeys(range(40), 1), dict.fromkeys(range(40), 2), random.Random(1), 12)
    assert len(progress.keys) == 40


def test_what_a_look_changes_the_ledgers_words_do_not() -> None:
    """What was read of the ledger is kept for the next look."""
    progress = Progress(("PK",), 2, 0.0)
    progress.start(1000, 5, 1.0)
    body = json.loads(json.dumps(progress.as_json()))
    before = json.dumps(body)
    later = Progress.from_json(body)
    later.take(0, 0, told(read({1: 1}), "more", ()))
    assert json.dumps(body) == before
