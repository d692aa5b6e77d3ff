"""A table of any size is compared between two Regions, by the machine of a runbook's `sweep`.

That machine has three distributed Maps over shares of the table's segments (the sums of all, a sketch of
those that are unequal, the keys that differ), with a reduce after each; this function is the task of each of
its states:

    begin    asks how large the table is, and lists the shares in an object
    sum      adds up the digests of a share, in both Regions
    judge    adds up the shares: where nothing is left, the table is the same; else lists those to read again
    sketch   makes a sketch of what differs in a share
    decode   adds up the sketches, and lists the shares again, each with the hashes of the keys that differ
    find     reads the keys of these hashes in a share
    look     looks at these by key, until they have become the same, or the lag is over
    report   writes the keys that stay different, a line of JSON each

Each is a tick that anybody may repeat: what it writes it reads back, and only in the sweep's own folder of
the bucket. It changes nothing of the application, and needs no lease.
Source: docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any, ClassVar, Literal

from ..calls import Api, Silence
from ..comparison import MOST_SEGMENTS, Part, Progress
from ..differences import HERE, THERE, Pair, counts, salt_of, stuck
from ..digests import Key, Sums
from ..errors import NotYet, Refused
from ..fence import ASKS
from ..handler import lambda_handler
from ..inputs import BucketName, Region, Seconds, TableName
from ..later import Later
from ..map_results import OBJECTS, READ, body_of, most_bytes, results
from ..planned import ANSWER
from ..run import Run
from ..shares import Plan, Share, read_on, searched, shares_of, size_of
from ..step import Change, Decision, Done, Step, Wait
from ..whole_tables import ASK_ITSELF, DESCRIBE, GET, ODD, SCAN, by_key, read_part, told
from ..whole_tables import Read as ReadPart
from ..world import World

Task = Literal["begin", "sum", "judge", "sketch", "decode", "find", "look", "report"]
WRITE = Api("s3:PutObject", resource=OBJECTS, plane="data", cli="s3api")
RESULTS = Api(
    "s3:PutObject",
    resource=OBJECTS,
    dependents=("s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts"),
)
"""What a ResultWriter calls.
Source: docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html"""
ITEMS = Api("s3:GetObject", resource=OBJECTS)
"""What an ItemReader calls."""
NO_PLAN, NO_SHARE = Plan(), Share()
SAME, DIFFERENT = "same", "different"
ASKED_BESIDE = 1
"""Of a tick's asks, what is asked before the results are read."""


@dataclass(frozen=True)
class Kept:
    """An object that shall be, and what is there of it. What it answers is a Plan's or a Share's JSON."""

    key: str
    wanted: bytes
    there: bytes | None
    outcome: str
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Looked:
    """At the keys of a share, by key."""

    share: Share
    found: Mapping[Key, Pair] | None
    why: str
    """Somebody was silent."""
    waited: float


Seen = Kept | Looked | Share | Silence | ReadPart


