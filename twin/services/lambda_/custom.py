"""Functions of an application's own that a run asks how something stands, or tells to bring it about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ...cloud import Cloud
from ...service import APART, Service


class CustomFunctions(Service):
    """What the code of each would do is not known. So it has done at once what it was told, until it is told
    the same for the other Region; and one that is never told has nothing to do."""

    service: ClassVar = "lambda"
    not_state: ClassVar = {"cloud": APART}

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self.done: dict[tuple[str, str], str] = {}
        """By Region and name, the Region for which it was told last."""

    def state(self) -> object:
        return sorted(self.done.items())

    def answer(self, region: str, name: str, event: Mapping[str, Any], told: bool) -> Mapping[str, Any]:
        """`told`: there is a line that tells it, and not only asks."""
        if not event["look"]:
            self.done[region, name] = str(event["to"])
        if told and self.done.get((region, name)) != event["to"]:
            return {"status": "wait", "why": f"nobody has told it for {event['to']} yet"}
        return {"status": "done"}
