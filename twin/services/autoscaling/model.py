"""EC2 Auto Scaling: groups whose instances are in service a while after they are desired.

No policy scales anything here, and no instance fails by itself. Sources:
docs.aws.amazon.com/autoscaling/ec2/APIReference/API_UpdateAutoScalingGroup.html,
docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-suspend-resume-processes.html (Launch),
docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-warm-pools.html (Warmed instances).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ...cloud import ACCOUNT, Answer, AwsError, Cloud, Operation, stamp
from ...faults import Request
from ...service import APART, WIRING, Service, register, seconds_until
from .rows import GROUP_ID

SIZES = ("MinSize", "MaxSize", "DesiredCapacity")


@dataclass
class Group:
    """One group. Its instances are in service from these times on."""

    not_state: ClassVar = {**dict.fromkeys(("region", "name", "made_at"), WIRING)}

    region: str
    name: str
    made_at: float
    least: int
    most: int
    desired: int
    ready_at: list[float] = field(default_factory=list)
    warmed: int = 0
    """Instances of its warm pool, none of which serves."""
    suspended: set[str] = field(default_factory=set)
    """Processes that somebody has suspended."""
    refresh: str = ""
    """The status of its newest instance refresh; "" where there was none."""
    status: str = ""
    """As while it is being deleted."""

    def state(self, now: float) -> object:
        waits = [seconds_until(at, now) for at in self.ready_at]
        sizes = self.least, self.most, self.desired
        return sizes, waits, self.warmed, sorted(self.suspended), self.refresh, self.status


class AutoScaling(Service):
    """Every Region's groups."""

    service: ClassVar = "autoscaling"
    not_state: ClassVar = {"cloud": APART}

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._groups: dict[tuple[str, str], Group] = {}

    def operations(self) -> Mapping[str, Operation]:
        return {
            "DescribeAutoScalingGroups": self._describe,
            "DescribeInstanceRefreshes": self._refreshes,
            "UpdateAutoScalingGroup": self._update,
        }

    def state(self) -> object:
        now = self.cloud.clock.now
        return [(named, group.state(now)) for named, group in self._groups.items()]

    def group(self, region: str, name: str, least: int, desired: int, most: int) -> Group:
        """One of these sizes, all of whose instances are in service."""
        now = self.cloud.clock.now
        return register(
            self._groups,
            (region, name),
            lambda: Group(region, name, now, least, most, desired, [now] * desired),
        )

    def resize(self, group: Group, least: int, desired: int, most: int) -> None:
        """Raises AwsError where the sizes do not go together."""
        if not 0 <= least <= desired <= most:
            raise AwsError(
                "ValidationError",
                f"Desired capacity:{desired} must be between the specified min size:{least} and "
                f"max size:{most}",
            )
        group.least, group.most, group.desired = least, most, desired
        now = self.cloud.clock.now
        if "Terminate" not in group.suspended:
            del group.ready_at[desired:]
        while "Launch" not in group.suspended and len(group.ready_at) < desired:
            group.ready_at.append(now + self.cloud.latency.draw("autoscaling_instance"))

    def _named(self, request: Request) -> Group:
        group = self._groups.get((request.region, str(request.parameters["AutoScalingGroupName"])))
        if group is None:
            raise AwsError("ValidationError", "AutoScalingGroup name not found - null")
        return group

    def _update(self, request: Request) -> Answer:
        if set(request.parameters) != {"AutoScalingGroupName", *SIZES}:
            raise NotImplementedError(f"the twin changes {SIZES} together, not {request.parameters}")
        least, most, desired = (int(str(request.parameters[size])) for size in SIZES)
        self.resize(self._named(request), least, desired, most)
        return {}

    def _describe(self, request: Request) -> Answer:
        asked: Any = request.parameters.get("AutoScalingGroupNames", ())
        if set(request.parameters) != {"AutoScalingGroupNames"} or len(asked) > 50:
            raise NotImplementedError("the twin describes up to fifty groups by their names, on one page")
        found = [self._groups.get((request.region, name)) for name in asked]
        return {"AutoScalingGroups": [self._told(group) for group in found if group is not None]}

    def _told(self, group: Group) -> Answer:
        now = self.cloud.clock.now
        states = ["InService" if now >= at else "Pending" for at in group.ready_at]
        arn = f"arn:aws:autoscaling:{group.region}:{ACCOUNT}:autoScalingGroup:{GROUP_ID}"
        return {
            "AutoScalingGroupName": group.name,
            "AutoScalingGroupARN": f"{arn}:autoScalingGroupName/{group.name}",
            "MinSize": group.least,
            "MaxSize": group.most,
            "DesiredCapacity": group.desired,
            "DefaultCooldown": 300,
            "AvailabilityZones": [f"{group.region}a"],
            "HealthCheckType": "ELB",
            "CreatedTime": stamp(group.made_at),
            "SuspendedProcesses": [
                {"ProcessName": name, "SuspensionReason": "User suspended"}
                for name in sorted(group.suspended)
            ],
            "Instances": [
                {
                    "InstanceId": f"i-{number:017x}",
                    "AvailabilityZone": f"{group.region}a",
                    "LifecycleState": state,
                    "HealthStatus": "Healthy",
                    "ProtectedFromScaleIn": False,
                }
                for number, state in enumerate([*states, *["Warmed:Stopped"] * group.warmed])
            ],
            **({"Status": group.status} if group.status else {}),
        }

    def _refreshes(self, request: Request) -> Answer:
        group = self._named(request)
        newest = {
            "InstanceRefreshId": "08b91cf7-8fa6-48af-b6a6-d227f40f1b9b",
            "AutoScalingGroupName": group.name,
            "Status": group.refresh,
        }
        return {"InstanceRefreshes": [newest] if group.refresh else []}
