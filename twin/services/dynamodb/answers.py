"""What boto3 is answered about a global table with eventual consistency: its items, and its control plane.

Forms of requests that no step sends are not understood, and say so; what AWS documents as refused is refused.
Sources: docs.aws.amazon.com/amazondynamodb/latest/APIReference/ (each operation's page),
docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-global-table-design.html.
Assumed, since no page says it: Replicas, as seen from a Region, has the other Regions only. ItemCount and
TableSizeBytes are as of now, which AWS counts "approximately every six hours".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from ...cloud import ACCOUNT, Answer, AwsError
from ...doubles.forms import known, only
from ...faults import Request
from .global_table import GlobalTable
from .writes import Key, tuple_of

LONGEST_PAGE_BYTES = 1 << 20
"""Of a Query's answer."""
LONGEST_BATCH_BYTES = 16 << 20
"""Of a BatchGetItem's answer."""
MOST_READ, MOST_WRITTEN = 100, 25
"""In one batch."""
STREAM = "NEW_AND_OLD_IMAGES"
"""What the stream of a table must have, for the table to be replicated."""


class _Reader(TypeDeserializer):
    def _deserialize_b(self, value: bytes) -> bytes:
        """As applications write it."""
        return bytes(value)


_written: Callable[[Any], Any] = TypeSerializer().serialize
read_value: Callable[[Any], Any] = _Reader().deserialize


def get(table: GlobalTable, request: Request) -> Answer:
    """As many as fit. What DynamoDB leaves for another request because of throttling, it never does here."""
    asked = only(request, ("RequestItems",))["RequestItems"][table.name]
    known(asked.keys() <= {"Keys", "ConsistentRead"}, request, asked)
    keys = _distinct([key_of(table, request, key) for key in asked["Keys"]], MOST_READ)
    found, left, size = [], list(keys), 0
    while left and size < LONGEST_BATCH_BYTES:
        key = left.pop(0)
        there = table.write_of(request.region, key)
        if there is not None and there.item is not None:
            found.append(row_of(table, key, there.item))
            size += table.size_of(there)
    more = {name: value for name, value in asked.items() if name != "Keys"}
    unprocessed = [{name: _written(v) for name, v in zip(table.keys, tuple_of(k), strict=True)} for k in left]
    return {
        "Responses": {table.name: found},
        "UnprocessedKeys": {table.name: {"Keys": unprocessed, **more}} if left else {},
    }


def write(table: GlobalTable, request: Request) -> Answer:
    """Each is a write of its own."""
    asked = only(request, ("RequestItems",))["RequestItems"][table.name]
    items = [each["PutRequest"]["Item"] for each in asked if "PutRequest" in each]
    gone = [key_of(table, request, each["DeleteRequest"]["Key"]) for each in asked if "DeleteRequest" in each]
    put = {key_of(table, request, item, whole=False): item for item in items}
    _distinct([*put, *gone] if len(put) == len(items) else [*put, *put], MOST_WRITTEN)
    for key, item in put.items():
        table.put(request.region, key, read_item(table, item), name="")
    for key in gone:
        table.delete(request.region, key, name="")
    return {"UnprocessedItems": {}}


def _distinct(keys: list[Key], most: int) -> list[Key]:
    if len(keys) > most:
        raise AwsError("ValidationException", "Too many items requested for the batch call")
    if len(set(keys)) < len(keys):
        raise AwsError("ValidationException", "Provided list of item keys contains duplicates")
    return keys


def query(table: GlobalTable, request: Request) -> Answer:
    """One partition, in pages."""
    asked = only(
        request,
        (
            "TableName",
            "KeyConditionExpression",
            "ExpressionAttributeNames",
            "ExpressionAttributeValues",
        ),
        ("ConsistentRead", "ExclusiveStartKey"),
    )
    said = re.fullmatch(r"(#\w+) = (:\w+)", asked["KeyConditionExpression"])
    names, values = asked["ExpressionAttributeNames"], asked["ExpressionAttributeValues"]
    understood = said is not None and names.keys() == {said[1]} and values.keys() == {said[2]}
    known(understood, request, asked["KeyConditionExpression"])
    ((attribute,), (value,)) = names.values(), values.values()
    if attribute != table.keys[0]:
        raise AwsError("ValidationException", f"Query condition missed key schema element: {table.keys[0]}")
    after = key_of(table, request, asked["ExclusiveStartKey"]) if "ExclusiveStartKey" in asked else None
    rows: list[dict[str, Any]] = []
    size = 0
    for item in table.query(request.region, str(_text(value))):
        key = tuple(str(item[name]) for name in table.keys)
        if after is not None and key <= tuple_of(after):
            continue
        row = {name: _written(each) for name, each in item.items()}
        size += len(repr(row).encode())
        rows.append(row)
        if size >= LONGEST_PAGE_BYTES:
            last = {name: row[name] for name in table.keys}
            return {"Items": rows, "Count": len(rows), "ScannedCount": len(rows), "LastEvaluatedKey": last}
    return {"Items": rows, "Count": len(rows), "ScannedCount": len(rows)}


