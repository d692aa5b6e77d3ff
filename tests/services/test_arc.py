"""ARC's routing controls, in the Cloud that has everything."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError
from every_service import EAST, OREGON, WEST, client

from twin.cloud import Cloud
from twin.services.arc.model import Arc, AtLeast


def furnish(cloud: Cloud, name: str) -> None:
    rules = [AtLeast("one-serves", (EAST, WEST))]
    Arc.of(cloud).cluster(name, {EAST: "On", WEST: "Off"}, rules)


def turn(state: str) -> Callable[[Cloud], object]:
    def act(cloud: Cloud) -> None:
        it = Arc.of(cloud).clusters["one"]
        controls = client("route53-recovery-cluster", OREGON, endpoint_url=it.endpoints[OREGON])
        wanted = {"RoutingControlArn": it.arns[WEST], "RoutingControlState": state}
        controls.update_routing_control_states(UpdateRoutingControlStateEntries=[wanted])

    return act


UNDER_WAY = {"a routing control that was turned": turn("On")}


def test_the_quiet_time_after_a_change_of_routes_is_in_the_state_in_seconds_and_ends(cloud: Cloud) -> None:
    cloud.clock.sleep(30)
    for state in ("On", "Off", "On"):
        turn(state)(cloud)
        cloud.clock.sleep(6)
    cloud.clock.sleep(6)
    settled = Arc.of(cloud).state()
    turn("Off")(cloud)
    quiet = Arc.of(cloud).state()
    with pytest.raises(ClientError, match="wait period"):
        turn("On")(cloud)
    cloud.clock.sleep(2)
    assert Arc.of(cloud).state() not in (quiet, settled)
    cloud.clock.sleep(6)
    turn("On")(cloud)
    cloud.clock.sleep(12)
    assert Arc.of(cloud).state() == settled