@dataclass(frozen=True, kw_only=True)
class TableSweep(Step[Seen]):
    """A whole DynamoDB global table of any size is compared in two Regions, share by share."""

    task: Annotated[Task, "what is due: see above"]
    table: Annotated[TableName, "the global table"]
    bucket: Annotated[BucketName, "where what a sweep finds is kept, in `region`"]
    region: Annotated[Region, "the Region in which the sweep runs"] = Region("$to")
    other: Annotated[Region, "the one that it is compared with"] = Region("$from")
    segments: Annotated[int, "of the table; 0 for as many as its size suggests"] = 0
    pace: Annotated[float, "read capacity units a second that a share may consume in each Region"] = 320.0
    lag: Annotated[Seconds, "how long what differs has to become the same"] = Seconds(30)
    within: Annotated[Seconds, "how long a Region may be silent"] = Seconds(900)
    itself: Annotated[tuple[Later, ...], "its own function; the compiler fills it in"] = ()
    part: Annotated[tuple[Part, ...], "what one invocation reads; the function fills it in"] = ()
    plan: Annotated[Plan, "what `begin`, `judge` or `decode` said"] = NO_PLAN
    share: Annotated[Share, "the share, as the last tick left it"] = NO_SHARE
    results: Annotated[str, "the key of a Map's manifest"] = ""

    name: ClassVar = "table_sweep"
    reads: ClassVar = (DESCRIBE, SCAN, GET, ASK_ITSELF, READ)
    writes: ClassVar = (WRITE,)
    every: ClassVar = 5
    asks: ClassVar = ASKS
    needs_lease: ClassVar = False
    written: ClassVar = False
    derived: ClassVar = frozenset({"itself", "part", "plan", "share", "results"})
    sweeps: ClassVar = True
    read_by_machine: ClassVar = ITEMS
    written_by_machine: ClassVar = RESULTS

    @classmethod
    def asks_itself(cls, inputs: Mapping[str, Any]) -> bool:
        return True

    def __post_init__(self) -> None:
        if not 0 <= self.segments <= MOST_SEGMENTS:
            raise ValueError(f"segments {self.segments}: a table has from 1 to {MOST_SEGMENTS}")
        if self.pace <= 0:
            raise ValueError(f"pace {self.pace} lets nothing be read")

    def observe(self, world: World) -> Seen:
        if self.part:
            return read_part(world, self.table, self.part[0])
        match self.task:
            case "begin":
                return self._begun(world)
            case "sum" | "sketch" | "find":
                regions = (self.region, self.other)
                return read_on(world, self.plan, self.share, regions, self.itself, self.pace)
            case "look":
                return self._looked(world)
            case "judge":
                return self._judged(world)
            case "decode":
                return self._decoded(world)
            case "report":
                return self._reported(world)

    def decide(self, seen: Seen) -> Decision:
        match seen:
            case ReadPart():
                return told(seen)
            case Silence():
                return Wait(f"{self.table} cannot be read: {seen.why}")
            case Share():
                return Done(seen.outcome, {ANSWER: seen.as_json()})
            case Looked():
                return self._of_look(seen)
        if seen.there == seen.wanted:
            return Done(seen.outcome, seen.facts)
        put = WRITE(self.region, Bucket=self.bucket, Key=seen.key, Body=seen.wanted)
        return Change(f"write {seen.key} in {self.bucket}", (put,))

    # What each looks at.

    def _begun(self, world: World) -> Kept:
        prefix = _folder(world.run)
        key = f"{prefix}/shares.json"
        table, there = world.ask(
            DESCRIBE(self.region, TableName=self.table), READ(self.region, Bucket=self.bucket, Key=key)
        )
        if isinstance(table, Silence):
            raise NotYet(table.why)
        try:
            described: Mapping[str, Any] = table["Table"]  # type: ignore[index]
            names = tuple(str(each["AttributeName"]) for each in described["KeySchema"])
            size = int(described["TableSizeBytes"])
        except ODD as odd:
            raise NotYet(f"nobody says what the keys of {self.table} are ({type(odd).__name__})") from None
        segments = self.segments or Progress.of_table(names, size, world.now).segments
        shares, salt = shares_of(segments, size), salt_of(world.run.execution, world.run.started)
        plan = Plan(prefix, key, len(shares), segments, names, salt)
        return self._kept(key, shares, body_of(there), "begun", plan)

    def _judged(self, world: World) -> Kept:
        key = f"{self.plan.prefix}/unequal.json"
        manifest, there = self._beside(world, key)
        none, items, unequal = Sums.none(), [0, 0], list[dict[str, Any]]()
        sums = none
        for share in self._shares(world, manifest):
            items = [items[side] + share.items[side] for side in (HERE, THERE)]
            sums = sums.plus(share.difference(none))
            if share.unequal:
                unequal.append({"number": len(unequal), "left": list(share.unequal)})
        if not sums.filled:
            return self._listed(key, [], there, replace(self.plan, items=tuple(items)))
        size = size_of(len(unequal), most_bytes(ASKS - ASKED_BESIDE))
        return self._listed(key, unequal, there, replace(self.plan, items=tuple(items), size=size))

    def _decoded(self, world: World) -> Kept:
        key = f"{self.plan.prefix}/differing.json"
        manifest, there = self._beside(world, key)
        return self._listed(key, searched(self._shares(world, manifest), self.plan.size), there, self.plan)

    def _listed(self, key: str, shares: list[dict[str, Any]], there: bytes | None, plan: Plan) -> Kept:
        """The shares that are read next; where there are none, nothing differs."""
        outcome = DIFFERENT if shares else SAME
        following = replace(plan, key=key, shares=len(shares), outcome=outcome)
        return self._kept(key, shares, there, outcome, following)

    def _looked(self, world: World) -> Looked:
        keys, names = self.share.keys, self.plan.names
        regions = (self.region, self.other)
        found, silences = by_key(
            lambda calls: world.ask(*calls), ASKS, self.table, regions, keys, names, self.plan.salt
        )
        why = next((silence.why for silence in silences if silence), "")
        return Looked(self.share, found, why, world.waited)

    def _of_look(self, seen: Looked) -> Decision:
        if seen.found is None:
            return Wait(f"{self.table} cannot be read: {seen.why}")
        differ = {key: pair for key, pair in seen.found.items() if pair[HERE] != pair[THERE]}
        stays = stuck(differ, {"different": seen.share.keys})
        if stays and seen.waited <= self.lag:
            return Wait(f"{self.table}: look again at {len(stays)} keys")
        kept = {key: tuple(pair) for key, pair in stays.items()}
        in_flight = tuple(key for key in differ if key not in stays)
        share = Share(seen.share.number, keys=kept, in_flight=in_flight, outcome="looked")
        return Done("looked", {ANSWER: share.as_json()})

    def _reported(self, world: World) -> Kept:
        key = f"{self.plan.prefix}/differences.jsonl"
        found: dict[Key, Pair] = {}
        in_flight: set[Key] = set()
        manifest, there = self._beside(world, key)
        for share in self._shares(world, manifest) if self.plan.outcome == DIFFERENT else ():
            found |= share.keys
            in_flight.update(share.in_flight)
        here, other = self.plan.items
        told_of = {name: number for name, number in counts(found).items() if name != "keys"}
        facts = {
            "table": self.table,
            "items": {self.region: here, self.other: other},
            **told_of,
            "in_flight": len(in_flight - found.keys()),
            "report": f"s3://{self.bucket}/{key}",
        }
        body = "".join(self._line(each, found[each]) for each in sorted(found)).encode()
        return Kept(key, body, there, DIFFERENT if found else SAME, facts)

    def _line(self, key: Key, pair: Pair) -> str:
        """For people and programs: which item, and what is wrong with it."""
        typed = dict(zip(self.plan.names, json.loads(key), strict=True))
        missing = self.region if pair[HERE] is None else self.other
        said = {"kind": "different"} if None not in pair else {"kind": "missing", "region": missing}
        return json.dumps({"table": self.table, "key": typed, **said}) + "\n"

    def _beside(self, world: World, key: str) -> tuple[bytes | None, bytes | None]:
        """The Map's manifest, and the object that is written of it, if there is one."""
        asked = [READ(self.region, Bucket=self.bucket, Key=each) for each in (self.results, key)]
        manifest, there = (body_of(sight) for sight in world.ask(*asked))
        return manifest, there

    def _shares(self, world: World, manifest: bytes | None) -> list[Share]:
        """All of them, each once. Raises Refused where one is missing: what it has found would be, too."""
        found: dict[int, Share] = {}
        for output in results(world, self.region, self.bucket, manifest, ASKS - ASKED_BESIDE):
            try:
                share = Share(**output["share"]["given"])
                found[int(share.number)] = share
            except ODD as odd:
                raise Refused(f"a share's result is none ({type(odd).__name__})") from None
        if len(found) != self.plan.shares:
            raise Refused(
                f"{len(found)} of {self.plan.shares} shares have their results in {self.bucket}, "
                f"{self.results}: nothing is known of the others; start the sweep anew"
            )
        return [found[number] for number in sorted(found)]

    def _kept(self, key: str, listed: object, there: bytes | None, outcome: str, plan: Plan) -> Kept:
        return Kept(key, json.dumps(listed).encode(), there, outcome, {ANSWER: asdict(plan)})


def _folder(run: Run) -> str:
    """In a bucket that other sweeps may use, too. A name is free again after 90 days."""
    machine, name = run.execution.split(":")[6:8]
    return f"sweeps/{machine}/{name}-{run.started:.0f}"


handler = lambda_handler(TableSweep)
