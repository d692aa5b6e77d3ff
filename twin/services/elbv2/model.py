"""Elastic Load Balancing: target groups of ECS tasks, and Application Load Balancers before them.

A target is healthy once three health checks, ten seconds apart, have gone well in a row, and no longer once
three have not. A check goes well where something answers on the target's port and its security group lets
the load balancer in. Sources:
docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html (fails open where
all targets are unhealthy; the states of a target),
docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html (502, 503, 504)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, ClassVar

from ...cloud import ACCOUNT, Answer, AwsError, Cloud, Operation
from ...faults import Request
from ...net import HttpAnswer, HttpRequest, Net
from ...service import APART, WIRING, Service, Stateful, register, seconds_until
from ..ecs.model import PORT, EcsService, Task

CHECK_SECONDS = 10
CHECKS = 3
"""So many in a row change a target's health."""
SETTLED_SECONDS = CHECKS * CHECK_SECONDS
TARGET_SECONDS = 10.0
"""How long a target may take to be connected to."""


@dataclass(frozen=True)
class Known:
    """What the checks said of a target, until an instant from which they say something else, perhaps."""

    passed: bool
    since: float


def _everybody() -> bool:
    return True


class TargetGroup(Stateful):
    """The tasks of some services, as targets."""

    not_state: ClassVar = {
        "_cloud": APART,
        "services": APART,
        "name": WIRING,
        "arn": WIRING,
        "lets_in": APART,
    }

    def __init__(self, cloud: Cloud, region: str, name: str, lets_in: Callable[[], bool]) -> None:
        self._cloud = cloud
        self.name = name
        self.arn = f"arn:aws:elasticloadbalancing:{region}:{ACCOUNT}:targetgroup/{name}/0123456789abcdef"
        self.lets_in = lets_in
        """Whether the security group of its targets lets the load balancer in, now."""
        self.services: list[EcsService] = []
        self._known: dict[str, Known] = {}
        """By a task's address, from before `lets_in` last changed."""
        self._open = lets_in()

    def state(self) -> object:
        now = self._cloud.clock.now
        known = [
            (self._healthy(task), seconds_until(self._since(task) + SETTLED_SECONDS, now))
            for task in self._tasks()
        ]
        return known, self._open, self._remembered()

    def _remembered(self) -> object:
        """Of what lives: the rest is forgotten at the next change."""
        now, live = self._cloud.clock.now, {task.address for task in self._tasks()}
        return [
            (known.passed, seconds_until(known.since + SETTLED_SECONDS, now))
            for address, known in self._known.items()
            if address in live
        ]

    def reachable_again(self) -> None:
        """A security group was changed: from now on the checks may say something else."""
        if self.lets_in() == self._open:
            return
        now = self._cloud.clock.now
        self._known = {task.address: Known(self._healthy(task), now) for task in self._tasks()}
        self._open = self.lets_in()

    def healthy(self) -> list[Task]:
        """Those that get requests."""
        return [task for task in self._running() if self._healthy(task)]

    def is_healthy(self) -> bool:
        """Whether any gets requests. Asked after every event, so it looks no further than the first."""
        now = self._cloud.clock.now
        for service in self.services:
            for task in service.tasks:
                if task.running_at <= now and not task.stopping and self._healthy(task):
                    return True
        return False

    def pick(self) -> tuple[list[Task], int]:
        """The targets that requests go to, and the load balancer's own answer where there are none."""
        if healthy := self.healthy():
            return healthy, 200
        settled = [task for task in self._running() if self._state(task) == "unhealthy"]
        return settled, 503

    def _tasks(self) -> list[Task]:
        return [task for service in self.services for task in service.live()]

    def _running(self) -> list[Task]:
        now = self._cloud.clock.now
        return [task for task in self._tasks() if task.runs(now) and not task.stopping]

    def _since(self, task: Task) -> float:
        """Since when the checks of the task could say what they say now."""
        known = self._known.get(task.address)
        return max(task.running_at, known.since) if known is not None else task.running_at

    def _healthy(self, task: Task) -> bool:
        if self._cloud.clock.now < self._since(task) + SETTLED_SECONDS:
            known = self._known.get(task.address)
            return known is not None and known.passed
        return self._open and task.image.answer is not None

    def _state(self, task: Task) -> str:
        if task.stopping:
            return "draining"
        if self._healthy(task):
            return "healthy"
        first = task.address not in self._known
        return (
            "initial"
            if first and self._cloud.clock.now < self._since(task) + SETTLED_SECONDS
            else "unhealthy"
        )

    def descriptions(self) -> list[dict[str, Any]]:
        reasons = {
            "initial": "Elb.InitialHealthChecking",
            "unhealthy": "Target.FailedHealthChecks" if self._open else "Target.Timeout",
            "draining": "Target.DeregistrationInProgress",
        }
        found = []
        for task in self._tasks():
            if task.running_at <= self._cloud.clock.now:
                state = self._state(task)
                reason = {"Reason": reasons[state]} if state in reasons else {}
                found.append(
                    {"Target": {"Id": task.address, "Port": PORT}, "TargetHealth": {"State": state, **reason}}
                )
        return found


