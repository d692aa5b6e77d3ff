"""X-Ray has no groups yet: a run creates them."""

from __future__ import annotations

from collections.abc import Mapping

from ...furnishing import Role, Room
from .model import Xray

GROUP = "GroupName"
TAKES: Mapping[str, Role] = {GROUP: ""}


def furnish(room: Room) -> None:
    if room.wanted.texts(GROUP):
        Xray.of(room.cloud)
