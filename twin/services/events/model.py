"""EventBridge: rules that match events, rules that fire on a schedule, and targets that may be called twice.

A rule and its event live in one Region. Delivery is at least once, takes a drawn time, and is tried again
with growing pauses for 24 hours or 185 times. Faults reach it like any call, as `events:Deliver`: a delivery
that is lost afterwards is made again. A dark Region delivers nothing until it is back. Source:
docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html
"""

from __future__ import annotations

import copy
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

from ...cloud import ACCOUNT, Answer, AwsError, Cloud, Operation, stamp
from ...faults import Kind, Request
from ...service import APART, WIRING, Service, register
from .pattern import check, matches

Event = dict[str, Any]
Target = Callable[[Event], object]

MOST_TRIES = 185
LONGEST_PAUSE_SECONDS = 480
"""So that 185 tries last 24 hours; AWS says no more than "exponential back off and jitter"."""

MADE_TWICE: tuple[Kind, ...] = ("lost_after", "slow")


@dataclass(frozen=True)
class Rule:
    """What listens, in one Region. `pattern` is None for a schedule."""

    region: str
    name: str
    pattern: Mapping[str, Any] | None
    target: Target
    input: Mapping[str, Any] | None
    """What the target gets instead of the event; None is the event itself."""

    @property
    def arn(self) -> str:
        return f"arn:aws:events:{self.region}:{ACCOUNT}:rule/{self.name}"


@dataclass(frozen=True)
class Dropped:
    """An event that EventBridge gave up: it would be in the dead-letter queue."""

    rule: Rule
    event: Event
    why: str


