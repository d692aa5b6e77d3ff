"""Canaries, each with an alarm of its name: every alarm of a runbook says whether customers are served."""

from __future__ import annotations

from collections.abc import Mapping

from ...furnishing import Role, Room
from ..cloudwatch.model import Metrics
from .model import Synthetics

ALARM = "AlarmName"
TAKES: Mapping[str, Role] = {ALARM: ""}


def furnish(room: Room) -> None:
    metrics = room.cloud.enlisted(Metrics)
    assert metrics is not None, "a Cloud in which something is watched has metrics"
    of_all = Synthetics.of(room.cloud, room.net, metrics)
    for alarm, regions in room.wanted.places(ALARM).items():
        for region in sorted(regions):
            if (region, alarm) not in room.wanted.watched:
                of_all.alarmed(region, alarm, room.journey(region))
