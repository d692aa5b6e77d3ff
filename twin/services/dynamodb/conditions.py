"""What boto3 is answered to a PutItem or a DeleteItem of a global table with eventual consistency.

A condition is judged on the local copy. It is a list of equations and of attributes that must not be there,
joined by AND: no other is sent here. Sources:
docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_PutItem.html and API_DeleteItem.html,
docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html,
docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html (limits of expressions)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...cloud import Answer, AwsError
from ...doubles.forms import known, only
from ...faults import Request
from .answers import key_of, read_item, read_value, row_of
from .global_table import GlobalTable
from .writes import Key

EXPRESSION = ("ConditionExpression", "ExpressionAttributeNames", "ExpressionAttributeValues")
LONGEST_EXPRESSION_BYTES = 4096
MOST_OPERATORS = 300
"""The functions of an expression count, too."""


def put(table: GlobalTable, request: Request) -> Answer:
    asked = only(request, ("TableName", "Item"), EXPRESSION)
    key = key_of(table, request, asked["Item"], whole=False)
    table.reach(request.region)
    _must_hold(table, request, key)
    table.put(request.region, key, read_item(table, asked["Item"]), name="")
    return {}


def delete(table: GlobalTable, request: Request) -> Answer:
    asked = only(request, ("TableName", "Key"), EXPRESSION)
    key = key_of(table, request, asked["Key"])
    table.reach(request.region)
    _must_hold(table, request, key)
    table.delete(request.region, key, name="")
    return {}


def _must_hold(table: GlobalTable, request: Request, key: Key) -> None:
    """Raises AwsError where the condition does not hold, or DynamoDB would not take it."""
    asked: Mapping[str, Any] = request.parameters
    if "ConditionExpression" not in asked:
        return
    there = table.write_of(request.region, key)
    row = row_of(table, key, there.item) if there is not None and there.item is not None else {}
    expression, names = asked["ConditionExpression"], asked.get("ExpressionAttributeNames", {})
    values, used = asked.get("ExpressionAttributeValues", {}), set(re.findall(r"[#:]\w+", expression))
    terms = expression.split(" AND ")
    if len(expression.encode()) > LONGEST_EXPRESSION_BYTES:
        raise _invalid("Expression size has exceeded the maximum allowed size")
    if 2 * len(terms) - 1 > MOST_OPERATORS:
        raise _invalid(f"The expression contains too many operators; maximum: {MOST_OPERATORS}")
    for given, what in ((names, "ExpressionAttributeNames"), (values, "ExpressionAttributeValues")):
        if unused := sorted(given.keys() - used):
            raise _invalid(f"Value provided in {what} unused in expressions: keys: {{{', '.join(unused)}}}")
    held = [_holds(request, term, row, names, values) for term in terms]
    if not all(held):
        raise AwsError("ConditionalCheckFailedException", "The conditional request failed")


def _holds(
    request: Request, term: str, row: Mapping[str, Any], names: Mapping[str, str], values: Mapping[str, Any]
) -> bool:
    if missing := re.fullmatch(r"attribute_not_exists\((#\w+)\)", term):
        return names[missing[1]] not in row
    equation = re.fullmatch(r"(#\w+) = (:\w+)", term)
    known(equation is not None, request, term)
    assert equation is not None
    name, value = names[equation[1]], values[equation[2]]
    # Under the same type: what is true is no 1.
    same_type = name in row and row[name].keys() == value.keys()
    return same_type and bool(read_value(row[name]) == read_value(value))


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationException", f"Invalid ConditionExpression: {message}")
