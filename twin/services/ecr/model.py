"""ECR: each Region's private registry, its repositories, and what is replicated from one to another.

A push is replicated by the rules of its registry, after a drawn time; what was pushed before is not, unless a
backfill is started. A dark Region sends and takes nothing until it is back. Deletions are not replicated, and
a repository whose tags cannot move keeps its image. Sources:
docs.aws.amazon.com/AmazonECR/latest/userguide/replication.html, …/replication-backfill.html,
docs.aws.amazon.com/AmazonECR/latest/APIReference/API_StartReplicationBackfill.html
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from ...cloud import ACCOUNT, Answer, AwsError, Cloud, Operation, stamp
from ...faults import Request
from ...service import APART, Service, Stateful, register

MOST_RULES = 10
A_PAGE = 100
RUNNING = ("PREPARING", "IN_PROGRESS")
LOOK_AGAIN_SECONDS = 30.0


class Repository(Stateful):
    """Digests by tag, and whether a tag may move."""

    def __init__(self) -> None:
        self.tags: dict[str, str] = {}
        self.immutable = False

    def state(self) -> object:
        return list(self.tags.items()), self.immutable


@dataclass
class Backfill:
    """One copying of all that a registry has for a destination."""

    not_state: ClassVar = {
        "number": "distinguishes backfills",
        "started": "what has been is past",
        "ended": "so",
    }

    number: int
    region: str
    destination: str
    started: float
    status: str = "PREPARING"
    ended: float | None = None

    def described(self) -> dict[str, Any]:
        return {
            "replicationBackfillId": str(uuid.UUID(int=self.number)),
            "destination": {"region": self.destination, "registryId": ACCOUNT},
            "status": self.status,
            "startedAt": stamp(self.started),
            **({} if self.ended is None else {"endedAt": stamp(self.ended)}),
        }


class Ecr(Service):
    """Every Region's registry."""

    service: ClassVar = "ecr"
    not_state: ClassVar = {"cloud": APART}

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self.repositories: dict[tuple[str, str], Repository] = {}
        """By Region and name."""
        self.rules: dict[str, list[Mapping[str, Any]]] = {}
        """Of each Region's registry, as ECR's API has them."""
        self._replicated: dict[tuple[str, str, str, str], str] = {}
        """How it stands, by Region, repository, digest and destination."""
        self._backfills: list[Backfill] = []

    def operations(self) -> Mapping[str, Operation]:
        return {
            "DescribeRepositories": self._repositories_of,
            "DescribeRegistry": self._registry,
            "PutReplicationConfiguration": self._put_rules,
            "DescribeImages": self._images,
            "DescribeImageReplicationStatus": self._status,
            "ListReplicationBackfills": self._list_backfills,
            "StartReplicationBackfill": self._start_backfill,
        }

    def state(self) -> object:
        return (
            [(where, each.state()) for where, each in self.repositories.items()],
            list(self.rules.items()),
            list(self._replicated.items()),
            [(each.region, each.destination, each.status) for each in self._backfills],
        )

    def repository(self, region: str, name: str) -> Repository:
        """One more, empty."""
        return register(self.repositories, (region, name), Repository)

    def drop(self, region: str, name: str) -> None:
        """Somebody deletes it."""
        del self.repositories[region, name]

    def push(self, region: str, name: str, tag: str, digest: str) -> None:
        """Somebody pushes an image."""
        self.repositories[region, name].tags[tag] = digest
        for destination in self._destinations(region, name):
            self._replicated[region, name, digest, destination] = "IN_PROGRESS"
            arrive = self._arrival(region, name, tag, digest, destination)
            self.cloud.clock.after(self.cloud.latency.draw("ecr_replication"), arrive)

    def _destinations(self, region: str, name: str) -> Iterator[str]:
        for rule in self.rules.get(region, ()):
            filters = [each["filter"] for each in rule.get("repositoryFilters", ())] or [""]
            if any(name.startswith(each) for each in filters):
                yield from (each["region"] for each in rule["destinations"])

    def _arrival(self, region: str, name: str, tag: str, digest: str, destination: str) -> Callable[[], None]:
        def arrive() -> None:
            if self._dark(region, destination):
                self.cloud.clock.after(LOOK_AGAIN_SECONDS, arrive)
            else:
                self._copy(region, name, tag, digest, destination)

        return arrive

    def _copy(self, region: str, name: str, tag: str, digest: str, destination: str) -> None:
        """A repository that is missing is created, with default settings."""
        there = self.repositories.setdefault((destination, name), Repository())
        stays = there.immutable and there.tags.get(tag, digest) != digest
        self._replicated[region, name, digest, destination] = "FAILED" if stays else "COMPLETE"
        if not stays:
            there.tags[tag] = digest

    def _dark(self, *regions: str) -> bool:
        return any(self.cloud.faults.is_dark(region, self.service) for region in regions)

    def _backfill(self, backfill: Backfill) -> None:
        draw, clock = self.cloud.latency.draw, self.cloud.clock
        clock.sleep(draw("ecr_backfill_preparation"))
        backfill.status = "IN_PROGRESS"
        for (region, name), repository in list(self.repositories.items()):
            if region != backfill.region or backfill.destination not in self._destinations(region, name):
                continue
            for tag, digest in list(repository.tags.items()):
                clock.sleep(draw("ecr_replication"))
                while self._dark(region, backfill.destination):
                    clock.sleep(LOOK_AGAIN_SECONDS)
                self._copy(region, name, tag, digest, backfill.destination)
        backfill.status, backfill.ended = "COMPLETE", clock.now

    def _repositories_of(self, request: Request) -> Answer:
        """One that is missing hides the others."""
        asked = _only(request, "repositoryNames")
        return {"repositories": [self._described(request.region, name) for name in asked["repositoryNames"]]}

    def _described(self, region: str, name: str) -> Mapping[str, Any]:
        self._asked(region, name)
        arn = f"arn:aws:ecr:{region}:{ACCOUNT}:repository/{name}"
        return {"repositoryArn": arn, "registryId": ACCOUNT, "repositoryName": name}

    def _asked(self, region: str, name: str) -> Repository:
        if (region, name) not in self.repositories:
            why = f"The repository with name '{name}' does not exist in the registry with id '{ACCOUNT}'"
            raise AwsError("RepositoryNotFoundException", why)
        return self.repositories[region, name]

    def _registry(self, request: Request) -> Answer:
        _only(request)
        rules = list(self.rules.get(request.region, ()))
        return {"registryId": ACCOUNT, "replicationConfiguration": {"rules": rules}}

    def _put_rules(self, request: Request) -> Answer:
        """Whatever was there is replaced."""
        wanted = _only(request, "replicationConfiguration")["replicationConfiguration"]
        regions = [each["region"] for rule in wanted["rules"] for each in rule["destinations"]]
        if len(wanted["rules"]) > MOST_RULES or request.region in regions:
            raise AwsError("ValidationException", f"at most {MOST_RULES} rules, none to {request.region}")
        self.rules[request.region] = list(wanted["rules"])
        return {"replicationConfiguration": wanted}

    def _images(self, request: Request) -> Answer:
        asked = _only(request, "repositoryName", "imageIds")
        repository, ((tag,),) = (
            self._asked(request.region, asked["repositoryName"]),
            [each.values() for each in asked["imageIds"]],
        )
        if tag not in repository.tags:
            why = f"The image with imageId {{imageTag:'{tag}'}} does not exist within the repository"
            raise AwsError("ImageNotFoundException", why)
        digest = repository.tags[tag]
        tags = [each for each, known in repository.tags.items() if known == digest]
        return {"imageDetails": [{"imageDigest": digest, "imageTags": tags, "imageStatus": "ACTIVE"}]}

    def _status(self, request: Request) -> Answer:
        asked = _only(request, "repositoryName", "imageId")
        digest = asked["imageId"]["imageDigest"]
        if digest not in self._asked(request.region, asked["repositoryName"]).tags.values():
            raise AwsError("ImageNotFoundException", f"The image {digest} does not exist")
        told = [
            {"region": destination, "registryId": ACCOUNT, "status": status}
            for (*what, destination), status in self._replicated.items()
            if what == [request.region, asked["repositoryName"], digest]
        ]
        return {
            "repositoryName": asked["repositoryName"],
            "imageId": asked["imageId"],
            "replicationStatuses": told,
        }

    def _list_backfills(self, request: Request) -> Answer:
        """The newest first."""
        asked = _only(request, "nextToken")
        mine: Sequence[Backfill] = [each for each in self._backfills if each.region == request.region][::-1]
        begin = int(asked.get("nextToken", 0))
        more = {"nextToken": str(begin + A_PAGE)} if len(mine) > begin + A_PAGE else {}
        return {"backfills": [each.described() for each in mine[begin : begin + A_PAGE]], **more}

    def _start_backfill(self, request: Request) -> Answer:
        asked, here = _only(request, "destination")["destination"], request.region
        rules = self.rules.get(here, ())
        if asked not in [destination for rule in rules for destination in rule["destinations"]]:
            raise AwsError("InvalidParameterException", "The destination is in no replication rule")
        mine = [each for each in self._backfills if each.region == here and each.status in RUNNING]
        if any(each.destination == asked["region"] for each in mine):
            raise AwsError("ReplicationBackfillInProgressException", f"One to {asked['region']} is running")
        backfill = Backfill(len(self._backfills) + 1, here, asked["region"], self.cloud.clock.now)
        self._backfills.append(backfill)
        self.cloud.clock.spawn(lambda: self._backfill(backfill))
        return {"registryId": ACCOUNT, **backfill.described()}


def _only(request: Request, *known: str) -> Mapping[str, Any]:
    """The parameters, where the twin knows them all."""
    if not set(request.parameters) <= set(known):
        raise NotImplementedError(f"the twin's {request.operation} knows only {known}")
    return request.parameters
