"""Where each call of a line goes: found by letting the step's own `observe` ask an outside that is all dark.

Calls that it then makes are seen with their Regions and endpoints. Those that it would make only upon an
answer, its changes above all, are taken to go where the seen ones go, or to the Region that takes over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from functions.calls import Api, Call, Reply, Silence
from functions.errors import NotYet, Refused
from functions.handler import step_from
from functions.ledger import Memory, Records
from functions.outside import Outside
from functions.run import Run
from functions.step import Change, Step
from functions.world import World

from ..compile.definition import happy_path, step_of
from ..compile.machine import Machine
from .finding import Placed, Procedures

REGION = re.compile(
    r"(?<![a-z0-9])(?:us|eu|ap|ca|sa|me|af|il|mx|cn)(?:-gov|-iso[a-z]?)?"
    r"-(?:north|south|east|west|central)+-\d(?![a-z0-9])"
)
"""A Region's name within a host."""
OWED = "what a fence takes from a dark Region, or gives back there, is owed, and paid when it returns"


@dataclass(frozen=True)
class Reach:
    """A call that a line makes, in an ungraceful run."""

    procedure: str
    placed: Placed
    api: Api
    use: Literal["looks", "changes"]
    regions: tuple[str, ...]
    """Any one of them is enough."""
    seen: bool
    """The step's own code was seen to go there; else it is taken to."""
    source: str
    """`$from`, by name."""
    tolerated: Mapping[str, str]
    """Regions in whose dark its silence does not stop the run, and why."""

    def lost_with(self, dark: str) -> bool:
        """Nobody is left to answer it, and the step does not end without."""
        return set(self.regions) == {dark} and dark not in self.tolerated

    def as_json(self) -> dict[str, Any]:
        return {
            "procedure": self.procedure,
            "line": self.placed.line.line,
            "step": self.placed.name,
            "action": self.api.action,
            "operation": self.api.operation_name,
            "use": self.use,
            "plane": self.api.plane,
            "regions": list(self.regions),
            "home": self.api.home,
            "touches_from": self.source in self.regions,
            "seen": self.seen,
            "tolerated": dict(self.tolerated),
        }


class _Dark(Outside):
    """Nobody answers, and who was asked is noted."""

    def __init__(self) -> None:
        super().__init__(clock=lambda: 0.0)
        self.asked: list[Call] = []

    def replies(self, calls: Sequence[Call], busy: frozenset[str], lives: bool = False) -> list[Reply]:
        self.asked += calls
        return [Silence("dark") for _ in calls]


class _AllRemembered(Records):
    """A ledger that remembers something of whatever it is asked about, so that a restore looks."""

    def remembered(self, resource: str) -> tuple[Memory, ...]:
        return (Memory("run", resource, None),)


def reaches(listed: Procedures, machines: Sequence[Machine]) -> Iterator[Reach]:
    """Every call of failover and failback, as compiled."""
    for machine in machines:
        if machine.purpose != "move":
            continue
        lines = listed.failover if machine.procedure == "failover" else listed.failback
        for placed, (state, payload) in zip(lines, _written(machine), strict=True):
            step = step_from(placed.kind, payload["inputs"])
            run = Run(
                **payload["run"],
                mode="ungraceful",
                dry_run=False,
                execution="lint",
                redrives=0,
                state=state,
            )
            yield from _of(placed, step, run)


def _written(machine: Machine) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The states of a runbook's lines and their events, a state each: of a fence that goes up before the
    approval the first."""
    twice: list[tuple[str, Any]] = []
    for name, task in happy_path(machine.definition):
        payload = task["Parameters"]["Payload"]
        said = payload["run"]["step"], payload["inputs"]
        kind = step_of(payload)
        if said in twice:
            twice.remove(said)
        elif kind is not None and kind.written:
            twice += [said] if payload["run"]["purpose"] == "early" else []
            yield name, payload


def _of(placed: Placed, step: Step[Any], run: Run) -> Iterator[Reach]:
    asked = _asked(step, run)
    usual = list(dict.fromkeys(_regions(call) for call in asked)) or [(run.target,)]
    for use, apis in (("looks", step.reads), ("changes", step.writes)):
        for api in apis:
            seen = list(dict.fromkeys(_regions(call) for call in asked if call.api == api))
            places = [(api.home,)] if api.home and not seen else seen or usual
            for regions in places:
                yield Reach(
                    run.procedure,
                    placed,
                    api,
                    "looks" if use == "looks" else "changes",
                    regions,
                    bool(seen),
                    run.source,
                    _tolerated(placed, api, regions, run),
                )


def _asked(step: Step[Any], run: Run) -> list[Call]:
    outside = _Dark()
    try:
        decision = step.decide(step.observe(World(outside, run, _AllRemembered(), 0.0, step)))
    except (NotYet, Refused):
        return outside.asked
    return [*outside.asked, *(decision.calls if isinstance(decision, Change) else ())]


def _tolerated(placed: Placed, api: Api, regions: tuple[str, ...], run: Run) -> Mapping[str, str]:
    """A step's own word counts for every Region; that of a fence for the one that is left."""
    if why := placed.kind.tolerates.get(api):
        return dict.fromkeys(regions, why)
    owed = placed.kind.fences and run.source in regions
    return {run.source: OWED} if owed else {}


def _regions(call: Call) -> tuple[str, ...]:
    """Where it must be answered: a request where its host's name says, if it does."""
    if call.api.home:
        return (call.api.home,)
    if call.api.is_http and (named := named_region(str(call.parameters["url"]))):
        return (named,)
    return tuple(dict.fromkeys(endpoint.region for endpoint in call.endpoints))


def named_region(address: str) -> str | None:
    """The Region that an ARN or a URL's host names."""
    if address.startswith("arn:"):
        parts = address.split(":")
        return parts[3] or None if len(parts) > 3 else None
    found = REGION.search(urlsplit(address).hostname or "") if "://" in address else None
    return found[0] if found else None
