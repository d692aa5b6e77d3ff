"""A table of the application in two Regions, as a person at a terminal reads it: compared whole, and by key.

It is compared as steps compare it (functions/comparison.py): in two passes, eventually consistent, the second
one only over what the first has found unequal; and then what differs by its key, strongly consistent.
One page of 1 MB is read after the other, so some 1,000 read capacity units a second. Errors: `Trouble`.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from functions.calls import Call, Sight, Silence
from functions.comparison import HERE, Part, Progress
from functions.digests import Key, canonical, rows_of
from functions.errors import NotYet
from functions.global_tables import Row
from functions.whole_tables import DESCRIBE, GET, MOST_KEYS, ODD, SCAN, read_part

from .differences import Difference, as_boto, content
from .runs import Runs
from .trouble import Trouble

READS = (DESCRIBE, SCAN, GET)
UNLIMITED = 1e9
"""Read capacity units a second: a page after the other, nobody reads so many."""
IN_VAIN = 10
"""So many answers that leave all keys unprocessed are a silence."""


class Tables:
    """Those of the application, `here` (in the Region that took over) and `there`."""

    def __init__(self, runs: Runs, here: str, there: str) -> None:
        self._runs, self._regions = runs, (here, there)

    def ask(self, *calls: Call) -> list[Sight]:
        return [self._runs.ask(call) for call in calls]

    def differences(self, table: str) -> list[Difference]:
        """By key, in the order of keys. What becomes the same while it is compared is none."""
        names, size = self._described(table)
        return self.of_keys(table, names, self._compared(table, names, size))

    def of_keys(self, table: str, names: Sequence[str], keys: Iterable[Key]) -> list[Difference]:
        """Those of these keys that differ now."""
        wanted = sorted(keys)
        here, there = self._regions
        mine, theirs = (self.read(table, region, names, wanted) for region in self._regions)
        return [
            Difference(table, _row(key, names), here, there, {here: mine.get(key), there: theirs.get(key)})
            for key in wanted
            if not same(mine.get(key), theirs.get(key))
        ]

    def read(self, table: str, region: str, names: Sequence[str], keys: Sequence[Key]) -> dict[Key, Row]:
        """The items that are there, strongly consistent."""
        found: dict[Key, Row] = {}
        left = [as_boto(_row(key, names)) for key in keys]
        in_vain = 0
        while left:
            asked, left = left[:MOST_KEYS], left[MOST_KEYS:]
            call = GET(region, RequestItems={table: {"Keys": asked, "ConsistentRead": True}})
            answer = self._answer(call, table)
            rows = answer["Responses"].get(table, [])
            found |= {canonical([row[name] for name in names]).decode(): row for row in rows}
            more = list(map(as_boto, answer["UnprocessedKeys"].get(table, {}).get("Keys", [])))
            in_vain = 0 if rows or not more else in_vain + 1
            if in_vain == IN_VAIN:
                raise Trouble(f"{table} in {region} leaves {len(more)} keys unprocessed: try again later")
            left = more + left
        return found

    def item(self, table: str, region: str, key: Row) -> Row | None:
        """Strongly consistent."""
        whole = canonical(list(key.values())).decode()
        return self.read(table, region, tuple(key), [whole]).get(whole)

    def _answer(self, call: Call, table: str) -> Mapping[str, Any]:
        (sight,) = self.ask(call)
        try:
            if not isinstance(sight, Mapping):
                raise ValueError("no answer")
            answer = rows_of(sight["body"])
            return {"Responses": answer["Responses"], "UnprocessedKeys": answer["UnprocessedKeys"]}
        except ODD as odd:
            raise _silent(table, call.region, sight, odd) from None

    def _described(self, table: str) -> tuple[tuple[str, ...], int]:
        """The attributes of its key, and about how many bytes it has."""
        (sight,) = self.ask(call := DESCRIBE(self._regions[HERE], TableName=table))
        try:
            described = sight["Table"]  # type: ignore[index]
            return tuple(each["AttributeName"] for each in described["KeySchema"]), int(
                described["TableSizeBytes"]
            )
        except ODD as odd:
            raise _silent(table, call.region, sight, odd) from None

    def _compared(self, table: str, names: tuple[str, ...], size: int) -> Iterable[Key]:
        progress, salt = Progress.of_table(names, size, 0.0), secrets.token_hex(16)
        while not (progress.same or progress.looked):
            progress.start(UNLIMITED, 1.0, 1.0)
            for segment, side in progress.due():
                region, after = self._regions[side], progress.open[segment].after[side]
                part = Part(region, segment, progress.segments, names, salt, progress.only, after)
                try:
                    progress.take(segment, side, read_part(self, table, part).told)
                except NotYet as silence:
                    raise Trouble(f"{table} in {region}: {silence}: try again") from None
            progress.turn()
        return progress.keys


def _row(key: Key, names: Sequence[str]) -> Row:
    return dict(zip(names, json.loads(key), strict=True))


def same(one: Row | None, other: Row | None) -> bool:
    """However they are spelled, and whatever AWS itself has written in them."""
    one, other = content(one), content(other)
    return one == other or (one is not None and other is not None and canonical(one) == canonical(other))


def _silent(table: str, region: str, sight: Sight, odd: Exception) -> Trouble:
    why = sight.why if isinstance(sight, Silence) else f"an answer of another form ({type(odd).__name__})"
    return Trouble(f"{table} in {region}: {why}: try again")
