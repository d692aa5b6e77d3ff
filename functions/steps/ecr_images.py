"""What is deployed stands in both Regions: the same digest under each tag, and the next one is replicated.

A registry has one replication configuration, and who writes it replaces all: so it is read twice, others'
rules are kept, and one is added for the repositories that none covers. What was pushed before its rule is not
copied: a backfill does that. Replication copies no deletion, policy or setting, and a repository where tags
cannot move keeps the old image: two digests under one tag are refused, since only a person knows which is
right. A rule's filter is a prefix, so it may cover more. The first rule of an account needs ECR's
service-linked role, which no run may create: AWS then says so. Sources:
docs.aws.amazon.com/AmazonECR/latest/userguide/replication.html (30 minutes for most images),
docs.aws.amazon.com/AmazonECR/latest/userguide/replication-backfill.html,
docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutReplicationConfiguration.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, NewType

from ..calls import Absent, Api, Call, Sight, Silence, domain_of
from ..errors import Refused
from ..handler import lambda_handler
from ..inputs import FORMS, Form, Region, RepositoryName, Seconds
from ..pages import ask_pages
from ..planned import DOUBTS
from ..step import Change, Decision, Done, Step, Wait
from ..world import World

ImageTag = NewType("ImageTag", str)
ImageDigest = NewType("ImageDigest", str)
# docs.docker.com/reference/cli/docker/image/tag/
FORMS[ImageTag] = Form(
    "an image's tag",
    "tags",
    "[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}",
    "at most 128 letters, digits and any of _.-, which it may not begin with but for _",
    "latest",
)
# docs.aws.amazon.com/AmazonECR/latest/userguide/image-manifest-formats.html
FORMS[ImageDigest] = Form(
    "an image's digest",
    "digests",
    "sha256:[0-9a-f]{64}",
    "sha256: and 64 hexadecimal digits",
    "sha256:" + "0123456789abcdef" * 4,
)

UNSCOPED = "a registry's replication is no resource that IAM could name"
REPOSITORY = "ecr:{region}:{account}:repository/{repositories}"
REGISTRY = Api("ecr:DescribeRegistry", why=UNSCOPED)
IMAGES = Api(
    "ecr:DescribeImages",
    resource=REPOSITORY,
    absent=frozenset({"ImageNotFoundException", "RepositoryNotFoundException"}),
)
STATUS = Api(
    "ecr:DescribeImageReplicationStatus", resource=REPOSITORY, absent=frozenset({"ImageNotFoundException"})
)
BACKFILLS = Api("ecr:ListReplicationBackfills", why=UNSCOPED)
PUT = Api("ecr:PutReplicationConfiguration", why=UNSCOPED)
BACKFILL = Api("ecr:StartReplicationBackfill", why=UNSCOPED)

MOST_RULES = 10
"""Source: docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html"""
RUNNING = ("PREPARING", "IN_PROGRESS", "STOPPING")
SETTLES_SECONDS = 60
"""So long after a backfill has ended, what it copied is surely to be seen."""
PAGES = 3


@dataclass(frozen=True)
class Image:
    """A repository's tag: its digest in both Regions, None where there is none, and its replication."""

    repository: str
    tag: str
    here: str | Silence | None
    there: str | Silence | None
    status: str | Silence = ""
    """Of this digest: IN_PROGRESS, COMPLETE, FAILED and why; "" where ECR was never to replicate it."""

    def __str__(self) -> str:
        return f"{self.repository}:{self.tag}"


@dataclass(frozen=True)
class Seen:
    images: tuple[Image, ...]
    rules: Sequence[Mapping[str, Any]] | Silence
    stable: bool
    """Both looks have found the same rules."""
    backfills: Sequence[Mapping[str, Any]] | Silence
    """Those to the other Region."""
    account: str
    there: Region
    now: float
    since: float


@dataclass
class _Sum:
    waiting: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    backfill: list[str] = field(default_factory=list)
    """Images that only a backfill brings there."""


