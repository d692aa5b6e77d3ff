"""DynamoDB. A read is eventually consistent, unless it asks to be strongly consistent."""

from ...rows import WRITE, Parameters, Row, Rows


def _unless_strong(parameters: Parameters) -> bool:
    return parameters.get("ConsistentRead") is not True


READ = Row(stale=_unless_strong)

ROWS = (
    Rows(
        "dynamodb",
        operations={"Query": READ, "PutItem": WRITE, "DeleteItem": WRITE},
        resources={"TableName": "dynamodb:{region}:{account}:table/{given}"},
    ),
)
