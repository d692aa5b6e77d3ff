"""The SQL that is sent to an Aurora database. Names in it are quoted, and values are parameters.

Casts are spelled out, since the Data API sends each text as a varchar, and a colon begins a parameter.
Sources: www.postgresql.org/docs/current/functions-admin.html (recovery),
www.postgresql.org/docs/current/catalog-pg-index.html,
docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora_global_db_status.html,
docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraMySQL.Reference.ISTables.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

Engine = Literal["postgresql", "mysql"]

READ_ONLY: Mapping[Engine, str] = {
    "postgresql": "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on'",
    "mysql": "SELECT @@innodb_read_only OR @@read_only",
}
"""Gives whether the database takes no writes."""

LOGS: Mapping[Engine, str] = {
    "postgresql": "SELECT aws_region, highest_lsn_written FROM aurora_global_db_status()",
    "mysql": "SELECT aws_region, highest_lsn_written FROM information_schema.aurora_global_db_status",
}
"""Gives, by Region, how far that has written the log."""

KEY_TYPE = (
    "SELECT format_type(a.atttypid, a.atttypmod), a.attnotnull AND EXISTS (SELECT 1 FROM pg_index i "
    "WHERE i.indrelid = a.attrelid AND i.indisunique AND i.indpred IS NULL AND i.indnkeyatts = 1 "
    "AND i.indkey[0] = a.attnum) FROM pg_attribute a "
    "WHERE a.attrelid = CAST(:table AS regclass) AND a.attname = :key AND NOT a.attisdropped"
)
"""Gives a column's type, and whether it alone names a row of its table."""

WRITES = "INSERT"
"""So begins what changes anything, and nothing else that is sent."""

_MARKS: Mapping[Engine, str] = {"postgresql": '"', "mysql": "`"}
_REPLACES: Mapping[Engine, str] = {
    "postgresql": "ON CONFLICT (id) DO UPDATE SET written = excluded.written",
    "mysql": "ON DUPLICATE KEY UPDATE written = VALUES(written)",
}
_TYPE = r"[a-z0-9_ ]+(\([0-9, ]+\))?[a-z0-9_ ]*"


def is_type(text: object) -> bool:
    """PostgreSQL names one of its own types so."""
    return isinstance(text, str) and re.fullmatch(_TYPE, text) is not None


def quoted(engine: Engine, name: str) -> str:
    """A name, perhaps with its schema's before it."""
    mark = _MARKS[engine]
    return ".".join(f"{mark}{part}{mark}" for part in name.split("."))


def reads_alone(engine: Engine, query: str) -> str:
    """A query that a runbook brings along, so that it changes nothing. It holds no semicolon.

    Within FROM stands no statement that changes data. In PostgreSQL the transaction is closed to writes, too,
    before the first row is made: so functions that write are refused. OFFSET keeps the planner from asking
    anything of the query before that. Sources:
    www.postgresql.org/docs/current/queries-with.html (data-modifying statements in WITH),
    www.postgresql.org/docs/current/sql-set-transaction.html,
    dev.mysql.com/doc/refman/8.0/en/derived-tables.html
    """
    within = f"SELECT * FROM (\n{query}\n) AS invariant"
    if engine == "mysql":
        return within
    closed = "(SELECT set_config('transaction_read_only', 'on', true)) = 'on'"
    return f"SELECT * FROM ({within} OFFSET 0) AS alone WHERE {closed}"


def probe_read(engine: Engine, table: str) -> str:
    return f"SELECT written FROM {quoted(engine, table)} WHERE id = :id"


def probe_write(engine: Engine, table: str) -> str:
    return f"{WRITES} INTO {quoted(engine, table)} (id, written) VALUES (:id, :written) {_REPLACES[engine]}"


def page(table: str, key: str, kind: str, bounds: Mapping[str, str], size: int, sums: bool) -> str:
    """The first rows of a table after the key `after`, up to and with `upto`, where these are given.

    Gives their number, the last key and two sums of their digests; or each key with its digest. A digest is
    of all columns, keyed with `salt`, and in two halves of sixty bits.
    """
    column, signs = f"t.{quoted('postgresql', key)}", {"after": ">", "upto": "<="}
    within = " AND ".join(f"{column} {signs[name]} CAST(:{name} AS {kind})" for name in bounds)
    rows = (
        f"WITH page AS (SELECT {column} AS k, md5(concat(:salt, to_jsonb(t))) AS d "
        f"FROM {quoted('postgresql', table)} AS t{f' WHERE {within}' if within else ''} "
        f"ORDER BY {column} LIMIT {size})"
    )
    if not sums:
        return f"{rows} SELECT CAST(k AS text), d FROM page ORDER BY page.k"
    halves = ", ".join(
        f"CAST(sum(CAST(CAST(concat('x', substr(d, {first}, 15)) AS bit(60)) AS bigint)) AS text)"
        for first in (1, 17)
    )
    last = "(SELECT CAST(k AS text) FROM page ORDER BY page.k DESC LIMIT 1)"
    return f"{rows} SELECT count(*), {last}, {halves} FROM page"
