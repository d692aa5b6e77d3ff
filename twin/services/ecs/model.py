"""ECS: services that keep so many tasks running, in a Region's clusters.

A task takes time to start and to stop. Where a Region has no room for one, the service says so in its events
and tries again. A changed desired count starts no deployment. An image that does not listen on the port of
its container runs all the same: that nobody is answered there is for health checks to find. What is told of
task definitions is not what tasks run: an `Image` is. Sources:
docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServices.html (missing ones are `failures`),
docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html,
docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTaskDefinition.html (a family: its newest),
docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ...cloud import ACCOUNT, Answer, AwsError, Cloud, Operation, stamp
from ...faults import Request
from ...net import Handler
from ...service import APART, WIRING, Service, Stateful, register, seconds_until

MOST_DESCRIBED = 10
"""Services in one call."""
EVENTS_KEPT = 100
RUN_BEFORE_SECONDS = 300.0
PORT = 8080
UNLIMITED = 1_000_000


@dataclass(frozen=True)
class Image:
    """What a container runs: `answer` is what listens on its port, if anything does."""

    name: str
    answer: Handler | None = None


@dataclass(frozen=True)
class TaskDefinition:
    """A revision of a family: of one container, and a size that Fargate has."""

    container: str
    image: str
    environment: Mapping[str, str]
    cpu: str = "256"
    memory: str = "512"

    def description(self) -> dict[str, Any]:
        environment = [{"name": name, "value": value} for name, value in self.environment.items()]
        container = {"name": self.container, "image": self.image, "environment": environment}
        return {"containerDefinitions": [container], "cpu": self.cpu, "memory": self.memory}


class Task(Stateful):
    """One task of a service, with an address of its own."""

    not_state: ClassVar = {"address": "distinguishes tasks"}

    def __init__(self, address: str, image: Image, running_at: float) -> None:
        self.address, self.image, self.running_at = address, image, running_at
        self.stops_at = math.inf

    def runs(self, now: float) -> bool:
        """Whether it was told to stop or not."""
        return self.running_at <= now < self.stops_at

    @property
    def stopping(self) -> bool:
        return self.stops_at < math.inf


class EcsService(Stateful):
    """A service of a cluster: how many tasks it shall have, and those that it has."""

    not_state: ClassVar = {
        "_ecs": APART,
        "region": WIRING,
        "cluster": WIRING,
        "name": WIRING,
        "group": WIRING,
        "controller": WIRING,
        "_numbered": "distinguishes tasks",
    }

    def __init__(
        self,
        ecs: Ecs,
        region: str,
        cluster: str,
        name: str,
        image: Image,
        desired: int,
        group: str,
        controller: str,
    ) -> None:
        self._ecs, self.region, self.cluster, self.name = ecs, region, cluster, name
        self.group, self.controller = group, controller
        self.definition = self.primary = f"{name}:1"
        """The task definition that was asked for, and that of the PRIMARY deployment."""
        self.image = image
        self.desired = desired
        self.status = "ACTIVE"
        self.tasks: list[Task] = []
        self.events: list[tuple[float, str]] = []
        """When (seconds since 1970) and what, the newest first."""
        self._numbered = 0

    def state(self) -> object:
        now = self._ecs.cloud.clock.now
        tasks = [
            (task.image.name, seconds_until(task.running_at, now), _rest(task.stops_at, now))
            for task in self.live()
        ]
        newest = self.events[0][1] if self.events else ""
        return (
            self.definition,
            self.primary,
            self.image.name,
            self.desired,
            self.status,
            tasks,
            newest,
        )

    @property
    def resource_id(self) -> str:
        """As Application Auto Scaling names it, and as the ARN ends."""
        return f"service/{self.cluster}/{self.name}"

    @property
    def arn(self) -> str:
        return f"arn:aws:ecs:{self.region}:{ACCOUNT}:{self.resource_id}"

    def live(self) -> list[Task]:
        """All that start, run or stop."""
        now = self._ecs.cloud.clock.now
        return [task for task in self.tasks if now < task.stops_at]

    def running(self) -> int:
        now = self._ecs.cloud.clock.now
        return sum(task.runs(now) for task in self.tasks)

    def deploy(self, definition: str, image: Image) -> None:
        """A new revision: new tasks start, and the old ones stop."""
        self.definition = self.primary = definition
        self.image = image
        for task in self.live():
            self._stop(task)
        self.reconcile()

    def reconcile(self) -> None:
        """Starts or stops tasks, as many as there is room for."""
        self.tasks = self.live()
        kept = [task for task in self.tasks if not task.stopping]
        for task in kept[self.desired :]:
            self._stop(task)
        for _ in range(self.desired - len(kept)):
            if not self._ecs.has_room(self.region):
                self._say(
                    f"(service {self.name}) was unable to place a task. Reason: Capacity is unavailable at "
                    "this time. Please try again later or in a different availability zone."
                )
                return
            self._start(delay=self._ecs.cloud.latency.draw("ecs_task_start"))

    def at_once(self) -> None:
        """Its tasks have run for a while: as an application stands when a twin begins."""
        for _ in range(self.desired):
            self._start(delay=-RUN_BEFORE_SECONDS)

    def _start(self, delay: float) -> None:
        self._numbered += 1
        address = f"10.0.2.{self._numbered}"
        self.tasks.append(Task(address, self.image, self._ecs.cloud.clock.now + delay))

    def _stop(self, task: Task) -> None:
        if not task.stopping:
            task.stops_at = self._ecs.cloud.clock.now + self._ecs.cloud.latency.draw("ecs_task_stop")

    def _say(self, message: str) -> None:
        self.events = [(self._ecs.cloud.clock.now, message), *self.events][:EVENTS_KEPT]

    def description(self) -> dict[str, Any]:
        running, waiting = self.running(), len([task for task in self.live() if not task.stopping])
        counts = {
            "desiredCount": self.desired,
            "runningCount": running,
            "pendingCount": max(0, waiting - running),
        }
        primary = {
            "id": "ecs-svc/1",
            "status": "PRIMARY",
            "taskDefinition": self._definition(self.primary),
            "rolloutState": "COMPLETED",
            **counts,
        }
        return {
            "serviceArn": self.arn,
            "serviceName": self.name,
            "clusterArn": f"arn:aws:ecs:{self.region}:{ACCOUNT}:cluster/{self.cluster}",
            "status": self.status,
            "schedulingStrategy": "REPLICA",
            "taskDefinition": self._definition(self.definition),
            "deploymentController": {"type": self.controller},
            "deployments": [primary] if self.controller == "ECS" else [],
            "loadBalancers": [{"targetGroupArn": self.group, "containerPort": PORT}] if self.group else [],
            "events": [
                {"id": str(at), "createdAt": stamp(at), "message": message} for at, message in self.events
            ],
            **counts,
        }

    def _definition(self, name: str) -> str:
        return f"arn:aws:ecs:{self.region}:{ACCOUNT}:task-definition/{name}"


class Ecs(Service):
    """Every Region's clusters and services."""

    service: ClassVar = "ecs"
    not_state: ClassVar = {"cloud": APART, "on_update": WIRING}

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self.services: dict[tuple[str, str, str], EcsService] = {}
        """By Region, cluster and name."""
        self.families: dict[tuple[str, str], list[TaskDefinition]] = {}
        """Their revisions, by Region and family."""
        self._room: dict[str, int] = {}
        """How many tasks a Region has room for, where that is limited."""
        self.on_update: list[Callable[[EcsService], None]] = []
        """Called after a desired count was set."""

    def operations(self) -> Mapping[str, Operation]:
        return {
            "DescribeServices": self._describe,
            "UpdateService": self._update,
            "DescribeTaskDefinition": self._task_definition,
        }

    def state(self) -> object:
        newest = [(name, repr(revisions[-1])) for name, revisions in self.families.items()]
        return [service.state() for service in self.services.values()], newest, sorted(self._room.items())

    def create(
        self,
        region: str,
        cluster: str,
        name: str,
        image: Image,
        desired: int,
        group: str = "",
        controller: str = "ECS",
    ) -> EcsService:
        """One more service, whose tasks run. `group` is the ARN of a target group, "" for none."""
        made = register(
            self.services,
            (region, cluster, name),
            lambda: EcsService(self, region, cluster, name, image, desired, group, controller),
        )
        made.at_once()
        return made

    def define(self, region: str, family: str, revision: TaskDefinition) -> None:
        """Somebody registers a revision."""
        self.families.setdefault((region, family), []).append(revision)

    def room(self, region: str, tasks: int = UNLIMITED) -> None:
        """From now on so many tasks have room in the Region; those that wait for it are started."""
        self._room[region] = tasks
        for service in self._of(region):
            service.reconcile()

    def has_room(self, region: str) -> bool:
        taken = sum(len(service.live()) for service in self._of(region))
        return taken < self._room.get(region, UNLIMITED)

    def set_desired(self, service: EcsService, desired: int) -> None:
        service.desired = desired
        service.reconcile()
        for act in self.on_update:
            act(service)

    def _of(self, region: str) -> Iterator[EcsService]:
        return (service for (where, _, _), service in self.services.items() if where == region)

    def _describe(self, request: Request) -> Answer:
        names = _only(request, "cluster", "services")["services"]
        if not 1 <= len(names) <= MOST_DESCRIBED:
            raise AwsError("InvalidParameterException", f"Services count should be 1 to {MOST_DESCRIBED}.")
        cluster = self._cluster(request)
        found = {name: self.services.get((request.region, cluster, name)) for name in names}
        base = f"arn:aws:ecs:{request.region}:{ACCOUNT}:service/{cluster}"
        return {
            "services": [service.description() for service in found.values() if service],
            "failures": [
                {"arn": f"{base}/{name}", "reason": "MISSING"} for name, it in found.items() if not it
            ],
        }

    def _update(self, request: Request) -> Answer:
        asked = _only(request, "cluster", "service", "desiredCount")
        cluster = self._cluster(request)
        service = self.services.get((request.region, cluster, asked["service"]))
        if service is None:
            raise AwsError("ServiceNotFoundException", "Service not found.")
        if service.status != "ACTIVE":
            raise AwsError("ServiceNotActiveException", "Service was not ACTIVE.")
        if asked["desiredCount"] < 0:
            raise AwsError("InvalidParameterException", "desiredCount may not be negative.")
        self.set_desired(service, asked["desiredCount"])
        return {"service": service.description()}

    def _task_definition(self, request: Request) -> Answer:
        family = str(_only(request, "taskDefinition")["taskDefinition"])
        if ":" in family:
            raise NotImplementedError("the twin describes a family's newest revision only")
        revisions = self.families.get((request.region, family))
        if revisions is None:
            raise AwsError("ClientException", "Unable to describe task definition.")
        arn = f"arn:aws:ecs:{request.region}:{ACCOUNT}:task-definition/{family}:{len(revisions)}"
        names = {"taskDefinitionArn": arn, "family": family, "revision": len(revisions), "status": "ACTIVE"}
        return {"taskDefinition": {**names, **revisions[-1].description()}}

    def _cluster(self, request: Request) -> str:
        """Left out, it is the one called default."""
        cluster = str(request.parameters.get("cluster", "default"))
        if not any((where, named) == (request.region, cluster) for where, named, _ in self.services):
            raise AwsError("ClusterNotFoundException", "Cluster not found.")
        return cluster


def _rest(instant: float, now: float) -> int | None:
    return None if instant == math.inf else seconds_until(instant, now)


def _only(request: Request, *known: str) -> Mapping[str, Any]:
    """The parameters, where the twin knows them all."""
    if not set(request.parameters) <= set(known):
        raise NotImplementedError(f"the twin's {request.operation} knows only {known}")
    return request.parameters
