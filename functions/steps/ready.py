"""What must be there before a disaster is there, in both Regions, and as the runbook says.

It only looks, and tells all that is wrong at once, each with what would make it so: a subnet, a repository or
a pipeline's stage belongs to a person, or to infrastructure code, and no run makes one. A pipeline's last
execution counts only where every stage names the same one and says Succeeded: AWS gives each stage's own
last, and an older one that went through says nothing of today's image. Task definitions are compared as they
were registered last: what differs between the Regions (a flag, a size, an image) shows on the night alone.
What is under way, and whoever does not answer, is waited for. Sources: see functions/expectations.py, which
has a class for each kind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Annotated, ClassVar

from ..errors import Refused
from ..expectations import (
    DECLARED,
    ENDPOINTS,
    LAST_RUN,
    REPOSITORIES,
    SUBNETS,
    TASKS,
    EndpointGroup,
    Expectation,
    Pipeline,
    Repository,
    Subnets,
    Tasks,
    Trouble,
)
from ..handler import lambda_handler
from ..inputs import EndpointGroupArn, Region, RepositoryName, Seconds
from ..pages import ask_pages
from ..run import Run
from ..step import Decision, Done, Step, Wait
from ..world import World

PAGES = 3
"""Of one description: AWS gives 1,000 a page."""


@dataclass(frozen=True)
class Seen:
    troubles: tuple[Trouble, ...]
    looked_at: int


@dataclass(frozen=True, kw_only=True)
class Ready(Step[Seen]):
    """What a failover needs is there in both Regions, and as the runbook says."""

    subnets: Annotated[tuple[Subnets, ...], "subnets, by VPC"] = ()
    repositories: Annotated[
        tuple[RepositoryName, ...], "ECR repositories that are there in both Regions"
    ] = ()
    pipelines: Annotated[tuple[Pipeline, ...], "pipelines that deploy to both Regions"] = ()
    task_definitions: Annotated[
        tuple[Tasks, ...], "ECS task definitions that say the same in both Regions"
    ] = ()
    endpoint_groups: Annotated[
        Mapping[Region, EndpointGroupArn], "each Region's endpoint group of a Global Accelerator"
    ] = field(default_factory=dict)
    within: Annotated[Seconds, "how long whoever is silent, and what is under way, is waited for"] = Seconds(
        300
    )

    name: ClassVar = "ready"
    reads: ClassVar = (SUBNETS, REPOSITORIES, DECLARED, LAST_RUN, TASKS, ENDPOINTS)
    every: ClassVar = 15
    asks: ClassVar = PAGES

    def __post_init__(self) -> None:
        lists = (self.subnets, self.repositories, self.pipelines, self.task_definitions)
        if not any((*lists, self.endpoint_groups)):
            raise ValueError(
                "nothing is expected: write subnets, repositories, pipelines, task_definitions or "
                "endpoint_groups"
            )
        for each in self.pipelines:
            if each.at == each.deploys_to:
                raise ValueError(
                    f"{each.name} is in {each.at}, and would deploy there alone: write the other Region"
                )

    def expectations(self, run: Run) -> Iterator[Expectation]:
        yield from self.subnets
        for name in self.repositories:
            yield from (Repository(name, region) for region in (run.source, run.target))
        yield from self.pipelines
        yield from self.task_definitions
        yield from (EndpointGroup(arn, region) for region, arn in self.endpoint_groups.items())

    def observe(self, world: World) -> Seen:
        expected = [(each, each.calls()) for each in self.expectations(world.run)]
        sights = iter(ask_pages(world, [call for _, calls in expected for call in calls], PAGES))
        found = [
            trouble for each, calls in expected for trouble in each.troubles(list(islice(sights, len(calls))))
        ]
        return Seen(tuple(found), len(expected))

    def decide(self, seen: Seen) -> Decision:
        """All at once: a person mends them in one go."""
        said = "; ".join(trouble.what for trouble in seen.troubles)
        if any(not trouble.passing for trouble in seen.troubles):
            raise Refused(said)
        return Wait(said) if seen.troubles else Done(facts={"looked_at": seen.looked_at})


handler = lambda_handler(Ready)
