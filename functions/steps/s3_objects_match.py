"""The bucket of the Region that takes over has every object of the other's, of which it is the replica.

Both buckets are listed and compared by key (functions/listings.py): an object and its replica have the same
version ID, or else the same size and ETag. What is missing or different is then asked for by its key, and S3
says why. PENDING is on its way, and waited for; so is COMPLETED, which may have come at this moment. FAILED
is never tried again, and what has no status was never under replication, as an object that is older than the
rule: where only such ones are missing, a graceful run refuses, and an ungraceful one names them and ends.

What only the bucket that takes over has is counted, and not waited for: somebody writes there already, or
deleted it in the other one, since delete markers are not replicated unless a rule says so.

A look lists five pages of 1,000 versions on each side, old ones included; that is some 60,000 a minute. A
bucket of many more needs a `prefix`, or a longer `within`. The first 100 keys that differ are asked for.
Sources: docs.aws.amazon.com/AmazonS3/latest/userguide/replication-status.html,
docs.aws.amazon.com/AmazonS3/latest/userguide/replication-what-is-isnot-replicated.html,
docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html and API_HeadObject.html (of what is
missing, only who may list is told so)
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from ..calls import Absent, Api, Call, Sight, Silence
from ..differences import HERE, SIDES, THERE, Pair, stuck
from ..errors import Refused
from ..fence import ASKS, PATIENCE, PLAN_ASKS, UNKNOWN, ask_all, patient
from ..global_tables import some
from ..handler import lambda_handler
from ..inputs import BucketName, Patience, Region
from ..ledger import PUT, Find
from ..listings import ODD, Page, Walk, identity, is_same
from ..planned import DOUBTS
from ..run import Run
from ..step import Change, Decision, Done, Step, Wait
from ..world import World

BUCKET = "s3:::{buckets}"
LIST = Api(
    "s3:ListBucketVersions", resource=BUCKET, operation="ListObjectVersions", plane="data", cli="s3api"
)
HEAD = Api(
    "s3:GetObject",
    resource=(f"{BUCKET}/*", BUCKET),
    operation="HeadObject",
    plane="data",
    absent=frozenset({"404", "NoSuchKey"}),
    dependents=("s3:ListBucket",),
)
DIFFERENT = "different"
"""The outcome of an ungraceful run in which objects are missing: its facts name their keys."""
FAILED = "FAILED"
NEVER = ("", FAILED)
"""Statuses of what no waiting brings."""
OWN_WORD = "in the dark of the Region that is left it ends as unknown"
LONGEST_PREFIX = 1024
"""Source: docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html"""


@dataclass(frozen=True)
class Head:
    """An object as one of the Regions has it now."""

    identity: str | None
    """None where it is not there."""
    status: str = ""
    """Of its replication; "" where it is under none."""


@dataclass(frozen=True)
class Seen:
    walk: Walk
    moved: bool
    """By this look."""
    silences: tuple[Silence | None, ...]
    """In the Region that takes over, and in the other."""
    heads: Mapping[str, tuple[Head, Head]] | None
    """Of what differed, both Regions' objects as they are now; None where nobody was asked, or was silent."""
    run: Run
    now: float
    waited: float


