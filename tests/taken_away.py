"""What `prepare` of the samples looks for, piece by piece: how each is taken away, and what is said then."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from game_days import Change

from twin.applications.foundation import Foundation
from twin.applications.globalflix import names as globalflix
from twin.applications.mythical_mysfits import names as mysfits
from twin.applications.resilient_orders import names as orders
from twin.services.cloudwatch.dashboards import Dashboards
from twin.services.codepipeline.model import CodePipeline
from twin.services.dynamodb.model import DynamoDB
from twin.services.ec2.subnets import Subnets
from twin.services.ecr.model import Ecr
from twin.services.ecs.model import Ecs
from twin.services.globalaccelerator.model import GlobalAccelerator
from twin.services.xray.model import Xray

APP = "mythical-mysfits"


class Piece(NamedTuple):
    app: str
    take: Change
    step: str
    said: str
    """Of this step, in the plan."""
    made: bool
    """A run makes it; else a person must."""


def pieces() -> Iterator[tuple[str, Piece]]:
    """Each in a few words."""
    for app, name, region in _replicas():
        said = f"create the replica of {name} in {region}"
        yield f"replica {name} {region}", Piece(app, _replica(name, region), "dynamodb_replicas", said, True)
    for region in mysfits.REGIONS:
        yield from _of_a_region(region)
    for pipeline in mysfits.PIPELINES:
        said = f"pipeline {pipeline} in {mysfits.PRIMARY} has no stage {mysfits.STAGE}"
        yield f"stage of {pipeline}", Piece(APP, _stage(pipeline), "ready", said, False)
    rule = f"replicate {', '.join(mysfits.REPOSITORIES)} to {mysfits.STANDBY}"
    yield "replication rule", Piece(APP, _no_rule, "ecr_images", rule, True)


def _replicas() -> Iterator[tuple[str, str, str]]:
    yield "globalflix", globalflix.TABLE, globalflix.STANDBY
    yield APP, mysfits.TABLE, mysfits.STANDBY
    yield from (
        ("resilient-orders", table, orders.STANDBY)
        for table in (orders.CUSTOMERS, orders.PRODUCTS, orders.ORDERS)
    )


def _of_a_region(region: str) -> Iterator[tuple[str, Piece]]:
    primary = region == mysfits.PRIMARY
    for index in mysfits.INDEXES:
        said = f"the index {index} of {mysfits.TABLE} in {region} is missing"
        yield f"index {index} {region}", Piece(APP, _index(region, index), "dynamodb_replicas", said, False)
    for subnet in mysfits.SUBNETS[region]:
        said = f"there is no {subnet} in {region}"
        yield f"{subnet} {region}", Piece(APP, _subnet(region, subnet), "ready", said, False)
    for name in mysfits.REPOSITORIES:
        said = f"there is no ECR repository {name} in {region}"
        yield f"repository {name} {region}", Piece(APP, _repository(region, name), "ready", said, False)
        image = f"{name}:{mysfits.TAG}"
        said = f"there is no {image} in {region}" if primary else f"to {region}: {image}"
        yield f"image {image} {region}", Piece(APP, _image(region, name), "ecr_images", said, not primary)
    for group in mysfits.GROUPS:
        said = f"{group} in {region}"
        yield f"X-Ray group {group} {region}", Piece(APP, _group(region, group), "xray_groups", said, True)
    for service in mysfits.SERVICES:
        name = mysfits.service(region, service)
        said = f"{name} in {region}"
        yield f"widget of {name}", Piece(APP, _widget(name), "dashboard", said, True)
    said = f"{mysfits.service(region, mysfits.CORE)} in {region}; CPUUtilization of"
    whole = _on_the_dashboard(lambda widgets: widgets.pop(mysfits.REGIONS.index(region)))
    yield f"all widgets of {region}", Piece(APP, whole, "dashboard", said, True)
    for service, family in mysfits.FAMILIES[region].items():
        said = f"there is no task definition {family} in {region}"
        yield f"task definition {family}", Piece(APP, _family(region, family), "ready", said, False)
        said = f"{mysfits.CONTAINERS[service]}'s {mysfits.CHAOS} of"
        yield f"chaos in {family}", Piece(APP, _chaos(region, family), "ready", said, False)
    place = mysfits.REGIONS.index(region)
    said = f"endpoint-group/{place:012x} in {region}"
    yield f"endpoint group {region}", Piece(APP, _endpoint_group(region), "ready", said, False)


# How each is taken away.


def _replica(table: str, region: str) -> Change:
    return lambda on: DynamoDB.of(on.cloud).global_tables[table].remove_replica(region)


def _index(region: str, index: str) -> Change:
    return lambda on: DynamoDB.of(on.cloud).global_tables[mysfits.TABLE].described[region].indexes.pop(index)


def _subnet(region: str, subnet: str) -> Change:
    return lambda on: Subnets.of(on.cloud).drop(region, subnet)


def _repository(region: str, name: str) -> Change:
    return lambda on: Ecr.of(on.cloud).drop(region, name)


def _image(region: str, name: str) -> Change:
    return lambda on: Ecr.of(on.cloud).repositories[region, name].tags.clear()


def _no_rule(on: Foundation) -> None:
    Ecr.of(on.cloud).rules.clear()


def _group(region: str, group: str) -> Change:
    return lambda on: Xray.of(on.cloud).groups.pop((region, group))


def _stage(pipeline: str) -> Change:
    return lambda on: CodePipeline.of(on.cloud).pipelines[mysfits.PRIMARY, pipeline].stages.pop(mysfits.STAGE)


def _family(region: str, family: str) -> Change:
    return lambda on: Ecs.of(on.cloud).families.pop((region, family))


def _chaos(region: str, family: str) -> Change:
    """As the workshop's stacks leave it."""

    def take(on: Foundation) -> None:
        revisions = Ecs.of(on.cloud).families[region, family]
        environment = {**revisions[-1].environment, mysfits.CHAOS: "on"}
        revisions.append(replace(revisions[-1], environment=environment))

    return take


def _endpoint_group(region: str) -> Change:
    def take(on: Foundation) -> None:
        (accelerator,) = GlobalAccelerator.of(on.cloud, on.net).accelerators.values()
        accelerator.groups.pop(region)

    return take


def _widget(service: str) -> Change:
    """Its line in the Region's widget."""

    def take(widgets: list[dict[str, Any]]) -> None:
        for widget in widgets:
            rows = widget["properties"]["metrics"]
            widget["properties"]["metrics"] = [row for row in rows if service not in row]

    return _on_the_dashboard(take)


def _on_the_dashboard(take: Callable[[list[dict[str, Any]]], object]) -> Change:
    def change(on: Foundation) -> None:
        bodies = Dashboards.of(on.cloud).bodies
        body = json.loads(bodies[mysfits.DASHBOARD])
        take(body["widgets"])
        bodies[mysfits.DASHBOARD] = json.dumps(body)

    return change
