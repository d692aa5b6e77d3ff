"""Global Accelerator, in the Cloud that has everything."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError
from every_service import EAST, OREGON, WEST, client
from urllib3.exceptions import ReadTimeoutError

from twin.cloud import Cloud
from twin.net import Net
from twin.services.ecs.model import Ecs, Image
from twin.services.elbv2.model import LoadBalancers
from twin.services.globalaccelerator.model import Accelerator, GlobalAccelerator


def furnish(cloud: Cloud, name: str) -> None:
    balancers = LoadBalancers.of(cloud, Net.of(cloud))
    made = {}
    for region in (EAST, WEST):
        group = balancers.target_group(region, f"{name}-accelerated")
        said = region.encode()
        serves = Image("shop:1", lambda request, said=said: (200, said))  # type: ignore[misc]
        service = Ecs.of(cloud).create(region, f"{name}-accelerated", "shop", serves, 1, group.arn)
        group.services.append(service)
        made[region] = balancers.load_balancer(region, f"{name}-a.{region}.elb.example", [("*", group)])
    GlobalAccelerator.of(cloud, Net.of(cloud)).accelerator(name, made)


def it(cloud: Cloud) -> Accelerator:
    return GlobalAccelerator.of(cloud).accelerators["one"]


UNDER_WAY = {
    "a dial that was turned": lambda cloud: it(cloud).change(it(cloud).groups[WEST], 30.0),
    "an endpoint that fails its checks": lambda cloud: it(cloud).groups[EAST].check(False),
}


def dial(cloud: Cloud, region: str, percent: float, **more: Any) -> None:
    client("globalaccelerator", OREGON).update_endpoint_group(
        EndpointGroupArn=it(cloud).groups[region].arn, TrafficDialPercentage=percent, **more
    )


def deployed(cloud: Cloud) -> None:
    def status() -> str:
        described = client("globalaccelerator", OREGON).describe_accelerator(AcceleratorArn=it(cloud).arn)
        return str(described["Accelerator"]["Status"])

    assert status() == "IN_PROGRESS"
    cloud.clock.sleep(301)
    assert status() == "DEPLOYED"


def sicken(cloud: Cloud, region: str) -> None:
    Ecs.of(cloud).set_desired(Ecs.of(cloud).services[region, "one-accelerated", "shop"], 0)
    cloud.clock.sleep(31)


def led(cloud: Cloud, origin: str = "") -> str:
    return Net.of(cloud).request(origin, "GET", f"http://{it(cloud).dns}/")[1].decode()


def test_customers_are_led_to_the_nearest_group(cloud: Cloud) -> None:
    assert (led(cloud), led(cloud, WEST)) == (EAST, WEST)


def test_a_dial_takes_effect_once_it_is_deployed_and_scales_what_would_have_come(cloud: Cloud) -> None:
    dial(cloud, EAST, 30)
    assert it(cloud).share() == {EAST: 1.0, WEST: 0.0}
    deployed(cloud)
    assert it(cloud).share() == {EAST: 0.3, WEST: 0.7}
    assert led(cloud, WEST) == WEST


def test_a_dial_of_zero_leaks_where_nobody_else_is_healthy(cloud: Cloud) -> None:
    dial(cloud, EAST, 0)
    deployed(cloud)
    assert it(cloud).share() == {EAST: 0.0, WEST: 1.0}
    sicken(cloud, WEST)
    assert it(cloud).share() == {EAST: 1.0, WEST: 0.0}


def test_with_nobody_healthy_it_fails_open_to_the_nearest(cloud: Cloud) -> None:
    for region in (EAST, WEST):
        sicken(cloud, region)
    assert it(cloud).route(WEST).region == WEST
    assert it(cloud).route("").region == EAST


def test_a_dark_region_is_left_after_three_checks_and_connections_that_stand_stay(cloud: Cloud) -> None:
    stands = it(cloud).route("")
    cloud.faults.dark.add(EAST)
    with pytest.raises(ReadTimeoutError):
        led(cloud)
    cloud.clock.sleep(31)
    assert led(cloud) == WEST
    assert stands.region == EAST
    cloud.faults.dark.clear()
    cloud.clock.sleep(31)
    assert led(cloud) == EAST


def test_its_control_plane_lives_in_us_west_2_and_its_data_plane_does_not(cloud: Cloud) -> None:
    cloud.faults.dark.add(OREGON)
    assert led(cloud) == EAST
    with pytest.raises(ConnectTimeoutError):
        dial(cloud, EAST, 0)


def test_it_refuses_what_aws_refuses(cloud: Cloud) -> None:
    with pytest.raises(ClientError, match="between 0 and 100"):
        dial(cloud, EAST, 100.5)
    accelerators = client("globalaccelerator", OREGON)
    with pytest.raises(ClientError, match="EndpointGroupNotFound"):
        accelerators.describe_endpoint_group(EndpointGroupArn="arn:aws:news")
    with pytest.raises(ClientError, match="AcceleratorNotFound"):
        accelerators.describe_accelerator(AcceleratorArn="arn:aws:news")
    with pytest.raises(NotImplementedError, match="replaces what is there"):
        dial(cloud, EAST, 50, EndpointConfigurations=[])


def test_an_endpoint_group_tells_its_dial_and_its_health(cloud: Cloud) -> None:
    sicken(cloud, EAST)
    arn = it(cloud).groups[EAST].arn
    group = client("globalaccelerator", OREGON).describe_endpoint_group(EndpointGroupArn=arn)["EndpointGroup"]
    assert (group["EndpointGroupRegion"], group["TrafficDialPercentage"]) == (EAST, 100)
    assert [each["HealthState"] for each in group["EndpointDescriptions"]] == ["UNHEALTHY"]
