"""SNS topics: what was published is kept, and nobody subscribes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from ...cloud import ACCOUNT, Answer, AwsError, Cloud, Operation
from ...doubles.forms import known, only
from ...faults import Request
from ...service import APART, Service


class Double(Service):
    """Topics to which nobody subscribes: what was published is kept."""

    service: ClassVar = "sns"
    not_state: ClassVar = {"cloud": APART, "_messages": "distinguishes messages"}

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self.kept: dict[str, list[tuple[str, str]]] = {}
        """By ARN: subject and message of each."""
        self._messages = 0

    def operations(self) -> Mapping[str, Operation]:
        return {"CreateTopic": self._create, "Publish": self._publish}

    def state(self) -> object:
        """The topics, and what people have been sent; not how often."""
        return [(arn, list(dict(said))) for arn, said in self.kept.items()]

    def _create(self, request: Request) -> Answer:
        name = only(request, ("Name",))["Name"]
        arn = f"arn:aws:sns:{request.region}:{ACCOUNT}:{name}"
        self.kept.setdefault(arn, [])
        return {"TopicArn": arn}

    def _publish(self, request: Request) -> Answer:
        asked = only(request, ("TopicArn", "Subject", "Message"))
        arn, subject, message = (str(asked[name]) for name in ("TopicArn", "Subject", "Message"))
        if len(subject) > 100:
            raise AwsError("InvalidParameter", "Subject must be less than 100 characters")
        known(len(message.encode()) <= 256 * 1024, request, "a message longer than 256 KB")
        if arn not in self.kept or arn.split(":")[3] != request.region:
            raise AwsError("NotFound", "Endpoint does not exist", 404)
        self.kept[arn].append((subject, message))
        self._messages += 1
        return {"MessageId": f"00000000-0000-4000-8000-{self._messages:012x}"}
