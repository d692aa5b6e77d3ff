"""How far the comparison of a database's tables has come: which key ranges are read, and what differs.

A table is read in ranges of its key, in the key's order. Of a range the database itself counts the rows and
adds up their digests, here and, where the other Region can be asked, there: rows do not travel. Where the two
are not the same the range is read again in smaller ones, and of the smallest come keys and digests. A range
whose statement nobody answers is halved. The digests are keyed by the run, so that nobody can aim at two rows
that cancel each other, and sums of them do not depend on an order.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from .calls import Call, Sight, Silence
from .data_api import Database, Rows, rows
from .inputs import Region
from .sql import page

RANGE_ROWS, LEAF_ROWS, LEAST_ROWS = 50_000, 1_000, 50
"""Of a range at first, of one of which keys are told, and of the smallest after it was halved."""
SMALLER = 50
"""A range that differs is read again in so many."""
MOST_KEYS = 1000
"""That are noted as different."""
HERE, THERE = 0, 1

Ask = Callable[..., list[Sight]]
"""Asks all at once."""


@dataclass
class Range:
    """Rows of a table whose keys come after `after`, up to and with `upto`; None for no bound."""

    table: str
    after: str | None
    upto: str | None
    size: int
    """Rows of it that are read at once."""


@dataclass
class Progress:
    """As the ledger has it, and as a look brings it on."""

    todo: list[Range]
    types: dict[str, str] = field(default_factory=dict)
    """Of each table's key."""
    rows: dict[str, int] = field(default_factory=dict)
    """Read so far in the Region that takes over."""
    keys: dict[str, list[str | None]] = field(default_factory=dict)
    """Of what differs so far: the digests in the Region that takes over and in the other."""
    alone: str = ""
    """Why only the Region that takes over is read."""
    log: int | None = None
    """How far the database's log was written when this began."""
    more: bool = False
    """More differs than is noted."""

    @classmethod
    def begun(cls, tables: Mapping[Any, Any]) -> Self:
        return cls([Range(str(table), None, None, RANGE_ROWS) for table in tables])

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Self:
        """Raises one of ODD for what no tick has noted."""
        given = copy.deepcopy(dict(body))  # a look changes it, and the ledger keeps what was read
        return cls(**{**given, "todo": [Range(**each) for each in given["todo"]]})

    def as_json(self) -> dict[str, Any]:
        return copy.deepcopy(vars(self) | {"todo": [vars(each) for each in self.todo]})

    @property
    def reached(self) -> str:
        """For people."""
        read = ", ".join(f"{table} {count}" for table, count in sorted(self.rows.items()))
        return f"{read} rows are read" if read else "nothing is read yet"


class Walk:
    """Brings a comparison on, by a few ranges a look."""

    def __init__(
        self,
        database: Database,
        tables: Mapping[Any, Any],
        regions: tuple[Region, Region],
        salt: str,
        progress: Progress,
    ) -> None:
        self._database, self._tables, self._regions = database, tables, regions
        self._salt, self._progress = salt, progress
        self.silences: list[Silence | None] = [None, None]

    def on(self, ask: Ask, asks: int) -> None:
        """Reads on until so many questions have been asked, or somebody is silent."""
        progress, sides = self._progress, 1 if self._progress.alone else 2
        for _ in range(asks // sides):
            if not progress.todo:
                return
            first = progress.todo[0]
            here = self._read(HERE, first, ask)
            if isinstance(here, Silence):
                return
            full = _count(here, first) >= first.size
            end = _last(here, first) if full else first.upto
            there = None if progress.alone else self._read(THERE, replace(first, upto=end), ask)
            if isinstance(there, Silence):
                return
            self._take(first, end, full, here, there)

    def _take(self, first: Range, end: str | None, full: bool, here: Rows, there: Rows | None) -> None:
        """What was read of the first range up to `end`, on one side or on both."""
        progress, table = self._progress, first.table
        rest = [Range(table, end, first.upto, first.size)] if full and end != first.upto else []
        if there is None or there == here:
            progress.rows[table] = progress.rows.get(table, 0) + _count(here, first)
            progress.todo[:1] = rest
        elif first.size > LEAF_ROWS:
            smaller = max(LEAF_ROWS, first.size // SMALLER)
            progress.todo[:1] = [Range(table, first.after, end, smaller), *rest]
        elif len(there) >= first.size and (cut := str(there[-1][0])) != end:
            # More there than was read: up to there first.
            progress.todo[:1] = [
                Range(table, first.after, cut, first.size),
                Range(table, cut, end, first.size),
                *rest,
            ]
        else:
            progress.rows[table] = progress.rows.get(table, 0) + len(here)
            progress.todo[:1] = rest
            self._compare(table, here, there)

    def _compare(self, table: str, here: Rows, there: Rows) -> None:
        sides = [{str(key): str(digest) for key, digest in side} for side in (here, there)]
        for key in sorted({*sides[HERE], *sides[THERE]}):
            pair = [side.get(key) for side in sides]
            if pair[HERE] != pair[THERE]:
                self._progress.keys[json.dumps([table, key])] = pair
        if len(self._progress.keys) > MOST_KEYS:
            self._progress.more, self._progress.todo[:] = True, []
            for key in sorted(self._progress.keys)[MOST_KEYS:]:
                del self._progress.keys[key]

    def _read(self, side: int, asked: Range, ask: Ask) -> Rows | Silence:
        """As much as one statement reads. A silence halves what the next one asks for."""
        (sight,) = ask(self._call(self._regions[side], asked))
        found = rows(sight)
        if not isinstance(found, Silence) and not _fits(found, asked):
            found = Silence("an answer of another form")
        if isinstance(found, Silence):
            self.silences[side] = found
            first = self._progress.todo[0]
            first.size = max(LEAST_ROWS, first.size // 2)
        return found

    def _call(self, region: Region, asked: Range) -> Call:
        bounds = {"after": asked.after, "upto": asked.upto}
        given = {name: text for name, text in bounds.items() if text is not None}
        key, kind = str(self._tables[asked.table]), self._progress.types[asked.table]
        sql = page(asked.table, key, kind, given, asked.size, sums=asked.size > LEAF_ROWS)
        return self._database.ask(region, sql, salt=self._salt, **given)


def _fits(found: Rows, asked: Range) -> bool:
    if asked.size <= LEAF_ROWS:
        return all(len(row) == 2 and None not in row for row in found)
    return len(found) == 1 and len(found[0]) == 4 and type(found[0][0]) is int


def _count(found: Rows, asked: Range) -> int:
    """How many rows were read."""
    return len(found) if asked.size <= LEAF_ROWS else int(found[0][0] or 0)


def _last(found: Rows, asked: Range) -> str | None:
    """The last key that was read."""
    if asked.size <= LEAF_ROWS:
        return str(found[-1][0]) if found else asked.after
    return str(found[0][1])
