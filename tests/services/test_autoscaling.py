"""EC2 Auto Scaling's groups, in the Cloud that has everything."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from every_service import EAST, WEST, client

from twin.cloud import Cloud
from twin.services.autoscaling.model import AutoScaling, Group


def furnish(cloud: Cloud, name: str) -> None:
    for region in (EAST, WEST):
        AutoScaling.of(cloud).group(region, name, 1, 2, 4)


def odd(cloud: Cloud) -> None:
    """A group with something of everything."""
    group = other(cloud)
    group.warmed, group.refresh, group.status = 1, "InProgress", "Delete in progress"
    group.suspended.add("Launch")


def other(cloud: Cloud) -> Group:
    return AutoScaling.of(cloud).group(WEST, "other", 0, 1, 1)


UNDER_WAY = {
    "an instance that is launched": lambda cloud: AutoScaling.of(cloud).resize(
        AutoScaling.of(cloud).group(EAST, "third", 0, 0, 3), 1, 2, 3
    ),
    "a group that is being deleted": odd,
}


def in_service(name: str = "one") -> int:
    (group,) = client("autoscaling", EAST).describe_auto_scaling_groups(AutoScalingGroupNames=[name])[
        "AutoScalingGroups"
    ]
    return sum(each["LifecycleState"] == "InService" for each in group["Instances"])


def resize(least: int, desired: int, most: int) -> None:
    client("autoscaling", EAST).update_auto_scaling_group(
        AutoScalingGroupName="one", MinSize=least, DesiredCapacity=desired, MaxSize=most
    )


def test_an_instance_is_in_service_some_time_after_it_is_desired(cloud: Cloud) -> None:
    resize(4, 4, 4)
    assert in_service() == 2
    cloud.clock.sleep(181)
    assert in_service() == 4
    resize(0, 1, 4)
    assert in_service() == 1


@pytest.mark.parametrize("sizes", [(1, 5, 4), (3, 2, 4)])
def test_a_desired_capacity_outside_its_limits_is_refused(cloud: Cloud, sizes: tuple[int, int, int]) -> None:
    with pytest.raises(ClientError, match="ValidationError"):
        resize(*sizes)


def test_what_is_suspended_is_not_done_though_the_sizes_are_taken(cloud: Cloud) -> None:
    group = AutoScaling.of(cloud).group(EAST, "three", 1, 2, 4)
    group.suspended = {"Launch", "Terminate"}
    AutoScaling.of(cloud).resize(group, 4, 4, 4)
    cloud.clock.sleep(200)
    assert in_service("three") == 2
    AutoScaling.of(cloud).resize(group, 0, 0, 4)
    assert in_service("three") == 2


def test_a_group_that_is_not_there_is_told_in_two_ways(cloud: Cloud) -> None:
    scaling = client("autoscaling", EAST)
    assert scaling.describe_auto_scaling_groups(AutoScalingGroupNames=["none"])["AutoScalingGroups"] == []
    with pytest.raises(ClientError, match="ValidationError"):
        scaling.describe_instance_refreshes(AutoScalingGroupName="none")
