"""What a runbook, and a topology beside it, say of an application, for a twin that has none of that name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import click

from twin.applications import stand_in
from twin.applications.foundation import Build, Unknown, builder
from twin.customers import FOR_EVER, LONGEST_KEPT_TTL, TTLS
from twin.furnishing import Line, Named, Topology, Wanted, host_of, refusals, roles
from twin.verb import MADE_UP, Verb

from ..compile.direction import Direction
from ..compile.probing import standing
from ..runbook import topology
from ..runbook.mistakes import Mistake, Mistakes
from ..runbook.model import PROCEDURES, Probe, Runbook, lines
from ..runbook.registry import inputs, steps
from ..runbook.typed import texts

_WANTED: dict[int, tuple[Runbook, Wanted]] = {}
"""By the runbook's identity: a runbook is never changed, but it has no hash."""


def build_of(runbook: Runbook) -> Build:
    """The application of the runbook's name in its Regions, or a stand-in that is furnished from the runbook.

    Raises a usage error where that cannot be furnished, and with every mistake of the topology.
    """
    if wrong := mistakes(runbook):
        raise click.UsageError("\n".join(map(str, wrong)))
    if (own := _own(runbook)) is not None:
        return own
    everything = wanted(runbook)
    if missing := list(dict.fromkeys(refusals(everything))):
        raise click.UsageError(
            f"{runbook.path}: the twin has no {runbook.application}, and cannot furnish one from the "
            f"runbook alone: {'; '.join(missing)}: leave that out, or write "
            f"{stand_in.where(everything)}, with its `build`"
        )
    return stand_in.build_of(everything)


def _own(runbook: Runbook) -> Build | None:
    """The application of the runbook's name that the twin has."""
    try:
        return builder(runbook.application, (runbook.regions.primary, runbook.regions.standby))
    except Unknown:
        return None


def customers_of(runbook: Runbook) -> str:
    """Who the customers are where they are a stand-in, and what is assumed of them; "" where they are not.

    Raises a usage error as `build_of` does.
    """
    return stand_in.assumed(wanted(runbook)) if stand_in.is_one(build_of(runbook)) else ""


def ttls_of(runbook: Runbook) -> Sequence[float]:
    """For how long each of its customers keeps an address, in seconds."""
    build = build_of(runbook)
    said = wanted(runbook).topology if stand_in.is_one(build) else Topology()
    return (
        (*[LONGEST_KEPT_TTL] * (said.customers - said.stale), *[FOR_EVER] * said.stale)
        if said.customers
        else TTLS
    )


def mistakes(runbook: Runbook) -> Sequence[Mistake]:
    """Of the topology beside it, if there is one."""
    try:
        path = topology.of(runbook.path)
        if path is None:
            return ()
        if _own(runbook) is None:
            wanted(runbook)
            return ()
    except Mistakes as wrong:
        return wrong.mistakes
    what = f"the twin has a {runbook.application} of its own, which no topology changes"
    instead = "take the file away, or give the runbook another application"
    return [Mistake(str(path), 0, what, instead)]


def wanted(runbook: Runbook) -> Wanted:
    """Raises Mistakes, of the topology."""
    if id(runbook) not in _WANTED:
        regions = runbook.regions
        from_outside = {regions.standby, regions.observer or regions.standby}
        alarms = {trigger.alarm for trigger in runbook.triggers}
        watched = frozenset((str(region), str(alarm)) for region in from_outside for alarm in alarms)
        watched |= {(region, name) for name, there in standing(runbook).items() for region in there}
        everything = tuple(_lines(runbook))
        alone = Wanted(runbook.application, regions.primary, regions.standby, everything, watched)
        if (path := topology.of(runbook.path)) is not None:
            said = topology.load(path, _names(runbook, alone))
            alone = replace(alone, topology=_topology(said, alone))
        _WANTED[id(runbook)] = runbook, alone
    return _WANTED[id(runbook)][1]


def _names(runbook: Runbook, alone: Wanted) -> topology.Names:
    own = {host: region for region, hosts in alone.hosts.own.items() for host in hosts}
    hosts = {host: own.get(host, topology.BOTH) for host in map(host_of, alone.texts("Url", "Origin"))}
    lets_in = {
        type: {name: frozenset(its) for name, its in alone.places(type).items()}
        for type in (type for type, role in roles().items() if role == "lets in")
        if alone.texts(type)
    }
    data = alone.texts(*(type for type, role in roles().items() if role == "keeps"))
    regions = [alone.primary, alone.standby, *filter(None, [runbook.regions.observer])]
    return topology.Names(tuple(regions), hosts, lets_in, data)


def _topology(said: topology.Topology, alone: Wanted) -> Topology:
    hosts = {host: "" if where == topology.BOTH else where for host, where in said.hosts.items()}
    customers = said.customers
    there = replace(alone, topology=Topology(hosts=hosts))
    return Topology(
        name=said.path,
        customers=customers.count,
        stale=customers.stale,
        pace=(customers.every / 2, customers.every * 3 / 2),
        hosts=hosts,
        verbs=tuple(_verb(entry, there) for entry in said.entries),
    )


def _verb(entry: topology.Entry, there: Wanted) -> Verb:
    """What the entry leaves out, the runbook's own write to that path says, if there is one."""
    known = next((verb for verb in there.verifying if verb.write == entry.write), None)
    host = entry.host or (known.host if known else "") or there.hosts.shared[0]
    return Verb(
        host,
        entry.write,
        entry.body or (known.body if known else MADE_UP.body),
        entry.read or (known.read if known else f"{entry.write.rstrip('/')}/{topology.MARKER}"),
        " ".join(_said(entry, host)),
        frozenset(entry.through),
        frozenset(entry.data),
    )


def _said(entry: topology.Entry, host: str) -> Iterator[str]:
    yield f"POST {entry.write} at https://{host}"
    if entry.through:
        yield f"through {', '.join(entry.through)}"
    if entry.data:
        yield f"into {', '.join(entry.data)}"


def _lines(runbook: Runbook) -> Iterator[Line]:
    """Of every procedure; of a failback, too, where only the failover is written; and of the probes."""
    for probe in runbook.probes:
        asked: dict[str, Any] = {"url": {**probe.url}}
        names = tuple(Named(each.type, each.text, each.at, each.region) for each in texts(Probe, asked))
        yield Line(f"line {probe.line} (probes)", "", asked | {"search_string": probe.search_string}, names)
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
            yield Line(f"line {line.line} ({line.step})", name, given, names)
