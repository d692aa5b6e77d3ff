"""A global database as a dataset of an application of which nothing else is known: a table of keys."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg.sql import SQL, Identifier

from ...application import Fate, Promise
from .journal import Journal
from .model import GlobalDatabase

TABLE, KEY = "written", "key"
SCHEMA = "CREATE TABLE written (key text PRIMARY KEY);"


class GlobalDatabaseData:
    """A promise of it is kept where the key is in a Region that takes writes."""

    many_writers = False

    def __init__(self, database: GlobalDatabase, name: str) -> None:
        self.name = name
        self._database = database
        self._table, self._key = TABLE, KEY

    def is_of(self, database: GlobalDatabase) -> bool:
        return self._database is database

    def keep_in(self, table: str, key: str) -> None:
        """Another table, before anything is written: it has this key, and no other column."""
        self._table, self._key = table, key

    def put(self, region: str, key: str, name: str) -> None:
        """Again is the same. Raises psycopg's errors."""
        connection = self._database.connect(region)
        if isinstance(self._database.store, Journal):
            connection.write(self._table, key, {self._key: key})
        else:
            insert = SQL("INSERT INTO {} VALUES (%s) ON CONFLICT DO NOTHING")
            connection.execute(insert.format(Identifier(self._table)), (key,))

    def has(self, region: str, key: str) -> bool:
        return key in self._keys(region, key)

    def writers(self) -> set[str]:
        return self._database.writers()

    def caught_up(self, region: str) -> bool:
        return region == self._database.writer or not self._database.left_behind

    def lag(self, region: str) -> float:
        return self._database.lag(region)

    def fates(self, promises: Sequence[Promise]) -> dict[Promise, Fate]:
        kept = set[str]().union(*(self._keys(region) for region in self.writers()))
        return {promise: "kept" if promise.key in kept else "lost" for promise in promises}

    def stall(self) -> None:
        self._database.hold()

    def resume(self) -> None:
        self._database.release()

    def glance(self) -> object:
        return [self._database.store.writable(region) for region in self._database.members]

    def _keys(self, region: str, only: str | None = None) -> set[str]:
        connection = self._database.connect(region)
        if isinstance(self._database.store, Journal):
            return set(connection.rows(self._table))
        query = SQL("SELECT {key} FROM {table} WHERE %s::text IS NULL OR {key} = %s").format(
            key=Identifier(self._key), table=Identifier(self._table)
        )
        return {key for (key,) in connection.execute(query, (only, only)).fetchall()}
