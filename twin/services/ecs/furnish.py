"""Task definitions that say the same in both Regions. Services come with the load balancers before them."""

from __future__ import annotations

from collections.abc import Mapping

from ...furnishing import Role, Room
from .model import Ecs, TaskDefinition

FAMILY = "Family"
TAKES: Mapping[str, Role] = {FAMILY: ""}


def furnish(room: Room) -> None:
    for family, regions in room.wanted.places(FAMILY).items():
        for region in sorted(regions):
            same = TaskDefinition("app", f"{room.wanted.application}:1", {})
            Ecs.of(room.cloud).define(region, family, same)
