"""Auto Scaling groups of a few instances in each Region: customers' requests need one of each."""

from __future__ import annotations

from collections.abc import Mapping

from ...furnishing import Role, Room, Way
from .model import AutoScaling, Group

GROUP = "AsgName"
TAKES: Mapping[str, Role] = {GROUP: "lets in"}
LEAST, INSTANCES, MOST = 1, 2, 20


class Instances:
    """A group's, as a gate: it wants any."""

    def __init__(self, group: Group) -> None:
        self._group = group

    def is_open(self) -> bool:
        return self._group.desired > 0

    def setting(self) -> object:
        """As many as usually, or fewer."""
        return min(self._group.desired, INSTANCES), min(self._group.least, LEAST)


def furnish(room: Room) -> None:
    for name, regions in room.wanted.places(GROUP).items():
        for region in sorted(regions):
            made = AutoScaling.of(room.cloud).group(region, name, LEAST, INSTANCES, MOST)
            room.add_way(region, Way(GROUP, name, Instances(made)))
