"""SNS."""

from ...rows import WRITE, Rows

ROWS = (
    Rows(
        "sns",
        operations={"CreateTopic": WRITE, "Publish": WRITE},
        resources={"TopicArn": "{given}"},
        denial="AuthorizationError",
    ),
)
