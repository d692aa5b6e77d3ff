"""Lambda's event source mappings: which poll, and how long it takes until they do, or no longer do.

What they poll is not here: nobody sends anything. Sources:
docs.aws.amazon.com/lambda/latest/api/API_UpdateEventSourceMapping.html (what is under way is in use),
docs.aws.amazon.com/lambda/latest/api/API_GetEventSourceMapping.html (the states)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ...cloud import ACCOUNT, Answer, AwsError, Cloud, Operation, stamp
from ...faults import Request
from ...service import APART, WIRING, Service, register, seconds_until


@dataclass
class EventSource:
    """One mapping. It polls, or does not, from `settled_at` on."""

    not_state: ClassVar = {
        **dict.fromkeys(("region", "function"), WIRING),
        "changed": "what has been is past",
    }

    region: str
    function: str
    enabled: bool
    settled_at: float
    """When what was changed last has come about."""
    changed: float
    """When it was changed last."""
    result: str = "No records processed"
    """What came of its last poll."""

    def shown(self, now: float) -> str:
        if now < self.settled_at:
            return "Enabling" if self.enabled else "Disabling"
        return "Enabled" if self.enabled else "Disabled"


class EventSourceMappings(Service):
    """Every Region's event source mappings."""

    service: ClassVar = "lambda"
    not_state: ClassVar = {"cloud": APART}

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._mappings: dict[tuple[str, str], EventSource] = {}
        """By Region and UUID."""

    def operations(self) -> Mapping[str, Operation]:
        return {"GetEventSourceMapping": self._get, "UpdateEventSourceMapping": self._update}

    def state(self) -> object:
        now = self.cloud.clock.now
        return [
            (named, it.enabled, it.result, seconds_until(it.settled_at, now))
            for named, it in self._mappings.items()
        ]

    def mapping(self, region: str, uuid: str, function: str, enabled: bool = True) -> EventSource:
        """One more, from which the function is invoked."""
        now = self.cloud.clock.now
        return register(
            self._mappings, (region, uuid), lambda: EventSource(region, function, enabled, now, now)
        )

    def turn(self, mapping: EventSource, enabled: bool) -> None:
        """Lets it poll from some time on, or no longer. Raises AwsError while it is changing."""
        now = self.cloud.clock.now
        if now < mapping.settled_at:
            raise AwsError(
                "ResourceInUseException", "Cannot update the event source mapping because it is in use."
            )
        mapping.enabled, mapping.changed = enabled, now
        mapping.settled_at = now + self.cloud.latency.draw("lambda_event_source_mapping")

    def _get(self, request: Request) -> Answer:
        return self._told(request, self._named(request))

    def _update(self, request: Request) -> Answer:
        if set(request.parameters) != {"UUID", "Enabled"}:
            raise NotImplementedError(f"the twin changes Enabled of a mapping, not {request.parameters}")
        mapping = self._named(request)
        self.turn(mapping, bool(request.parameters["Enabled"]))
        return self._told(request, mapping)

    def _named(self, request: Request) -> EventSource:
        mapping = self._mappings.get((request.region, str(request.parameters["UUID"])))
        if mapping is None:
            raise AwsError("ResourceNotFoundException", "The resource you requested does not exist.", 404)
        return mapping

    def _told(self, request: Request, mapping: EventSource) -> Answer:
        now = self.cloud.clock.now
        return {
            "UUID": request.parameters["UUID"],
            "BatchSize": 10,
            "FunctionArn": f"arn:aws:lambda:{mapping.region}:{ACCOUNT}:function:{mapping.function}",
            "LastModified": stamp(mapping.settled_at if now >= mapping.settled_at else mapping.changed),
            "LastProcessingResult": mapping.result,
            "State": mapping.shown(now),
            "StateTransitionReason": "USER_INITIATED",
        }
