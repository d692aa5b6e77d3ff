"""A comparison finds what differs, whatever a segment holds in each Region, in whatever pieces it is read."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions import comparison
from functions.comparison import SEGMENT_BYTES, Part, Progress, Told
from functions.differences import SIDES, salt_of
from functions.digests import Row

SALT = salt_of("a run")
tables = st.dictionaries(st.integers(0, 80), st.integers(0, 2), max_size=40)


def read(table: dict[int, int]) -> list[Row]:
    return [{"PK": {"N": str(key)}, "n": {"N": str(n)}} for key, n in table.items()]


def told(rows: list[Row], after: str, part: Part) -> Told:
    """Through JSON, as an invocation reads and tells it."""
    following = {"LastEvaluatedKey": after} if after else {}
    page = {"Items": rows, "ConsumedCapacity": {"CapacityUnits": 0.5}, **following}
    found = Told.nothing(part).and_page(json.dumps(page).encode(), part)
    return Told.from_json(json.loads(json.dumps(found.as_json())), Told.nothing(part).sums)


def as_the_ledger_has_it(progress: Progress) -> Progress:
    text = json.dumps(progress.as_json())
    body: dict[str, Any] = json.loads(text)
    found = Progress.from_json(body)
    assert json.dumps(found.as_json()) == text
    return found


def compared(here: dict[int, int], there: dict[int, int], dice: random.Random, segments: int) -> Progress:
    """By looks that read some of what is due, in pieces, and are now and then lost before they are noted."""
    parts: list[list[list[Row]]] = [[[] for _ in range(segments)] for _ in SIDES]
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
            part = progress.part("eu-west-1", segment, side, SALT)
            rows, done = parts[side][segment], int(json.loads(part.after or "0"))
            end = min(len(rows), done + dice.randint(1, 10))
            progress.take(segment, side, told(rows[done:end], str(end) if end < len(rows) else "", part))
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


@pytest.mark.parametrize("differ", [0, 1, 2, 30, 300, 1000])
def test_up_to_a_thousand_differences_are_told_by_key_in_three_passes(differ: int) -> None:
    here = dict.fromkeys(range(3000), 1)
    there = {key: 1 + (key < differ and key % 3 == 1) for key in here if key >= differ or key % 3}
    there |= {10_000 + key: 1 for key in range(2, differ, 3)}
    truly = {key for key in {*here, *there} if here.get(key) != there.get(key)}
    assert len(truly) == differ
    progress = compared(here, there, random.Random(differ), 5)
    assert {int(json.loads(key)[0]["N"]) for key in progress.keys} == truly
    assert (progress.share, progress.too_many, progress.same) == (1, False, not truly)


def test_of_more_a_sample_is_told_and_said_to_be_one() -> None:
    here = dict.fromkeys(range(9000), 1)
    progress = compared(here, dict.fromkeys(range(9000), 2), random.Random(1), 5)
    assert progress.sampled == {"sample": "of one key in 16"}
    assert progress.too_many
    assert 300 < len(progress.keys) < 900


def test_a_segment_that_is_the_same_is_so_in_however_many_pieces_each_region_reads_it() -> None:
    rows = read(dict.fromkeys(range(200), 1))
    progress = Progress(("PK",), 1, 0.0)
    progress.start(1000, 5, 1.0)
    for side, pieces in zip(SIDES, ([rows], [rows[:70], rows[70:130], rows[130:]]), strict=True):
        for number, piece in enumerate(pieces, 1):
            part = progress.part("eu-west-1", 0, side, SALT)
            progress.take(0, side, told(piece, "more" if number < len(pieces) else "", part))
    assert (progress.unequal, progress.same) == ([], True)


def test_what_a_look_changes_the_ledgers_words_do_not() -> None:
    """What was read of the ledger is kept for the next look."""
    progress = Progress(("PK",), 2, 0.0)
    progress.start(1000, 5, 1.0)
    body = json.loads(json.dumps(progress.as_json()))
    before = json.dumps(body)
    later = Progress.from_json(body)
    later.take(0, 0, told(read({1: 1}), "more", later.part("eu-west-1", 0, 0, SALT)))
    assert json.dumps(body) == before
