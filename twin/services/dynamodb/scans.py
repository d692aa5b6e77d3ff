"""What boto3 is answered to a Scan of a global table.

Source: docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Scan.html,
docs.aws.amazon.com/amazondynamodb/latest/developerguide/Scan.html,
docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html (what a read consumes).

No page says that the segments of a table are the same in all its Regions. Here they are not, nor is the order
in a segment: nobody comes to rely on it.
"""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Mapping
from typing import Any

from ...cloud import Answer, AwsError
from ...doubles.forms import known, only
from ...faults import Request
from .answers import LONGEST_PAGE_BYTES, row_of
from .global_table import GlobalTable
from .writes import Key, tuple_of

MOST_SEGMENTS = 1_000_000
UNIT_BYTES = 4096
"""A read unit is a strongly consistent read of so much, or two eventually consistent ones."""
HASHES = 1 << 64


def scan(table: GlobalTable, request: Request) -> Answer:
    """A page of a segment, or of the table."""
    asked = only(
        request,
        ("TableName",),
        (
            "Segment",
            "TotalSegments",
            "ExclusiveStartKey",
            "Limit",
            "ConsistentRead",
            "ReturnConsumedCapacity",
        ),
    )
    segment, total = _segment(asked)
    after = (
        _start(table, request.region, asked["ExclusiveStartKey"]) if "ExclusiveStartKey" in asked else None
    )
    if after is not None and not _is_in(after, segment, total):
        raise _invalid("The provided starting key is invalid")
    table.reach(request.region)
    places = {_place(request.region, key): write for key, write in table.writes(request.region).items()}
    mine = sorted(at for at in places if _is_in(at, segment, total) and (after is None or at > after))
    rows, size, limit = [], 0, asked.get("Limit", len(mine))
    for place in mine[:limit]:
        write = places[place]
        rows.append(row_of(table, write.key, write.item or {}))
        size += table.size_of(write)
        if size >= LONGEST_PAGE_BYTES:
            break
    answer: dict[str, Any] = {"Items": rows, "Count": len(rows), "ScannedCount": len(rows)}
    if size >= LONGEST_PAGE_BYTES or len(rows) < len(mine) or len(rows) == asked.get("Limit"):
        answer["LastEvaluatedKey"] = {name: rows[-1][name] for name in table.keys}
    wanted = asked.get("ReturnConsumedCapacity", "NONE")
    known(wanted in ("NONE", "TOTAL"), request, wanted)
    if wanted == "TOTAL":
        each = 1.0 if asked.get("ConsistentRead") else 0.5
        units = each * max(1, math.ceil(size / UNIT_BYTES))
        answer["ConsumedCapacity"] = {"TableName": table.name, "CapacityUnits": units}
    return answer


def _segment(asked: Mapping[str, Any]) -> tuple[int, int]:
    segment, total = asked.get("Segment"), asked.get("TotalSegments")
    if segment is None and total is None:
        return 0, 1
    missing, present = ("Segment", "TotalSegments") if segment is None else ("TotalSegments", "Segment")
    if segment is None or total is None:
        raise _invalid(
            f"The {missing} parameter is required but was not present in the request when "
            f"{'parameter ' if present == 'TotalSegments' else ''}{present} "
            f"{'' if present == 'TotalSegments' else 'parameter '}is present"
        )
    if total > MOST_SEGMENTS:
        raise _invalid(
            f"1 validation error detected: Value '{total}' at 'totalSegments' failed to satisfy constraint: "
            f"Member must have value less than or equal to {MOST_SEGMENTS}"
        )
    if segment >= total:
        raise _invalid(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: "
            f"Segment: {segment} is not less than TotalSegments: {total}"
        )
    return segment, total


def _start(table: GlobalTable, region: str, given: Mapping[str, Mapping[str, Any]]) -> _Place:
    if given.keys() != set(table.keys) or not all(value.get("S") for value in given.values()):
        raise _invalid("The provided starting key is invalid")
    first, *rest = (str(given[name]["S"]) for name in table.keys)
    return _place(region, (first, rest[0]) if rest else first)


_Place = tuple[int, tuple[str, ...]]
"""Where an item stands in its table: by a hash of its partition key, then by its sort key."""


def _place(region: str, key: Key) -> _Place:
    names = tuple_of(key)
    return _hash(region, names[0]), names


@functools.lru_cache(maxsize=1 << 17)
def _hash(region: str, partition: str) -> int:
    return int.from_bytes(hashlib.blake2b(f"{region}/{partition}".encode(), digest_size=8).digest(), "big")


def _is_in(place: _Place, segment: int, total: int) -> bool:
    return place[0] * total // HASHES == segment


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message)
