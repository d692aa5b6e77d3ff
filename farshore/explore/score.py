"""Who keeps score of a run at the seam: what it sends, and by which hand.

The twin's own watch (twin/invariants.py) looks at the application; this looks at the runs. S8: one hand at a
time, and within the plan that a person approved.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from twin.faults import Kind, Request

from ..compile.definition import declared_write, step_of
from ..compile.machine import AGAIN
from ..simulate.deployment import TICK, Tick
from .seed import OPPOSITE, UNGRACEFUL

if TYPE_CHECKING:
    from .play import Play

ANY_ENDPOINT = "route53-recovery-cluster"
"""The plan names the endpoint that is tried first; any of the cluster's will do."""


class Score:
    """Of one play, from its beginning on."""

    def __init__(self, play: Play) -> None:
        self._play = play
        self.plans: dict[str, list[Mapping[str, Any]]] = {}
        """By execution, the plans that were approved, by their states."""
        self.moved: set[str] = set()
        """Executions that have sent what moves data or customers, and were not denied it."""
        self.pages = 0
        """How often a person was paged."""
        self.failed_over_at: float | None = None
        """When Aurora was first told to accept a loss, in seconds since 1970."""
        self._hand = ""
        """The execution that holds the lease."""
        play.cloud.watchers += [self._done, self._passes_on]

    def sends(self, request: Request, kind: Kind | None) -> None:
        """A run sends this, and that befalls it."""
        tick = _changing(request)
        if tick is not None and kind != "denied":
            step = step_of(tick.event)
            if step is not None and step.moves():
                self.moved.add(tick.execution)

    def _done(self, request: Request, answer: object) -> None:
        """AWS has done this: no write outside the plan that was approved."""
        tick = TICK.get()
        write = None if tick is None else declared_write(tick.event, request.service, request.operation)
        self.pages += write is not None and write.pages
        change = None if tick is None else tick.change(request)
        if tick is None or change is None:
            return
        if change.accepts_loss and self.failed_over_at is None:
            self.failed_over_at = self._play.clock.now
        if tick.undoing or tick.event["run"]["procedure"] not in OPPOSITE:
            return
        if change.accepts_loss and self._play.script.has(UNGRACEFUL):
            return  # what the plan says of a graceful run, a person has overruled
        state = tick.event["state"]["Name"].removesuffix(AGAIN)
        entries = [plan[state] for plan in self.plans.get(tick.execution, ()) if state in plan]
        if not any(_covers(entry, request) for entry in entries):
            told = entries[-1]["outcome"] if entries else "nothing"
            story = f"{tick.label} sent {request}, but the approved plan says {told} for it"
            self._play.breach("S8", story)

    def _passes_on(self, request: Request, answer: object) -> None:
        """Whoever takes the lease finds it given back, or its holder ended."""
        item: Any = request.parameters.get("Item", {})
        if item.get("item", {}).get("S") != "lease":
            return
        body = json.loads(item["body"]["S"])
        before, self._hand = self._hand, "" if body["released"] else body["holder"]
        if before not in ("", body["holder"]) and self._play.running(before):
            self._play.breach("S8", f"{before} runs and held the lease, and {body['holder']} has taken it")


def _changing(request: Request) -> Tick | None:
    """The tick, where the request would change something of the application."""
    tick = TICK.get()
    return tick if tick is not None and tick.change(request) else None


def _covers(entry: Mapping[str, Any], request: Request) -> bool:
    """The plan names this very call, or says that the step would wait, or has not read all of its things."""
    if entry["outcome"] == "would wait" or entry["facts"].get("unread"):
        return True
    return any(
        call["action"].partition(":")[2] == request.operation
        and (call["region"] == request.region or request.service == ANY_ENDPOINT)
        and call["parameters"] == request.parameters
        for call in entry.get("calls", ())
    )
