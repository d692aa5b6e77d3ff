"""A Cloud in which every service of the twin is enlisted, with two of whatever it holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import boto3

from twin.clock import Clock
from twin.cloud import Cloud
from twin.doubles import Doubles
from twin.net import Net
from twin.services.arc.model import Arc, AtLeast
from twin.services.aurora.journal import Journal
from twin.services.aurora.model import Aurora
from twin.services.cloudfront.model import CloudFront
from twin.services.cloudwatch.model import Metrics
from twin.services.dynamodb.model import DynamoDB
from twin.services.events.model import Bus
from twin.services.health.model import Health
from twin.services.lambda_.model import Functions
from twin.services.route53.model import Route53
from twin.services.s3.model import Websites
from twin.services.stepfunctions.model import StepFunctions
from twin.services.synthetics.model import Synthetics

EAST, WEST = "us-east-1", "us-west-1"
REPLICAS = ("us-east-1", "us-east-2", "us-west-2")
WAITS = '{"StartAt": "a", "States": {"a": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", \
"Parameters": {"FunctionName": "slow", "Payload": {}}, "TimeoutSeconds": 600, "End": true}}}'


def slow(event: Any, context: Any) -> Mapping[str, Any]:
    Clocks.here.sleep(300)
    return {}


class Clocks:
    here: Clock


@contextmanager
def every_service() -> Iterator[Cloud]:
    """On doubles. All is well, and nothing is under way but what always is."""
    Clocks.here = clock = Clock()
    with Cloud(clock, 1, Doubles()) as cloud:
        net, bus, functions = Net(cloud), Bus(cloud), Functions(cloud)
        metrics = Metrics(cloud, bus)
        for service in (StepFunctions, Arc, DynamoDB):
            service(cloud)
        for on_the_net in (Websites, CloudFront, Route53):
            on_the_net(cloud, net)
        Health(cloud, bus), Aurora(cloud, metrics.put), Synthetics(cloud, net, metrics)
        for name in ("one", "two"):
            _add(cloud, name)
        bus.schedule(WEST, "often", 3600, lambda event: clock.sleep(30))
        boto3.client("sns", WEST).create_topic(Name="pages")
        clock.sleep(100)
        try:
            yield cloud
        finally:
            functions.close()


def _add(cloud: Cloud, name: str) -> None:
    """One more of everything."""
    members = {EAST: f"{name}-east", WEST: f"{name}-west"}
    Aurora.of(cloud).global_database(name, members, Journal((EAST, WEST)))
    controls = Arc.of(cloud).cluster(name, {EAST: "On", WEST: "Off"}, [AtLeast("one-serves", (EAST, WEST))])
    dns = Route53.of(cloud)
    hosts = [(f"{region}.{name}.example", dns.health_check(controls, region)) for region in (EAST, WEST)]
    dns.record(f"{name}.example", hosts)
    DynamoDB.of(cloud).global_table(name, (EAST, WEST))
    DynamoDB.of(cloud).strong_table(f"ledger-{name}", REPLICAS)
    for region in (EAST, WEST):
        page = f"{region} of {name}".encode()
        Net.of(cloud).serve(f"{region}.{name}.example", region, lambda request, page=page: (200, page))  # type: ignore[misc]
        Functions.of(cloud).deploy(region, name, slow)
    CloudFront.of(cloud).distribution(f"edge-{name}.example", hosts[0][0], hosts[1][0])
    Synthetics.of(cloud).canary(WEST, name, f"http://{name}.example/")
    by_name = {"CanaryName": name}
    Metrics.of(cloud).alarm(
        WEST, name, "CloudWatchSynthetics", "Failed", by_name, 0.5, "GreaterThanThreshold"
    )
    s3 = boto3.client("s3", WEST)
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": WEST})
    s3.put_bucket_website(Bucket=name, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})
