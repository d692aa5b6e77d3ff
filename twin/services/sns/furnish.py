"""Topics are made for every runbook, by whoever simulates it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...furnishing import Role, Room, Wanted

TAKES: Mapping[str, Role] = {"TopicArn": ""}


def refused(wanted: Wanted) -> Iterator[str]:
    return iter(())


def furnish(room: Room) -> None: ...
