"""Functions, each in the Regions in which a line has it: any of them lets customers' requests in.

Event source mappings poll, and find nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...furnishing import Role, Room, Wanted, Way
from .event_source_mappings import EventSourceMappings
from .model import Functions
from .sandbox import Function

FUNCTION = "FunctionName"
MAPPING = "MappingId"
TAKES: Mapping[str, Role] = {FUNCTION: "lets in", MAPPING: ""}
ASKED, INVOKE = ("function",), "lambda:InvokeFunction"
"""Where the one function stands that a step itself asks, and what it does to it."""
CONSUMER = "consumer"
"""What polled messages would go to."""
TIMEOUT_SECONDS = 10


class Throttle:
    """A function's reserved concurrency, as a gate."""

    def __init__(self, function: Function) -> None:
        self._function = function

    def is_open(self) -> bool:
        return self._function.reserved != 0

    def setting(self) -> object:
        return self._function.reserved


def refused(wanted: Wanted) -> Iterator[str]:
    for line, name in wanted.naming(FUNCTION):
        if name.at == ASKED and INVOKE in line.actions:
            yield f"what {name.text} of {line.where} does, only its own code knows"


def furnish(room: Room) -> None:
    for mapping, regions in room.wanted.places(MAPPING).items():
        for region in sorted(regions):
            EventSourceMappings.of(room.cloud).mapping(region, mapping, CONSUMER)
    functions = Functions.of(room.cloud)
    for name, regions in room.wanted.places(FUNCTION).items():
        for region in sorted(regions):
            work = room.work[region]

            def handle(event: Mapping[str, Any], context: object, work: Any = work) -> Any:
                return work(event)

            def carry(event: Mapping[str, Any], region: str = region, name: str = name) -> Any:
                return functions.invoke(region, name, event)

            functions.deploy(region, name, handle, timeout=TIMEOUT_SECONDS)
            gate = Throttle(functions.function(region, name))
            room.add_way(region, Way(FUNCTION, name, gate, carry))
