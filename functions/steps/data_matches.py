"""Both Regions have the same items: in a DynamoDB global table, or in some of its partitions.

Items are compared by key, each by a digest of all its attributes. What differs at the first look is noted,
and looked at again: it must become the same. Or it must change in both Regions, for then somebody is writing
it, and replication follows. What differs at a later look only has been written since, and is told as in
flight; so customers may go on writing. What stays different is named: keys that are missing in the one
Region, missing in the other, and of different items.

A partition is read in pages of 1 MB, five at most: that is what a tick can read. A whole table is read in
segments of about 2.5 MB, by this function itself in each of the two Regions, and only digests are exchanged.
Where the tables are the same, each is read once, eventually consistent. Where they are not, what differs is
found by reading them again, twice, and is then read by its key; of more than a thousand keys it is a sample.
A table of 1,000,000 items of 200 bytes has 80 segments, consumes some 25,000 read capacity units in each
Region, and so half a minute at least at the default `rate`: a larger one needs a longer `within`. Sources:
docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Query.html,
docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from ..calls import Api, Call, Sight, Silence
from ..comparison import NOTE_BYTES, Part, Progress
from ..differences import HERE, THERE, Digests, Pair, counts, different, stuck, told, told_counts
from ..errors import Refused
from ..fence import ASKS, PATIENCE, PLAN_ASKS, UNKNOWN, patient
from ..global_tables import AttributeName, Row, digest
from ..handler import lambda_handler
from ..inputs import Patience, Region, Seconds, TableName
from ..later import Later
from ..ledger import PUT, Find
from ..planned import DOUBTS, first_few
from ..run import Mode
from ..step import Change, Decision, Done, Step, Wait
from ..whole_tables import ASK_ITSELF, DESCRIBE, GET, SCAN, TABLE, Compared, Comparison, Read, read_part
from ..whole_tables import told as told_to_itself
from ..world import World

DIFFERENT = "different"
"""The outcome of an ungraceful run in which the Regions stay different: its facts name the keys."""
QUERY = Api("dynamodb:Query", resource=TABLE, plane="data", only_for="partitions")
OWN_WORD = "in the dark of the Region that is left it ends as unknown"


@dataclass(frozen=True)
class Look:
    """What a decision needs of the tick."""

    state: str
    execution: str
    mode: Mode
    dry_run: bool
    now: float
    waited: float

    @classmethod
    def of(cls, world: World) -> Look:
        run = world.run
        return cls(run.state, run.execution, run.mode, run.dry_run, world.now, world.waited)

    def find(self, facts: Mapping[str, Any]) -> Find:
        return Find(self.state, self.execution, self.now, facts)


@dataclass(frozen=True)
class Seen:
    """Of partitions."""

    here: Digests | Silence
    there: Digests | Silence
    too_long: str
    """A partition with more pages than a tick can read."""
    first: Mapping[str, Any] | None
    """What the first look has noted."""
    look: Look


@dataclass(frozen=True)
class SeenWhole:
    compared: Compared
    look: Look


@dataclass(frozen=True, kw_only=True)
class DataMatches(Step[Seen | SeenWhole | Read]):
    """A DynamoDB global table, or these partitions of it, is the same in both Regions."""

    table: Annotated[TableName, "the global table"]
    partitions: Annotated[
        tuple[Mapping[AttributeName, str], ...],
        "partition keys: of each its attribute, and its text; without any, the whole table is compared",
    ] = ()
    region: Annotated[Region, "the Region that takes over"] = Region("$to")
    other: Annotated[Region, "the one that it is compared with"] = Region("$from")
    rate: Annotated[
        int,
        "read capacity units a second that a whole table's comparison may consume in each Region, on average",
    ] = 1000
    patience: Annotated[Patience, "how long a silent Region is waited for"] = PATIENCE
    within: Annotated[
        Seconds, "how long they may stay different, or a table silent, a whole table's comparison included"
    ] = Seconds(900)
    itself: Annotated[tuple[Later, ...], "its own function; the compiler fills it in"] = ()
    part: Annotated[tuple[Part, ...], "what one invocation reads; the function fills it in"] = ()

    name: ClassVar = "data_matches"
    reads: ClassVar = (QUERY, DESCRIBE, SCAN, GET, ASK_ITSELF)
    notes: ClassVar = (PUT,)
    every: ClassVar = 5
    asks: ClassVar = ASKS
    phase: ClassVar = "verify"
    tolerates: ClassVar = dict.fromkeys((QUERY, DESCRIBE, SCAN, GET, ASK_ITSELF), OWN_WORD)
    derived: ClassVar = frozenset({"itself", "part"})

    @classmethod
    def asks_itself(cls, inputs: Mapping[str, Any]) -> bool:
        return not inputs.get("partitions")

    def __post_init__(self) -> None:
        patient(self.patience, self.within)
        if self.region == self.other:
            raise ValueError(f"{self.region} would be compared with itself: write two Regions")
        if wrong := [key for key in self.partitions if len(key) != 1]:
            named = first_few(list(wrong[0]))
            raise ValueError(f"{named}: a partition key is one attribute; write that alone")
        if self.rate < 1:
            raise ValueError(f"rate {self.rate} lets nothing be read: write at least 1")

    def observe(self, world: World) -> Seen | SeenWhole | Read:
        if self.part:
            return read_part(world, self.table, self.part[0])
        if not self.partitions:
            return self._whole(world)
        run, pages = world.run, _Pages(self)
        for asked in range(ASKS):
            if pages.are_read or (run.dry_run and asked >= PLAN_ASKS and pages.is_silent):
                break
            pages.read(world)
        return Seen(
            pages.digests(self.region),
            pages.digests(self.other),
            pages.too_long,
            world.noted or None,
            Look.of(world),
        )

    def _whole(self, world: World) -> SeenWhole:
        regions = (self.region, self.other)
        comparison = Comparison(world, self.table, regions, self.itself, self.rate)
        compared = comparison.tried() if world.run.dry_run else comparison.looked(self.every)
        return SeenWhole(compared, Look.of(world))

    def decide(self, seen: Seen | SeenWhole | Read) -> Decision:
        if isinstance(seen, Read):
            return told_to_itself(seen)
        return self._of_whole(seen) if isinstance(seen, SeenWhole) else self._of_partitions(seen)

    def _of_partitions(self, seen: Seen) -> Decision:
        if seen.too_long:
            raise Refused(f"{seen.too_long} has more than {ASKS} pages of 1 MB: name smaller partitions")
        if seen.look.dry_run and (silences := [x for x in (seen.here, seen.there) if isinstance(x, Silence)]):
            return self._doubted(silences)
        if isinstance(seen.here, Silence):
            return self._silent(seen.here)
        if isinstance(seen.there, Silence):
            return self._other_is_silent(seen.there, len(seen.here), seen.look)
        pairs = different(seen.here, seen.there)
        if not pairs or seen.look.dry_run:
            differ = {"differ": len(pairs)} if pairs else {}
            return Done(facts={"items": len(seen.here), **differ})
        if seen.first is None and len(json.dumps(pairs)) <= NOTE_BYTES:
            note = seen.look.find({"different": pairs})
            return Change(f"look again at {len(pairs)} items of {self.table}", (), (note,))
        return self._judged(pairs, seen.first, len(seen.here), seen.look)

    def _judged(
        self, pairs: Mapping[str, Pair], first: Mapping[str, Any] | None, items: int, look: Look
    ) -> Decision:
        """Of what still differs."""
        stays = stuck(pairs, first)
        if not stays:
            return Done(facts={"items": items, "in_flight": len(pairs)})
        if look.mode == "ungraceful" and look.waited > self.within:
            return Done(DIFFERENT, {"items": items, **counts(stays)})
        return Wait(f"{self.table}: {told(stays, self.region, self.other)}")

    def _silent(self, silence: Silence) -> Decision:
        return Wait(f"{self.table} cannot be compared: {silence.why}")

    def _other_is_silent(self, silence: Silence, items: int, look: Look) -> Decision:
        if look.mode == "ungraceful" and look.waited > self.patience:
            return Done(UNKNOWN, {"items": items, "why": silence.why})
        return self._silent(silence)

    def _of_whole(self, seen: SeenWhole) -> Decision:
        look, compared, progress = seen.look, seen.compared, seen.compared.progress
        here, there = compared.silences
        if look.dry_run:
            return self._doubted([silence for silence in (here, there) if silence])
        if there and progress is not None and look.mode == "ungraceful" and look.waited > self.patience:
            return self._other_is_silent(there, progress.items[HERE], look)
        if progress is None:
            return self._silent(here or Silence("nobody has answered"))
        items = progress.items[HERE]
        if progress.same:
            return Done(facts={"items": items})
        if progress.too_many:
            return self._too_many(progress, look)
        if compared.found is not None:
            pairs = {key: pair for key, pair in compared.found.items() if pair[HERE] != pair[THERE]}
            if not pairs:
                return Done(facts={"items": items})
            return self._judged(pairs, {"different": progress.keys}, items, look)
        if look.mode == "ungraceful" and look.waited > self.within:
            outcome = DIFFERENT if progress.before else UNKNOWN
            return Done(outcome, {"items": items, **progress.before, "why": self._reached(progress)})
        if compared.moved:
            return Change(self._reached(progress), (), (look.find({"compared": progress.as_json()}),))
        silence = here or there
        return self._silent(silence) if silence else Wait(self._reached(progress))

    def _doubted(self, silences: Sequence[Silence]) -> Decision:
        """Of a plan: a person's word on it must outlast a write under way, and an answer that is late."""
        doubts = [f"{self.table} cannot be compared: {silence.why}" for silence in silences]
        return Done(facts={DOUBTS: doubts} if doubts else {})

    def _too_many(self, progress: Progress, look: Look) -> Decision:
        """The comparison begins again."""
        items, found = progress.items[HERE], counts(progress.keys) | progress.sampled
        if look.mode == "ungraceful" and look.waited > self.within:
            return Done(DIFFERENT, {"items": items, **found})
        note = look.find({"compared": progress.again({"items": items, **found}, look.now).as_json()})
        return Change(f"{self.table}: {told_counts(found)}, and perhaps more: compare it again", (), (note,))

    def _reached(self, progress: Progress) -> str:
        """For people."""
        if progress.looked:
            return f"look again at {len(progress.keys)} items of {self.table}"
        again = f"; before, {told_counts(progress.before)}" if progress.before else ""
        whole = f"{progress.read} of {len(progress.visited)} segments"
        if progress.only:
            return f"{self.table} differs: {whole} are read for what does{again}"
        return f"{self.table}: {whole} are compared{again}"

    def query(self, region: Region, place: int, start: Any) -> Call:
        """A page of one partition."""
        ((attribute, value),) = self.partitions[place].items()
        return QUERY(
            region,
            TableName=self.table,
            KeyConditionExpression="#partition = :partition",
            ExpressionAttributeNames={"#partition": attribute},
            ExpressionAttributeValues={":partition": {"S": value}},
            ConsistentRead=True,
            **({"ExclusiveStartKey": start} if start else {}),
        )


