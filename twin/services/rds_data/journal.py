"""The statements that steps send, answered by a journal: what exploration uses in PostgreSQL's place.

Each is known by its form, and answered to the byte as PostgreSQL does where keys are texts and rows are of
texts, whole numbers and truths: a test holds the two together. Any other form is refused by name.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from ...cloud import AwsError
from ..aurora.journal import Connection, Row

Value = str | int | float | bool | None
Records = Sequence[Sequence[Any]] | None
Tables = Callable[[str], Mapping[str, Row]]
"""A table's rows by key."""


@dataclass(frozen=True)
class Key:
    """A table's key: its column, and the column's type as PostgreSQL names it."""

    column: str
    type: str = "text"


@dataclass(frozen=True)
class Asked:
    """What a statement is asked of."""

    connection: Connection
    writable: bool
    status: Sequence[tuple[str, int]]
    """How far each Region has written the log."""
    tables: Mapping[str, Key]
    queries: Mapping[str, Callable[[Tables], Value]]


def brought(sql: str) -> str:
    """The query that a line brings along, out of what keeps it from changing anything."""
    found = re.search(r"FROM \(\n(?P<query>.*)\n\) AS invariant\b", sql, re.DOTALL)
    return found["query"] if found else sql


def answered(asked: Asked, sql: str, parameters: Mapping[str, str]) -> Records:
    """None for what gives no rows."""
    if query := asked.queries.get(brought(sql)):
        return [[query(asked.connection.rows)]]
    for form, answer in FORMS.items():
        if found := re.fullmatch(form, sql):
            return answer(asked, parameters, **found.groupdict())
    raise NotImplementedError(f"a journal does not know {sql}: tell it with `queries` what it gives")


def _read_only(asked: Asked, parameters: Mapping[str, str]) -> Records:
    return [[not asked.writable]]


def _status(asked: Asked, parameters: Mapping[str, str]) -> Records:
    return asked.status


def _key_type(asked: Asked, parameters: Mapping[str, str]) -> Records:
    table = parameters["table"].strip('"')
    if table not in asked.tables:
        raise AwsError("DatabaseErrorException", f'relation "{table}" does not exist; SQLState: 42P01')
    key = asked.tables[table]
    return [[key.type, True]] if key.column == parameters["key"] else []


def _probed(asked: Asked, parameters: Mapping[str, str], table: str) -> Records:
    row = asked.connection.rows(table).get(parameters["id"])
    return [[row["written"]]] if row else []


def _probe(asked: Asked, parameters: Mapping[str, str], table: str) -> Records:
    try:
        asked.connection.write(table, parameters["id"], dict(parameters))
    except psycopg.Error as error:
        raise AwsError("DatabaseErrorException", f"{error}; SQLState: {error.sqlstate}") from None
    return None


def _page(asked: Asked, parameters: Mapping[str, str], table: str, size: str, told: str) -> Records:
    """Keys in the order of the C locale, as the twin's PostgreSQL has it."""
    rows, after, upto = asked.connection.rows(table), parameters.get("after"), parameters.get("upto")
    keys = [
        key
        for key in sorted(rows, key=str.encode)
        if (after is None or key.encode() > after.encode())
        and (upto is None or key.encode() <= upto.encode())
    ][: int(size)]
    page = [(key, _digest(rows[key], parameters["salt"])) for key in keys]
    if not told.startswith("count"):
        return page
    sums = [str(sum(int(digest[at : at + 15], 16) for _, digest in page)) if page else None for at in (0, 16)]
    return [[len(page), keys[-1] if keys else None, *sums]]


def _digest(row: Row, salt: str) -> str:
    """Of the row as jsonb writes it: keys in the order of their lengths first."""
    ordered = {key: row[key] for key in sorted(row, key=lambda name: (len(name.encode()), name.encode()))}
    return hashlib.md5(
        (salt + json.dumps(ordered, ensure_ascii=False)).encode(), usedforsecurity=False
    ).hexdigest()


_NAME = r'"(?P<table>[^"]+)"'
FORMS: Mapping[str, Callable[..., Records]] = {
    r"SELECT pg_is_in_recovery\(\) OR current_setting\('transaction_read_only'\) = 'on'": _read_only,
    r"SELECT aws_region, highest_lsn_written FROM aurora_global_db_status\(\)": _status,
    r"SELECT format_type\(.* FROM pg_attribute a WHERE .*": _key_type,
    rf"SELECT written FROM {_NAME} WHERE id = :id": _probed,
    rf"INSERT INTO {_NAME} \(id, written\) VALUES \(:id, :written\) ON CONFLICT .*": _probe,
    rf"WITH page AS \(SELECT .* FROM {_NAME} AS t.* LIMIT (?P<size>\d+)\) "
    r"SELECT (?P<told>.*) FROM page.*": _page,
}
