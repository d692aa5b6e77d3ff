"""A table of the application in two Regions, as a person at a terminal reads it: compared whole, and by key.

It is compared as steps compare it (functions/comparison.py): in passes, eventually consistent, the later
ones only over what the first has found unequal; and then what differs by its key, strongly consistent.
One page of 1 MB is read after the other, so some 1,000 read capacity units a second. Errors: `Trouble`.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence

from functions.calls import Call, Sight, Silence
from functions.comparison import Progress
from functions.differences import HERE
from functions.digests import Key, keys, rows_of
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

    def differences(self, table: str) -> tuple[list[Difference], int]:
        """In the order of keys; of one key in so many, where more differ than a comparison tells. What has
        become the same while it was compared is no difference."""
        names, size = self._described(table)
        progress = self._compared(table, names, size)
        return self.of_keys(table, names, progress.keys), progress.share

    def of_rows(self, table: str, rows: Iterable[Row]) -> list[Difference]:
        """Of the items with these keys, those that differ now."""
        names, _ = self._described(table)
        wanted = set()
        for row in rows:
            if row.keys() != set(names):
                raise Trouble(f"{table} has the key {' and '.join(names)}, and a line {' and '.join(row)}")
            wanted.add(keys(names)(row).decode())
        return self.of_keys(table, names, wanted)

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

    def read(self, table: str, region: str, names: Sequence[str], wanted: Sequence[Key]) -> dict[Key, Row]:
        """The items that are there, strongly consistent."""
        found: dict[Key, Row] = {}
        left = [as_boto(_row(key, names)) for key in wanted]
        key_of, in_vain = keys(names), 0
        while left:
            asked, left = left[:MOST_KEYS], left[MOST_KEYS:]
            call = GET(region, RequestItems={table: {"Keys": asked, "ConsistentRead": True}})
            (sight,) = self.ask(call)
            try:
                if not isinstance(sight, Mapping):
                    raise ValueError("no answer")
                answer, rows = rows_of(sight["body"], "Responses", table)
                found |= {key_of(row).decode(): row for row in rows}
                more = list(map(as_boto, answer["UnprocessedKeys"].get(table, {}).get("Keys", [])))
            except ODD as odd:
                raise _silent(table, region, sight, odd) from None
            in_vain = 0 if rows or not more else in_vain + 1
            if in_vain == IN_VAIN:
                raise Trouble(f"{table} in {region} leaves {len(more)} keys unprocessed: try again later")
            left = more + left
        return found

    def item(self, table: str, region: str, key: Row) -> Row | None:
        """Strongly consistent."""
        whole = keys(tuple(key))(key).decode()
        return self.read(table, region, tuple(key), [whole]).get(whole)

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

    def _compared(self, table: str, names: tuple[str, ...], size: int) -> Progress:
        progress, salt = Progress.of_table(names, size, 0.0), secrets.token_hex(16)
        while not (progress.same or progress.looked):
            progress.start(UNLIMITED, 1.0, 1.0)
            for segment, side in progress.due():
                region = self._regions[side]
                part = progress.part(region, segment, side, salt)
                try:
                    progress.take(segment, side, read_part(self, table, part).told)
                except NotYet as silence:
                    raise Trouble(f"{table} in {region}: {silence}: try again") from None
            progress.turn()
        return progress


def _row(key: Key, names: Sequence[str]) -> Row:
    return dict(zip(names, json.loads(key), strict=True))


def same(one: Row | None, other: Row | None) -> bool:
    """However they are spelled, and whatever AWS itself has written in them."""
    return _plain(one) == _plain(other)


def _plain(item: Row | None) -> Row | None:
    """In its one spelling."""
    rows: Sequence[Row] = [] if item is None else rows_of(json.dumps([content(item)]).encode())[1]
    return rows[0] if rows else None


def _silent(table: str, region: str, sight: Sight, odd: Exception) -> Trouble:
    why = sight.why if isinstance(sight, Silence) else f"an answer of another form ({type(odd).__name__})"
    return Trouble(f"{table} in {region}: {why}: try again")