class _Pages:
    """What one look reads: every partition in both Regions, a page of each at a time."""

    def __init__(self, step: DataMatches) -> None:
        self._step = step
        self._rows: dict[str, list[Row]] = {region: [] for region in (step.region, step.other)}
        self._next: dict[tuple[Region, int], Any] = {
            (region, place): None
            for region in (step.region, step.other)
            for place in range(len(step.partitions))
        }
        """From where each partition goes on that is not read to its end."""
        self._silent: dict[str, Silence] = {}
        self._keys: tuple[str, ...] = ()

    @property
    def are_read(self) -> bool:
        return not self._next and bool(self._keys)

    @property
    def is_silent(self) -> bool:
        """Somebody did not answer when asked last."""
        return bool(self._silent)

    @property
    def too_long(self) -> str:
        """A partition that goes on, though its Region answers."""
        going_on = [p for (region, p), start in self._next.items() if start and region not in self._silent]
        return "/".join(self._step.partitions[going_on[0]].values()) if going_on else ""

    def read(self, world: World) -> None:
        step, places = self._step, list(self._next)
        describe = [] if self._keys else [DESCRIBE(step.region, TableName=step.table)]
        answers = world.ask(*(step.query(*where, self._next[where]) for where in places), *describe)
        self._silent.clear()
        for (region, place), answer in zip(places, answers, strict=False):
            if not isinstance(answer, Mapping) or "Items" not in answer:
                why = answer.why if isinstance(answer, Silence) else "an answer without items"
                self._silent[region] = Silence(why)
                continue
            self._rows[region] += answer["Items"]
            self._next[region, place] = answer.get("LastEvaluatedKey")
            if not self._next[region, place]:
                del self._next[region, place]
        if describe:
            self._keys = _key_names(answers[-1])

    def digests(self, region: Region) -> Digests | Silence:
        if region in self._silent:
            return self._silent[region]
        if not self._keys:
            return Silence(f"nobody says what the keys of {self._step.table} are called")
        return {_key_of(row, self._keys): digest(row) for row in self._rows[region]}


def _key_names(sight: Sight) -> tuple[str, ...]:
    answer: Mapping[str, Any] = sight if isinstance(sight, Mapping) else {}
    names = [each.get("AttributeName") for each in answer.get("Table", {}).get("KeySchema", ())]
    return tuple(names) if all(names) else ()


def _key_of(row: Row, names: Sequence[str]) -> str:
    return json.dumps([str(next(iter(row.get(name, {}).values()), "")) for name in names])


handler = lambda_handler(DataMatches)
