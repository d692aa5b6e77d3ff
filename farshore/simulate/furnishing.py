"""What a runbook, and a topology beside it, say of an application, for a twin that has none of that name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import click

from twin.applications import stand_in
from twin.applications.foundation import Build, Unknown, builder
from twin.customers import FOR_EVER, LONGEST_KEPT_TTL, TTLS
from twin.furnishing import Line, Named, Topology, Wanted, host_of, refusals, roles
from twin.verb import MADE_UP, Verb

from ..compile.direction import Direction
from ..runbook import topology
from ..runbook.mistakes import Mistakes
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
        found = builder(runbook.application, (runbook.regions.primary, runbook.regions.standby))
        if (path := topology.beside(runbook.path)).exists():
            raise click.UsageError(
                f"{path}: the twin has a {runbook.application} of its own, which no topology changes: "
                "take the file away, or give the runbook another application"
            )
        return found
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


def ttls_of(runbook: Runbook) -> Sequence[float]:
    """For how long each of its customers keeps an address, in seconds."""
    build = build_of(runbook)
    said = wanted(runbook).topology if stand_in.is_one(build) else Topology()
    return (
        (*[LONGEST_KEPT_TTL] * (said.customers - said.stale), *[FOR_EVER] * said.stale)
        if said.customers
        else TTLS
    )


def wanted(runbook: Runbook) -> Wanted:
    """Raises a usage error with every mistake of the topology."""
    if id(runbook) not in _WANTED:
        regions = runbook.regions
        from_outside = {regions.standby, regions.observer or regions.standby}
        alarms = {trigger.alarm for trigger in runbook.triggers}
        watched = frozenset((region, alarm) for region in from_outside for alarm in alarms)
        everything = tuple(_lines(runbook))
        alone = Wanted(runbook.application, regions.primary, regions.standby, everything, watched)
        if (path := topology.beside(runbook.path)).exists():
            try:
                said = topology.load(path, _names(runbook, alone))
            except Mistakes as wrong:
                raise click.UsageError(str(wrong)) from None
            alone = replace(alone, topology=_topology(said, alone))
        _WANTED[id(runbook)] = runbook, alone
    return _WANTED[id(runbook)][1]


def _names(runbook: Runbook, alone: Wanted) -> topology.Names:
    hosts = list(dict.fromkeys(host_of(url) for url in alone.texts("Url", "Origin")))
    lets_in = {
        type: {name: frozenset(its) for name, its in alone.places(type).items()}
        for type in (type for type, role in roles().items() if role == "lets in")
        if alone.texts(type)
    }
    data = alone.texts(*(type for type, role in roles().items() if role == "keeps"))
    regions = [alone.primary, alone.standby, *filter(None, [runbook.regions.observer])]
    called = [host for host in alone.hosts.shared if host in hosts]
    return topology.Names(tuple(regions), hosts, called, lets_in, data)


def _topology(said: topology.Topology, alone: Wanted) -> Topology:
    hosts = {host: "" if where == topology.BOTH else where for host, where in said.hosts.items()}
    hosts |= {host_of(str(entry.url)): "" for entry in said.entries if entry.url}
    customers = said.customers
    called = replace(alone, topology=Topology(hosts=hosts)).hosts.shared[0]
    return Topology(
        name=said.path,
        customers=customers.count,
        stale=customers.stale,
        pace=(customers.every / 2, customers.every * 3 / 2),
        hosts=hosts,
        verbs=tuple(_verb(entry, called, alone.verifying) for entry in said.entries),
    )


def _verb(entry: topology.Entry, called: str, verifying: Sequence[Verb]) -> Verb:
    """What the entry leaves out, the runbook's own write to that path says, if there is one."""
    known = next((verb for verb in verifying if verb.write == entry.write), None)
    host = host_of(str(entry.url or "")) or (known.host if known else "") or called
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
    yield f"POST {entry.write} at {entry.url or f'https://{host}'}"
    if entry.through:
        yield f"through {', '.join(entry.through)}"
    if entry.data:
        yield f"into {', '.join(entry.data)}"


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
