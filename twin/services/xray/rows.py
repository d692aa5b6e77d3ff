"""X-Ray. A group's ARN ends with an ID that X-Ray draws, and a list of groups has no resource."""

from ...rows import READ, WRITE, Rows

ROWS = (
    Rows(
        "xray",
        operations={"GetGroups": READ, "CreateGroup": WRITE},
        resources={"GroupName": "xray:{region}:{account}:group/{given}/AAAAAAAAAAAAAAAAAAAAAAAAAA"},
    ),
)
