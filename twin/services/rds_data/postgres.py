"""A statement, answered by PostgreSQL itself."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg

from ...cloud import AwsError
from .journal import Records

Connection = psycopg.Connection[tuple[Any, ...]]


def answered(
    connection: Connection, status: Sequence[tuple[str, int]], sql: str, parameters: Mapping[str, str]
) -> Records:
    """As the Data API sends it: each text is a varchar. None for what gives no rows."""
    if "aurora_global_db_status" in sql:
        told = [{"aws_region": region, "highest_lsn_written": log} for region, log in status]
        connection.execute("SELECT set_config('aurora.global_db_status', %s, false)", [json.dumps(told)])
    try:
        cursor = connection.execute(*_bound(sql, parameters))
        return cursor.fetchall() if cursor.description else None
    except psycopg.Error as error:
        raise AwsError("DatabaseErrorException", f"{error}; SQLState: {error.sqlstate}") from None


def _bound(sql: str, parameters: Mapping[str, str]) -> tuple[Any, ...]:
    """With psycopg's marks for `:name`."""
    if not parameters:
        return (sql.encode(),)
    names = "|".join(map(re.escape, parameters))
    marked = re.sub(rf":({names})\b", r"CAST(%(\1)s AS varchar)", sql.replace("%", "%%"))
    return marked.encode(), dict(parameters)
