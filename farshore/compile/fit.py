"""Which lines a step does not take: inputs that are each well written, and do not go together."""

from __future__ import annotations

from collections.abc import Iterator

from functions.handler import step_from

from ..runbook.model import Line, Runbook, lines
from ..runbook.registry import steps
from .direction import Direction, both_ways
from .states import inputs_of


def unfit(runbook: Runbook) -> Iterator[tuple[Line, str]]:
    """Each such line, and what its step says: in whichever direction it will be carried out."""
    there, back = both_ways(runbook)
    for procedure, entries in runbook.procedures.items():
        ways = {"failover": [there, back], "failback": [back]}.get(procedure, [there])
        if procedure == "failover" and "failback" in runbook.procedures:
            ways = [there]
        for line in lines(entries):
            for said in dict.fromkeys(filter(None, (_refusal(line, way) for way in ways))):
                yield line, said


def _refusal(line: Line, way: Direction) -> str:
    kind = steps()[line.step]
    try:
        step_from(kind, way.literal(kind, inputs_of(line)))
    except ValueError as error:
        return str(error)
    return ""
