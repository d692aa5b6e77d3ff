"""Where a run stands: all that the rest of it comes from, but for the time.

A run that was struck, and stands where its course stood when the same state began there, is back on course:
what would follow has been judged already. What it is told apart by is everything that a step, the engine or
an invariant can look at; that it happens a little later is all that is left out. `farshore explore --all`
follows every run to its end, and must come to the same.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from twin.faults import Request

if TYPE_CHECKING:
    from .play import Play

LATER = re.compile(
    r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)?|\b\d+\.\d+\b"  # in a standing no other figure has a fraction
    r'|, "RedriveCount": \d+, "RedriveTime": "[^"]+"'
    r'|"(redrives|epoch)": \d+|\'redrives\': \d+|\'stamp\': \'\d+'
)
"""Instants, durations, and how often the hand has changed: the ledger knows that as soon as it has."""


def standing(play: Play, request: Request) -> str:
    """At a call by which Step Functions asks for a state's first tick."""
    shop, strikes = play.shop, play.strikes
    stands = (
        request.parameters["Payload"],
        [(of, play.running(arn)) for arn, (of, _) in play.executions.items() if of != "settle"],
        any(play.running(arn) for arn, (of, _) in play.executions.items() if of == "settle"),
        sorted(shop.led_to()),
        len(play.pulse.lost()),
        (strikes.to_come(), play.declines),
        (play.watch.standing(), play.breaches, play.debts_open()),
    )
    return LATER.sub("", repr(stands) + play.cloud.fingerprint())
