"""What a seed does to the run that it is about, and so what may be asked of it: the kinds of fault say so."""

from __future__ import annotations

from collections.abc import Sequence

from functions.calls import LONGEST_TICK_SECONDS
from functions.ledger import is_ledgers

from ..checkers.final_state import Circumstances
from ..runbook.model import Runbook
from .injector import Injected
from .kinds import kind_of, kinds_of
from .kinds.kind import Terms
from .seed import Seed


def circumstances(seed: Seed, runbook: Runbook, main: str, injected: Sequence[Injected]) -> Circumstances:
    """`main` is the execution that all is about, and `injected` what has gone wrong in the end."""
    kinds = list(kinds_of(seed))
    may_lose = "ungraceful" in (seed.mode, *(kind.mode for kind in kinds))
    terms = Terms(*runbook.direction(seed.procedure), may_lose, seed.faults)
    denied = [each.request for each in injected if each.request and kind_of(each.fault).denies]
    return Circumstances(
        may_lose=may_lose,
        must_succeed=not any(kind_of(fault).may_end_run(fault, terms) for fault in seed.faults),
        lasting=any(kind.outlasts for kind in kinds),
        undisturbed=not seed.faults,
        only_an_alarm=false_alarm(seed, runbook),
        declined=any(kind.declines for kind in kinds),
        second_run=any(kind.second_run for kind in kinds),
        held_first=all(each.holder == main for each in injected),
        last_may_fail=any(kind.last_may_fail for kind in kinds),
        may_take=_may_take(seed, terms, injected),
        since=next((each.at for each in injected if kind_of(each.fault).goes_wrong), None),
        denied=[str(request) for request in denied],
        prepare_says=tuple(text for fault in seed.faults for text in kind_of(fault).prepare_says(fault)),
        ledger_denied=any(
            is_ledgers(runbook.ledger.table, request.service, request.parameters) for request in denied
        ),
    )


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
