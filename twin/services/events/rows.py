"""EventBridge: the rules of the default bus."""

from ...rows import READ, WRITE, Rows

ROWS = (
    Rows(
        "events",
        operations={"DescribeRule": READ, "DisableRule": WRITE, "EnableRule": WRITE},
        resources={"Name": "events:{region}:{account}:rule/{given}"},
    ),
)
