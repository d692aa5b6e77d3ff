"""Probes: who reads what they see, and whether an alarm that is named stands where it is looked for."""

from __future__ import annotations

from collections.abc import Iterator

from ..compile.direction import both_ways
from ..compile.probing import alarms, standing
from ..runbook.model import Runbook
from ..runbook.typed import texts
from ..runbook.wording import the_first
from .finding import Finding, Procedures

ALARM = "AlarmName"
"""The type of what names one."""


def findings(runbook: Runbook, listed: Procedures) -> Iterator[Finding]:
    if not runbook.probes:
        return
    read = [*_read(runbook, listed)]
    yield from _elsewhere(runbook, read)
    yield from _unread(runbook, {name for _, name, _ in read})
    if runbook.regions.observer is None:
        line, standby = runbook.lines["probes"], runbook.regions.standby
        what = f"probes: {standby} alone looks, and a road of its own that fails is all that it sees"
        yield Finding("probes", runbook.path, line, what, "name an observer under regions", "warning")


def _read(runbook: Runbook, listed: Procedures) -> Iterator[tuple[int, str, str]]:
    """Line, name and Region of each alarm that something goes by, as a failover has it."""
    for trigger in runbook.triggers:
        yield trigger.line, trigger.alarm, runbook.regions.standby
    way, _ = both_ways(runbook)
    for placed in listed.everything():
        for each in texts(placed.kind, dict(placed.line.inputs)):
            if each.type == ALARM:
                yield placed.line.line, each.text, way.region(each.region)


def _elsewhere(runbook: Runbook, read: list[tuple[int, str, str]]) -> Iterator[Finding]:
    """A Region's own alarm dies with it, so there is none."""
    there = standing(runbook)
    for line, name, region in read:
        if region not in there.get(name, (region,)):
            what = f"there is no alarm {name} in {region}: it stands in {the_first(there[name])}"
            yield Finding("probes", runbook.path, line, what, "name it there, or another probe's alarm")


def _unread(runbook: Runbook, read: set[str]) -> Iterator[Finding]:
    for probe in runbook.probes:
        names = [alarm.name for alarm in alarms(runbook) if alarm.probe is probe]
        if read.isdisjoint(names):
            what = f"probes: nothing goes by what {probe.name} sees"
            instead = f"write {names[0]} under triggers, or as evidence"
            yield Finding("probes", runbook.path, probe.line, what, instead, "warning")
