"""While a run moves the application nothing is deployed under its feet: pipelines and rules are held.

A stage is held by its inbound transition, with a reason that names this run; an EventBridge rule by its
state. Only what this run has taken is given back: what was disabled before is not remembered, and a
transition that somebody has disabled since for a reason of their own stays so. A rule tells no reason, so
whoever disables it during a run finds it enabled after. A stage that is running goes on. A rule that AWS
manages, or that EnableRule could not bring back as it was, is refused. EventBridge Scheduler's schedules are
not held: to change one, its whole target must be sent anew, with the right to pass its role. Sources:
docs.aws.amazon.com/codepipeline/latest/APIReference/API_DisableStageTransition.html,
docs.aws.amazon.com/eventbridge/latest/APIReference/API_DisableRule.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal, NewType

from ..calls import Absent, Api, Call, Sight, Silence
from ..errors import Refused
from ..expectations import PipelineName, StageName
from ..fence import (
    ASKS,
    NOTES,
    PATIENCE,
    FenceSight,
    Held,
    ask_all,
    give_back,
    patient,
    remembered_here,
    take_away,
)
from ..handler import lambda_handler
from ..inputs import FORMS, Form, Patience, Region
from ..ledger import Memory
from ..run import Run
from ..step import Decision, Step
from ..world import World

RuleName = NewType("RuleName", str)
# docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html
FORMS[RuleName] = Form(
    "the name of an EventBridge rule",
    "EventBridge rules' names",
    "[A-Za-z0-9._-]{1,64}",
    "at most 64 letters, digits and any of ._-",
    "nightly-report",
)

TRANSITION = "codepipeline:{region}:{account}:{stages.pipeline}/{stages.stage}"
RULE = "events:{region}:{account}:rule/{rules.name}"
STATE = Api("codepipeline:GetPipelineState", resource="codepipeline:{region}:{account}:{stages.pipeline}")
DESCRIBE = Api("events:DescribeRule", resource=RULE)
DISABLE = Api("codepipeline:DisableStageTransition", resource=TRANSITION)
ENABLE = Api("codepipeline:EnableStageTransition", resource=TRANSITION)
DISABLE_RULE = Api("events:DisableRule", resource=RULE)
ENABLE_RULE = Api("events:EnableRule", resource=RULE)
OWED = "what a silent Region does not hold, or is not given back, is owed"

HELD, OPEN = "disabled", "enabled"
OURS = "Farshore run "
"""So begins the reason of a transition that a run holds."""
UNSAID = re.compile(r"[^a-zA-Z0-9!@ ().*?-]")
"""What may not stand in a reason."""

Setting = str
"""HELD or OPEN."""


@dataclass(frozen=True)
class Stage:
    """A stage of a pipeline, which nothing enters while it is held."""

    at: Annotated[Region, "the Region that its pipeline is in"]
    pipeline: Annotated[PipelineName, "the pipeline"]
    stage: Annotated[StageName, "the stage that no execution enters"]

    @property
    def resource(self) -> str:
        """The ledger's name of what is held."""
        return f"codepipeline:{self.at}:{self.pipeline}:{self.stage}:inbound_transition"

    def look(self) -> Call:
        return STATE(self.at, name=self.pipeline)

    def setting(self, answer: Mapping[str, Any], restoring: bool) -> Setting | Silence | None:
        """None where somebody else has disabled it since: that is no longer ours to end."""
        stages = {each.get("stageName"): each for each in answer.get("stageStates", ())}
        if not stages:
            return Silence(f"CodePipeline did not tell the stages of {self.pipeline}", answered=True)
        if self.stage not in stages:
            what = f"pipeline {self.pipeline} in {self.at} has no stage {self.stage}"
            raise Refused(f"{what}: correct the runbook, it has {', '.join(sorted(map(str, stages)))}")
        into = stages[self.stage].get("inboundTransitionState", {})
        if "enabled" not in into:
            return Silence(
                f"CodePipeline did not tell the transition into {self.stage} of {self.pipeline}",
                answered=True,
            )
        if into["enabled"]:
            return OPEN
        return HELD if not restoring or into.get("disabledReason", "").startswith(OURS) else None

    def put(self, run: Run) -> Callable[[Any], tuple[Call, ...]]:
        what = {"pipelineName": self.pipeline, "stageName": self.stage, "transitionType": "Inbound"}
        reason = OURS + UNSAID.sub("-", run.execution.rpartition(":")[2])

        def put(value: Any) -> tuple[Call, ...]:
            if value == HELD:
                return (DISABLE(self.at, **what, reason=reason),)
            return (ENABLE(self.at, **what),)

        return put


