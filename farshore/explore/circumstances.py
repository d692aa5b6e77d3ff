"""What a seed does to the run that it is about, and so what may be asked of it: the kinds of fault say so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from functions.calls import LONGEST_TICK_SECONDS
from functions.ledger import is_ledgers
from twin.faults import Request

from ..checkers.final_state import Circumstances
from ..runbook.model import Runbook, lines
from ..runbook.registry import steps
from .injector import Injected
from .kinds import kind_of, kinds_of
from .kinds.kind import Terms
from .seed import Seed

UNREADY = "what was broken before is named in peace, by `prepare`"


def circumstances(seed: Seed, runbook: Runbook, main: str, injected: Sequence[Injected]) -> Circumstances:
    """`main` is the execution that all is about, and `injected` what has gone wrong in the end."""
    kinds = list(kinds_of(seed))
    may_lose = "ungraceful" in (seed.mode, *(kind.mode for kind in kinds))
    terms = Terms(
        *runbook.direction(seed.procedure), may_lose, seed.faults, _led_from(runbook, seed.procedure)
    )
    said_no = [each for each in injected if each.request and kind_of(each.fault).denies]
    denied = [each.request for each in said_no if each.request and not each.gives_up]
    return Circumstances(
        may_lose=may_lose,
        excuses=tuple(_excuses(seed, terms)),
        passing=all(kind.passes for kind in kinds),
        lasting=any(kind.outlasts for kind in kinds),
        undisturbed=not seed.faults,
        only_an_alarm=false_alarm(seed, runbook),
        refused=any(kind.refused for kind in kinds),
        declined=any(kind.declines for kind in kinds),
        second_run=any(kind.second_run for kind in kinds),
        held_first=all(each.holder == main for each in injected),
        last_may_fail=any(kind.last_may_fail for kind in kinds),
        may_take=_may_take(seed, terms, injected),
        since=next((each.at for each in injected if kind_of(each.fault).goes_wrong), None),
        denied=[str(request) for request in denied],
        prepare_says=tuple(text for fault in seed.faults for text in kind_of(fault).prepare_says(fault)),
        ledger_denied=_ledger_denied(seed, runbook, denied),
    )


def _led_from(runbook: Runbook, procedure: str) -> frozenset[str]:
    """The homes of what leads customers elsewhere, in this procedure or the one that it is derived from."""
    kinds = [steps()[line.step] for line in lines(runbook.entries(procedure))]
    writes = [api for kind in kinds if kind.phase == "traffic" for api in kind.writes]
    return frozenset(api.home for api in writes if api.home)


def _ledger_denied(seed: Seed, runbook: Runbook, denied: Sequence[Request]) -> bool:
    table = runbook.ledger.table
    forbidden = [fault.place.partition(":")[0] for fault in seed.faults if kind_of(fault).denies]
    return any(is_ledgers(table, request.service, request.parameters) for request in denied) or any(
        is_ledgers(table, service, {"TableName": table}) for service in forbidden
    )


def _excuses(seed: Seed, terms: Terms) -> Iterator[str]:
    for fault in seed.faults:
        if excuse := kind_of(fault).excuses(fault, terms):
            yield excuse
        elif seed.procedure == "prepare" and kind_of(fault).prepare_says(fault):
            yield UNREADY


def false_alarm(seed: Seed, runbook: Runbook) -> bool:
    """An alarm starts the run, though nothing is wrong."""
    return any(kind_of(fault).false_alarm(fault, seed, runbook) for fault in seed.faults)


def _may_take(seed: Seed, terms: Terms, injected: Sequence[Injected]) -> float | None:
    """A call that goes wrong takes a tick; what lasts takes as long. That the Region which is left is dark is
    what the rto is about."""
    if not all(kind.passes or kind.lasts for kind in kinds_of(seed)):
        return None
    lasted = [each.ended - each.at for each in injected if each.ended and each.fault.place != terms.source]
    return LONGEST_TICK_SECONDS + sum(lasted)
