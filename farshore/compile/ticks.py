"""How long a tick may take, from what steps declare: no engine and no exploration reaches that.

Three bounds, one above the other. A tick makes no call that may last beyond LAST_CALL_SECONDS
(functions/outside.py), so that it ends by its own word; its function's time-out comes after that, and the
state's TimeoutSeconds after that, or Step Functions would give up a tick that goes on and tick beside it.

What is left to prove is that such a tick can look at all: the ledger is read, and then the world is asked.
Where every endpoint takes as long as it may, and only the last one answers, that must fit, or the state waits
in vain. Where a line names a role, a tick may have to begin a session first: that outlives it, so the next
one need not, and where nobody begins one, no call is made that would take as long.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from functions.calls import CONNECT_SECONDS, LAST_CALL_SECONDS, LONGEST_CALL_SECONDS, LONGEST_TICK_SECONDS

from ..runbook.registry import StepType

Flaw = tuple[str, str]
"""What is wrong, and what to do."""


def longest_look(kind: StepType, replicas: int) -> float:
    """Seconds until a tick has looked, where the ledger has so many replicas. (Of 1 MB of records: more than
    that no application's ledger holds.)"""
    asked = (
        (kind.asks if api.asks is None else api.asks) * (CONNECT_SECONDS + api.read_seconds)
        for api in kind.reads
    )
    return replicas * LONGEST_CALL_SECONDS + kind.tries * max(asked, default=0)


def flaws_of(kind: StepType, state: Any, replicas: int) -> Iterator[Flaw]:
    """Of a step's Task."""
    if (limit := state["TimeoutSeconds"]) <= LONGEST_TICK_SECONDS:
        yield (
            f"Step Functions gives its tick up after {limit:g} s, and its function may run for "
            f"{LONGEST_TICK_SECONDS:g} s",
            "this is a fault of the compiler: report it",
        )
    if (look := longest_look(kind, replicas)) > LAST_CALL_SECONDS:
        yield (
            f"its tick may look for {look:g} s, and has {LAST_CALL_SECONDS:g} s: the ledger has {replicas} "
            f"replicas, and {kind.name} asks up to {kind.asks} times at up to {kind.tries} endpoints",
            "ask more at once, or write a shorter read_seconds",
        )
