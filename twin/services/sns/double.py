"""SNS topics: what was published is kept. A subscription is confirmed at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar
from uuid import NAMESPACE_URL, uuid5

from ...cloud import ACCOUNT, Answer, AwsError, Cloud, Operation
from ...doubles.forms import known, only
from ...faults import Request
from ...service import APART, Service


def _subscription(topic: str, address: str) -> str:
    return f"{topic}:{uuid5(NAMESPACE_URL, address)}"


class Double(Service):
    """Topics: what was published to them is kept."""

    service: ClassVar = "sns"
    not_state: ClassVar = {"cloud": APART, "_messages": "distinguishes messages"}

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self.kept: dict[str, list[tuple[str, str]]] = {}
        """By ARN: subject and message of each."""
        self._messages = 0
        self._subscribers: dict[str, list[tuple[str, str]]] = {}
        """By ARN of the topic: protocol and address of whoever is sent what is published."""

    def operations(self) -> Mapping[str, Operation]:
        return {
            "CreateTopic": self._create,
            "DeleteTopic": self._delete,
            "Subscribe": self._subscribe,
            "ListSubscriptionsByTopic": self._list,
            "Publish": self._publish,
        }

    def state(self) -> object:
        """The topics, and what people have been sent; not how often."""
        return [(arn, list(dict(said))) for arn, said in self.kept.items()], self._subscribers

    def topic(self, arn: str, address: str) -> None:
        """One more, of whichever account, and who is sent what is published, by e-mail."""
        self.kept.setdefault(arn, [])
        self._subscribers[arn] = [("email", address)]

    def _create(self, request: Request) -> Answer:
        name = only(request, ("Name",))["Name"]
        arn = f"arn:aws:sns:{request.region}:{ACCOUNT}:{name}"
        self.kept.setdefault(arn, [])
        return {"TopicArn": arn}

    def _delete(self, request: Request) -> Answer:
        arn = str(only(request, ("TopicArn",))["TopicArn"])
        self.kept.pop(arn, None)
        self._subscribers.pop(arn, None)
        return {}

    def _subscribe(self, request: Request) -> Answer:
        asked = only(request, ("TopicArn", "Protocol", "Endpoint"))
        arn = self._known(request)
        whom = str(asked["Protocol"]), str(asked["Endpoint"])
        subscribers = self._subscribers.setdefault(arn, [])
        subscribers += [] if whom in subscribers else [whom]
        return {"SubscriptionArn": _subscription(arn, whom[1])}

    def _list(self, request: Request) -> Answer:
        only(request, ("TopicArn",))
        arn = self._known(request)
        listed = [
            {"SubscriptionArn": _subscription(arn, address), "TopicArn": arn, "Protocol": protocol}
            | {"Owner": ACCOUNT, "Endpoint": address}
            for protocol, address in self._subscribers.get(arn, ())
        ]
        return {"Subscriptions": listed}

    def _known(self, request: Request, otherwise: str = "Topic does not exist") -> str:
        """Its topic, which must be there."""
        arn = str(request.parameters["TopicArn"])
        if arn not in self.kept or arn.split(":")[3] != request.region:
            raise AwsError("NotFound", otherwise, 404)
        return arn

    def _publish(self, request: Request) -> Answer:
        asked = only(request, ("TopicArn", "Subject", "Message"))
        subject, message = (str(asked[name]) for name in ("Subject", "Message"))
        if len(subject) > 100:
            raise AwsError("InvalidParameter", "Subject must be less than 100 characters")
        known(len(message.encode()) <= 256 * 1024, request, "a message longer than 256 KB")
        self.kept[self._known(request, "Endpoint does not exist")].append((subject, message))
        self._messages += 1
        return {"MessageId": f"00000000-0000-4000-8000-{self._messages:012x}"}