@dataclass(frozen=True, kw_only=True)
class S3ObjectsMatch(Step[Seen]):
    """Every object of the bucket in `other` is in the bucket in `region`, its replica."""

    buckets: Annotated[Mapping[Region, BucketName], "each Region's bucket; the one replicates the other"]
    prefix: Annotated[str, "only objects whose keys begin so"] = ""
    region: Annotated[Region, "the Region that takes over"] = Region("$to")
    other: Annotated[Region, "the one that it is compared with"] = Region("$from")
    patience: Annotated[Patience, "how long a silent Region is waited for"] = PATIENCE

    name: ClassVar = "s3_objects_match"
    reads: ClassVar = (LIST, HEAD)
    notes: ClassVar = (PUT,)
    every: ClassVar = 5
    asks: ClassVar = ASKS
    phase: ClassVar = "verify"
    tolerates: ClassVar = dict.fromkeys((LIST, HEAD), OWN_WORD)

    def __post_init__(self) -> None:
        patient(self.patience, self.within)
        if self.region == self.other:
            raise ValueError(f"{self.region} would be compared with itself: write two Regions")
        if len(self.prefix.encode()) > LONGEST_PREFIX:
            raise ValueError(f"the prefix has more than {LONGEST_PREFIX} bytes: no key is so long")

    @property
    def regions(self) -> tuple[Region, Region]:
        """Here, and there."""
        return self.region, self.other

    def observe(self, world: World) -> Seen:
        noted = self._noted(world)
        walk, before = noted or Walk(), "" if noted is None else _text(noted)
        heads: Mapping[str, tuple[Head, Head]] | None = None
        if walk.over and walk.kept:
            heads, silences = self._heads(world, walk)
        else:
            silences = self._list(world, walk)
        moved = _text(walk) not in (before, _text(Walk()))
        return Seen(walk, moved, silences, heads, world.run, world.now, world.waited)

    def _noted(self, world: World) -> Walk | None:
        """By a tick before, since this state was entered, redriven or resumed; odd words are none."""
        try:
            return Walk.from_json(world.noted["listed"])
        except ODD:
            return None

    def _list(self, world: World, walk: Walk) -> tuple[Silence | None, ...]:
        """As many pages as a look asks for, side by side; a plan asks for the first ones."""
        silences: list[Silence | None] = [None, None]
        for _ in range(PLAN_ASKS if world.run.dry_run else ASKS):
            due = walk.due
            sights = world.ask(*(self._page(side, walk.starts[side]) for side in due))
            silences = [None, None]
            for side, sight in zip(due, sights, strict=True):
                try:
                    walk.take(side, Page.of_answer(_answer(sight)))
                except ODD as odd:
                    silences[side] = _silence(sight, odd)
            walk.compare()
            if not walk.due or (world.run.dry_run and not any(silences)):
                break
        return tuple(silences)

    def _page(self, side: int, start: Mapping[str, str]) -> Call:
        region = self.regions[side]
        prefix = {"Prefix": self.prefix} if self.prefix else {}
        return LIST(region, Bucket=self.buckets[region], **prefix, **start)

    def _heads(
        self, world: World, walk: Walk
    ) -> tuple[Mapping[str, tuple[Head, Head]] | None, tuple[Silence | None, ...]]:
        keys = list(walk.kept)
        calls = [HEAD(at, Bucket=self.buckets[at], Key=key) for key in keys for at in self.regions]
        heads: list[Head] = []
        silences: list[Silence | None] = [None, None]
        for place, sight in enumerate(ask_all(world, calls, self.patience)):
            try:
                heads.append(_head(sight))
            except ODD as odd:
                silences[place % len(SIDES)] = _silence(sight, odd)
        if any(silences):
            return None, tuple(silences)
        pairs = zip(heads[HERE::2], heads[THERE::2], strict=True)
        return dict(zip(keys, pairs, strict=True)), tuple(silences)

    def decide(self, seen: Seen) -> Decision:
        run, walk, (here, there) = seen.run, seen.walk, seen.silences
        if run.dry_run:
            return self._planned([silence for silence in (here, there) if silence])
        if there and run.mode == "ungraceful" and seen.waited > self.patience:
            return Done(UNKNOWN, {"why": there.why})
        if seen.moved:
            return self._note(seen, walk, f"{self.buckets[self.region]}: {walk.objects} objects are compared")
        if silence := here or there:
            return self._silent(silence)
        if seen.heads is None:
            return Done(facts=_facts(walk))
        return self._judged(seen, seen.heads)

    def _judged(self, seen: Seen, heads: Mapping[str, tuple[Head, Head]]) -> Decision:
        """Of what differed in the listings."""
        walk = seen.walk
        now = {key: [head.identity for head in pair] for key, pair in heads.items()}
        lacking = {key: pair for key, pair in now.items() if pair[THERE] and not is_same(*pair)}
        stays = stuck(lacking, {"different": walk.kept})
        if not stays and walk.is_cut:
            return self._note(seen, Walk(), f"{len(heads)} objects have come: compare again for the others")
        if not stays:
            came = sum(now[key][HERE] is not None for key, pair in walk.kept.items() if pair[HERE] is None)
            return Done(facts={**_facts(walk), "objects": walk.objects + came, "in_flight": len(heads)})
        never = [key for key in stays if heads[key][THERE].status in NEVER]
        facts = {**_facts(walk), **_counted(stays, walk), "keys": some(stays)}
        facts |= {"failed": sum(heads[key][THERE].status == FAILED for key in never), "unreplicated": 0}
        facts["unreplicated"] = len(never) - facts["failed"]
        is_final = len(never) == len(stays)
        if seen.run.mode == "ungraceful" and (is_final or seen.waited > self.within):
            return Done(DIFFERENT, facts)
        said = self._said(facts, walk)
        if is_final:
            raise Refused(f"{said}: upload them again, or have S3 Batch Replication copy them")
        return Wait(said)

    def _said(self, facts: Mapping[str, Any], walk: Walk) -> str:
        """For people."""
        kinds = {"missing_here": f"missing in {self.region}", "different": "different"}
        differ = ", ".join(f"{facts[kind]} {word}" for kind, word in kinds.items() if facts[kind])
        whys = {"failed": "replication has failed for", "unreplicated": "no replication is meant for"}
        why = "".join(f"; {word} {facts[kind]} of them" for kind, word in whys.items() if facts[kind])
        asked = f"; asked for the first {len(walk.kept)}" if walk.is_cut else ""
        return f"{self.buckets[self.other]}: {differ} ({facts['keys']}){asked}{why}"

    def _planned(self, silences: Sequence[Silence]) -> Decision:
        """A person's word on a plan must outlast an upload under way, and an answer that is late."""
        doubts = [f"{self.buckets[self.region]} cannot be compared: {silence.why}" for silence in silences]
        return Done(facts={DOUBTS: doubts} if doubts else {})

    def _silent(self, silence: Silence) -> Decision:
        return Wait(f"{self.buckets[self.region]} cannot be compared: {silence.why}")

    def _note(self, seen: Seen, walk: Walk, why: str) -> Decision:
        run = seen.run
        return Change(why, (), (Find(run.state, run.execution, seen.now, {"listed": walk.as_json()}),))


