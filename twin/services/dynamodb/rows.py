"""DynamoDB. A read is eventually consistent, unless it asks to be strongly consistent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...rows import WRITE, Parameters, Row, Rows

SYNTAX = frozenset(
    {"AND", "OR", "NOT", "BETWEEN", "IN", "size", "contains", "begins_with"}
    | {"attribute_exists", "attribute_not_exists", "attribute_type"}
)
"""Words of an expression that name no attribute.
Source: docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html"""


def _unless_strong(parameters: Parameters) -> bool:
    return parameters.get("ConsistentRead") is not True


def _attributes(parameters: Parameters) -> frozenset[str]:
    """The top-level attributes that a write names: its item's, and those of its condition.
    Source: docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html"""
    asked: Mapping[str, Any] = parameters
    words = re.findall(r"(?<![:.\w#])[#A-Za-z_][\w-]*", asked.get("ConditionExpression", ""))
    names = asked.get("ExpressionAttributeNames", {})
    named = {names.get(word, word) for word in words if word not in SYNTAX}
    return frozenset({*asked["Item"], *asked.get("Expected", ()), *named})


READ = Row(stale=_unless_strong)
ATTRIBUTES = {"dynamodb:Attributes": _attributes}

ROWS = (
    Rows(
        "dynamodb",
        operations={
            "Query": READ,
            "PutItem": Row(keys=ATTRIBUTES),
            "DeleteItem": WRITE,
        },
        resources={"TableName": "dynamodb:{region}:{account}:table/{given}"},
    ),
)
