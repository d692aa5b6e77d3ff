"""Both Regions have the same items: in these partitions of a DynamoDB global table.

Items are compared by key, each by a digest of all its attributes. What differs at the first look is noted,
and looked at again: it must become the same. Or it must change in both Regions, for then somebody is writing
it, and replication follows. What differs at a later look only has been written since, and is told as in
flight; so customers may go on writing. What stays different is named: keys that are missing in the one
Region, missing in the other, and of different items.

A partition is read in pages of 1 MB, five at most: that is what a tick can read. Sources:
docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Query.html,
docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from ..calls import Api, Call, Sight, Silence
from ..errors import Refused
from ..fence import ASKS, PATIENCE, PLAN_ASKS, UNKNOWN, patient
from ..global_tables import AttributeName, Row, digest, some
from ..handler import lambda_handler
from ..inputs import Patience, Region, Seconds, TableName
from ..ledger import PUT, Find, number
from ..run import Mode
from ..step import Change, Decision, Done, Step, Wait
from ..world import World

MOST_NOTED = 300_000
"""Bytes of the differences at the first look: more do not go into one item of the ledger, of 400 KB.
Source: docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html"""
DIFFERENT = "different"
"""The outcome of an ungraceful run in which the Regions stay different: its facts name the keys."""
TABLE = "dynamodb:{region}:{account}:table/{table}"
QUERY = Api("dynamodb:Query", resource=TABLE, plane="data")
DESCRIBE = Api("dynamodb:DescribeTable", resource=TABLE)
"""Only for the names of the table's keys, which never change."""
OWN_WORD = "in the dark of the Region that is left it ends as unknown"

Digests = Mapping[str, str]
"""Of the items of all partitions, by their keys, each as JSON has the list of its values."""
Pair = Sequence[str | None]
"""The digests under one key, in the Region that takes over and in the other; None where it is missing."""


@dataclass(frozen=True)
class Seen:
    here: Digests | Silence
    there: Digests | Silence
    too_long: str
    """A partition with more pages than a tick can read."""
    first: Mapping[str, Any] | None
    """What the first look has noted."""
    state: str
    execution: str
    mode: Mode
    dry_run: bool
    now: float
    waited: float


@dataclass(frozen=True, kw_only=True)
class DataMatches(Step[Seen]):
    """These partitions of a DynamoDB global table are the same in both Regions."""

    table: Annotated[TableName, "the global table"]
    partitions: Annotated[
        tuple[Mapping[AttributeName, str], ...], "partition keys: of each its attribute, and its text"
    ]
    region: Annotated[Region, "the Region that takes over"] = Region("$to")
    other: Annotated[Region, "the one that it is compared with"] = Region("$from")
    patience: Annotated[Patience, "how long a silent Region is waited for"] = PATIENCE
    within: Annotated[Seconds, "how long they may stay different, or a table silent"] = Seconds(180)

    name: ClassVar = "data_matches"
    reads: ClassVar = (QUERY, DESCRIBE)
    notes: ClassVar = (PUT,)
    every: ClassVar = 5
    asks: ClassVar = ASKS
    phase: ClassVar = "verify"
    tolerates: ClassVar = {QUERY: OWN_WORD, DESCRIBE: OWN_WORD}

    def __post_init__(self) -> None:
        patient(self.patience, self.within)
        if self.region == self.other:
            raise ValueError(f"{self.region} would be compared with itself: write two Regions")
        if wrong := [key for key in self.partitions if len(key) != 1]:
            raise ValueError(f"{', '.join(wrong[0])}: a partition key is one attribute; write that alone")

    def observe(self, world: World) -> Seen:
        run, pages = world.run, _Pages(self)
        first = world.records.found_by(run.state, run.execution, run.started)
        for asked in range(ASKS):
            if pages.are_read or (run.dry_run and asked >= PLAN_ASKS and pages.is_silent):
                break
            pages.read(world)
        return Seen(
            pages.digests(self.region),
            pages.digests(self.other),
            pages.too_long,
            first if number(first.get("at")) >= world.since else None,
            run.state,
            run.execution,
            run.mode,
            run.dry_run,
            world.now,
            world.waited,
        )

    def decide(self, seen: Seen) -> Decision:
        if seen.too_long:
            raise Refused(f"{seen.too_long} has more than {ASKS} pages of 1 MB: name smaller partitions")
        if isinstance(seen.here, Silence):
            return Wait(f"{self.table} cannot be compared: {seen.here.why}")
        if isinstance(seen.there, Silence):
            if seen.mode == "ungraceful" and seen.waited > self.patience:
                return Done(UNKNOWN, {"items": len(seen.here), "why": seen.there.why})
            return Wait(f"{self.table} cannot be compared: {seen.there.why}")
        pairs = _different(seen.here, seen.there)
        if not pairs or seen.dry_run:
            # A plan must not change with every write that is under way.
            differ = {"differ": len(pairs)} if pairs else {}
            return Done(facts={"items": len(seen.here), **differ})
        if seen.first is None and len(json.dumps(pairs)) <= MOST_NOTED:
            note = Find(seen.state, seen.execution, seen.now, {"different": pairs})
            return Change(f"look again at {len(pairs)} items of {self.table}", (), (note,))
        stuck = _stuck(pairs, seen.first)
        if not stuck:
            return Done(facts={"items": len(seen.here), "in_flight": len(pairs)})
        if seen.mode == "ungraceful" and seen.waited > self.within:
            return Done(DIFFERENT, {"items": len(seen.here), **_counts(stuck)})
        return Wait(self._told(stuck))

    def _told(self, stuck: Mapping[str, Pair]) -> str:
        words = (f"missing in {self.region}", f"missing in {self.other}", "different")
        told = [
            f"{len(keys)} {word} ({some(map(_shown, keys))})"
            for word, keys in zip(words, _sorted(stuck), strict=True)
            if keys
        ]
        return f"{self.table}: {', '.join(told)}"

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


def _shown(key: str) -> str:
    return "/".join(json.loads(key))


def _different(here: Digests, there: Digests) -> dict[str, Pair]:
    return {
        key: [here.get(key), there.get(key)]
        for key in sorted({*here, *there})
        if here.get(key) != there.get(key)
    }


def _stuck(pairs: Mapping[str, Pair], first: Mapping[str, Any] | None) -> Mapping[str, Pair]:
    """What was different at the first look, and has not changed in both Regions since."""
    if first is None:
        return pairs
    before: Mapping[str, Pair] = first.get("different", {})
    return {
        key: pair
        for key, pair in pairs.items()
        if key in before and any(now == then for now, then in zip(pair, before[key], strict=False))
    }


def _sorted(stuck: Mapping[str, Pair]) -> tuple[list[str], list[str], list[str]]:
    """The keys that are missing here, missing there, and of different items."""
    here = [key for key, pair in stuck.items() if pair[0] is None]
    there = [key for key, pair in stuck.items() if pair[1] is None]
    return here, there, [key for key, pair in stuck.items() if None not in pair]


def _counts(stuck: Mapping[str, Pair]) -> dict[str, object]:
    here, there, different = _sorted(stuck)
    return {
        "missing_here": len(here),
        "missing_there": len(there),
        "different": len(different),
        "keys": some(map(_shown, stuck)),
    }


handler = lambda_handler(DataMatches)
