"""DynamoDB. A read is eventually consistent, unless it asks to be strongly consistent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...rows import READ, WRITE, Parameters, Row, Rows

SYNTAX = frozenset(
    {"AND", "OR", "NOT", "BETWEEN", "IN", "size", "contains", "begins_with"}
    | {"attribute_exists", "attribute_not_exists", "attribute_type"}
)
"""Words of an expression that name no attribute.
Source: docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html"""


def _unless_strong(parameters: Parameters) -> bool:
    return parameters.get("ConsistentRead") is not True


def _unless_all_strong(parameters: Parameters) -> bool:
    asked: Mapping[str, Any] = parameters
    return not all(each.get("ConsistentRead") is True for each in asked["RequestItems"].values())


def _attributes(parameters: Parameters) -> frozenset[str]:
    """The top-level attributes that a write names: its item's, and those of its condition.
    Source: docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html"""
    asked: Mapping[str, Any] = parameters
    words = re.findall(r"(?<![:.\w#])[#A-Za-z_][\w-]*", asked.get("ConditionExpression", ""))
    names = asked.get("ExpressionAttributeNames", {})
    named = {names.get(word, word) for word in words if word not in SYNTAX}
    return frozenset({*asked["Item"], *asked.get("Expected", ()), *named})


def _of_new_replicas(parameters: Parameters) -> tuple[tuple[str, str], ...]:
    """What whoever creates a replica must be allowed to do in its Region.
    Source: docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2gt_IAM.html"""
    asked: Mapping[str, Any] = parameters
    regions = [each["Create"]["RegionName"] for each in asked.get("ReplicaUpdates", ()) if "Create" in each]
    return tuple((f"dynamodb:{action}", region) for region in regions for action in FOR_A_REPLICA)


FOR_A_REPLICA = (
    "BatchWriteItem",
    "CreateTable",
    "CreateTableReplica",
    "DeleteItem",
    "GetItem",
    "PutItem",
    "Query",
    "Scan",
    "UpdateItem",
)
READ_OF_ITEMS = Row(stale=_unless_strong)
ATTRIBUTES = {"dynamodb:Attributes": _attributes}

ROWS = (
    Rows(
        "dynamodb",
        operations={
            "Query": READ_OF_ITEMS,
            "Scan": READ_OF_ITEMS,
            "BatchGetItem": Row(stale=_unless_all_strong),
            "BatchWriteItem": WRITE,
            "PutItem": Row(keys=ATTRIBUTES),
            "DeleteItem": WRITE,
            "DescribeTable": READ,
            "UpdateTable": Row(beside=_of_new_replicas),
        },
        resources=dict.fromkeys(("TableName", "RequestItems"), "dynamodb:{region}:{account}:table/{given}"),
        # No quotas: its control plane takes 2,500 requests a second, which no runbook comes near.
        # docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-control-plane.html
    ),
)
