"""AWS Health has no issue of any service."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...furnishing import Role, Room, Wanted

TAKES: Mapping[str, Role] = {"HealthService": ""}


def refused(wanted: Wanted) -> Iterator[str]:
    return iter(())


def furnish(room: Room) -> None: ...
