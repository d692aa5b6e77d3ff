"""What the steps of DynamoDB global tables share: names and values as DynamoDB writes them, and items by key.

Source: docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, NewType

from .calls import Api, Call, Sight, Silence
from .inputs import FORMS, Form, Region

AttributeName = NewType("AttributeName", str)
IndexName = NewType("IndexName", str)

# docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_KeySchemaElement.html
FORMS[AttributeName] = Form(
    "an attribute's name",
    "attribute names",
    r"\S(.{0,253}\S)?",
    "one line of text, at most 255 characters",
    "PK",
)
# docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_GlobalSecondaryIndex.html
FORMS[IndexName] = Form(
    "an index's name",
    "index names",
    "[A-Za-z0-9_.-]{3,255}",
    "3 to 255 letters, digits, hyphens, underscores and dots",
    "by-customer",
)

CONTENDED = frozenset({"ReplicatedWriteConflictException", "TransactionConflictException"})
"""DynamoDB's words for: another write of the same item is under way."""

HEARTBEATS = 4
"""A table, each in a partition of its own, since partitions are replicated independently. One write takes 25
items at most."""

METRICS = Api("cloudwatch:GetMetricData", plane="data", why="CloudWatch reads cannot be scoped to a metric")
RECENT_SECONDS = 15 * 60

Key = Mapping[AttributeName, str]
"""Attributes of a key, and their values, which are texts."""
Row = Mapping[str, Mapping[str, Any]]
"""An item as DynamoDB gives it: each value under its type."""


def texts(key: Mapping[Any, str]) -> dict[str, dict[str, str]]:
    """As DynamoDB takes them."""
    return {str(name): {"S": value} for name, value in key.items()}


def keys_alone(tables: Mapping[Any, Mapping[AttributeName, str]]) -> None:
    """Raises ValueError where what is given for a table's heartbeats is no key."""
    if wrong := [table for table, key in tables.items() if len(key) > 2]:
        raise ValueError(f"the key of {wrong[0]} has more than two attributes: write its keys alone")


def spread(key: Key, of: str = "") -> list[Key]:
    """The keys of a table's heartbeats: the partition key's text, whose they are, and a number each."""
    (partition, value), *sort = key.items()
    return [{partition: f"{value}-{of}{place}", **dict(sort)} for place in range(HEARTBEATS)]


def item_in(sight: Sight, table: str, key: Key) -> Row | Silence | None:
    """One item of a batch's answer. What DynamoDB leaves for another request the next look asks for."""
    if isinstance(sight, Silence):
        return sight
    answer: Mapping[str, Any] = sight if isinstance(sight, Mapping) else {}
    rows = answer.get("Responses", {}).get(table)
    row = next((row for row in rows or () if all(text(row, n) == value for n, value in key.items())), None)
    if row is None and (rows is None or answer.get("UnprocessedKeys")):
        return Silence(f"DynamoDB has read only some of {table}")
    return row


def text(row: Row, name: str) -> str:
    """ "" for what is none."""
    return str(row.get(name, {}).get("S", ""))


def number(row: Row, name: str) -> float:
    """-1 for what is none: anybody may have written it."""
    try:
        return float(row.get(name, {}).get("N", -1))
    except ValueError:
        return -1.0


def digest(row: Row) -> str:
    """The same for the same item, however it is spelled. Nobody gains by two items of one digest, and 64 bits
    keep chance out."""
    return hashlib.blake2b(
        json.dumps(_canonical(dict(row)), sort_keys=True).encode(), digest_size=8
    ).hexdigest()


def _canonical(value: Any) -> Any:
    """Sets have no order, and binary is no text. DynamoDB spells each number in one way."""
    if isinstance(value, Mapping):
        return {
            name: sorted(map(_canonical, each)) if name in ("SS", "NS", "BS") else _canonical(each)
            for name, each in value.items()
        }
    if isinstance(value, list | tuple):
        return [_canonical(each) for each in value]
    return bytes(value).hex() if isinstance(value, bytes | bytearray) else value


def some(names: Iterable[str], most: int = 3) -> str:
    """The first few, and how many more there are."""
    first = sorted(names)
    return ", ".join(first[:most]) + (f" and {len(first) - most} more" if len(first) > most else "")


def latency_of(source: Region, target: Region, tables: Iterable[str], now: float) -> Call:
    """Asks the Region that is written in for what ReplicationLatency was of late, of each table.
    Source: docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html"""
    queries = [
        {
            "Id": f"table{place}",
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/DynamoDB",
                    "MetricName": "ReplicationLatency",
                    "Dimensions": [
                        {"Name": "TableName", "Value": table},
                        {"Name": "ReceivingRegion", "Value": target},
                    ],
                },
                "Period": 60,
                "Stat": "Maximum",
            },
        }
        for place, table in enumerate(tables)
    ]
    return METRICS(source, MetricDataQueries=queries, StartTime=now - RECENT_SECONDS, EndTime=now)


def recent_maximum(sight: Sight) -> float | Silence | None:
    """In seconds, of milliseconds; None where CloudWatch has nothing of one of the tables: then nothing says
    how long its writes take."""
    if isinstance(sight, Silence):
        return sight
    answer: Mapping[str, Any] = sight if isinstance(sight, Mapping) else {}
    series = answer.get("MetricDataResults") or [{}]
    values = [[value for value in each.get("Values", ()) if 0 <= value < math.inf] for each in series]
    if any(each.get("StatusCode") != "Complete" for each in series) or answer.get("NextToken"):
        return Silence("CloudWatch gave only a part of ReplicationLatency")
    return max(map(max, values)) / 1000 if all(values) else None
