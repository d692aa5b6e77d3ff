"""AWS Health has no issue of any service."""

from __future__ import annotations

from collections.abc import Mapping

from ...furnishing import Role, Room

TAKES: Mapping[str, Role] = {"HealthService": ""}


def furnish(room: Room) -> None: ...
