"""DynamoDB tables of texts: the ledger's Query, PutItem and DeleteItem."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...aws import Answer, AwsError, Cloud
from ...doubles.forms import known, only
from ...faults import Request

Key = tuple[str, str]
Item = dict[str, str]
"""An item whose attributes are all texts: no table of ours has others."""

LONGEST_PAGE_BYTES = 1_000_000
"""Where DynamoDB would answer in pages (at 1 MB), which no double does."""


@dataclass
class Table:
    key: Key
    items: dict[tuple[str, str], Item] = field(default_factory=dict)
    sizes: dict[tuple[str, str], int] = field(default_factory=dict)
    """Of each item, in bytes, and never too few."""
    told: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    """By partition, the items as a Query tells them, until one is written."""


class Tables:
    """Tables of texts, with a partition key and a sort key."""

    def __init__(self, cloud: Cloud) -> None:
        self.kept: dict[tuple[str, str], Table] = {}
        self._cloud = cloud
        cloud.serve("dynamodb", "Query", self._query)
        cloud.serve("dynamodb", "PutItem", self._put)
        cloud.serve("dynamodb", "DeleteItem", self._delete)

    def _query(self, request: Request) -> Answer:
        asked = only(
            request,
            ("TableName", "KeyConditionExpression", "ExpressionAttributeValues"),
            ("ConsistentRead",),
        )
        table = self._table(request)
        name, value = _equation(request, "KeyConditionExpression")
        known(name == table.key[0], request, asked["KeyConditionExpression"])
        if value not in table.told:
            found = sorted(key for key in table.items if key[0] == value)
            size = sum([table.sizes[key] for key in found])
            known(size < LONGEST_PAGE_BYTES, request, "an answer in pages")
            table.told[value] = [
                {name: {"S": text} for name, text in table.items[key].items()} for key in found
            ]
        items = list(table.told[value])
        return {"Items": items, "Count": len(items), "ScannedCount": len(items)}

    def _put(self, request: Request) -> Answer:
        """The conditions that the ledger sends: nothing there yet, or there is what was read."""
        asked = only(request, ("TableName", "Item"), ("ConditionExpression", "ExpressionAttributeValues"))
        table = self._table(request)
        item = {name: _text(value, request) for name, value in asked["Item"].items()}
        key = _key(table, item, request)
        size = len(repr(item).encode())
        known(size < 400_000, request, "an item of 400 KB")
        there, condition = table.items.get(key), asked.get("ConditionExpression")
        if condition == f"attribute_not_exists({table.key[0]})":
            known("ExpressionAttributeValues" not in asked, request, "values that no expression names")
            holds = there is None
        elif condition is not None:
            name, value = _equation(request, "ConditionExpression")
            holds = there is not None and there.get(name) == value
        else:
            known("ExpressionAttributeValues" not in asked, request, "values that no expression names")
            holds = True
        if not holds:
            raise AwsError("ConditionalCheckFailedException", "The conditional request failed")
        table.items[key], table.sizes[key] = item, size
        table.told.clear()
        return {}

    def _delete(self, request: Request) -> Answer:
        asked = only(request, ("TableName", "Key"))
        table = self._table(request)
        given = {name: _text(value, request) for name, value in asked["Key"].items()}
        known(set(given) == set(table.key), request, given)
        table.items.pop(_key(table, given, request), None)
        table.told.clear()
        return {}

    def _table(self, request: Request) -> Table:
        """A global table is kept in one of its Regions: the Cloud knows in which."""
        home = self._cloud.reroute(request) or request.region
        table = self.kept.get((home, str(request.parameters["TableName"])))
        if table is None:
            raise AwsError("ResourceNotFoundException", "Requested resource not found")
        return table


def _key(table: Table, item: Item, request: Request) -> Key:
    known(all(item.get(name) for name in table.key), request, "an item without its key")
    return item[table.key[0]], item[table.key[1]]


def _text(value: Mapping[str, Any], request: Request) -> str:
    known(value.keys() == {"S"}, request, value)
    return str(value["S"])


def _equation(request: Request, parameter: str) -> tuple[str, str]:
    """The attribute, and the value that it must have: of "attribute = :value", with this one value given."""
    asked: Mapping[str, Any] = request.parameters
    match = re.fullmatch(r"([a-z_]+) = (:[a-z]+)", asked[parameter])
    values = asked.get("ExpressionAttributeValues", {})
    if match is None or values.keys() != {match[2]}:
        raise AssertionError(f"no double understands {asked[parameter]!r} with {values} of {request}")
    return match[1], _text(values[match[2]], request)
