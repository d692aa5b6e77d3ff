"""SNS's topics, in the Cloud that has everything."""

from __future__ import annotations

from every_service import WEST, client

from twin.cloud import ACCOUNT, Cloud


def furnish(cloud: Cloud, name: str) -> None:
    client("sns").create_topic(Name=f"pages-{name}")


UNDER_WAY = {
    "a page to people": lambda cloud: client("sns").publish(
        TopicArn=f"arn:aws:sns:{WEST}:{ACCOUNT}:pages-one", Subject="wake up", Message="it burns"
    ),
}
