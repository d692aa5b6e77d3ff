"""Databases that are asked through the Data API: tables that lines read, in a global database that they name.

Customers' writes are kept in the first of them. Of its columns nobody says more than the key, so a query that
a line brings along gives what it must.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from psycopg import sql

from ...furnishing import Line, Role, Room, Wanted
from ..aurora.dataset import GlobalDatabaseData
from ..aurora.journal import Journal
from ..aurora.model import Aurora, GlobalDatabase
from .journal import Key, Value
from .model import Enabled, RdsData

NAME, SECRET, TABLE = "DatabaseName", "SecretArn", "SqlName"
TAKES: Mapping[str, Role] = {NAME: "", SECRET: "", TABLE: ""}
GLOBAL, CLUSTER = "GlobalClusterId", "ClusterId"
WORDS: Mapping[Any, Value] = {"true": True, "false": False, "null": None}
PROBE = sql.SQL("CREATE TABLE {} (id varchar(64) PRIMARY KEY, written varchar(64))")
OF_KEYS = sql.SQL("CREATE TABLE {} ({} text PRIMARY KEY)")


def refused(wanted: Wanted) -> Iterator[str]:
    opened: dict[str, tuple[str, Mapping[str, str]]] = {}
    for line in _lines(wanted):
        if line.inputs["engine"] != "postgresql":
            yield f"nothing in it stands for a database of {line.inputs['engine']}, as {line.where} asks"
        if spelled := [name.text for name in line.of(TABLE) if "." in name.text]:
            yield f"nothing in it stands for a schema of SQL, as {', '.join(spelled)} of {line.where} has"
        if not (owner := _owner(wanted, line)):
            clusters = " and ".join(line.by_region(CLUSTER).values())
            yield f"{clusters} of {line.where} are in no global database that the runbook names"
        elif opened.setdefault(owner, (key := _key(line))) != key:
            yield f"{owner} would have two databases, or two secrets in a Region, as {line.where} asks"


def furnish(room: Room) -> None:
    by_owner: dict[str, list[Line]] = {}
    for line in _lines(room.wanted):
        by_owner.setdefault(_owner(room.wanted, line), []).append(line)
    for owner, lines in by_owner.items():
        database = Aurora.of(room.cloud).databases[owner.lower()]
        tables = {str(name): Key(str(key)) for line in lines for name, key in line.inputs["tables"].items()}
        probes = {str(probe) for line in lines if (probe := line.inputs["probe"])}
        _create(database, tables, probes - set(tables))
        for kept in room.datasets:
            if tables and isinstance(kept, GlobalDatabaseData) and kept.is_of(database):
                kept.keep_in(*next((name, key.column) for name, key in tables.items()))
        asked = [each for line in lines for each in line.inputs["invariants"]]
        gives = {str(each["query"]): _value(each.get("gives", 0)) for each in asked}
        name, secrets = _key(lines[0])
        RdsData.of(room.cloud).enable(Enabled(database, name, secrets, tables, gives=gives))


def _lines(wanted: Wanted) -> list[Line]:
    return [line for line, _ in wanted.naming(NAME)]


def _key(line: Line) -> tuple[str, Mapping[str, str]]:
    """What opens it: the database's name, and the secret of each Region."""
    return next(name.text for name in line.of(NAME)), line.by_region(SECRET)


def _owner(wanted: Wanted, line: Line) -> str:
    """The global database of the line's clusters; "" where no line names it."""
    mine = line.by_region(CLUSTER)
    named = wanted.naming(GLOBAL)
    return next((name.text for other, name in named if other.by_region(CLUSTER) == mine), "")


def _create(database: GlobalDatabase, tables: Mapping[str, Key], probes: set[str]) -> None:
    """A journal has every table that is written to."""
    if isinstance(database.store, Journal):
        return
    connection = database.connect(next(iter(database.members)))
    for table, key in tables.items():
        connection.execute(OF_KEYS.format(sql.Identifier(table), sql.Identifier(key.column)))
    for table in sorted(probes):
        connection.execute(PROBE.format(sql.Identifier(table)))


def _value(gives: int | str) -> Value:
    return WORDS.get(gives, gives)
