"""Dashboards that show nothing yet: a run puts on them what is missing."""

from __future__ import annotations

import json
from collections.abc import Mapping

from ...furnishing import Role, Room
from .dashboards import Dashboards

DASHBOARD = "DashboardName"
TAKES: Mapping[str, Role] = {DASHBOARD: ""}


def furnish(room: Room) -> None:
    for name in room.wanted.texts(DASHBOARD):
        Dashboards.of(room.cloud).bodies[name] = json.dumps({"widgets": []})