def describe(table: GlobalTable, request: Request) -> Answer:
    only(request, ("TableName",))
    return {"Table": _described(table, request.region)}


def update(table: GlobalTable, request: Request) -> Answer:
    """A stream, or one replica more."""
    asked = only(request, ("TableName",), ("StreamSpecification", "ReplicaUpdates"))
    here = table.described[request.region]
    known(len(asked) == 2, request, "anything but one change")
    if here.status != "ACTIVE" or any(each.status == "CREATING" for each in table.described.values()):
        raise AwsError(
            "ResourceInUseException",
            f"Attempt to change a resource which is still in use: Table is being updated: {table.name}",
        )
    if "StreamSpecification" in asked:
        wanted = asked["StreamSpecification"]
        known(wanted == {"StreamEnabled": True, "StreamViewType": STREAM}, request, wanted)
        if here.stream:
            raise AwsError("ValidationException", f"Table already has an enabled stream: {table.name}")
        table.start_stream(request.region, STREAM)
    else:
        _create_replica(table, request, asked["ReplicaUpdates"])
    return {"TableDescription": _described(table, request.region)}


def _create_replica(table: GlobalTable, request: Request, updates: list[Mapping[str, Any]]) -> None:
    create = updates[0].get("Create", {})
    known(len(updates) == 1 and create.keys() == {"RegionName"}, request, updates)
    region, here = create["RegionName"], table.described[request.region]
    known(region in table.regions, request, f"a replica in {region}, of which its application knows nothing")
    if region in table.described:
        raise AwsError(
            "ValidationException",
            f"Failed to create a the new replica of table with name: '{table.name}' because one or more "
            "replicas already existed as tables.",
        )
    if here.stream != STREAM:
        raise AwsError(
            "ValidationException",
            "Table must have DynamoDB Streams enabled with StreamViewType set to NEW_AND_OLD_IMAGES",
        )
    if here.billing == "PROVISIONED":
        raise AwsError(
            "ValidationException",
            "Table write capacity should either be Pay-Per-Request or AutoScaled.",
        )
    table.create_replica(request.region, region)


OPERATIONS: Mapping[str, Callable[[GlobalTable, Request], Answer]] = {
    "BatchGetItem": get,
    "BatchWriteItem": write,
    "Query": query,
    "DescribeTable": describe,
    "UpdateTable": update,
}


def _described(table: GlobalTable, region: str) -> dict[str, Any]:
    here = table.described[region]
    sizes = [table.size_of(write) for write in table.writes(region).values()]
    attributes = sorted({*table.keys, *(name for names in table.indexes.values() for name in names)})
    stream = {"StreamEnabled": True, "StreamViewType": here.stream}
    return {
        "TableName": table.name,
        "TableArn": f"arn:aws:dynamodb:{region}:{ACCOUNT}:table/{table.name}",
        "TableStatus": here.status,
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in attributes],
        "KeySchema": _schema(table.keys),
        "BillingModeSummary": {"BillingMode": here.billing},
        "ItemCount": len(sizes),
        "TableSizeBytes": sum(sizes),
        "DeletionProtectionEnabled": here.deletion_protected,
        **({"StreamSpecification": stream} if here.stream else {}),
        "GlobalSecondaryIndexes": [
            {
                "IndexName": index,
                "IndexStatus": status,
                "KeySchema": _schema(table.indexes[index]),
                "Projection": {"ProjectionType": "ALL"},
            }
            for index, status in here.indexes.items()
        ],
        "Replicas": [
            {
                "RegionName": other,
                "ReplicaStatus": each.status,
                "GlobalSecondaryIndexes": [{"IndexName": index} for index in each.indexes],
            }
            for other, each in table.described.items()
            if other != region
        ],
    }


def _schema(keys: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"AttributeName": n, "KeyType": kind} for n, kind in zip(keys, ("HASH", "RANGE"), strict=False)]


def key_of(table: GlobalTable, request: Request, given: Mapping[str, Any], whole: bool = True) -> Key:
    """The key that is `given`, or that of the item, where that is not the `whole`."""
    named = {name: value for name, value in given.items() if name in table.keys}
    exact = named.keys() == set(table.keys) and (len(given) == len(named) or not whole)
    if not exact or not all(_text(value) for value in named.values()):
        raise AwsError("ValidationException", "The provided key element does not match the schema")
    first, *rest = (str(_text(named[name])) for name in table.keys)
    return (first, rest[0]) if rest else first


def _text(value: Mapping[str, Any]) -> str | None:
    return value.get("S")


def read_item(table: GlobalTable, row: Mapping[str, Any]) -> dict[str, Any]:
    """What is under its key."""
    return {name: read_value(value) for name, value in row.items() if name not in table.keys}


def row_of(table: GlobalTable, key: Key, item: Mapping[str, Any]) -> dict[str, Any]:
    whole = {**item, **dict(zip(table.keys, tuple_of(key), strict=True))}
    return {name: _written(value) for name, value in whole.items()}
