"""How IAM judges what is asked of STS."""

from ...rows import WRITE, Rows

ROWS = (
    Rows(
        "sts",
        operations={"AssumeRole": WRITE},
        resources={"RoleArn": "{given}"},
        denial="AccessDenied",
    ),
)
