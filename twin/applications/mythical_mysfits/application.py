"""Mythical Mysfits, small but real: two ECS services in each Region behind load balancers and an accelerator.

From AWS's workshop on business continuity in several Regions, as it stands when all eight of its lists are
done: likes are in a DynamoDB global table, and increments. With two changes: a trial can be written and read
back, for whoever verifies; and there is no chaos.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from ...application import Journey
from ...cloud import ACCOUNT
from ...services.application_autoscaling.model import ApplicationAutoScaling
from ...services.cloudwatch.dashboards import Dashboards
from ...services.codepipeline.model import Action, CodePipeline
from ...services.dynamodb.dataset import GlobalTableData
from ...services.dynamodb.model import DynamoDB
from ...services.ec2.subnets import Subnets
from ...services.ecr.model import Ecr
from ...services.ecs.model import Ecs, Image, TaskDefinition
from ...services.elbv2.model import LoadBalancer, LoadBalancers
from ...services.globalaccelerator.model import GlobalAccelerator
from ...services.globalaccelerator.route import Dials
from ...services.xray.model import Xray
from ..foundation import Foundation
from .containers import Containers
from .contract import DATASET, BalancerEntry, Likes
from .names import (
    ACCELERATOR,
    ALARM,
    CHAOS,
    CONTAINERS,
    CORE,
    DASHBOARD,
    DIGEST,
    FAMILIES,
    GROUPS,
    INDEXES,
    KEYS,
    LIKE,
    PIPELINES,
    PRIMARY,
    REGIONS,
    REPOSITORIES,
    SERVICES,
    STAGE,
    STANDBY,
    SUBNETS,
    TABLE,
    TAG,
    TASKS,
    VPCS,
    balancer_host,
    cluster,
    service,
)

NAMESPACE, HOSTS, SAMPLE_SECONDS = "AWS/ApplicationELB", "HealthyHostCount", 60.0
LEAST_TASKS, MOST_TASKS = 1, 10
"""Autoscaling's limits, of each service."""
DIALS: Mapping[str, float] = {PRIMARY: 100, STANDBY: 0}


class MythicalMysfits:
    """The application in both Regions."""

    regions = REGIONS

    def __init__(self, on: Foundation, dials: Mapping[str, float] = DIALS) -> None:
        """`dials` are how customers are shared while all is well."""
        cloud, self._dials = on.cloud, dials
        table = DynamoDB.of(cloud).global_table(TABLE, REGIONS, KEYS, INDEXES)
        self._containers = Containers(table)
        self._containers.populate()
        self._ecs, self._scaling = Ecs.of(cloud), ApplicationAutoScaling.of(cloud)
        self._balancers = LoadBalancers.of(cloud, on.net)
        balancers = {region: self._deploy(region) for region in REGIONS}
        accelerator = GlobalAccelerator.of(cloud, on.net).accelerator(ACCELERATOR, balancers, dials)
        _prepared(on)
        for region, balancer in balancers.items():
            _watch(on, region, balancer)
        self.datasets = (GlobalTableData(cloud, table, DATASET),)
        self.routes = (Dials(accelerator),)
        self.entries = tuple(BalancerEntry(cloud, region, each) for region, each in balancers.items())
        self.session = Likes(table, accelerator.dns)

    def settings(self) -> dict[str, object]:
        """How many tasks there shall be, and autoscaling's least, as far as that is fewer than usually."""
        return {
            region: tuple(
                (min(target.service.desired, TASKS[region]), min(target.least, LEAST_TASKS))
                for (where, _), target in self._scaling.targets.items()
                if where == region
            )
            for region in REGIONS
        }

    def shall_serve(self, procedure: str, source: str, target: str) -> set[str]:
        """One Region: the other stands by. Failback shares customers out as they were before."""
        return {region for region in REGIONS if self._dials[region]} if procedure == "failback" else {target}

    def journey(self, region: str) -> Journey:
        """The primary's own load balancer: the accelerator would lead a canary to the Region that is well."""
        return f"http://{balancer_host(PRIMARY)}/mysfits"

    def _deploy(self, region: str) -> LoadBalancer:
        answers = {CORE: self._containers.core(region), LIKE: self._containers.like(region)}
        groups = {name: self._balancers.target_group(region, name) for name in SERVICES}
        for name, answer in answers.items():
            image = Image(f"{REPOSITORIES[SERVICES.index(name)]}:{TAG}", answer)
            made = self._ecs.create(
                region, cluster(region), service(region, name), image, TASKS[region], groups[name].arn
            )
            groups[name].services.append(made)
            self._scaling.target(made, LEAST_TASKS, MOST_TASKS)
        return self._balancers.load_balancer(
            region, balancer_host(region), [("/mysfits/*/like", groups[LIKE]), ("*", groups[CORE])]
        )


def _watch(on: Foundation, region: str, balancer: LoadBalancer) -> None:
    """An alarm of the Region's own: a target group has no healthy host."""
    dimensions = {"LoadBalancer": balancer.arn.partition("loadbalancer/")[2]}

    def sample() -> None:
        if not on.cloud.faults.is_dark(region):
            on.metrics.put(region, NAMESPACE, HOSTS, dimensions, float(balancer.healthy()))

    sample()
    on.cloud.clock.every(SAMPLE_SECONDS, sample)
    on.metrics.alarm(region, ALARM, NAMESPACE, HOSTS, dimensions, 1, "LessThanThreshold", statistic="Minimum")


def _prepared(on: Foundation) -> None:
    """What `prepare` looks for: all that the workshop says one forgets."""
    subnets, registry, pipelines, xray = (
        Subnets(on.cloud),
        Ecr(on.cloud),
        CodePipeline(on.cloud),
        Xray(on.cloud),
    )
    for region in REGIONS:
        for name in SUBNETS[region]:
            subnets.subnet(region, name, VPCS[region])
        for name in REPOSITORIES:
            registry.repository(region, name)
            registry.push(region, name, TAG, DIGEST)
        for name, family in FAMILIES[region].items():
            Ecs.of(on.cloud).define(region, family, _task(region, name))
        for name, expression in GROUPS.items():
            xray.group(region, name, expression)
    registry.rules[PRIMARY] = [{"destinations": [{"region": STANDBY, "registryId": ACCOUNT}]}]
    for name in PIPELINES:
        stages = {"Source": [Action("Pull")], "Deploy": [Action("Here")], STAGE: [Action("There", STANDBY)]}
        pipelines.pipeline(PRIMARY, name, stages)
    dashboards = Dashboards(on.cloud)
    dashboards.bodies[DASHBOARD] = json.dumps({"widgets": list(map(_widget, REGIONS))})


def _task(region: str, name: str) -> TaskDefinition:
    repository = REPOSITORIES[SERVICES.index(name)]
    image = f"{ACCOUNT}.dkr.ecr.{region}.amazonaws.com/{repository}:{TAG}"
    return TaskDefinition(CONTAINERS[name], image, {"REGION": region, "TABLE": TABLE, CHAOS: "off"})


def _widget(region: str) -> dict[str, object]:
    """A Region's CPU, a line a service."""
    metrics = [
        ["AWS/ECS", "CPUUtilization", "ClusterName", cluster(region), "ServiceName", service(region, name)]
        for name in SERVICES
    ]
    place = {"type": "metric", "x": 12 * REGIONS.index(region), "y": 0, "width": 12, "height": 6}
    return {**place, "properties": {"metrics": metrics, "region": region, "title": region}}
