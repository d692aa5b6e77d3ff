"""Application Auto Scaling: the least and the most tasks of ECS services.

Registering a target that is there moves its capacity into the limits, whatever is sent; what is not sent
stays. A desired count below the least is taken by ECS, and put right when a policy next scales out, unless
that is suspended. Sources:
docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html,
docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-suspend-resume-scaling.html
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ...cloud import ACCOUNT, Answer, AwsError, Cloud, Operation, stamp
from ...faults import Request
from ...service import APART, WIRING, Service, Stateful, register, seconds_until
from ..ecs.model import Ecs, EcsService

NAMESPACE, DIMENSION = "ecs", "ecs:service:DesiredCount"
FLAGS = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")
MOST_NAMED = 50
"""Resources in one call, and targets on one page."""


@dataclass
class ScalableTarget(Stateful):
    """The limits of one service."""

    not_state: ClassVar = {"service": APART, "created": WIRING}

    service: EcsService
    least: int
    most: int
    created: float
    suspended: dict[str, bool] = field(default_factory=lambda: dict.fromkeys(FLAGS, False))
    looks_at: float = math.inf
    """When a policy next scales out, in seconds since 1970."""

    def description(self) -> dict[str, Any]:
        return {
            "ServiceNamespace": NAMESPACE,
            "ResourceId": self.service.resource_id,
            "ScalableDimension": DIMENSION,
            "MinCapacity": self.least,
            "MaxCapacity": self.most,
            "RoleARN": f"arn:aws:iam::{ACCOUNT}:role/scaling",
            "CreationTime": stamp(self.created),
            "SuspendedState": dict(self.suspended),
        }


class ApplicationAutoScaling(Service):
    """Every Region's scalable targets."""

    service: ClassVar = "application-autoscaling"
    not_state: ClassVar = {"cloud": APART, "_ecs": APART}

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self.targets: dict[tuple[str, str], ScalableTarget] = {}
        """By Region and resource."""
        self._ecs = Ecs.of(cloud)
        self._ecs.on_update.append(self._watch)

    def operations(self) -> Mapping[str, Operation]:
        return {"DescribeScalableTargets": self._describe, "RegisterScalableTarget": self._register}

    def state(self) -> object:
        now = self.cloud.clock.now
        return [
            (
                it.least,
                it.most,
                tuple(it.suspended.values()),
                None if it.looks_at == math.inf else seconds_until(it.looks_at, now),
            )
            for it in self.targets.values()
        ]

    def target(self, service: EcsService, least: int, most: int) -> ScalableTarget:
        """One more: this service scales between these."""
        where = service.region, service.resource_id
        return register(
            self.targets, where, lambda: ScalableTarget(service, least, most, self.cloud.clock.now)
        )

    def _watch(self, service: EcsService) -> None:
        """Below its least, a service is found by the next alarm that scales out."""
        target = self.targets.get((service.region, service.resource_id))
        if target is None or service.desired >= target.least or target.looks_at < math.inf:
            return
        after = self.cloud.latency.draw("application_autoscaling_alarm")
        target.looks_at = self.cloud.clock.now + after
        self.cloud.clock.after(after, lambda: self._scale_out(target))

    def _scale_out(self, target: ScalableTarget) -> None:
        target.looks_at = math.inf
        suspended = target.suspended["DynamicScalingOutSuspended"]
        if target.service.desired < target.least and not suspended:
            self._ecs.set_desired(target.service, target.least)

    def _describe(self, request: Request) -> Answer:
        asked = _only(request, "ServiceNamespace", "ResourceIds", "ScalableDimension")
        self._known(asked)
        names = asked.get("ResourceIds", ())
        if len(names) > MOST_NAMED:
            raise AwsError("ValidationException", f"at most {MOST_NAMED} resource IDs")
        found = [
            target.description()
            for (region, resource), target in self.targets.items()
            if region == request.region and (not names or resource in names)
        ]
        return {"ScalableTargets": found}

    def _register(self, request: Request) -> Answer:
        limits = ("MinCapacity", "MaxCapacity")
        asked = _only(
            request, "ServiceNamespace", "ResourceId", "ScalableDimension", "SuspendedState", *limits
        )
        self._known(asked)
        target = self.targets.get((request.region, asked["ResourceId"]))
        if target is None:
            raise NotImplementedError("the twin registers no scalable target that is not there yet")
        least, most = asked.get("MinCapacity", target.least), asked.get("MaxCapacity", target.most)
        if not 0 <= least <= most:
            raise AwsError("ValidationException", "Maximum capacity cannot be less than minimum capacity")
        target.least, target.most = least, most
        target.suspended |= asked.get("SuspendedState", {})
        moved = min(max(target.service.desired, least), most)
        if moved != target.service.desired:
            self._ecs.set_desired(target.service, moved)
        return {}

    def _known(self, asked: Mapping[str, Any]) -> None:
        if (asked["ServiceNamespace"], asked.get("ScalableDimension", DIMENSION)) != (NAMESPACE, DIMENSION):
            raise NotImplementedError(f"the twin scales {DIMENSION} only")


def _only(request: Request, *known: str) -> Mapping[str, Any]:
    """The parameters, where the twin knows them all."""
    if not set(request.parameters) <= set(known):
        raise NotImplementedError(f"the twin's {request.operation} knows only {known}")
    return request.parameters