class LoadBalancers(Service):
    """Every Region's target groups, and the load balancers whose hosts are on the network."""

    service: ClassVar = "elbv2"
    not_state: ClassVar = {"cloud": APART, "_net": APART}

    def __init__(self, cloud: Cloud, net: Net) -> None:
        super().__init__(cloud)
        self._net = net
        self.groups: dict[tuple[str, str], TargetGroup] = {}
        self.balancers: dict[str, LoadBalancer] = {}
        """By their hosts."""

    def operations(self) -> Mapping[str, Operation]:
        return {"DescribeTargetHealth": self._describe}

    def state(self) -> object:
        groups = [group.state() for group in self.groups.values()]
        return groups, [balancer.state() for balancer in self.balancers.values()]

    def target_group(self, region: str, name: str, lets_in: Callable[[], bool] = _everybody) -> TargetGroup:
        return register(self.groups, (region, name), lambda: TargetGroup(self.cloud, region, name, lets_in))

    def load_balancer(
        self, region: str, host: str, groups: Sequence[tuple[str, TargetGroup]]
    ) -> LoadBalancer:
        """Listens on a host: the first pattern that fits a request's path has its target group."""
        made = register(self.balancers, host, lambda: LoadBalancer(self.cloud, region, host, groups))
        self._net.serve(host, region, made.answer, service="elasticloadbalancing")
        return made

    def _describe(self, request: Request) -> Answer:
        if set(request.parameters) != {"TargetGroupArn"}:
            raise NotImplementedError("the twin's DescribeTargetHealth knows only TargetGroupArn")
        for (region, _), group in self.groups.items():
            if region == request.region and group.arn == request.parameters["TargetGroupArn"]:
                return {"TargetHealthDescriptions": group.descriptions()}
        raise AwsError("TargetGroupNotFound", "One or more target groups not found")


class LoadBalancer(Stateful):
    """An Application Load Balancer: its targets take turns."""

    not_state: ClassVar = {
        "_cloud": APART,
        "_groups": APART,
        "_turn": "which of equal targets is next",
        "region": WIRING,
        "host": WIRING,
        "arn": WIRING,
    }

    def __init__(
        self, cloud: Cloud, region: str, host: str, groups: Sequence[tuple[str, TargetGroup]]
    ) -> None:
        self._cloud, self._groups = cloud, tuple(groups)
        self.region, self.host = region, host
        name = host.partition(".")[0]
        self.arn = f"arn:aws:elasticloadbalancing:{region}:{ACCOUNT}:loadbalancer/app/{name}/0123456789abcdef"
        self._turn = 0

    def healthy(self) -> bool:
        """As whatever leads customers here sees it: each target group has a healthy target.
        Source: docs.aws.amazon.com/global-accelerator/latest/dg/about-endpoints.html"""
        return all(group.is_healthy() for _, group in self._groups)

    def answer(self, asked: HttpRequest) -> HttpAnswer:
        path = asked.path.partition("?")[0]
        group = next((group for pattern, group in self._groups if fnmatchcase(path, pattern)), None)
        if group is None:
            return 404, b"no rule for this path"
        targets, status = group.pick()
        if not targets:
            return status, b"no healthy target"
        if not group.lets_in():
            self._cloud.clock.sleep(TARGET_SECONDS)
            return 504, b"the target did not answer"
        self._turn += 1
        task = targets[self._turn % len(targets)]
        if task.image.answer is None:
            return 502, b"the target refused the connection"
        return task.image.answer(asked)