class Bus(Service):
    """The default event bus of every Region. Its rules can be disabled; they are made with the twin."""

    service: ClassVar = "events"
    not_state: ClassVar = {
        "cloud": APART,
        "rules": WIRING,
        "dropped": "what has been given up is past",
        "_events": "distinguishes events",
    }

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self.rules: dict[tuple[str, str], Rule] = {}
        """By Region and name."""
        self.dropped: list[Dropped] = []
        self._events = 0
        self.disabled: set[tuple[str, str]] = set()
        """Rules that match nothing and fire never, by Region and name."""
        self._under_way: Counter[str] = Counter()
        """Deliveries that have not been acknowledged, refused or given up, by the ARN of their rule."""

    def operations(self) -> Mapping[str, Operation]:
        return {"DescribeRule": self._describe, "DisableRule": self._disable, "EnableRule": self._enable}

    def state(self) -> object:
        return sorted((+self._under_way).items()), sorted(self.disabled)

    def rule(
        self,
        region: str,
        name: str,
        pattern: Mapping[str, Any],
        target: Target,
        input: Mapping[str, Any] | None = None,
    ) -> None:
        """Calls `target` with what matches; it runs on a greenlet of its own and may call AWS. Raises
        InvalidEventPattern."""
        check(pattern)
        self._add(Rule(region, name, pattern, target, input))

    def schedule(
        self,
        region: str,
        name: str,
        seconds: float,
        target: Target,
        input: Mapping[str, Any] | None = None,
    ) -> None:
        """Fires every so many seconds; a dark Region's schedule does not fire, and makes up for nothing."""
        rule = self._add(Rule(region, name, None, target, input))

        def fire() -> None:
            if not self._dark(region) and (region, name) not in self.disabled:
                self._deliver(rule, self._event(region, "aws.events", "Scheduled Event", {}, (rule.arn,)))

        self.cloud.clock.every(seconds, fire)

    def _add(self, rule: Rule) -> Rule:
        return register(self.rules, (rule.region, rule.name), lambda: rule)

    def emit(
        self,
        region: str,
        source: str,
        detail_type: str,
        detail: Mapping[str, Any],
        resources: Sequence[str] = (),
    ) -> None:
        """An event of a service, on the bus of its own Region and no other."""
        self.put(region, self._event(region, source, detail_type, detail, resources))

    def put(self, region: str, event: Event) -> None:
        """An event that comes to the bus of this Region, of this Region or sent by another Region's or
        account's bus: it keeps what it says of its origin.
        Source: docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-account.html"""
        for where, rule in self.rules.items():
            if rule.region != region or rule.pattern is None or where in self.disabled:
                continue
            if matches(rule.pattern, event):
                self._deliver(rule, event)

    def _describe(self, request: Request) -> Answer:
        rule = self._asked(request)
        state = "DISABLED" if (rule.region, rule.name) in self.disabled else "ENABLED"
        return {"Name": rule.name, "Arn": rule.arn, "State": state, "EventBusName": "default"}

    def _disable(self, request: Request) -> Answer:
        rule = self._asked(request)
        self.disabled.add((rule.region, rule.name))
        return {}

    def _enable(self, request: Request) -> Answer:
        rule = self._asked(request)
        self.disabled.discard((rule.region, rule.name))
        return {}

    def _asked(self, request: Request) -> Rule:
        name = str(request.parameters["Name"])
        if set(request.parameters) != {"Name"}:
            raise NotImplementedError("the twin has rules of the default bus only")
        if (request.region, name) not in self.rules:
            raise AwsError("ResourceNotFoundException", f"Rule {name} does not exist on EventBus default.")
        return self.rules[request.region, name]

    def _event(
        self, region: str, source: str, detail_type: str, detail: Mapping[str, Any], resources: Sequence[str]
    ) -> Event:
        self._events += 1
        return {
            "version": "0",
            "id": str(uuid.UUID(int=self._events)),
            "detail-type": detail_type,
            "source": source,
            "account": ACCOUNT,
            "time": stamp(self.cloud.clock.now).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": region,
            "resources": list(resources),
            "detail": dict(detail),
        }

    def _deliver(self, rule: Rule, event: Event) -> None:
        self._under_way[rule.arn] += 1
        self.cloud.clock.spawn(
            lambda: self._try(rule, event), self.cloud.latency.draw("eventbridge_delivery")
        )

    def _try(self, rule: Rule, event: Event) -> None:
        """Tries until a delivery is acknowledged, refused, or given up."""
        for tries in range(1, MOST_TRIES + 1):
            outcome = "dark" if self._dark(rule.region) else self._once(rule, event)
            if outcome is None or outcome.startswith("refused"):
                self._under_way[rule.arn] -= 1
                if outcome is not None:
                    self.dropped.append(Dropped(rule, event, outcome))
                return
            pause = min(2.0**tries, LONGEST_PAUSE_SECONDS)
            self.cloud.clock.sleep(pause + self.cloud.latency.draw("eventbridge_delivery"))
        self._under_way[rule.arn] -= 1
        self.dropped.append(Dropped(rule, event, f"not delivered in {MOST_TRIES} tries"))

    def _once(self, rule: Rule, event: Event) -> str | None:
        """None where the target has it; "refused…" where trying again cannot help; else what went wrong."""
        kind = self.cloud.faults.injected(
            Request("events", "Deliver", rule.region, {"Rule": rule.name}, "", rule.region)
        )
        if kind == "denied":
            return "refused: the rule may not call its target"
        if kind is not None and kind not in MADE_TWICE:
            return kind
        try:
            with self.cloud.acting_as("", rule.region):
                rule.target(copy.deepcopy(dict(event if rule.input is None else rule.input)))
        except (HTTPClientError, ConnectionError) as error:
            return type(error).__name__
        except ClientError as error:
            code, status = (
                error.response["Error"]["Code"],
                error.response["ResponseMetadata"]["HTTPStatusCode"],
            )
            return code if status >= 500 or status == 429 or "Throttl" in code else f"refused: {code}"
        return kind

    def _dark(self, region: str) -> bool:
        return self.cloud.faults.is_dark(region, "events")