@dataclass(frozen=True, kw_only=True)
class EcrImages(Step[Seen]):
    """These repositories have the same image under each tag in both Regions, and the next is replicated."""

    repositories: Annotated[tuple[RepositoryName, ...], "ECR repositories, of the same name in both Regions"]
    tags: Annotated[tuple[ImageTag, ...], "the tags that each of them has"]
    pushed_in: Annotated[Region, "the Region that images are pushed to"] = Region("$from")
    placeholders: Annotated[
        tuple[ImageDigest, ...], "digests of what stands there until something is deployed: they do not count"
    ] = ()
    within: Annotated[Seconds, "how long replication may take"] = Seconds(2700)

    name: ClassVar = "ecr_images"
    reads: ClassVar = (REGISTRY, IMAGES, STATUS, BACKFILLS)
    writes: ClassVar = (PUT, BACKFILL)
    busy: ClassVar = frozenset({"ReplicationBackfillInProgressException"})
    every: ClassVar = 30
    asks: ClassVar = 1 + PAGES

    def observe(self, world: World) -> Seen:
        here, run = self.pushed_in, world.run
        there = run.target if here == run.source else run.source
        names = [(name, tag) for name in self.repositories for tag in self.tags]
        asked = [
            IMAGES(region, repositoryName=name, imageIds=[{"imageTag": tag}])
            for region in (here, there)
            for name, tag in names
        ]
        rules, *found = world.ask(REGISTRY(here), *asked)
        digests = [_digest(sight) for sight in found]
        images = [
            Image(name, tag, digests[place], digests[place + len(names)])
            for place, (name, tag) in enumerate(names)
        ]
        odd = [image for image in images if isinstance(image.here, str) and image.here != image.there]
        statuses = [
            STATUS(here, repositoryName=each.repository, imageId={"imageDigest": each.here}) for each in odd
        ]
        again, backfills, *said = ask_pages(world, [REGISTRY(here), BACKFILLS(here), *statuses], PAGES)
        known = {str(each): _status(sight, there) for each, sight in zip(odd, said, strict=True)}
        return Seen(
            tuple(Image(i.repository, i.tag, i.here, i.there, known.get(str(i), "")) for i in images),
            _rules(rules),
            _rules(rules) == _rules(again),
            _backfills(backfills, there),
            str(rules.get("registryId", "")) if isinstance(rules, Mapping) else "",
            there,
            world.now,
            world.since,
        )

    def decide(self, seen: Seen) -> Decision:
        """What can be repaired is, first; then whatever a person must do is told at once."""
        if isinstance(seen.rules, Silence) or isinstance(seen.backfills, Silence):
            return Wait(next(each.why for each in (seen.rules, seen.backfills) if isinstance(each, Silence)))
        if not seen.account:
            return Wait("ECR did not tell whose registry it is")
        due = _Sum()
        for image in seen.images:
            self._judge(image, seen, due)
        facts = {DOUBTS: due.refused} if due.refused else {}
        if bare := self._uncovered(seen.rules, seen):
            if not seen.stable:
                return Wait("the registry's replication rules change while they are read")
            return Change(
                f"replicate {', '.join(bare)} to {seen.there}", (self._rule(bare, seen),), facts=facts
            )
        latest = max(seen.backfills, key=lambda each: float(each["startedAt"].timestamp()), default=None)
        if due.backfill and latest is not None and latest["status"] in RUNNING:
            due.waiting.append(f"a backfill to {seen.there} is {latest['status']}")
        elif due.backfill and latest is not None and latest["startedAt"].timestamp() >= seen.since:
            self._in_vain(latest, seen, due)
        elif due.backfill:
            what = f"copy what was pushed before its rule to {seen.there}: {', '.join(due.backfill)}"
            return Change(what, (BACKFILL(self.pushed_in, destination=_destination(seen)),), facts=facts)
        if due.refused:
            raise Refused("; ".join([*due.refused, *due.waiting]))
        return Wait("; ".join(due.waiting)) if due.waiting else Done(facts={"images": len(seen.images)})

    def _judge(self, image: Image, seen: Seen, due: _Sum) -> None:
        here, there = self.pushed_in, seen.there
        for digest in (image.here, image.there):
            if isinstance(digest, Silence):
                due.waiting.append(f"{image}: {digest.why}")
                return
        if image.here is None:
            due.refused.append(f"there is no {image} in {here}: push it there")
        elif image.here in self.placeholders:
            due.refused.append(f"{image} in {here} is a placeholder: push what shall run")
        elif image.here == image.there:
            return
        elif isinstance(image.status, Silence):
            due.waiting.append(f"{image}: {image.status.why}")
        elif image.status == "IN_PROGRESS":
            due.waiting.append(f"{image} is being replicated to {there}")
        elif image.status.startswith("FAILED"):
            due.refused.append(
                f"{image} was not replicated to {there}: {image.status}; {self._copy(image, seen)}"
            )
        elif image.there is None or not image.status:
            due.backfill.append(str(image))
        else:
            what = f"{image} is {image.here} in {here} and {image.there} in {there}"
            due.refused.append(f"{what}: if the first is right, {self._copy(image, seen)}")

    def _in_vain(self, latest: Mapping[str, Any], seen: Seen, due: _Sum) -> None:
        """This state has had a backfill already, and it has not brought them."""
        ended = latest.get("endedAt", latest["startedAt"]).timestamp()
        said = f"{latest['status']} {latest.get('failureCode', '')}".strip()
        if seen.now - ended <= SETTLES_SECONDS:
            due.waiting.append(f"a backfill to {seen.there} has just ended: {said}")
            return
        for image in seen.images:
            if str(image) in due.backfill:
                what = f"a backfill to {seen.there} ended ({said}) and has not brought {image}"
                due.refused.append(f"{what}: {self._copy(image, seen)}")

    def _copy(self, image: Image, seen: Seen) -> str:
        """The command of a person that copies it, layers and all."""

        def uri(region: str) -> str:
            return f"{seen.account}.dkr.ecr.{region}.{domain_of(region)}/{image.repository}"

        tag, source = f"{uri(seen.there)}:{image.tag}", f"{uri(self.pushed_in)}@{image.here}"
        return f"docker buildx imagetools create --tag {tag} {source}"

    def _uncovered(self, rules: Sequence[Mapping[str, Any]], seen: Seen) -> list[str]:
        filters = [
            rule.get("repositoryFilters") or [{"filter": ""}]
            for rule in rules
            if _destination(seen) in rule["destinations"]
        ]
        prefixes = [each["filter"] for several in filters for each in several]
        return [name for name in self.repositories if not any(name.startswith(each) for each in prefixes)]

    def _rule(self, bare: list[str], seen: Seen) -> Call:
        """All the rules that there are, and one more."""
        assert not isinstance(seen.rules, Silence)
        if len(seen.rules) >= MOST_RULES:
            what = f"the registry in {self.pushed_in} has {len(seen.rules)} replication rules, the most"
            raise Refused(f"{what}: add {', '.join(bare)} to one that leads to {seen.there}")
        filters = [{"filter": name, "filterType": "PREFIX_MATCH"} for name in bare]
        mine = {"destinations": [_destination(seen)], "repositoryFilters": filters}
        return PUT(self.pushed_in, replicationConfiguration={"rules": [*seen.rules, mine]})


