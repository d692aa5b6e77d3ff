"""Canaries, each with an alarm of its name: an alarm of a runbook says whether customers are served.

One that must stay quiet while a run leads them to a Region says whether they are well there.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...furnishing import Role, Room
from ..cloudwatch.model import Metrics
from .model import Synthetics

ALARM = "AlarmName"
TAKES: Mapping[str, Role] = {ALARM: ""}
QUIET = "alarms"
"""The input of those that must stay quiet."""


def furnish(room: Room) -> None:
    metrics = room.cloud.enlisted(Metrics)
    assert metrics is not None, "a Cloud in which something is watched has metrics"
    of_all = Synthetics.of(room.cloud, room.net, metrics)
    evidence = {name.text for _, name in room.wanted.naming(ALARM) if name.at[0] != QUIET}
    for alarm, regions in room.wanted.places(ALARM).items():
        for region in sorted(regions):
            if (region, alarm) not in room.wanted.watched:
                there = alarm not in evidence and region in room.addresses
                journey = f"https://{room.addresses[region]}/" if there else room.journey(region)
                of_all.alarmed(region, alarm, journey)
