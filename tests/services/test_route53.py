"""Route 53, in the Cloud that has everything."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from every_service import EAST, WEST, client

from twin.cloud import Cloud
from twin.net import Net
from twin.services.arc.model import Arc
from twin.services.route53.model import ObjectCheck, Route53


def furnish(cloud: Cloud, name: str) -> None:
    """ARC's cluster of this name is there: what is furnished is so in the order of the tests' names."""
    dns, controls = Route53.of(cloud, Net.of(cloud)), Arc.of(cloud).clusters[name]
    hosts = [(f"{region}.{name}.example", dns.health_check(controls, region)) for region in (EAST, WEST)]
    dns.record(f"{name}.example", hosts)
    dns.object_check(WEST, name, "take-over.html")


KEY = "take-over.html"


def put(cloud: Cloud, bucket: str = "one") -> None:
    """As the public may read it: a bucket's owner has taken its block away before."""
    s3 = client("s3")
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key=KEY, ACL="public-read")


UNDER_WAY = {"an object that a health check has found": put}


def watching(cloud: Cloud, **more: Any) -> ObjectCheck:
    return Route53.of(cloud).object_check(WEST, "one", KEY, **more)


def test_an_inverted_check_is_ill_once_the_object_is_there_and_healthy_once_it_is_gone(cloud: Cloud) -> None:
    check = watching(cloud, interval=10, threshold=3)
    put(cloud)
    cloud.clock.sleep(19)
    assert check(), "twice in a row is not three times"
    cloud.clock.sleep(25)
    assert not check()
    client("s3").delete_object(Bucket="one", Key=KEY)
    cloud.clock.sleep(45)
    assert check()


def test_an_object_that_the_public_may_not_read_is_none(cloud: Cloud) -> None:
    check = watching(cloud)
    client("s3").put_object(Bucket="one", Key=KEY, ACL="public-read")
    cloud.clock.sleep(200)
    assert check(), "a new bucket blocks public access"


def test_with_the_bucket_in_the_dark_an_inverted_check_is_healthy(cloud: Cloud) -> None:
    check = watching(cloud)
    put(cloud)
    cloud.clock.sleep(200)
    cloud.faults.dark.add(WEST)
    cloud.clock.sleep(200)
    assert check()
    cloud.faults.dark.clear()
    cloud.clock.sleep(200)
    assert not check()


def test_a_disabled_check_is_healthy(cloud: Cloud) -> None:
    check = watching(cloud)
    put(cloud)
    cloud.clock.sleep(200)
    check.disabled = True
    assert check()


def test_it_is_told_as_it_is_configured(cloud: Cloud) -> None:
    told = client("route53").get_health_check(HealthCheckId=watching(cloud).id)["HealthCheck"]
    assert told["HealthCheckConfig"] == {
        "Type": "HTTPS",
        "Port": 443,
        "FullyQualifiedDomainName": f"one.s3.{WEST}.amazonaws.com",
        "ResourcePath": f"/{KEY}",
        "RequestInterval": 30,
        "FailureThreshold": 3,
        "Inverted": True,
        "Disabled": False,
    }
    with pytest.raises(ClientError, match="NoSuchHealthCheck"):
        client("route53").get_health_check(HealthCheckId="abcdef11-2222-3333-4444-555555fedcba")


@pytest.mark.parametrize("wrong", [{"interval": 20}, {"threshold": 0}, {"threshold": 11}])
def test_what_route_53_would_refuse_is_refused(cloud: Cloud, wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="10 or 30"):
        watching(cloud, **wrong)
