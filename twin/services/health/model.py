"""AWS Health: public events of an impaired Region, on two buses and in one API.

A public event reaches the affected Region and us-west-2 (us-east-1 for us-west-2) only, minutes late. The
API needs a Business support plan or better. Its one global endpoint stands in us-east-1; AWS may move it
to us-east-2 and says no more, so here it does not move: with us-east-1 dark it is silent. Sources:
docs.aws.amazon.com/health/latest/ug/about-public-events.html, …/health-api.html,
…/aws-health-events-eventbridge-schema.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import format_datetime
from typing import Any, ClassVar

from botocore.exceptions import ConnectTimeoutError

from ...cloud import Answer, AwsError, Cloud, Operation, stamp
from ...faults import Request
from ...service import APART, WIRING, Service, seconds_until
from ..events.model import Bus

HOME = "us-east-1"
SILENCE_SECONDS = 2
"""How long a caller waits for a dark endpoint: our clients' connect time-out."""
CATEGORIES = ("issue", "accountNotification", "scheduledChange", "investigation")
STATUSES = ("open", "closed", "upcoming")
FILTERS = ("regions", "services", "eventStatusCodes", "eventTypeCategories")


@dataclass
class Impairment:
    """A public event. It is known of from `published` on, and as closed from `closed` on."""

    not_state: ClassVar = {"number": "distinguishes events", "began": "what has been is past"}

    number: int
    region: str
    service: str
    began: float
    published: float
    ended: float | None = None
    closed: float = float("inf")

    @property
    def code(self) -> str:
        return f"AWS_{self.service}_OPERATIONAL_ISSUE"

    @property
    def arn(self) -> str:
        return f"arn:aws:health:{self.region}::event/{self.service}/{self.code}/{self.code}_{self.number}"

    def status(self, now: float) -> str:
        return "closed" if now >= self.closed else "open"


class Health(Service):
    """What AWS says in public about its Regions."""

    service: ClassVar = "health"
    not_state: ClassVar = {"cloud": APART, "bus": APART, "support_plan": WIRING}

    def __init__(self, cloud: Cloud, bus: Bus, support_plan: bool = True) -> None:
        super().__init__(cloud)
        self.bus = bus
        self.support_plan = support_plan
        """Whether the account's support plan includes the API; events reach the buses without."""
        self._impairments: list[Impairment] = []

    def operations(self) -> Mapping[str, Operation]:
        return {"DescribeEvents": self._describe_events}

    def state(self) -> object:
        """Minutes until AWS says something more: it takes many."""
        now = self.cloud.clock.now
        return [
            (
                it.region,
                it.service,
                it.ended is not None,
                seconds_until(it.published / 60, now / 60),
                0 if it.closed == float("inf") else seconds_until(it.closed / 60, now / 60) + 1,
            )
            for it in self._impairments
        ]

    def impair(self, region: str, service: str) -> None:
        """AWS notices that a service ("RDS") of a Region is ill, and will say so minutes from now."""
        now = self.cloud.clock.now
        published = now + self.cloud.latency.draw("health_public_event")
        impairment = Impairment(len(self._impairments) + 1, region, service, now, published)
        self._impairments.append(impairment)
        self.cloud.clock.at(published, lambda: self._publish(impairment))

    def resolve(self, region: str, service: str) -> None:
        """The service is well again, which AWS will also say minutes from now."""
        now = self.cloud.clock.now
        for impairment in self._impairments:
            if (impairment.region, impairment.service, impairment.ended) == (region, service, None):
                impairment.ended = now
                impairment.closed = max(now, impairment.published) + self.cloud.latency.draw(
                    "health_public_event"
                )
                self.cloud.clock.at(impairment.closed, lambda it=impairment: self._publish(it))  # type: ignore[misc]

    def _publish(self, impairment: Impairment) -> None:
        now = self.cloud.clock.now
        status = impairment.status(now)
        detail = {
            "eventArn": impairment.arn,
            "service": impairment.service,
            "eventTypeCode": impairment.code,
            "eventTypeCategory": "issue",
            "eventScopeCode": "PUBLIC",
            "communicationId": f"{impairment.number:040x}-{status}",
            "startTime": format_datetime(stamp(impairment.began), usegmt=True),
            "lastUpdatedTime": format_datetime(stamp(now), usegmt=True),
            "statusCode": status,
            "eventRegion": impairment.region,
            "eventDescription": [
                {
                    "language": "en_US",
                    "latestDescription": f"{impairment.service} in {impairment.region}: {status}",
                }
            ],
            "page": "1",
            "totalPages": "1",
        }
        if status == "closed" and impairment.ended is not None:
            detail["endTime"] = format_datetime(stamp(impairment.ended), usegmt=True)
        for region in (impairment.region, "us-east-1" if impairment.region == "us-west-2" else "us-west-2"):
            self.bus.emit(region, "aws.health", "AWS Health Event", detail)

    def _describe_events(self, request: Request) -> Answer:
        if self.cloud.faults.is_dark(HOME, request.service, origin=request.origin):
            self.cloud.clock.sleep(SILENCE_SECONDS)
            raise ConnectTimeoutError(endpoint_url=request.url)
        if not self.support_plan:
            raise AwsError(
                "SubscriptionRequiredException", "The account has no support plan with AWS Health's API"
            )
        wanted: Any = request.parameters.get("filter", {})
        if not set(request.parameters) <= {"filter"} or not set(wanted) <= set(FILTERS):
            raise NotImplementedError(f"the twin's DescribeEvents filters by {FILTERS} only, not {wanted}")
        if not set(wanted.get("eventStatusCodes", ())) <= set(STATUSES):
            raise AwsError("ValidationException", f"eventStatusCodes: of {STATUSES}")
        if not set(wanted.get("eventTypeCategories", ())) <= set(CATEGORIES):
            raise AwsError("ValidationException", f"eventTypeCategories: of {CATEGORIES}")
        known = [self._event(it) for it in self._impairments if self.cloud.clock.now >= it.published]
        fields = dict(zip(FILTERS, ("region", "service", "statusCode", "eventTypeCategory"), strict=True))
        return {"events": [e for e in known if all(e[fields[name]] in wanted[name] for name in wanted)]}

    def _event(self, impairment: Impairment) -> dict[str, Any]:
        now = self.cloud.clock.now
        status = impairment.status(now)
        event = {
            "arn": impairment.arn,
            "service": impairment.service,
            "eventTypeCode": impairment.code,
            "eventTypeCategory": "issue",
            "region": impairment.region,
            "startTime": stamp(impairment.began),
            "lastUpdatedTime": stamp(impairment.closed if status == "closed" else impairment.published),
            "statusCode": status,
            "eventScopeCode": "PUBLIC",
        }
        if status == "closed" and impairment.ended is not None:
            event["endTime"] = stamp(impairment.ended)
        return event
