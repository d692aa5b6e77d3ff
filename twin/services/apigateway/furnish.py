"""REST APIs with a stage each, without limits of their own: customers' requests pass the Region's."""

from __future__ import annotations

from collections.abc import Mapping

from ...furnishing import Role, Room, Way
from .model import ApiGateway, Stage

API, STAGE = "RestApiId", "StageName"
TAKES: Mapping[str, Role] = {API: "lets in", STAGE: ""}
DEFAULT = "*/*"
"""The settings of every method that has none of its own."""


class Limit:
    """A stage's, as a gate."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def is_open(self) -> bool:
        return all(self._stage.limits(DEFAULT))

    def setting(self) -> object:
        return self._stage.limits(DEFAULT)


def furnish(room: Room) -> None:
    known = set[tuple[str, str, str]]()
    for line, api in room.wanted.naming(API):
        (stage,) = (name.text for name in line.of(STAGE))
        if (named := (api.region, api.text, stage)) not in known:
            known.add(named)
            made = ApiGateway.of(room.cloud).stage(*named)
            room.add_way(api.region, Way(API, api.text, Limit(made)))
