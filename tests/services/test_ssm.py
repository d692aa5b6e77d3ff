"""Systems Manager's Run Command, in the Cloud that has everything."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from every_service import WEST, client

from twin.cloud import Cloud
from twin.services.ssm.model import Node, Ssm


def furnish(cloud: Cloud, name: str) -> None:
    ssm = Ssm.of(cloud)
    ssm.document(WEST, name)
    for number in (1, 2):
        ssm.node(WEST, f"i-{ord(name[0]):015x}0{number}", role=name)


def node(cloud: Cloud, number: int = 0) -> Node:
    return list(Ssm.of(cloud).nodes.values())[number]


def send(cloud: Cloud, role: str = "one", **more: Any) -> str:
    asked = {"DocumentName": "one", "Targets": [{"Key": "tag:role", "Values": [role]}], **more}
    return str(client("ssm").send_command(**asked)["Command"]["CommandId"])


def send_to_one_that_is_away(cloud: Cloud) -> None:
    node(cloud).online = False
    send(cloud)


UNDER_WAY = {"a command to a node that is away": send_to_one_that_is_away}


def command(name: str) -> Any:
    return client("ssm").list_commands(CommandId=name)["Commands"][0]


def statuses(name: str) -> list[tuple[str, str]]:
    told = client("ssm").list_command_invocations(CommandId=name)["CommandInvocations"]
    return [(each["Status"], each["StatusDetails"]) for each in told]


def test_a_command_is_there_a_little_later_and_its_invocations_after_it(cloud: Cloud) -> None:
    name = send(cloud)
    with pytest.raises(ClientError, match="InvalidCommandId"):
        command(name)
    cloud.clock.sleep(40)
    assert command(name)["Status"] == "Success"
    assert statuses(name) == [("Success", "Success")] * 2
    assert node(cloud).ran == ["one"]


def test_what_is_sent_twice_runs_twice(cloud: Cloud) -> None:
    for _ in range(2):
        send(cloud, Comment="the same")
    cloud.clock.sleep(40)
    assert node(cloud).ran == ["one", "one"]


def test_an_undeliverable_node_counts_neither_for_nor_against_the_command(cloud: Cloud) -> None:
    node(cloud).outcome = "Undeliverable"
    name = send(cloud)
    cloud.clock.sleep(40)
    assert command(name)["Status"] == "Success"
    assert sorted(statuses(name)) == [("Failed", "Undeliverable"), ("Success", "Success")]


def test_no_node_of_a_tag_is_a_status_of_its_own(cloud: Cloud) -> None:
    name = send(cloud, "nobody")
    cloud.clock.sleep(10)
    assert command(name)["StatusDetails"] == "NoInstancesInTag"
    assert statuses(name) == []


def test_a_node_that_is_away_runs_it_when_it_is_back_and_not_after_the_time_of_delivery(cloud: Cloud) -> None:
    away = node(cloud)
    away.online = False
    first, second = send(cloud, TimeoutSeconds=3600), send(cloud, TimeoutSeconds=30)
    cloud.clock.sleep(60)
    assert ("Delayed", "Delayed") in statuses(first)
    assert ("TimedOut", "DeliveryTimedOut") in statuses(second)
    away.online = True
    cloud.clock.sleep(60)
    assert away.ran == ["one"]


def test_lists_come_in_pages_the_newest_first(cloud: Cloud) -> None:
    names = [send(cloud) for _ in range(3)]
    cloud.clock.sleep(40)
    ssm = client("ssm")
    first = ssm.list_commands(MaxResults=2)
    more = ssm.list_commands(MaxResults=2, NextToken=first["NextToken"])
    assert [each["CommandId"] for each in (*first["Commands"], *more["Commands"])] == names[::-1]
    assert "NextToken" not in more


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"Comment": "x" * 101}, "ValidationException"),
        ({"TimeoutSeconds": 29}, "ValidationException|Invalid"),
        ({"Targets": []}, "ValidationException"),
        ({"DocumentName": "none"}, "InvalidDocument"),
    ],
)
def test_what_aws_would_refuse_is_refused(cloud: Cloud, asked: dict[str, Any], said: str) -> None:
    with pytest.raises(Exception, match=said):
        send(cloud, **asked)