def _text(walk: Walk) -> str:
    return json.dumps(walk.as_json(), sort_keys=True)


def _facts(walk: Walk) -> dict[str, Any]:
    more = walk.counted["missing_there"]
    return {"objects": walk.objects, **({"missing_there": more} if more else {})}


def _counted(stays: Mapping[str, Pair], walk: Walk) -> dict[str, int]:
    """Of those that were asked for, or of all where these are too many to ask for."""
    if walk.is_cut:
        return {kind: walk.counted[kind] for kind in ("missing_here", "different")}
    missing = sum(pair[HERE] is None for pair in stays.values())
    return {"missing_here": missing, "different": len(stays) - missing}


def _answer(sight: Sight) -> Mapping[str, Any]:
    if not isinstance(sight, Mapping):
        raise ValueError("no answer")
    return sight


def _head(sight: Sight) -> Head:
    if isinstance(sight, Absent):
        return Head(None)
    answer = _answer(sight)
    whole = identity(answer.get("VersionId"), answer["ContentLength"], answer["ETag"])
    return Head(whole, str(answer.get("ReplicationStatus") or ""))


def _silence(sight: Sight, odd: Exception) -> Silence:
    """No such bucket is none that answers, either."""
    return (
        sight if isinstance(sight, Silence) else Silence(f"an answer of another form ({type(odd).__name__})")
    )


handler = lambda_handler(S3ObjectsMatch)
