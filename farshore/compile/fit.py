"""Which lines a step does not take: inputs that are each well written, and do not go together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_origin

from functions.handler import step_from
from functions.inputs import Region

from ..runbook.mistakes import shortened
from ..runbook.model import Line, Runbook, lines
from ..runbook.registry import steps
from ..runbook.typed import hints
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
    literal = way.literal(kind, inputs_of(line))
    try:
        step_from(kind, literal)
    except ValueError as error:
        return shortened(str(error))
    return _not_there(hints(kind), literal)


def _not_there(declared: Mapping[str, Any], literal: Mapping[str, Any]) -> str:
    """A Region for which another input has no entry, as an observer has none."""
    regions = [literal[name] for name, kind in declared.items() if kind is Region and literal.get(name)]
    for name, kind in declared.items():
        of_regions = get_origin(kind) is Mapping and get_args(kind)[0] is Region
        for region in regions if of_regions and literal.get(name) else ():
            if region not in literal[name]:
                return f"{name} has no entry for {region}: write $from or $to, or one of its Regions"
    return ""
