"""Capacity: ECS services of `region` run as many tasks as customers need; or none; or as many as before.

A number above 0, or `match`, raises: a service that runs more is let be. `match` is what the other Region's
service runs, or ran before a fence or a game day took that away, and never less than `at_least`, which is all
that is known of a Region that has been dark from the start. 0 is a fence, and no task is left. Autoscaling
undoes either unless its least is set first: so the limits come first, and for a fence its scaling out and its
schedules are suspended. What stood there before (count, limits, suspensions) is remembered, and `restore`
gives exactly that back. Placed after the traffic with `region: $from`, it gives back what a run had raised.

A desired count is no capacity: it holds once so many tasks run and as many targets are healthy in each of
the service's target groups. While that takes time, the service's newest event is told: a Region without room
says it there only, and is waited for. A service whose deployment was rolled back looks stable, and runs
something else. Sources:
docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html,
docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html,
docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, NewType

from ..calls import Api, Call, Silence
from ..ecs_services import (
    DIMENSION,
    HEALTH,
    PAIR,
    SERVICE,
    SERVICES,
    SUSPENDED,
    TARGETS,
    Service,
    asking,
    described,
    healthy,
    lacking,
    left_of,
    parts,
    services_of,
)
from ..errors import Refused
from ..fence import (
    ASKS,
    NOTES,
    PATIENCE,
    FenceSight,
    Held,
    Value,
    Words,
    ask_all,
    give_back,
    patient,
    remembered_here,
    take_away,
)
from ..handler import lambda_handler
from ..inputs import FORMS, Form, Patience, Region
from ..run import MOVES
from ..step import Decision, Step
from ..world import World

EcsService = NewType("EcsService", str)
# docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-account-settings.html (the long form of its ARN)
FORMS[EcsService] = Form(
    "an ECS service with its cluster",
    "ECS services with their clusters",
    "[A-Za-z0-9_-]{1,255}/[A-Za-z0-9_-]{1,255}",
    "CLUSTER/SERVICE, as its ARN ends: letters, digits, hyphens and underscores",
    "shop/orders",
    meant=lambda text: text.partition(":service/")[2],
)

REGISTER = Api(
    "application-autoscaling:RegisterScalableTarget",
    why="the ARN of a scalable target ends with an id that AWS made up, and not with the service",
)
UPDATE = Api("ecs:UpdateService", resource=SERVICE)

SCALES_OUT = dict.fromkeys(SUSPENDED[1:], True)
"""What would take a service up again from none."""
LOOKS, LOOKS_AGAIN = 3, ASKS - 3
"""How often the services are asked at most, and then what is asked because of their answers. A fence asks no
more than the services, and those as often as a tick has time for."""
RAISE = Words("raise", "raised")
NOT_ASKED = Silence("not asked: its owner remembers nothing of it")


@dataclass(frozen=True, kw_only=True)
class EcsCapacity(Step[FenceSight]):
    """ECS services of `region` run at least `desired` tasks that are healthy; or none, where that is 0."""

    services: Annotated[
        Mapping[Region, tuple[EcsService, ...]],
        "each Region's services, as CLUSTER/SERVICE; in the same order, where one matches the other's",
    ]
    region: Annotated[Region, "where they run"] = Region("$to")
    desired: Annotated[
        int | Literal["match", "restore"],
        "how many tasks each; `match`: as many as the other Region runs, or did before that was taken away; "
        "`restore`: what it was before",
    ]
    at_least: Annotated[int, "with `match`: how many in any case, also where the other Region is dark"] = 0
    patience: Annotated[Patience, "how long a silent Region is waited for"] = PATIENCE

    name: ClassVar = "ecs_capacity"
    reads: ClassVar = (SERVICES, PAIR, TARGETS, HEALTH)
    writes: ClassVar = (REGISTER, UPDATE)
    notes: ClassVar = NOTES
    busy: ClassVar = frozenset({"ConcurrentUpdateException"})
    asks: ClassVar = ASKS
    fences: ClassVar = True
    closed: ClassVar = 0
    phase: ClassVar = "capacity"
    tolerates: ClassVar = {PAIR: "`at_least` is what is known of a Region that is dark"}
    block: ClassVar = "ECSServiceScaling"

    def __post_init__(self) -> None:
        patient(self.patience, self.within)
        if self.desired != "restore" and (self.desired == "match") != bool(self.at_least):
            raise ValueError(
                "`desired: match` needs at_least, and nothing else does: how many tasks each, where the "
                "other Region is dark"
            )
        if self.desired == "match" and len({len(each) for each in self.services.values()}) > 1:
            raise ValueError("match needs as many services in each Region, in the same order")

    @property
    def raises(self) -> bool:
        """It gives capacity, and takes none."""
        return self.desired not in (0, "restore")

    def _resource(self, region: str, service: str) -> str:
        """The ledger's name of it."""
        return f"ecs:{region}:{service}:capacity"

    def observe(self, world: World) -> FenceSight:
        names = self.services[self.region]
        asked = [
            name
            for name in names
            if self.desired != "restore" or remembered_here(world, self._resource(self.region, name))
        ]
        looks = ASKS if self.desired == 0 else LOOKS
        sights = ask_all(world, list(asking(self.region, asked)), self.patience, looks)
        seen = services_of(asked, sights)
        wells, others = self._look_again(world, seen)
        held = [
            self._held(
                world, name, seen.get(name, Service(NOT_ASKED)), self._wanted(world, place, others), wells
            )
            for place, name in enumerate(names)
        ]
        # What is raised is never owed: without capacity nobody is led there.
        return FenceSight.of(world, math.inf if self.raises else self.patience, held, self.region)

    def _look_again(
        self, world: World, seen: Mapping[str, Service]
    ) -> tuple[dict[str, int | Silence], dict[str, Service]]:
        """How many targets of each group are healthy, and what the other Region's services run."""
        known = [it for it in seen.values() if not isinstance(it.value, Silence)]
        groups = [] if self.desired == 0 else sorted({arn for it in known if it.running for arn in it.groups})
        other = self._other()
        pairs = self.services[other] if self.desired == "match" and known else ()
        calls = [
            *(HEALTH(self.region, TargetGroupArn=arn) for arn in groups),
            *(PAIR(other, cluster=cluster, services=part) for cluster, part in parts(pairs)),
        ]
        sights = ask_all(world, calls, self.patience, LOOKS_AGAIN) if calls else []
        wells = dict(zip(groups, map(healthy, sights), strict=False))
        return wells, described(pairs, sights[len(groups) :])

    def _wanted(self, world: World, place: int, others: Mapping[str, Service]) -> int | Silence:
        """How many tasks: of those that are known, the most."""
        if self.desired != "match":
            return self.desired if isinstance(self.desired, int) else 0
        other = self._other()
        pair = self.services[other][place]
        memories = world.records.remembered(self._resource(other, pair))
        before = [memory.value["desired"] for memory in memories if isinstance(memory.value, Mapping)]
        now = others.get(pair, Service(Silence(f"{pair} in {other}: not asked yet"))).value
        if isinstance(now, Silence):
            run = world.run
            late = run.dry_run or (run.mode == "ungraceful" and world.waited > self.patience)
            return max([self.at_least, *before]) if before or late else now
        return int(max([self.at_least, now["desired"], *before]))

    def _other(self) -> Region:
        return next((region for region in self.services if region != self.region), self.region)

    def _held(
        self,
        world: World,
        name: str,
        it: Service,
        wanted: int | Silence,
        wells: Mapping[str, int | Silence],
    ) -> Held:
        resource, run = self._resource(self.region, name), world.run
        owed = run.purpose == "settle" and bool(world.records.debts.get(resource, {}).get("give_back"))
        if self.desired == "restore" or owed:
            memories = [] if isinstance(it.value, Silence) else world.records.remembered(resource)
            before = [memory.value for memory in memories if memory.owner == run.owner]
            current = _as_far_as(before[0], it.value) if before else it.value
            led = run.purpose == "mend" or (run.purpose in MOVES and self.region == run.target)
            felt = before and led  # customers are led there next
            lacks = lacking(it, before[0]["desired"], wells) if felt else ""
            return Held(resource, current, False if lacks else None, self._put_all(name), lacks=lacks)
        if isinstance(wanted, Silence):
            return Held(resource, wanted, None, self._put_all(name))
        count = wanted
        return Held(
            resource,
            it.value,
            confirmed=not (lacks := lacking(it, count, wells) if count else left_of(it)),
            put=self._put_all(name) if run.dry_run else self._put_next(name, it.value),
            barred=it.flaw or (it.stale if count else ""),
            doubt=_ill(name, it, wells) if run.dry_run and count else "",
            aim=(lambda current: _raised(current, count)) if count else _none,
            lacks=lacks,
        )

    def _put_all(self, name: str) -> Callable[[Any], tuple[Call, ...]]:
        def put(value: Any) -> tuple[Call, ...]:
            cluster, _, service = name.partition("/")
            update = UPDATE(self.region, cluster=cluster, service=service, desiredCount=value["desired"])
            if "min" not in value:
                return (update,)
            limits = {
                "MinCapacity": value["min"],
                "MaxCapacity": value["max"],
                "SuspendedState": value["suspended"],
            }
            return (REGISTER(self.region, ResourceId=f"service/{name}", **DIMENSION, **limits), update)

        return put

    def _put_next(self, name: str, current: Value | Silence) -> Callable[[Any], tuple[Call, ...]]:
        """The limits first, and the count once they are read back: or autoscaling would undo it."""
        every = self._put_all(name)

        def put(value: Any) -> tuple[Call, ...]:
            limited = isinstance(current, Mapping) and _limits(current) == _limits(value)
            return every(value)[-1:] if limited else every(value)[:1]

        return put

    def decide(self, seen: FenceSight) -> Decision:
        if self.desired == "restore":
            return give_back(seen)
        if self.desired == 0:
            return take_away(seen, None)
        if seen.purpose != "settle" and (flaws := [held.barred for held in seen.held if held.barred]):
            raise Refused("; ".join(flaws))
        kept = [held.resource for held in seen.held if seen.others(held.resource)]
        if kept and seen.purpose in MOVES:
            raise Refused(f"the outage still holds {', '.join(kept)}: end it first, by `recovery`")
        return take_away(seen, None, RAISE)


def _limits(value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: part for name, part in value.items() if name != "desired"}


def _ill(name: str, it: Service, wells: Mapping[str, int | Silence]) -> str:
    """Tasks that run and that nobody is answered by: more of them would be no capacity."""
    lacks = lacking(it, it.running, wells)
    return f"{name}: {lacks}: look at what its tasks run" if lacks else ""


def _none(current: Mapping[str, Any]) -> Value:
    """No task, and nothing that would start one."""
    limits = {"min": 0, "suspended": {**current["suspended"], **SCALES_OUT}} if "min" in current else {}
    return {**current, "desired": 0, **limits}


def _raised(current: Mapping[str, Any], count: int) -> Value:
    """So many at least; where more run already, all is as it was."""
    if current["desired"] >= count:
        return current
    limits = (
        {"min": max(current["min"], count), "max": max(current["max"], count)} if "min" in current else {}
    )
    return {**current, "desired": count, **limits}


def _as_far_as(before: Mapping[str, Any], value: Any) -> Any:
    """Without limits that it had not when it was remembered: those are somebody's since."""
    return value if "min" in before else {"desired": value["desired"]}


handler = lambda_handler(EcsCapacity)
