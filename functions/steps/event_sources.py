"""Consumers: these Lambda event source mappings poll in `region`, or no longer do, or as they did before.

Messages that are consumed before the data is writable are lost, or end in a dead-letter queue: so mappings
are enabled in `$to` after the promotion, and disabled in `$from` before it, which is a fence. A batch that is
in flight goes on, up to its function's time-out. What was enabled where nothing polled is remembered as well,
so that a run that gives up disables it. Nothing but Enabled is sent: all else of a mapping stays as it is.
A change takes effect later: Enabling and Disabling are waited for, and so is a mapping that is being updated.
Sources: docs.aws.amazon.com/lambda/latest/api/API_UpdateEventSourceMapping.html,
docs.aws.amazon.com/lambda/latest/api/API_GetEventSourceMapping.html (its states, LastModified),
docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html (its ARN)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar, Literal, NewType

from ..calls import Absent, Api, Call, Sight, Silence
from ..errors import Refused
from ..fence import (
    ASKS,
    NOTES,
    PATIENCE,
    FenceSight,
    Held,
    Value,
    ask_all,
    confirmed_before,
    give_back,
    paced_by_lambda,
    patient,
    remembered_here,
    take_away,
)
from ..handler import lambda_handler
from ..inputs import FORMS, Form, Patience, Region
from ..ledger import Memory, Remember
from ..planned import DOUBTS
from ..step import Change, Decision, Done, Step, Wait
from ..world import World

MappingId = NewType("MappingId", str)
# docs.aws.amazon.com/lambda/latest/api/API_EventSourceMappingConfiguration.html
FORMS[MappingId] = Form(
    "the UUID of an event source mapping",
    "event source mappings' UUIDs",
    "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "its UUID, in small letters",
    "14e0db71-5d35-4eb5-b481-8945cf9d10c2",
    regional=True,
    keeper="Lambda",
    canonical=str.lower,
    meant=lambda text: text.rpartition(":")[2],
)

MAPPING = "lambda:{region}:{account}:event-source-mapping:{mappings}"
GET = Api("lambda:GetEventSourceMapping", resource=MAPPING)
UPDATE = Api("lambda:UpdateEventSourceMapping", resource=MAPPING)

STATES = {"Enabled": True, "Enabling": True, "Disabled": False, "Disabling": False}
"""Whether it is to poll."""
UNDER_WAY = frozenset({"Enabling", "Disabling"})
NOT_ASKED = Silence("not asked: its owner remembers nothing of it")


@dataclass(frozen=True)
class Seen:
    held: FenceSight
    troubles: tuple[str, ...]
    """What kept a mapping from working when it polled last, as Lambda says it."""
    planned: bool


@dataclass(frozen=True, kw_only=True)
class EventSources(Step[Seen]):
    """These event source mappings poll, where `enabled` is true; they do not, where it is false."""

    mappings: Annotated[Mapping[Region, tuple[MappingId, ...]], "the UUIDs of each Region's mappings"]
    region: Annotated[Region, "whose mappings"]
    enabled: Annotated[
        bool | Literal["restore"],
        "true in `$to`, after the promotion; false in `$from` is a fence, and `restore` gives it back",
    ]
    patience: Annotated[Patience, "how long a silent Region is waited for"] = PATIENCE

    name: ClassVar = "event_sources"
    reads: ClassVar = (GET,)
    writes: ClassVar = (UPDATE,)
    notes: ClassVar = NOTES
    busy: ClassVar = frozenset({"ResourceInUseException", "ResourceConflictException"})
    asks: ClassVar = ASKS
    fences: ClassVar = True
    closed: ClassVar = False
    phase: ClassVar = "consumers"
    block: ClassVar = "LambdaEventSourceMapping"

    def __post_init__(self) -> None:
        patient(self.patience, self.within)
        paced_by_lambda(self.patience, len(self.mappings.get(self.region, ())), "mappings")

    def observe(self, world: World) -> Seen:
        mine = {self._resource(mapping): mapping for mapping in self.mappings[self.region]}
        asked = [resource for resource in mine if not self._needless(world, resource)]
        calls = [GET(self.region, UUID=mine[resource]) for resource in asked]
        sights = dict(zip(asked, ask_all(world, calls, self.patience), strict=True))
        unasked = NOT_ASKED if self.enabled == "restore" else False
        read = {resource: _read(mine[resource], sight, world.since) for resource, sight in sights.items()}
        held = [
            Held(resource, *read.get(resource, (unasked, None)), self._put(mapping))
            for resource, mapping in mine.items()
        ]
        troubles = tuple(filter(None, (_trouble(mine[each], sight) for each, sight in sights.items())))
        return Seen(FenceSight.of(world, self.patience, held, self.region), troubles, world.run.dry_run)

    def decide(self, seen: Seen) -> Decision:
        if self.enabled == "restore":
            return give_back(seen.held)
        if self.enabled is True and seen.held.purpose == "move":
            return self._enable(seen)
        return take_away(seen.held, self.enabled)

    def _enable(self, seen: Seen) -> Decision:
        """No fence: nobody goes on without it, and what did not poll is remembered for an undo only."""
        facts = {DOUBTS: list(seen.troubles)} if seen.planned and seen.troubles else {}
        due = [held for held in seen.held.held if held.current is False]
        waiting = [held for held in seen.held.held if held.current is not True or held.confirmed is False]
        calls = tuple(call for held in due for call in held.put(True))
        if seen.held.denied(calls):
            raise Refused(seen.held.said_to(calls))
        if due:
            return Change(
                f"enable {', '.join(held.resource for held in due)}",
                calls,
                tuple(
                    Remember(Memory(seen.held.owner, held.resource, False, seen.held.execution))
                    for held in due
                    if seen.held.mine(held.resource) is None
                ),
                facts,
            )
        if waiting:
            return Wait("; ".join(map(_why, waiting)), facts)
        return Done(facts={"enabled": len(seen.held.held), **facts})

    def _needless(self, world: World, resource: str) -> bool:
        """It need not be read, or not again."""
        if self.enabled == "restore":
            return not remembered_here(world, resource)
        return self.enabled is False and confirmed_before(world, resource)

    def _resource(self, mapping: MappingId) -> str:
        """The ledger's name of what is fenced."""
        return f"lambda:{self.region}:{mapping}:event_source"

    def _put(self, mapping: MappingId) -> Callable[[Value], tuple[Call, ...]]:
        return lambda value: (UPDATE(self.region, UUID=mapping, Enabled=value),)


def _read(mapping: str, sight: Sight, since: float) -> tuple[Value | Silence, bool | None]:
    """Whether it is to poll, and whether that has come about. None where it may have been so before whatever
    changed it, and the read be stale: it has not changed since this state was entered (`since`)."""
    if isinstance(sight, Silence):
        return sight, None
    assert not isinstance(sight, Absent), "a mapping that is not there is Refused"
    state, changed = str(sight.get("State") or "in no state that is told"), sight.get("LastModified")
    if state not in STATES:
        return Silence(f"mapping {mapping} is {state}", answered=True), None
    fresh = isinstance(changed, datetime) and changed.timestamp() >= since
    return STATES[state], False if state in UNDER_WAY else fresh or None


def _trouble(mapping: str, sight: Sight) -> str:
    """What went wrong when it polled last, for a dry run; "" where nothing did."""
    last = sight.get("LastProcessingResult") if isinstance(sight, Mapping) else None
    return f"mapping {mapping}: {last}" if isinstance(last, str) and last.startswith("PROBLEM") else ""


def _why(held: Held) -> str:
    return held.current.why if isinstance(held.current, Silence) else f"{held.resource} is not enabled yet"


handler = lambda_handler(EventSources)
