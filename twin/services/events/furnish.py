"""Rules that fire once an hour, and start nothing here."""

from __future__ import annotations

from collections.abc import Mapping

from ...furnishing import Role, Room
from .model import Bus

RULE = "RuleName"
TAKES: Mapping[str, Role] = {RULE: ""}
HOURLY_SECONDS = 3600.0


def furnish(room: Room) -> None:
    for name, regions in room.wanted.places(RULE).items():
        for region in sorted(regions):
            Bus.of(room.cloud).schedule(region, name, HOURLY_SECONDS, lambda event: None)
