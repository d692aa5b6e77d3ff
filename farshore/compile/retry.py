"""A state's Retry: how often it is ticked, and after which delays.

Ticks back off from a second to the state's pace. `within` is kept by the tick itself; the attempts here are
the backstop, and what the proof of the history counts.
"""

from __future__ import annotations

import math
from typing import Any

from functions.errors import LAMBDA_FAULTS
from functions.tick import LONGEST_PAUSE_SECONDS

Json = dict[str, Any]

FIRST_SECONDS, BACKOFF = 1, 1.5
SPARE = 10
"""More attempts than fit into `within`: ticks that a clock's rounding or a resumed run's new time adds."""

FAULT_PACE, FAULT_ATTEMPTS = 10, 40
"""Lambda's own faults, in each state: more than six minutes of throttling or of an outage, or one tick in
five of a state that waits for a quarter of an hour."""

PAUSE_PACE = 30
"""The end of a pause is felt within so many seconds."""


def attempts(within: float, pace: float) -> int:
    """How many retries fit into `within` seconds where no tick takes any time, and a few more."""
    waited, delay, quick = 0.0, float(FIRST_SECONDS), 0
    while delay < pace and waited < within:
        waited, delay, quick = waited + delay, delay * BACKOFF, quick + 1
    return quick + math.ceil(max(0.0, within - waited) / pace) + SPARE


PAUSE_ATTEMPTS = attempts(LONGEST_PAUSE_SECONDS, PAUSE_PACE)


def retriers(within: float, pace: float) -> list[Json]:
    """The Retry of a state that is ticked for `within` seconds, at `pace` seconds in the end."""
    return [
        {"ErrorEquals": ["Refused", "Untouched", "Aborted"], "MaxAttempts": 0},
        _retrier(["NotYet"], pace, attempts(within, pace)),
        _retrier(["Paused"], PAUSE_PACE, PAUSE_ATTEMPTS),
        _retrier(LAMBDA_FAULTS, FAULT_PACE, FAULT_ATTEMPTS),
    ]


def _retrier(errors: list[str], pace: float, most: int) -> Json:
    return {
        "ErrorEquals": errors,
        "IntervalSeconds": FIRST_SECONDS,
        "BackoffRate": BACKOFF,
        "MaxDelaySeconds": max(FIRST_SECONDS + 1, math.ceil(pace)),
        "MaxAttempts": most,
    }
