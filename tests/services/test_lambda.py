"""Lambda's functions, in the Cloud that has everything."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from every_service import EAST, WEST, client

from twin.cloud import Cloud
from twin.services.lambda_.custom import CustomFunctions
from twin.services.lambda_.event_source_mappings import EventSource, EventSourceMappings
from twin.services.lambda_.model import Functions

POLLS = "00000000-0000-4000-8000-0000000000{}"
"""A mapping's UUID, by the name of what is furnished."""
UUIDS = {"one": POLLS.format("01"), "two": POLLS.format("02")}


def furnish(cloud: Cloud, name: str) -> None:
    for region in (EAST, WEST):
        Functions.of(cloud).deploy(region, name, lambda event, context: cloud.clock.sleep(300))
        EventSourceMappings.of(cloud).mapping(region, UUIDS[name], name)
        CustomFunctions.of(cloud)


def disable() -> dict[str, Any]:
    answer: dict[str, Any] = client("lambda", EAST).update_event_source_mapping(
        UUID=UUIDS["one"], Enabled=False
    )
    return answer


def polling(cloud: Cloud, uuid: str) -> EventSource:
    return EventSourceMappings.of(cloud).mapping(WEST, uuid, "one")


UNDER_WAY = {
    "what a function was told": lambda cloud: CustomFunctions.of(cloud).answer(
        EAST, "one", {"look": False, "to": EAST}, told=True
    ),
    "an invocation": lambda cloud: cloud.clock.spawn(lambda: Functions.of(cloud).invoke(EAST, "one", {})),
    "a reservation": lambda cloud: client("lambda", EAST).put_function_concurrency(
        FunctionName="one", ReservedConcurrentExecutions=1
    ),
    "an event source that is disabled": lambda cloud: EventSourceMappings.of(cloud).turn(
        polling(cloud, POLLS.format("03")), False
    ),
    "provisioned concurrency": lambda cloud: Functions.of(cloud).provision(EAST, "two", "1", 2, "no room"),
}


def test_a_mapping_that_is_disabled_takes_its_time_and_takes_no_other_change_meanwhile(cloud: Cloud) -> None:
    lambdas = client("lambda", EAST)
    assert disable()["State"] == "Disabling"
    with pytest.raises(ClientError, match="ResourceInUseException"):
        lambdas.update_event_source_mapping(UUID=UUIDS["one"], Enabled=True)
    cloud.clock.sleep(61)
    assert lambdas.get_event_source_mapping(UUID=UUIDS["one"])["State"] == "Disabled"
    assert client("lambda", WEST).get_event_source_mapping(UUID=UUIDS["one"])["State"] == "Enabled"


def test_a_mapping_that_is_not_there_and_a_change_that_no_step_makes_are_refused(cloud: Cloud) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client("lambda", EAST).get_event_source_mapping(UUID=POLLS.format("09"))
    with pytest.raises(NotImplementedError, match="the twin changes Enabled"):
        client("lambda", EAST).update_event_source_mapping(UUID=UUIDS["one"], BatchSize=5)
