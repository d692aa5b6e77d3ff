"""Functions, each in the Regions in which a line has it: any of them lets customers' requests in.

One that a run asks is the application's own, and customers do not meet it. Event source mappings poll, and
find nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...furnishing import Role, Room, Wanted, Way
from .custom import CustomFunctions
from .event_source_mappings import EventSourceMappings
from .model import Functions
from .sandbox import Function

FUNCTION = "FunctionName"
CUSTOM = "CustomFunctionName"
MAPPING = "MappingId"
TAKES: Mapping[str, Role] = {FUNCTION: "lets in", CUSTOM: "", MAPPING: ""}
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
    for name in sorted(set(wanted.texts(FUNCTION)) & set(wanted.texts(CUSTOM))):
        yield f"{name} lets customers in, and a run asks it, too: only its own code knows what it answers"


def assumed(wanted: Wanted) -> Iterator[str]:
    if told := sorted(_told(wanted)):
        yield f"{', '.join(told)} has done at once what it is told"


def _told(wanted: Wanted) -> set[str]:
    """The application's own functions that a line tells to do something."""
    return {name.text for line, name in wanted.naming(CUSTOM) if not line.inputs.get("verifies")}


def furnish(room: Room) -> None:
    for mapping, regions in room.wanted.places(MAPPING).items():
        for region in sorted(regions):
            EventSourceMappings.of(room.cloud).mapping(region, mapping, CONSUMER)
    functions, custom, told = Functions.of(room.cloud), CustomFunctions.of(room.cloud), _told(room.wanted)
    for name, regions in room.wanted.places(CUSTOM).items():
        for region in sorted(regions):

            def answer(event: Any, context: object, region: str = region, name: str = name) -> Any:
                return custom.answer(region, name, event, told=name in told)

            functions.deploy(region, name, answer, timeout=TIMEOUT_SECONDS)
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
