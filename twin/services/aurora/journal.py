"""A store like postgres.Pair with no engine: what exploration uses, where a real one would take too long.

Each Region keeps a list of writes in their order; the follower's is the beginning of the writer's. The
methods, and the errors that clients see, are those of `postgres.Pair`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import psycopg

from ...service import Stateful, magnitude
from .postgres import Dark

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Write:
    """A row inserted, or replaced as a whole."""

    table: str
    key: str
    row: Row


@dataclass
class Connection:
    """A client's connection to one Region's journal. Every write is a transaction of its own."""

    _copy: _Copy
    closed: bool = False

    def write(self, table: str, key: str, row: Row) -> None:
        """ReadOnlySqlTransaction where the Region does not take writes."""
        self._need_open()
        if not self._copy.writable:
            raise psycopg.errors.ReadOnlySqlTransaction("cannot write in a read-only transaction")
        self._copy.writes.append(Write(table, key, row))

    def rows(self, table: str) -> dict[str, Row]:
        """The table as this Region has it, by key."""
        self._need_open()
        return {write.key: write.row for write in self._copy.writes if write.table == table}

    def _need_open(self) -> None:
        if self.closed:
            raise psycopg.OperationalError("the connection is closed")


@dataclass
class _Copy(Stateful):
    """One Region's journal."""

    not_state: ClassVar = {
        "connection": "whoever has it finds out that it is closed, and connects again",
    }

    writable: bool
    writes: list[Write] = field(default_factory=list)
    dark: bool = False
    connection: Connection | None = None

    def state(self) -> object:
        return self.writable, self.dark

    def close_connection(self) -> None:
        if self.connection:
            self.connection.closed = True
            self.connection = None


class Journal(Stateful):
    """The database in two Regions, in memory: a writer and its follower, or two writers after a promotion."""

    def __init__(self, regions: tuple[str, str]) -> None:
        """The first is the writer."""
        self._copies = {region: _Copy(region == regions[0]) for region in regions}
        self._writer, self._follower = regions[0], regions[1]
        self._had_at_promotion: int | None = None
        """How many of the old writer's writes the promoted one had; None while one follows the other."""

    def state(self) -> object:
        copies = [copy.state() for copy in self._copies.values()]
        return copies, self._writer, self._follower, self._had_at_promotion is None

    def unshipped(self) -> object:
        """By table, how much one Region has written and the other does not have: it is to be shipped, or a
        promotion left it behind. Not what both have: that grows all the time."""
        had, behind = self._had_at_promotion, self._copies[self._follower].writes
        tail = self._copies[self._writer].writes[len(behind) :] if had is None else behind[had:]
        return sorted((table, magnitude(n)) for table, n in Counter(each.table for each in tail).items())

    def connect(self, region: str) -> Connection:
        """The clients' connection to a Region; `Dark` if it is suspended."""
        copy = self._copies[region]
        if copy.dark:
            raise Dark(f"{region} is dark: its database does not answer")
        if copy.connection is None:
            copy.connection = Connection(copy)
        return copy.connection

    def writable(self, region: str) -> bool:
        """Whether the Region takes writes, from whoever reaches it (it may be dark)."""
        return self._copies[region].writable

    def log(self, region: str) -> int:
        """How far the Region has written the database's log: by writes, here."""
        return len(self._copies[region].writes)

    def ship(self) -> None:
        """Every write so far reaches the follower; does nothing when nothing follows."""
        if self._had_at_promotion is None:
            behind = self._copies[self._follower].writes
            behind += self._copies[self._writer].writes[len(behind) :]

    def demote(self, region: str) -> None:
        """Makes a writer read-only at once: clients must reconnect."""
        if self._follows(region):
            raise ValueError(f"{region} is not a writer")
        self._copies[region].writable = False
        self._copies[region].close_connection()

    def promote(self, region: str) -> None:
        """Makes the follower a writer without what was not shipped; or lets a demoted writer write again."""
        if self._follows(region):
            self._had_at_promotion = len(self._copies[region].writes)
            self._exchange()
        elif region == self._writer:
            self._copies[region].close_connection()
        else:
            raise ValueError(f"{region} was left behind by a promotion: it can only rejoin")
        self._copies[region].writable = True

    def switchover(self, to: str) -> None:
        """Exchanges writer and follower, and loses nothing. ValueError if `to` does not follow."""
        if not self._follows(to):
            raise ValueError(f"{to} is not a follower")
        self.demote(self._writer)
        self.ship()
        self._exchange()
        self._copies[to].writable = True

    def rejoin(self, region: str) -> list[tuple[str, dict[str, Any]]]:
        """Makes the writer that a promotion left behind the follower. Its lost tail, as (table, row)."""
        if self._had_at_promotion is None or region == self._writer:
            raise ValueError(f"{region} was not left behind by a promotion")
        copy = self._copies[region]
        unseen = copy.writes[self._had_at_promotion :]
        tail = {(write.table, write.key): dict(write.row) for write in unseen}
        copy.close_connection()
        copy.writable, copy.writes, self._had_at_promotion = False, [], None
        self.ship()
        return sorted(((table, row) for (table, _), row in tail.items()), key=repr)

    def suspend(self, region: str) -> None:
        """Makes the Region dark: clients fail at once until `resume`."""
        self._copies[region].dark = True
        self._copies[region].close_connection()

    def resume(self, region: str) -> None:
        self._copies[region].dark = False

    def _follows(self, region: str) -> bool:
        return self._had_at_promotion is None and region == self._follower

    def _exchange(self) -> None:
        self._writer, self._follower = self._follower, self._writer
