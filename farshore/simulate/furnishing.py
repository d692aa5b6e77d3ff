"""What a runbook says of its application, for a twin that has none of that name."""

from __future__ import annotations

from collections.abc import Iterator

import click

from twin.applications import stand_in
from twin.applications.foundation import Build, Unknown, builder
from twin.furnishing import Line, Named, Wanted, refusals

from ..compile.direction import Direction
from ..runbook.model import PROCEDURES, Runbook, lines
from ..runbook.registry import inputs, steps
from ..runbook.typed import texts

_WANTED: dict[int, tuple[Runbook, Wanted]] = {}
"""By the runbook's identity: a runbook is never changed, but it has no hash."""


def build_of(runbook: Runbook) -> Build:
    """The application of the runbook's name in its Regions, or a stand-in that is furnished from the runbook.

    Raises a usage error where that cannot be furnished.
    """
    try:
        return builder(runbook.application, (runbook.regions.primary, runbook.regions.standby))
    except Unknown:
        everything = wanted(runbook)
        if missing := list(dict.fromkeys(refusals(everything))):
            raise click.UsageError(
                f"{runbook.path}: the twin has no {runbook.application}, and cannot furnish one from the "
                f"runbook alone: {'; '.join(missing)}: leave that out, or write "
                f"{stand_in.where(everything)}, with its `build`"
            ) from None
        return stand_in.build_of(everything)


def customers_of(runbook: Runbook) -> str:
    """Who the customers are where they are a stand-in, and what is assumed of them; "" where they are not.

    Raises a usage error as `build_of` does.
    """
    return stand_in.assumed(wanted(runbook)) if stand_in.is_one(build_of(runbook)) else ""


def wanted(runbook: Runbook) -> Wanted:
    if id(runbook) not in _WANTED:
        regions = runbook.regions
        from_outside = {regions.standby, regions.observer or regions.standby}
        alarms = {trigger.alarm for trigger in runbook.triggers}
        watched = frozenset((region, alarm) for region in from_outside for alarm in alarms)
        everything = tuple(_lines(runbook))
        _WANTED[id(runbook)] = (
            runbook,
            Wanted(runbook.application, regions.primary, regions.standby, everything, watched),
        )
    return _WANTED[id(runbook)][1]


def _lines(runbook: Runbook) -> Iterator[Line]:
    """Of every procedure; of a failback, too, where only the failover is written."""
    written = runbook.procedures
    for name in PROCEDURES:
        if name not in written and name != "failback":
            continue
        way = Direction(*runbook.direction(name))
        for line in lines(written.get(name, written["failover"])):
            kind = steps()[line.step]
            defaults = {each.name: each.default for each in inputs(kind) if not each.required}
            given = way.literal(kind, {**defaults, **line.inputs})
            names = tuple(Named(each.type, each.text, each.at, each.region) for each in texts(kind, given))
            actions = frozenset(api.action for api in (*kind.reads, *kind.writes))
            yield Line(f"line {line.line} ({line.step})", name, given, names, actions)
