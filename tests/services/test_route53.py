"""Route 53, in the Cloud that has everything."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from every_service import EAST, WEST, client

from twin.cloud import Cloud
from twin.net import Net
from twin.services.arc.model import Arc
from twin.services.route53.model import EndpointCheck, Route53


def furnish(cloud: Cloud, name: str) -> None:
    """ARC's cluster of this name is there: what is furnished is so in the order of the tests' names."""
    dns, controls = Route53.of(cloud, Net.of(cloud)), Arc.of(cloud).clusters[name]
    hosts = [(f"{region}.{name}.example", dns.health_check(controls, region)) for region in (EAST, WEST)]
    dns.record(f"{name}.example", hosts)
    dns.object_check(WEST, name, "take-over.html")
    dns.endpoint_check(f"{name}.example", interval=10)


KEY = "take-over.html"


def put(cloud: Cloud, bucket: str = "one") -> None:
    """As the public may read it: a bucket's owner has taken its block away before."""
    s3 = client("s3")
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key=KEY, ACL="public-read")


UNDER_WAY = {"an object that a health check has found": put}


def watching(cloud: Cloud, **more: Any) -> EndpointCheck:
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


def test_what_the_checkers_of_an_endpoint_see_is_told_with_its_time(cloud: Cloud) -> None:
    dns, net = Route53.of(cloud), Net.of(cloud)
    said = [200]
    net.serve("checked.example", EAST, lambda asked: (said[0], b""))
    check = dns.endpoint_check("checked.example", "/health", interval=10)

    def told() -> set[str]:
        answer = client("route53").get_health_check_status(HealthCheckId=check.id)
        reports = [each["StatusReport"] for each in answer["HealthCheckObservations"]]
        assert all(cloud.clock.now - each["CheckedTime"].timestamp() < 20 for each in reports)
        return {each["Status"].partition(":")[0] for each in reports}

    cloud.clock.sleep(60)
    assert (check(), told()) == (True, {"Success"})
    said[0] = 503
    cloud.clock.sleep(60)
    assert (check(), told()) == (False, {"Failure"})
    said[0] = 200
    cloud.clock.sleep(60)
    cloud.faults.dark.add(EAST)
    cloud.clock.sleep(100)
    assert not check()


def test_what_follows_a_routing_control_has_no_status(cloud: Cloud) -> None:
    control = "00000001-0000-4000-8000-000000000000"
    assert client("route53").get_health_check(HealthCheckId=control)["HealthCheck"]["HealthCheckConfig"][
        "Type"
    ]
    with pytest.raises(ClientError, match="InvalidInput"):
        client("route53").get_health_check_status(HealthCheckId=control)