@dataclass(frozen=True)
class Rule:
    """A rule of the default event bus, which starts nothing while it is held."""

    at: Annotated[Region, "the Region that it is in"]
    name: Annotated[RuleName, "the rule, of a pattern or of a schedule"]

    @property
    def resource(self) -> str:
        return f"events:{self.at}:{self.name}:state"

    def look(self) -> Call:
        return DESCRIBE(self.at, Name=self.name)

    def setting(self, answer: Mapping[str, Any], restoring: bool) -> Setting | Silence | None:
        said, where = answer.get("State"), f"rule {self.name} in {self.at}"
        if answer.get("ManagedBy") and not restoring:
            raise Refused(
                f"{where} is managed by {answer['ManagedBy']}: take it off, and hold what it starts"
            )
        if said == "DISABLED":
            return HELD
        if said == "ENABLED":
            return OPEN
        if said is None or restoring:
            return Silence(f"EventBridge says of {where} that it is {said}", answered=True)
        raise Refused(f"{where} is {said}, and EnableRule would bring it back as ENABLED: take it off")

    def put(self, run: Run) -> Callable[[Any], tuple[Call, ...]]:
        def put(value: Any) -> tuple[Call, ...]:
            return ((DISABLE_RULE if value == HELD else ENABLE_RULE)(self.at, Name=self.name),)

        return put


@dataclass(frozen=True, kw_only=True)
class Freeze(Step[FenceSight]):
    """Nothing enters these stages of pipelines, and these rules start nothing, while the run lasts."""

    stages: Annotated[tuple[Stage, ...], "stages of pipelines, in either Region"] = ()
    rules: Annotated[tuple[Rule, ...], "EventBridge rules, in either Region"] = ()
    held: Annotated[Literal[True, "restore"], "true holds, `restore` gives back what was"]
    patience: Annotated[Patience, "how long a silent Region is waited for"] = PATIENCE

    name: ClassVar = "freeze"
    reads: ClassVar = (STATE, DESCRIBE)
    writes: ClassVar = (DISABLE, ENABLE, DISABLE_RULE, ENABLE_RULE)
    notes: ClassVar = NOTES
    busy: ClassVar = frozenset({"ConcurrentModificationException"})
    asks: ClassVar = ASKS
    fences: ClassVar = True
    for_the_run: ClassVar = True
    tolerates: ClassVar = dict.fromkeys((*reads, *writes), OWED)

    def __post_init__(self) -> None:
        patient(self.patience, self.within)
        if not (self.stages or self.rules):
            raise ValueError("nothing is held: write stages or rules")

    def things(self) -> Iterator[Stage | Rule]:
        yield from self.stages
        yield from self.rules

    def observe(self, world: World) -> FenceSight:
        restoring = self.held == "restore"
        plans = restoring and world.run.dry_run and world.run.purpose == "move"
        every = plans or not restoring
        asked = [thing for thing in self.things() if every or remembered_here(world, thing.resource)]
        sights = ask_all(world, [thing.look() for thing in asked], self.patience) if asked else []
        found = dict(zip(asked, sights, strict=True))
        held = [self._held(thing, found.get(thing), world) for thing in self.things()]
        seen = FenceSight.of(world, self.patience, held, region="")
        return _at_the_end(seen) if plans else seen

    def decide(self, seen: FenceSight) -> Decision:
        return give_back(seen) if self.held == "restore" else take_away(seen, HELD)

    def _held(self, thing: Stage | Rule, sight: Sight | None, world: World) -> Held:
        setting: Setting | Silence | None = NOT_ASKED
        if isinstance(sight, Silence):
            setting = sight
        elif sight is not None and not isinstance(sight, Absent):
            setting = thing.setting(sight, self.held == "restore")
        if setting is None:  # as it is, it is as its owner wants it
            return Held(thing.resource, OPEN, confirmed=True, put=thing.put(world.run))
        return Held(thing.resource, setting, confirmed=None, put=thing.put(world.run))


def _at_the_end(seen: FenceSight) -> FenceSight:
    """As it will be by then, for a plan: what is open, or nobody tells, will be held and remembered."""
    ahead = [held.resource for held in seen.held if held.current != HELD and seen.mine(held.resource) is None]
    memories = [Memory(seen.owner, resource, OPEN, seen.execution) for resource in ahead]
    held = [
        replace(each, current=HELD) if each.resource in ahead and each.current == OPEN else each
        for each in seen.held
    ]
    records = replace(seen.records, memories=(*seen.records.memories, *memories))
    return replace(seen, records=records, held=tuple(held))


NOT_ASKED = Silence("not asked: its owner remembers nothing of it")

handler = lambda_handler(Freeze)
