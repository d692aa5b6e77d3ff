"""What lasts: nobody answers, or only a no; half of the calls are slow or fail; two Regions are parted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import combinations

from functions.calls import HOMES
from twin.faults import Ailment, Request
from twin.faults import Kind as CallFault
from twin.quotas import LEFT
from twin.rows import rows_of

from ...runbook.model import Runbook
from ..data import Baseline
from ..declared import starts_runs
from ..points import callers, firsts, is_undisturbed_move, later, turns
from ..seed import Fault, Point
from ..site import Site
from . import at_a_call
from .kind import Family, FaultKind, Terms

DARK = Family(
    "dark",
    "nobody answers in a Region, in a service of one, at one or two of the endpoints that a service has "
    "several of, in both Regions one after the other, in one and where evidence comes from: from before or "
    "from any step on; for ever, for a while, until any later step",
)
AILING = Family(
    "mute, failing",
    "a Region, a service of one or an endpoint takes every connection and does nothing: it never answers, "
    "answers 503, or throttles; from before, or from any step on that calls it; for ever or for a while",
)
GREY = Family(
    "grey, partition, crowded, kept",
    "half of a Region's calls are slow or fail; the two Regions do not reach each other; others use most of "
    "a service's quota there; a CDN keeps what it was answered",
)
KEPT = 60.0
"""Seconds for which errors are kept. Ten are usual where nobody says otherwise."""
AWAY = (30.0, 120.0)
"""Seconds after which a Region comes back that was away for a while."""
SPELL = 60.0
"""Seconds for which a single service, or an endpoint, is away."""
SHORT = 120.0
"""Seconds that a Region may be away without stopping a run that does not leave it."""
MINORITY = 2
"""Of the endpoints that a service has several of, so many may be dark."""
MAJORITY = "so many of the endpoints are gone that no call gets through"
TARGET = "the Region that takes over is not there for it"
SOURCE = "a graceful run waits for the Region that it leaves: nothing is lost without a person's word"
LED_FROM = "customers are well where they are, and led elsewhere only from there, where nobody gets through"
GREYS: tuple[CallFault, ...] = ("slow", "500", "lost_before")
"""What happens to a call in a grey Region."""


def _spells(
    word: str, place: str, baseline: Baseline, target: str, back: bool
) -> Iterator[tuple[Fault, ...]]:
    """From before and from any step on, for ever and for a while; where it may come `back` at any time, until
    any later step. With `target` away from before, nobody could start the run."""
    for start in (None, *(call.point for call in turns(baseline))):
        if start is None and place == target:
            continue
        ends: Iterator[Point] = later(start, baseline) if back and start else iter(())
        for until in (None, *AWAY, *ends):
            yield (Fault(word, place, start, until),)


def _dark_cases(baseline: Baseline, runbook: Runbook) -> Iterator[tuple[Fault, ...]]:
    if not is_undisturbed_move(baseline):
        return
    source, target = runbook.direction(baseline.seed.procedure)
    for place in dict.fromkeys((source, target, *HOMES, *runbook.ledger.regions)):
        yield from _spells("dark", place, baseline, target, back=place in (source, target))
    yield from _both_dark(baseline, source, target)
    yield from _less_one_source(baseline, source, target)
    for places in _parts(baseline):
        for start in (None, *callers(baseline, places)):
            if start is None and starts_runs(target) in places:
                continue
            for until in (None, SPELL):
                yield tuple(Fault("dark", place, start, until) for place in places)


def _both_dark(baseline: Baseline, source: str, target: str) -> Iterator[tuple[Fault, ...]]:
    """The Region that is left is dark, and at some state the other goes, too: a run that owes fences dies."""
    for call in firsts(baseline) if baseline.seed.mode == "ungraceful" else ():
        yield Fault("dark", source), Fault("dark", target, call.point)


def _less_one_source(baseline: Baseline, source: str, target: str) -> Iterator[tuple[Fault, ...]]:
    """The Region that is left is dark, and so is a service elsewhere that would say so. Of the ledger there
    must be two."""
    ledgers = {call.service for call in baseline.calls if call.notes}
    for (place,) in (parts for parts in _parts(baseline) if len(parts) == 1 and not _is_host(parts[0])):
        service, _, region = place.partition("/")
        if baseline.seed.mode == "ungraceful" and region not in (source, target) and service not in ledgers:
            yield Fault("dark", source), Fault("dark", place)


def _parts(baseline: Baseline) -> Iterator[tuple[str, ...]]:
    """Each service of a Region that the run calls, each host of those that have several, and each two."""
    for place in sorted({call.place for call in baseline.calls if call.point.call and call.place}):
        yield (place,)
    hosts = sorted({host for call in baseline.calls for host in call.hosts})
    yield from ((host,) for host in hosts)
    yield from combinations(hosts, 2)


def _ailing_cases(word: str, baseline: Baseline, runbook: Runbook) -> Iterator[tuple[Fault, ...]]:
    """It begins where a step calls the place: to others it is all one."""
    if not is_undisturbed_move(baseline):
        return
    source, target = runbook.direction(baseline.seed.procedure)
    parts = [places[0] for places in _parts(baseline) if len(places) == 1]
    for place in dict.fromkeys((source, target, *HOMES, *runbook.ledger.regions, *parts)):
        for start in (None, *callers(baseline, (place,))):
            if start is None and place in (target, starts_runs(target)):
                continue
            for until in (None, SPELL):
                yield (Fault(word, place, start, until),)


def _throttle_is_a_503(baseline: Baseline, fault: Fault) -> bool:
    """To every call that goes there, the step gets the same reply, as soon."""
    one, other = at_a_call.unavailable.word, at_a_call.throttled.word
    return all(
        one in call.replies and call.replies[one] == call.replies[other]
        for call in baseline.calls
        if call.goes_to(fault.place)
    )


def _grey_cases(baseline: Baseline, runbook: Runbook) -> Iterator[tuple[Fault, ...]]:
    source, target = runbook.direction(baseline.seed.procedure)
    for place in (source, target) if is_undisturbed_move(baseline) else ():
        yield from _spells("grey", place, baseline, target, back=False)


def _partition_cases(baseline: Baseline, runbook: Runbook) -> Iterator[tuple[Fault, ...]]:
    source, target = runbook.direction(baseline.seed.procedure)
    if is_undisturbed_move(baseline):
        yield from _spells("partition", f"{source}~{target}", baseline, target, back=True)


def _crowded_cases(baseline: Baseline, runbook: Runbook) -> Iterator[tuple[Fault, ...]]:
    """Each service of a Region that the run calls, and of which AWS documents how many calls it takes."""
    if is_undisturbed_move(baseline):
        for place in sorted({call.place for call in baseline.calls if call.point.call and call.place}):
            if rows_of(place.partition("/")[0]).quotas:
                yield (Fault("crowded", place),)


def _kept_cases(baseline: Baseline, runbook: Runbook) -> Iterator[tuple[Fault, ...]]:
    if is_undisturbed_move(baseline):
        yield (Fault("kept"),)


def _is_host(place: str) -> bool:
    return "." in place


def _dark_excuses(fault: Fault, terms: Terms) -> str:
    if _is_host(fault.place):
        hosts = {each.place for each in terms.faults if each.kind == fault.kind and _is_host(each.place)}
        return MAJORITY if len(hosts) > MINORITY else ""
    region = fault.place.rpartition("/")[2]
    if region == terms.target:
        return "" if isinstance(fault.until, float) and fault.until <= SHORT else TARGET
    return SOURCE if region == terms.source and not terms.may_lose else ""


def _grey_excuses(fault: Fault, terms: Terms) -> str:
    if fault.place == terms.target:
        return TARGET
    return SOURCE if fault.place == terms.source and not terms.may_lose else ""


def _partition_excuses(fault: Fault, terms: Terms) -> str:
    parted = {*fault.place.split("~")} <= {terms.source, terms.target}
    if parted and not terms.may_lose:
        return SOURCE
    return LED_FROM if parted and terms.source in terms.led_from else ""


def _raises_the_alarm(fault: Fault, runbook: Runbook) -> bool:
    """The primary is dark from before, and for long."""
    here = fault.place == runbook.regions.primary
    return here and fault.at is None and not isinstance(fault.until, float)


def _darken(site: Site, fault: Fault) -> None:
    site.simulation.cloud.faults.dark.add(fault.place)


def _lighten(site: Site, fault: Fault) -> None:
    site.simulation.cloud.faults.dark.discard(fault.place)


def _ail(ailment: Ailment) -> Callable[[Site, Fault], None]:
    def begin(site: Site, fault: Fault) -> None:
        site.simulation.cloud.faults.ailing[fault.place] = ailment

    return begin


def _recover(site: Site, fault: Fault) -> None:
    site.simulation.cloud.faults.ailing.pop(fault.place, None)


def _part(site: Site, fault: Fault) -> None:
    site.simulation.cloud.faults.partitions.add(frozenset(fault.place.split("~")))


def _join(site: Site, fault: Fault) -> None:
    site.simulation.cloud.faults.partitions.discard(frozenset(fault.place.split("~")))


def _crowd(site: Site, fault: Fault) -> None:
    site.simulation.cloud.quotas.crowded.add(fault.place)


def _leave(site: Site, fault: Fault) -> None:
    site.simulation.cloud.quotas.crowded.discard(fault.place)


def _keep(site: Site, fault: Fault) -> None:
    site.simulation.cloud.faults.errors_kept = KEPT


def _keep_no_more(site: Site, fault: Fault) -> None:
    site.simulation.cloud.faults.errors_kept = 0.0


def _grey(site: Site, fault: Fault, request: Request) -> CallFault | None:
    if request.region == fault.place and site.dice.random() < 0.5:
        return site.dice.choice(GREYS)
    return None


dark = FaultKind(
    word="dark",
    family=DARK,
    takes="place",
    in_a_region=True,
    cases=_dark_cases,
    begin=_darken,
    end=_lighten,
    excuses=_dark_excuses,
    outlasts=True,
    alarm=_raises_the_alarm,
)
mute = FaultKind(
    word="mute",
    family=AILING,
    explained="a Region, a service of one or an endpoint takes every connection and never answers, nor does "
    "what it is asked",
    takes="place",
    in_a_region=True,
    cases=partial(_ailing_cases, "mute"),
    begin=_ail("mute"),
    end=_recover,
    excuses=_dark_excuses,
    outlasts=True,
    alarm=_raises_the_alarm,
)
failing = FaultKind(
    word="failing",
    family=AILING,
    explained="a Region, a service of one or an endpoint answers every call 503",
    takes="place",
    in_a_region=True,
    cases=partial(_ailing_cases, "failing"),
    begin=_ail("503"),
    end=_recover,
    excuses=_dark_excuses,
    outlasts=True,
    alarm=_raises_the_alarm,
)
swamped = FaultKind(
    word="swamped",
    family=AILING,
    explained="a Region, a service of one or an endpoint throttles every call",
    takes="place",
    in_a_region=True,
    cases=partial(_ailing_cases, "swamped"),
    like_another=_throttle_is_a_503,
    begin=_ail("throttled"),
    end=_recover,
    excuses=_dark_excuses,
    outlasts=True,
    alarm=_raises_the_alarm,
)
grey = FaultKind(
    word="grey",
    family=GREY,
    takes="place",
    in_a_region=True,
    cases=_grey_cases,
    while_it_lasts=_grey,
    excuses=_grey_excuses,
    outlasts=True,
)
partition = FaultKind(
    word="partition",
    family=GREY,
    takes="place",
    in_a_region=True,
    cases=_partition_cases,
    begin=_part,
    end=_join,
    excuses=_partition_excuses,
    outlasts=True,
)
crowded = FaultKind(
    word="crowded",
    family=GREY,
    explained=f"others use a service's quota in a Region: {LEFT:g} calls a second are left of it",
    takes="place",
    in_a_region=True,
    cases=_crowded_cases,
    begin=_crowd,
    end=_leave,
)
kept = FaultKind(
    word="kept",
    family=GREY,
    explained=f"whatever error a GET over HTTP is answered, a CDN goes on answering for {KEPT:g} s",
    cases=_kept_cases,
    begin=_keep,
    end=_keep_no_more,
)
