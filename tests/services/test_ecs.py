"""ECS, its load balancers and its scaling, in the Cloud that has everything."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from every_service import EAST, WEST, client

from twin.cloud import Cloud
from twin.net import Net
from twin.services.application_autoscaling.model import ApplicationAutoScaling
from twin.services.ecs.model import Ecs, EcsService, Image, TaskDefinition
from twin.services.elbv2.model import LoadBalancers, TargetGroup

SERVES = Image("orders:1", lambda request: (200, b"served"))
PLACEHOLDER = Image("nginx:latest")


def furnish(cloud: Cloud, name: str) -> None:
    balancers = LoadBalancers.of(cloud, Net.of(cloud))
    for region in (EAST, WEST):
        group = balancers.target_group(region, name)
        service = Ecs.of(cloud).create(region, name, "orders", SERVES, 2, group.arn)
        group.services.append(service)
        balancers.load_balancer(region, f"{name}.{region}.elb.example", [("*", group)])
        ApplicationAutoScaling.of(cloud).target(service, 1, 6)
        Ecs.of(cloud).define(region, name, TaskDefinition("orders", "orders:1", {"FLAG": "off"}))


def service_of(cloud: Cloud, region: str = EAST) -> EcsService:
    return Ecs.of(cloud).services[region, "one", "orders"]


def group_of(cloud: Cloud, region: str = EAST) -> TargetGroup:
    return LoadBalancers.of(cloud).groups[region, "one"]


def scale(desired: int, region: str = EAST) -> None:
    client("ecs", region).update_service(cluster="one", service="orders", desiredCount=desired)


def limit(**limits: Any) -> None:
    client("application-autoscaling", EAST).register_scalable_target(
        ServiceNamespace="ecs",
        ResourceId="service/one/orders",
        ScalableDimension="ecs:service:DesiredCount",
        **limits,
    )


def full(cloud: Cloud) -> None:
    Ecs.of(cloud).room(WEST, 3)
    Ecs.of(cloud).set_desired(service_of(cloud, WEST), 4)


def shut(cloud: Cloud) -> None:
    """A group that nobody may reach."""
    group = group_of(cloud, WEST)
    group.lets_in = lambda: False
    group.reachable_again()


def new_limits(cloud: Cloud) -> None:
    target = ApplicationAutoScaling.of(cloud).targets[EAST, "service/two/orders"]
    target.least, target.most, target.suspended["DynamicScalingInSuspended"] = 2, 9, True


UNDER_WAY = {
    "a new revision": lambda cloud: Ecs.of(cloud).define(
        EAST, "one", TaskDefinition("orders", "orders:2", {"FLAG": "on"})
    ),
    "a task that starts": lambda cloud: Ecs.of(cloud).set_desired(service_of(cloud), 3),
    "a desired count below the least": lambda cloud: Ecs.of(cloud).set_desired(service_of(cloud), 0),
    "a region without room": full,
    "new limits": new_limits,
    "a rollout": lambda cloud: service_of(cloud, WEST).deploy("orders:2", SERVES),
    "targets that cannot be reached": shut,
}


def described(region: str = EAST, *names: str) -> Any:
    return client("ecs", region).describe_services(cluster="one", services=list(names or ("orders",)))


def health(cloud: Cloud) -> list[str]:
    found = client("elbv2", EAST).describe_target_health(TargetGroupArn=group_of(cloud).arn)
    return [each["TargetHealth"]["State"] for each in found["TargetHealthDescriptions"]]


def get(cloud: Cloud) -> int:
    answer = Net.of(cloud).request("", "GET", "http://one.us-east-1.elb.example/", read_timeout=30)
    return answer[0]


def test_a_task_takes_time_to_start_and_three_checks_to_be_healthy(cloud: Cloud) -> None:
    scale(3)
    (it,) = described()["services"]
    assert (it["desiredCount"], it["runningCount"], it["pendingCount"]) == (3, 2, 1)
    began = cloud.clock.now
    while described()["services"][0]["runningCount"] < 3:
        cloud.clock.sleep(1)
    assert 10 < cloud.clock.now - began < 61
    assert sorted(health(cloud)) == ["healthy", "healthy", "initial"]
    cloud.clock.sleep(31)
    assert health(cloud) == ["healthy"] * 3


def test_a_stop_takes_time_and_customers_get_no_answer_from_then(cloud: Cloud) -> None:
    limit(MinCapacity=0)
    assert get(cloud) == 200
    scale(0)
    assert get(cloud) == 503
    assert described()["services"][0]["runningCount"] == 2
    assert health(cloud) == ["draining"] * 2
    cloud.clock.sleep(41)
    assert described()["services"][0]["runningCount"] == 0
    assert health(cloud) == []


def test_a_placeholder_image_runs_and_is_never_healthy(cloud: Cloud) -> None:
    service_of(cloud).deploy("orders:2", PLACEHOLDER)
    cloud.clock.sleep(600)
    assert described()["services"][0]["runningCount"] == 2
    assert health(cloud) == ["unhealthy"] * 2
    assert get(cloud) == 502


def test_targets_that_cannot_be_reached_are_unhealthy_after_three_checks_and_well_after_three(
    cloud: Cloud,
) -> None:
    group, open_ = group_of(cloud), [False]
    group.lets_in = lambda: open_[0]
    group.reachable_again()
    assert health(cloud) == ["healthy"] * 2
    assert get(cloud) == 504
    cloud.clock.sleep(30)
    assert health(cloud) == ["unhealthy"] * 2
    open_[0] = True
    group.reachable_again()
    cloud.clock.sleep(29)
    assert health(cloud) == ["unhealthy"] * 2
    cloud.clock.sleep(1)
    assert health(cloud) == ["healthy"] * 2


def test_without_room_a_service_says_so_and_goes_on_once_there_is_some(cloud: Cloud) -> None:
    Ecs.of(cloud).room(EAST, 4)
    scale(3)
    cloud.clock.sleep(90)
    (it,) = described()["services"]
    assert it["runningCount"] == 2
    assert "unable to place a task" in it["events"][0]["message"]
    Ecs.of(cloud).room(EAST)
    cloud.clock.sleep(61)
    assert described()["services"][0]["runningCount"] == 3


def test_below_its_least_a_service_is_scaled_out_again_unless_that_is_suspended(cloud: Cloud) -> None:
    limit(MinCapacity=2)
    scale(0)
    cloud.clock.sleep(181)
    assert service_of(cloud).desired == 2
    limit(SuspendedState={"DynamicScalingOutSuspended": True})
    scale(0)
    cloud.clock.sleep(600)
    assert service_of(cloud).desired == 0


def test_registering_moves_capacity_into_the_limits_even_where_they_are_not_sent(cloud: Cloud) -> None:
    scale(0)
    limit(SuspendedState={"ScheduledScalingSuspended": True})
    assert service_of(cloud).desired == 1
    limit(MaxCapacity=1, MinCapacity=0)
    scale(4)
    limit()
    assert service_of(cloud).desired == 1
    with pytest.raises(ClientError, match="less than minimum"):
        limit(MinCapacity=7)


def test_what_is_not_there_is_said_as_aws_says_it(cloud: Cloud) -> None:
    answer = described(EAST, "orders", "news")
    assert [each["serviceName"] for each in answer["services"]] == ["orders"]
    assert [each["reason"] for each in answer["failures"]] == ["MISSING"]
    ecs = client("ecs", EAST)
    with pytest.raises(ClientError, match="ClusterNotFound"):
        ecs.describe_services(services=["orders"])
    with pytest.raises(ClientError, match="ServiceNotFound"):
        ecs.update_service(cluster="one", service="news", desiredCount=1)
    with pytest.raises(ClientError, match="negative"):
        scale(-1)
    with pytest.raises(ClientError, match="1 to 10"):
        described(EAST, *map(str, range(11)))
    service_of(cloud).status = "DRAINING"
    with pytest.raises(ClientError, match="not ACTIVE"):
        scale(1)
    with pytest.raises(ClientError, match="TargetGroupNotFound"):
        client("elbv2", WEST).describe_target_health(TargetGroupArn=group_of(cloud).arn)


def test_a_family_is_described_by_its_newest_revision(cloud: Cloud) -> None:
    Ecs.of(cloud).define(EAST, "one", TaskDefinition("orders", "orders:2", {"FLAG": "on"}))
    told = client("ecs", EAST).describe_task_definition(taskDefinition="one")["taskDefinition"]
    assert (told["family"], told["revision"], told["status"]) == ("one", 2, "ACTIVE")
    assert (told["cpu"], told["memory"]) == ("256", "512")
    (container,) = told["containerDefinitions"]
    assert (container["image"], container["environment"]) == ("orders:2", [{"name": "FLAG", "value": "on"}])
    with pytest.raises(ClientError, match="Unable to describe task definition"):
        client("ecs", EAST).describe_task_definition(taskDefinition="three")