def _destination(seen: Seen) -> dict[str, str]:
    return {"region": seen.there, "registryId": seen.account}


def _digest(sight: Sight) -> str | Silence | None:
    if isinstance(sight, Absent):
        return None
    if isinstance(sight, Silence):
        return sight
    for image in sight.get("imageDetails", ()):
        if (status := image.get("imageStatus", "ACTIVE")) != "ACTIVE":
            return Silence(f"it is {status}: restore it, no task can pull it")
        if "imageDigest" in image:
            return str(image["imageDigest"])
    return Silence("ECR did not tell its digest")


def _status(sight: Sight, there: str) -> str | Silence:
    if isinstance(sight, Silence):
        return sight
    if isinstance(sight, Absent):
        return ""
    told = sight.get("replicationStatuses")
    if told is None or not all({"region", "status"} <= each.keys() for each in told):
        return Silence("ECR did not tell how it is replicated")
    mine = (each for each in told if each["region"] == there)
    return next((f"{each['status']} {each.get('failureCode', '')}".strip() for each in mine), "")


def _rules(sight: Sight) -> Sequence[Mapping[str, Any]] | Silence:
    """A registry that replicates nothing has no rule, and is told so."""
    assert not isinstance(sight, Absent)
    if isinstance(sight, Silence):
        return sight
    rules: Sequence[Mapping[str, Any]] | None = sight.get("replicationConfiguration", {}).get("rules")
    if rules is None or not all(map(_is_whole, rules)):  # who writes one writes them all
        return Silence("ECR did not tell the registry's replication rules")
    return rules


def _is_whole(rule: Mapping[str, Any]) -> bool:
    destinations, filters = rule.get("destinations"), rule.get("repositoryFilters", ())
    return (
        bool(destinations)
        and all({"region", "registryId"} <= each.keys() for each in destinations or ())
        and all({"filter", "filterType"} <= each.keys() for each in filters)
    )


def _backfills(sight: Sight, there: str) -> Sequence[Mapping[str, Any]] | Silence:
    assert not isinstance(sight, Absent)
    if isinstance(sight, Silence):
        return sight
    told = sight.get("backfills")
    if told is None or not all({"destination", "status", "startedAt"} <= each.keys() for each in told):
        return Silence("ECR did not tell the registry's backfills")
    return [each for each in told if each["destination"].get("region") == there]


handler = lambda_handler(EcrImages)
