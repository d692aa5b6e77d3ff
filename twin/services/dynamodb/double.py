"""DynamoDB tables of texts: the ledger's Query, PutItem and DeleteItem."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ...cloud import Answer, AwsError, Cloud, Operation
from ...doubles.forms import known, only
from ...faults import Request
from ...service import APART, WIRING, Service, Stateful, register

Key = tuple[str, str]
Item = dict[str, str]
"""An item whose attributes are all texts: no table of ours has others."""

LONGEST_PAGE_BYTES = 1_000_000
"""Where DynamoDB would answer in pages (at 1 MB), which no double does."""


@dataclass
class Table(Stateful):
    not_state: ClassVar = {
        "key": WIRING,
        "sizes": "of the items, which are in the state",
        "answers": "of the items, which are in the state",
    }

    key: Key
    items: dict[tuple[str, str], Item] = field(default_factory=dict)
    sizes: dict[tuple[str, str], int] = field(default_factory=dict)
    """Of each item, in bytes, and never too few."""
    answers: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    """By partition, the items as a Query answers them, until one is written."""


class Double(Service):
    """Tables of texts, with a partition key and a sort key."""

    service: ClassVar = "dynamodb"
    not_state: ClassVar = {"cloud": APART}

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self.kept: dict[tuple[str, str], Table] = {}

    def operations(self) -> Mapping[str, Operation]:
        return {"Query": self._query, "PutItem": self._put, "DeleteItem": self._delete}

    def state(self) -> object:
        return [(where, sorted(table.items.items())) for where, table in self.kept.items()]

    def create_table(self, region: str, name: str, key: Key) -> None:
        register(self.kept, (region, name), lambda: Table(key))

    def item(self, region: str, name: str, key: Mapping[str, str]) -> Item | None:
        """Reading it takes no time, and no fault is injected there."""
        table = self.kept[region, name]
        found = table.items.get((key[table.key[0]], key[table.key[1]]))
        return None if found is None else dict(found)

    def _query(self, request: Request) -> Answer:
        asked = only(
            request,
            ("TableName", "KeyConditionExpression", "ExpressionAttributeValues"),
            ("ConsistentRead",),
        )
        table = self._table(request)
        name, value = _equation(request, "KeyConditionExpression")
        known(name == table.key[0], request, asked["KeyConditionExpression"])
        if value not in table.answers:
            found = sorted(key for key in table.items if key[0] == value)
            size = sum([table.sizes[key] for key in found])
            known(size < LONGEST_PAGE_BYTES, request, "an answer in pages")
            table.answers[value] = [
                {name: {"S": text} for name, text in table.items[key].items()} for key in found
            ]
        items = list(table.answers[value])
        return {"Items": items, "Count": len(items), "ScannedCount": len(items)}

    def _put(self, request: Request) -> Answer:
        """The conditions that the ledger sends: no such attribute yet, or it is what was read."""
        asked = only(request, ("TableName", "Item"), ("ConditionExpression", "ExpressionAttributeValues"))
        table = self._table(request)
        item = {name: _text(value, request) for name, value in asked["Item"].items()}
        key = _key(table, item, request)
        size = len(repr(item).encode())
        known(size < 400_000, request, "an item of 400 KB")
        there, condition = table.items.get(key), asked.get("ConditionExpression")
        if missing := re.fullmatch(r"attribute_not_exists\(([a-z_]+)\)", condition or ""):
            known("ExpressionAttributeValues" not in asked, request, "values that no expression names")
            holds = there is None or missing[1] not in there
        elif condition is not None:
            name, value = _equation(request, "ConditionExpression")
            holds = there is not None and there.get(name) == value
        else:
            known("ExpressionAttributeValues" not in asked, request, "values that no expression names")
            holds = True
        if not holds:
            raise AwsError("ConditionalCheckFailedException", "The conditional request failed")
        table.items[key], table.sizes[key] = item, size
        table.answers.clear()
        return {}

    def _delete(self, request: Request) -> Answer:
        asked = only(request, ("TableName", "Key"))
        table = self._table(request)
        given = {name: _text(value, request) for name, value in asked["Key"].items()}
        known(set(given) == set(table.key), request, given)
        table.items.pop(_key(table, given, request), None)
        table.answers.clear()
        return {}

    def _table(self, request: Request) -> Table:
        """A global table is kept in one of its Regions: the Cloud knows in which."""
        home = self.cloud.reroute(request) or request.region
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
