"""ARC routing controls: the data plane of one cluster, five Regional endpoints over one state.

Only what a run may lean on is here. The control plane (DescribeCluster and its kin, in us-west-2) is not, so
that whoever looks an endpoint up during a failover fails loudly. Sources:
docs.aws.amazon.com/r53recovery/latest/dg/routing-control.update.api.html (at least three of five answer),
docs.aws.amazon.com/r53recovery/latest/dg/routing-control.quotas.html (10 controls a call, 3 calls a second),
docs.aws.amazon.com/routing-control/latest/APIReference/API_UpdateRoutingControlStates.html.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from botocore.exceptions import EndpointConnectionError

from ...aws import ACCOUNT, AwsError, Cloud
from ...faults import Request

SERVICE = "route53-recovery-cluster"
REGIONS = ("us-east-1", "us-west-2", "eu-west-1", "ap-southeast-2", "ap-northeast-1")
QUORUM = 3
LONGEST_UPDATE = 10
"""Controls in one call."""
CHANGES_A_SECOND = 3
"""For each endpoint."""

State = Literal["On", "Off"]
PANEL = f"arn:aws:route53-recovery-control::{ACCOUNT}:controlpanel/{'0' * 32}"


@dataclass(frozen=True)
class AtLeast:
    """An assertion rule: `threshold` of the asserted controls, by name, are On after every change.

    For `wait_ms` after a change of one of them, every further update of them is refused: no flapping.
    """

    name: str
    asserted: tuple[str, ...]
    threshold: int = 1
    wait_ms: int = 5000

    @property
    def arn(self) -> str:
        return f"{PANEL}/safetyrule/{self.name}"


class Cluster:
    """The routing controls by name, their ARNs, and the endpoints that a runbook writes down."""

    def __init__(self, cloud: Cloud, controls: Mapping[str, State], rules: Sequence[AtLeast] = ()) -> None:
        self._cloud = cloud
        self._rules = tuple(rules)
        self.states: dict[str, State] = dict(controls)
        self.arns = {name: f"{PANEL}/routingcontrol/{name}" for name in controls}
        self.endpoints = {region: f"https://{host}/v1" for region, host in _HOSTS.items()}
        self.on_change: list[Callable[[], None]] = []
        """Told after each update that changed a state."""
        self._names = {arn: name for name, arn in self.arns.items()}
        self._quiet_until = {rule.arn: 0.0 for rule in rules}
        self._changes: dict[str, list[float]] = {}
        cloud.serve(SERVICE, "GetRoutingControlState", self._get)
        cloud.serve(SERVICE, "UpdateRoutingControlStates", self._update)

    def _get(self, request: Request) -> dict[str, Any]:
        self._enter(request)
        arn = str(request.parameters["RoutingControlArn"])
        name = self._named(arn)
        return {
            "RoutingControlArn": arn,
            "RoutingControlName": name,
            "RoutingControlState": self.states[name],
        }

    def _update(self, request: Request) -> dict[str, Any]:
        """All entries or none."""
        self._enter(request)
        self._count(request.region)
        parameters: Mapping[str, Any] = request.parameters
        wanted = self._entries(parameters["UpdateRoutingControlStateEntries"])
        self._judge(wanted, parameters.get("SafetyRulesToOverride", ()))
        changed = {name for name, state in wanted.items() if self.states[name] != state}
        if changed:
            self.states.update(wanted)
            for rule in self._rules:
                if changed & set(rule.asserted):
                    self._quiet_until[rule.arn] = self._cloud.clock.now + rule.wait_ms / 1000
            for tell in self.on_change:
                tell()
        return {}

    def _enter(self, request: Request) -> None:
        """The endpoint exists, the request is signed for its Region, and most of the cluster hears it."""
        host = request.url.split("/")[2]
        if host not in _HOSTS.values():
            raise EndpointConnectionError(endpoint_url=request.url)
        if host != _HOSTS.get(request.region):
            raise AwsError("InvalidSignatureException", "Credential should be scoped to a valid region", 403)
        heard = [region for region in REGIONS if not self._is_dark(region, request.region)]
        if len(heard) < QUORUM:
            # The model marks it as no server fault: whoever looks at the status alone does not move on.
            message = "The cluster endpoint isn't available. Try another cluster endpoint."
            raise AwsError("EndpointTemporarilyUnavailableException", message)

    def _is_dark(self, region: str, seen_from: str) -> bool:
        return self._cloud.weather.is_dark(region, SERVICE, _HOSTS[region], seen_from)

    def _count(self, region: str) -> None:
        now = self._cloud.clock.now
        recent = [at for at in self._changes.get(region, ()) if at > now - 1]
        if len(recent) >= CHANGES_A_SECOND:
            raise AwsError("ThrottlingException", "The request was denied because of request throttling.")
        self._changes[region] = [*recent, now]

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
        known = {rule.arn for rule in self._rules}
        for arn in overridden:
            if arn not in known:
                raise AwsError("ResourceNotFoundException", f"no safety rule {arn}")
        after = {**self.states, **wanted}
        for rule in self._rules:
            if rule.arn in overridden or not set(wanted) & set(rule.asserted):
                continue
            if self._cloud.clock.now < self._quiet_until[rule.arn]:
                raise AwsError("ConflictException", f"safety rule {rule.name} is in its wait period")
            if sum(after[name] == "On" for name in rule.asserted) < rule.threshold:
                message = f"safety rule {rule.name} needs {rule.threshold} of {', '.join(rule.asserted)} On"
                raise AwsError("ConflictException", message)

    def _named(self, arn: str) -> str:
        if arn not in self._names:
            raise AwsError("ResourceNotFoundException", f"no routing control {arn}")
        return self._names[arn]


_HOSTS = {
    region: f"{key * 8}.{SERVICE}.{region}.amazonaws.com"
    for key, region in zip("abcde", REGIONS, strict=True)
}
