"""Topics are made for every runbook, by whoever simulates it."""

from __future__ import annotations

from collections.abc import Mapping

from ...furnishing import Role, Room

TAKES: Mapping[str, Role] = {"TopicArn": ""}


def furnish(room: Room) -> None: ...
