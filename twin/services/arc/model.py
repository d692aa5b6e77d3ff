"""ARC routing controls: the data plane of clusters, each five Regional endpoints over one state.

Only what a run may lean on is here. The control plane (DescribeCluster and its kin, in us-west-2) is not, so
that whoever looks an endpoint up during a failover fails loudly. Sources:
docs.aws.amazon.com/r53recovery/latest/dg/routing-control.update.api.html (at least three of five answer),
docs.aws.amazon.com/r53recovery/latest/dg/routing-control.quotas.html (10 controls a call, 3 calls a second),
docs.aws.amazon.com/r53recovery/latest/dg/routing-control.override-safety-rule.html (a refusal names it),
docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference,
aws-properties-route53recoverycontrol-safetyrule-ruleconfig (threshold, inverted),
docs.aws.amazon.com/routing-control/latest/APIReference/API_UpdateRoutingControlStates.html.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from botocore.exceptions import EndpointConnectionError

from ...cloud import ACCOUNT, AwsError, Cloud, Operation
from ...faults import Request
from ...service import APART, WIRING, Service, Stateful, register, seconds_until

SERVICE = "route53-recovery-cluster"
REGIONS = ("us-east-1", "us-west-2", "eu-west-1", "ap-southeast-2", "ap-northeast-1")
QUORUM = 3
LONGEST_UPDATE = 10
"""Controls in one call."""
CHANGES_A_SECOND = 3
"""For each endpoint."""

State = Literal["On", "Off"]


@dataclass(frozen=True)
class AtLeast:
    """An assertion rule: `threshold` of the asserted controls, by name, are On after every change; or fewer,
    where it is inverted.

    For `wait_ms` after a change of one of them, every further update of them is refused: no flapping.
    """

    name: str
    asserted: tuple[str, ...]
    threshold: int = 1
    wait_ms: int = 5000
    inverted: bool = False


class Arc(Service):
    """Every cluster. An endpoint answers for its own cluster only."""

    service: ClassVar = SERVICE
    not_state: ClassVar = {"cloud": APART}

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self.clusters: dict[str, Cluster] = {}

    def cluster(
        self,
        name: str,
        controls: Mapping[str, State],
        rules: Sequence[AtLeast] = (),
        number: int | None = None,
        given: Mapping[str, str] | None = None,
    ) -> Cluster:
        """One more cluster, of controls with their first states. Its ARNs and hosts come of its number; or
        its endpoints are `given`, by Region, and its controls are named by their ARNs."""
        this = len(self.clusters) if number is None else number
        return register(self.clusters, name, lambda: Cluster(self.cloud, this, controls, rules, given))

    def operations(self) -> Mapping[str, Operation]:
        return {"GetRoutingControlState": self._get, "UpdateRoutingControlStates": self._update}

    def state(self) -> object:
        return [cluster.state() for cluster in self.clusters.values()]

    def _get(self, request: Request) -> dict[str, Any]:
        return self._asked(request).get(str(request.parameters["RoutingControlArn"]))

    def _update(self, request: Request) -> dict[str, Any]:
        cluster = self._asked(request)
        parameters: Mapping[str, Any] = request.parameters
        overridden = parameters.get("SafetyRulesToOverride", ())
        cluster.update(request.region, parameters["UpdateRoutingControlStateEntries"], overridden)
        return {}

    def _asked(self, request: Request) -> Cluster:
        """The endpoint exists, the request is signed for its Region, and most of the cluster answers it."""
        host = request.url.split("/")[2]
        for cluster in self.clusters.values():
            if host in cluster.hosts.values():
                if host != cluster.hosts.get(request.region):
                    why = "Credential should be scoped to a valid region"
                    raise AwsError("InvalidSignatureException", why, 403)
                cluster.needs_quorum(request.region)
                return cluster
        raise EndpointConnectionError(endpoint_url=request.url)


class Cluster(Stateful):
    """The routing controls by name, their ARNs, and the endpoints that a runbook writes down."""

    not_state: ClassVar = {
        "_cloud": APART,
        "_rules": WIRING,
        "rule_arns": WIRING,
        "_names": WIRING,
        "arns": WIRING,
        "hosts": WIRING,
        "endpoints": WIRING,
        "on_change": WIRING,
    }

    def __init__(
        self,
        cloud: Cloud,
        number: int,
        controls: Mapping[str, State],
        rules: Sequence[AtLeast],
        given: Mapping[str, str] | None = None,
    ) -> None:
        self._cloud = cloud
        self._rules = tuple(rules)
        panel = f"arn:aws:route53-recovery-control::{ACCOUNT}:controlpanel/{number:032x}"
        self.states: dict[str, State] = dict(controls)
        named = "" if given else f"{panel}/routingcontrol/"
        self.arns = {name: named + name for name in controls}
        self.endpoints = given or {region: f"https://{host}/v1" for region, host in _hosts(number).items()}
        self.hosts = {region: url.split("/")[2] for region, url in self.endpoints.items()}
        """By Region."""
        self.on_change: list[Callable[[], None]] = []
        """Called after each update that changed a state."""
        self._names = {arn: name for name, arn in self.arns.items()}
        self.rule_arns = {rule.name: f"{panel}/safetyrule/{rule.name}" for rule in rules}
        self._quiet_until = {rule.name: 0.0 for rule in rules}
        self._changes: dict[str, list[float]] = {}

    def state(self) -> object:
        now = self._cloud.clock.now
        return (
            tuple(self.states.values()),
            [seconds_until(until, now) for until in self._quiet_until.values()],
            [(region, len(recent)) for region in self._changes if (recent := self._recent(region))],
        )

    def get(self, arn: str) -> dict[str, Any]:
        name = self._named(arn)
        return {
            "RoutingControlArn": arn,
            "RoutingControlName": name,
            "RoutingControlState": self.states[name],
        }

    def update(self, region: str, entries: Sequence[Mapping[str, Any]], overridden: Sequence[str]) -> None:
        """All entries or none."""
        self._count(region)
        wanted = self._entries(entries)
        self._judge(wanted, overridden)
        changed = {name for name, state in wanted.items() if self.states[name] != state}
        if changed:
            self.states.update(wanted)
            for rule in self._rules:
                if changed & set(rule.asserted):
                    self._quiet_until[rule.name] = self._cloud.clock.now + rule.wait_ms / 1000
            for changed_now in self.on_change:
                changed_now()

    def needs_quorum(self, seen_from: str) -> None:
        is_dark = self._cloud.faults.is_dark
        reached = [
            region for region, host in self.hosts.items() if not is_dark(region, SERVICE, host, seen_from)
        ]
        if len(reached) < QUORUM:
            # The model marks it as no server fault: whoever looks at the status alone does not move on.
            message = "The cluster endpoint isn't available. Try another cluster endpoint."
            raise AwsError("EndpointTemporarilyUnavailableException", message)

    def _recent(self, region: str) -> list[float]:
        """When the endpoint took a change, within the last second."""
        return [at for at in self._changes.get(region, ()) if at > self._cloud.clock.now - 1]

    def _count(self, region: str) -> None:
        recent = self._recent(region)
        if len(recent) >= CHANGES_A_SECOND:
            raise AwsError("ThrottlingException", "The request was denied because of request throttling.")
        self._changes[region] = [*recent, self._cloud.clock.now]

    def _entries(self, entries: Sequence[Mapping[str, Any]]) -> dict[str, State]:
        if not entries:
            raise AwsError("ValidationException", "At least one routing control state entry is needed.")
        if len(entries) > LONGEST_UPDATE:
            raise AwsError(
                "ServiceLimitExceededException",
                "The request can't update that many routing control states at the same time.",
            )
        for entry in entries:
            if entry["RoutingControlState"] not in ("On", "Off"):
                raise AwsError("ValidationException", f"{entry['RoutingControlState']} is not one of On, Off")
        return {self._named(entry["RoutingControlArn"]): entry["RoutingControlState"] for entry in entries}

    def _judge(self, wanted: Mapping[str, State], overridden: Sequence[str]) -> None:
        for arn in overridden:
            if arn not in self.rule_arns.values():
                raise AwsError("ResourceNotFoundException", f"no safety rule {arn}")
        after = {**self.states, **wanted}
        for rule in self._rules:
            arn = self.rule_arns[rule.name]
            if arn in overridden or not set(wanted) & set(rule.asserted):
                continue
            if self._cloud.clock.now < self._quiet_until[rule.name]:
                raise AwsError("ConflictException", f"safety rule {arn} is in its wait period")
            reached = sum(after[name] == "On" for name in rule.asserted) >= rule.threshold
            if reached is rule.inverted:
                verb = "forbids" if rule.inverted else "needs"
                message = f"safety rule {arn} {verb} {rule.threshold} of {', '.join(rule.asserted)} On"
                raise AwsError("ConflictException", message)

    def _named(self, arn: str) -> str:
        if arn not in self._names:
            raise AwsError("ResourceNotFoundException", f"no routing control {arn}")
        return self._names[arn]


def _hosts(number: int) -> dict[str, str]:
    """AWS gives each endpoint eight letters and digits of its own."""
    return {
        region: f"{letter * 8 if number == 0 else f'{letter}{number:07x}'}.{SERVICE}.{region}.amazonaws.com"
        for letter, region in zip("abcde", REGIONS, strict=True)
    }
