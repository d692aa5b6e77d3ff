"""SNS."""

from ...rows import READ, WRITE, Rows

ROWS = (
    Rows(
        "sns",
        operations={
            "CreateTopic": WRITE,
            "DeleteTopic": WRITE,
            "Subscribe": WRITE,
            "ListSubscriptionsByTopic": READ,
            "Publish": WRITE,
        },
        resources={"TopicArn": "{given}"},
        denial="AuthorizationError",
    ),
)
