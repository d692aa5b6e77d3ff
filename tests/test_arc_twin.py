"""The twin's ARC cluster and the DNS that follows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError

from twin.clock import Clock
from twin.cloud import Cloud
from twin.moto.backing import Moto
from twin.net import Net
from twin.services.arc.model import REGIONS, Arc, AtLeast, Cluster
from twin.services.route53.model import Route53

EAST, WEST = "us-east-1", "us-west-1"


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with Cloud(Clock(), 1, Moto()) as cloud:
        yield cloud


@pytest.fixture
def cluster(cloud: Cloud) -> Cluster:
    return Arc.of(cloud).cluster("shop", {EAST: "On", WEST: "Off"}, [AtLeast("one-serves", (EAST, WEST))])


@pytest.fixture
def at(cluster: Cluster) -> Callable[..., Any]:
    clients: dict[str, Any] = {}

    def client(region: str = "us-east-1") -> Any:
        if region not in clients:
            clients[region] = boto3.client(
                "route53-recovery-cluster",
                region_name=region,
                endpoint_url=cluster.endpoints[region],
                config=Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1}),
            )
        return clients[region]

    return client


def entries(cluster: Cluster, **states: str) -> list[dict[str, str]]:
    names = {"east": EAST, "west": WEST}
    return [
        {"RoutingControlArn": cluster.arns[names[name]], "RoutingControlState": state}
        for name, state in states.items()
    ]


def refusal(call: Callable[..., Any], **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return str(caught.value.response["Error"]["Code"])


def test_what_one_endpoint_is_asked_every_endpoint_shows(cluster: Cluster, at: Callable[..., Any]) -> None:
    at(REGIONS[0]).update_routing_control_states(
        UpdateRoutingControlStateEntries=entries(cluster, west="On", east="Off")
    )
    for region in REGIONS:
        answer = at(region).get_routing_control_state(RoutingControlArn=cluster.arns[WEST])
        assert answer["RoutingControlState"] == "On"
        assert answer["RoutingControlName"] == WEST


def test_a_rule_that_would_be_broken_refuses_all_entries(cluster: Cluster, at: Callable[..., Any]) -> None:
    update = at().update_routing_control_states
    assert (
        refusal(update, UpdateRoutingControlStateEntries=entries(cluster, east="Off")) == "ConflictException"
    )
    wrong = [*entries(cluster, west="On"), {"RoutingControlArn": "arn:none", "RoutingControlState": "Off"}]
    assert refusal(update, UpdateRoutingControlStateEntries=wrong) == "ResourceNotFoundException"
    assert cluster.states == {EAST: "On", WEST: "Off"}


def test_a_rule_refuses_all_updates_in_its_wait_period(
    cloud: Cloud, cluster: Cluster, at: Callable[..., Any]
) -> None:
    update = at().update_routing_control_states
    update(UpdateRoutingControlStateEntries=entries(cluster, west="On", east="Off"))
    back = entries(cluster, west="Off", east="On")
    assert refusal(update, UpdateRoutingControlStateEntries=back) == "ConflictException"
    cloud.clock.sleep(5)
    update(UpdateRoutingControlStateEntries=back)
    assert cluster.states == {EAST: "On", WEST: "Off"}


def test_an_inverted_rule_forbids_what_it_would_need(cloud: Cloud) -> None:
    rules = [AtLeast("one", (EAST, WEST)), AtLeast("not-two", (EAST, WEST), threshold=2, inverted=True)]
    both = Arc.of(cloud).cluster("just-one", {EAST: "On", WEST: "Off"}, rules)
    endpoint = {"region_name": EAST, "endpoint_url": both.endpoints[EAST]}
    update = boto3.client("route53-recovery-cluster", **endpoint).update_routing_control_states  # type: ignore[call-overload]
    for alone in ({"west": "On"}, {"east": "Off"}):
        entry = entries(both, **alone)
        assert refusal(update, UpdateRoutingControlStateEntries=entry) == "ConflictException"
    update(UpdateRoutingControlStateEntries=entries(both, west="On", east="Off"))
    assert both.states == {EAST: "Off", WEST: "On"}


def test_a_rule_can_be_overridden_by_its_arn(cluster: Cluster, at: Callable[..., Any]) -> None:
    off = entries(cluster, east="Off")
    update = at().update_routing_control_states
    unknown = {"UpdateRoutingControlStateEntries": off, "SafetyRulesToOverride": ["arn:none"]}
    assert refusal(update, **unknown) == "ResourceNotFoundException"
    rule = cluster.rule_arns["one-serves"]
    update(UpdateRoutingControlStateEntries=off, SafetyRulesToOverride=[rule])
    assert cluster.states[EAST] == "Off"


def test_requests_that_make_no_sense_are_refused(cluster: Cluster, at: Callable[..., Any]) -> None:
    update = at().update_routing_control_states
    code = refusal(update, UpdateRoutingControlStateEntries=entries(cluster, west="on"))
    assert code == "ValidationException"
    assert refusal(update, UpdateRoutingControlStateEntries=[]) == "ValidationException"
    eleven = entries(cluster, west="On") * 11
    assert refusal(update, UpdateRoutingControlStateEntries=eleven) == "ServiceLimitExceededException"


def test_an_endpoint_takes_three_changes_a_second(
    cloud: Cloud, cluster: Cluster, at: Callable[..., Any]
) -> None:
    def change(region: str) -> Any:
        return at(region).update_routing_control_states(
            UpdateRoutingControlStateEntries=entries(cluster, west="Off", east="On")
        )

    tasks = [cloud.clock.spawn(lambda: change("us-east-1")) for _ in range(4)]
    errors = []
    for task in tasks:
        try:
            task.join()
        except ClientError as error:
            errors.append(error.response["Error"]["Code"])
    assert errors == ["ThrottlingException"]
    change("us-west-2")
    cloud.clock.sleep(1)
    change("us-east-1")


def test_the_state_survives_two_dark_endpoints_and_not_three(
    cloud: Cloud, cluster: Cluster, at: Callable[..., Any]
) -> None:
    cloud.faults.dark |= {"us-east-1", "us-west-2"}
    with pytest.raises(ConnectTimeoutError):
        at("us-east-1").get_routing_control_state(RoutingControlArn=cluster.arns[EAST])
    at("eu-west-1").update_routing_control_states(
        UpdateRoutingControlStateEntries=entries(cluster, west="On", east="Off")
    )
    cloud.faults.dark.add(cluster.endpoints["ap-northeast-1"].split("/")[2])
    for region in ("eu-west-1", "ap-southeast-2"):
        get = at(region).get_routing_control_state
        code = refusal(get, RoutingControlArn=cluster.arns[WEST])
        assert code == "EndpointTemporarilyUnavailableException"
    assert cluster.states == {EAST: "Off", WEST: "On"}


def test_nobody_answers_at_a_host_that_is_no_endpoint(cloud: Cloud, cluster: Cluster) -> None:
    client = boto3.client("route53-recovery-cluster", region_name="us-west-2")
    with pytest.raises(EndpointConnectionError):
        client.get_routing_control_state(RoutingControlArn=cluster.arns[EAST])


def test_an_endpoint_wants_its_own_regions_signature(cloud: Cloud, cluster: Cluster) -> None:
    client = boto3.client(
        "route53-recovery-cluster", region_name="us-west-2", endpoint_url=cluster.endpoints["us-east-1"]
    )
    code = refusal(client.get_routing_control_state, RoutingControlArn=cluster.arns[EAST])
    assert code == "InvalidSignatureException"


def test_the_control_plane_is_not_there(cloud: Cloud, cluster: Cluster) -> None:
    client = boto3.client("route53-recovery-control-config", region_name="us-west-2")
    with pytest.raises(ClientError, match="Not yet implemented"):
        client.describe_cluster(ClusterArn="arn:aws:route53-recovery-control::123456789012:cluster/c")


@pytest.fixture
def net(cloud: Cloud) -> Net:
    net = Net(cloud)
    for region in (EAST, WEST):
        net.serve(f"alb.{region}.example", region, lambda request: (200, b"ok"))
    return net


def test_dns_follows_the_routing_controls_within_seconds(
    cloud: Cloud, cluster: Cluster, net: Net, at: Callable[..., Any]
) -> None:
    zone = Route53.of(cloud, net)
    zone.record(
        "shop.example",
        [(f"alb.{region}.example", zone.health_check(cluster, region)) for region in (EAST, WEST)],
    )
    assert net.resolve("shop.example") == "alb.us-east-1.example"
    at().update_routing_control_states(
        UpdateRoutingControlStateEntries=entries(cluster, west="On", east="Off")
    )
    assert net.resolve("shop.example") == "alb.us-east-1.example"
    assert cloud.clock.wait_for(lambda: net.resolve("shop.example") == "alb.us-west-1.example", limit=10)
    assert "route53_routing_control" in cloud.latency.used


def test_dns_answers_the_first_host_where_none_is_healthy(cloud: Cloud, net: Net) -> None:
    hosts = [(f"alb.{region}.example", lambda: False) for region in (WEST, EAST)]
    Route53.of(cloud, net).record("shop.example", hosts)
    assert net.resolve("shop.example") == "alb.us-west-1.example"


def test_latency_leads_each_to_the_nearest_region_that_is_healthy(cloud: Cloud, net: Net) -> None:
    ill: set[str] = set()
    hosts = {
        region: (f"alb.{region}.example", lambda region=region: region not in ill) for region in (WEST, EAST)
    }
    Route53.of(cloud, net).latency_records("shop.example", hosts)

    def led(near: str) -> str:
        return net.resolve("shop.example", near).split(".")[1]

    assert [led(near) for near in (EAST, WEST, "us-east-2", "eu-west-1", "")] == [
        EAST,
        WEST,
        EAST,
        WEST,
        WEST,
    ]
    ill.add(EAST)
    assert {led(near) for near in (EAST, WEST)} == {WEST}
    ill.add(WEST)
    assert [led(near) for near in (EAST, WEST)] == [EAST, WEST], "where none is healthy, all count as healthy"
