"""Two databases' tables are compared by sums of digests: all that differs is found, and nothing else."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions import sql_tables
from functions.calls import Call, Silence
from functions.data_api import Database, SqlName
from functions.inputs import Region
from functions.sql_tables import Progress, Walk
from twin.services.aurora.journal import Journal
from twin.services.rds_data.journal import Asked, Key, answered
from twin.services.rds_data.model import _field

HERE, THERE = Region("us-west-1"), Region("us-east-1")
TABLES = {SqlName("orders"): SqlName("id")}
DATABASE = Database(
    "shop",
    {HERE: "west", THERE: "east"},
    {each: f"arn:aws:secretsmanager:{each}:123456789012:secret:reader" for each in (HERE, THERE)},
    "postgresql",
)
Rows = dict[str, int]


class Regions:
    """What each Region's table has, asked as steps ask; every so many calls nobody answers."""

    def __init__(self, here: Rows, there: Rows, silent_every: int = 0) -> None:
        self.journals = {HERE: Journal((HERE, THERE)), THERE: Journal((THERE, HERE))}
        self.asked: list[str] = []
        self.told = 0
        """Rows that were told."""
        self._silent_every = silent_every
        for region, rows in ((HERE, here), (THERE, there)):
            for key, n in rows.items():
                self.journals[region].connect(region).write("orders", key, {"id": key, "n": n})

    def ask(self, call: Call) -> list[Any]:
        self.asked.append(call.region)
        if self._silent_every and len(self.asked) % self._silent_every == 0:
            return [Silence("nobody")]
        journal = self.journals[Region(call.region)]
        asked = Asked(journal.connect(call.region), True, (), {"orders": Key("id")}, {})
        given: Any = call.parameters["parameters"]
        texts = {each["name"]: each["value"]["stringValue"] for each in given}
        records = answered(asked, str(call.parameters["sql"]), texts) or ()
        self.told += len(records)
        return [{"records": [[_field(value) for value in row] for row in records]}]


def compared(regions: Regions, alone: str = "") -> Progress:
    """To the end, by looks of four questions, of which each begins with what the one before has noted."""
    progress = Progress.begun(TABLES)
    progress.types, progress.alone = {"orders": "text"}, alone
    for _ in range(2_000):
        Walk(DATABASE, TABLES, (HERE, THERE), "a salt", progress).on(regions.ask, 4)
        progress = Progress.from_json(progress.as_json())
        if not progress.todo:
            return progress
    raise AssertionError("it never got there")


def expected(here: Rows, there: Rows) -> dict[str, tuple[bool, bool]]:
    """By key, whether it is here and there, of all that differs."""
    return {
        json.dumps(["orders", key]): (key in here, key in there)
        for key in {*here, *there}
        if here.get(key) != there.get(key)
    }


def found(progress: Progress) -> dict[str, tuple[bool, bool]]:
    return {key: (here is not None, there is not None) for key, (here, there) in progress.keys.items()}


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Ranges of thirty rows and of four, so that a few rows are many ranges."""
    for name, size in (("RANGE_ROWS", 30), ("LEAF_ROWS", 4), ("LEAST_ROWS", 2), ("SMALLER", 4)):
        monkeypatch.setattr(sql_tables, name, size)
    return iter([None])


tables = st.dictionaries(st.text("abcé", max_size=3), st.integers(0, 1), max_size=60)


@given(tables, tables, st.sampled_from((0, 3, 7)))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_what_differs_between_any_two_tables_is_found_and_nothing_else(
    here: Rows, there: Rows, silent_every: int
) -> None:
    progress = compared(Regions(here, there, silent_every))
    assert found(progress) == expected(here, there)
    assert progress.rows.get("orders", 0) == len(here)


@pytest.mark.parametrize("differences", [0, 1, 10])
def test_rows_travel_only_where_they_differ(differences: int) -> None:
    here = {f"{number:05}": 0 for number in range(5_000)}
    there = here | dict.fromkeys(random.Random(1).sample(sorted(here), differences), 1)
    regions = Regions(here, there)
    progress = compared(regions)
    assert len(progress.keys) == differences
    ranges = 2 * 5_000 / 30
    assert regions.told < ranges + 2 + differences * 2 * 40


def test_no_more_than_a_thousand_are_noted_and_that_there_are_more() -> None:
    progress = compared(Regions({}, {f"{number:05}": 0 for number in range(1_200)}))
    assert (len(progress.keys), progress.more) == (1_000, True)


def test_a_region_that_is_not_to_be_asked_is_not() -> None:
    regions = Regions({"a": 1, "b": 1}, {"c": 1})
    progress = compared(regions, alone="it is dark")
    assert (progress.rows, progress.keys, set(regions.asked)) == ({"orders": 2}, {}, {HERE})
