"""A whole table is compared by the Lambda of a step in each of two Regions, and only digests are exchanged.

Each look asks for some segments, in both Regions side by side, and notes in the ledger how far it has come:
what is lost is asked for again. An invocation reads a segment of its own Region's table, in pages of 1 MB,
and tells what it has read and where it goes on. What the two passes (comparison.py) have found different is
read by its key, strongly consistent, until it has become the same, or changed in both Regions, or time is up.
An invocation is a dry run of this run: it changes nothing, and needs no lease. Sources:
docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Scan.html and API_BatchGetItem.html,
docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from . import sketch
from .calls import Api, Call, Sight, Silence
from .comparison import Open, Part, Progress, Told, shown
from .differences import HERE, SIDES, salt_of
from .digests import Key, Sums, many_small_parts, rows_of
from .errors import NotYet, Refused
from .fence import ASKS, PLAN_ASKS
from .later import ITSELF, Later
from .planned import ANSWER
from .step import Done
from .world import World

TABLE = "dynamodb:{region}:{account}:table/{table}"
DESCRIBE = Api("dynamodb:DescribeTable", resource=TABLE)
"""For the names of the table's keys, which never change, and for about how large it is."""
SCAN = Api("dynamodb:Scan", resource=TABLE, plane="data", raw=True, only_for=ITSELF)
GET = Api("dynamodb:BatchGetItem", resource=TABLE, plane="data", raw=True, only_for=ITSELF)
ASK_ITSELF = Api(
    "lambda:InvokeFunction",
    client="lambda",
    operation="Invoke",
    resource="lambda:{region}:{account}:function:{itself}",
    plane="data",
    read_seconds=12,
    asks=2,
    ours=True,
)
"""A function that reads the ledger with a replica's Region mute, and then a segment, needs its time. A look
at the table and these fit into a tick."""
MOST_KEYS = 100
"""In one BatchGetItem."""
MOST_TOLD = 2_000_000
"""Bytes of keys that an invocation tells, and a page more: Lambda takes an answer of 6 MB.
Source: docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
TOLD = "told"
"""The outcome of an invocation that has read something."""
LEAST = 1_000_000
"""A plan asks for one segment of so many: hardly anything."""
ODD = (KeyError, TypeError, ValueError, OverflowError, AttributeError, RecursionError)
"""What reading an answer raises that is none."""


class Asks(Protocol):
    """A tick's world, or a person at a terminal."""

    def ask(self, *calls: Call) -> list[Sight]: ...


@dataclass(frozen=True)
class Read:
    """By an invocation."""

    told: Told


@dataclass(frozen=True)
class Compared:
    """By a look."""

    progress: Progress | None
    silences: tuple[Silence | None, ...]
    """In the Region that takes over, and in the other."""
    found: Mapping[Key, Sequence[str | None]] | None = None
    """Of what differed, the digests by key that were read after it."""
    was: str = ""
    """The progress before it, as JSON."""

    @property
    def moved(self) -> bool:
        return self.progress is not None and _text(self.progress) != self.was


def _text(progress: Progress) -> str:
    return json.dumps(progress.as_json(), sort_keys=True)


def read_part(world: Asks, table: str, part: Part) -> Read:
    """As much of a segment as an invocation reads. Raises NotYet where the first page is silent."""
    found = Told.nothing(part)
    for page in range(ASKS):
        (sight,) = world.ask(_page(table, part, found.after))
        try:
            with many_small_parts():
                found = found.and_page(_body(sight), part)
        except ODD as odd:
            if not page:
                raise NotYet(_why(sight, odd)) from None
            break
        if not found.after or sum(map(len, found.keys)) > MOST_TOLD:
            break
    return Read(found)


def told(read: Read) -> Done:
    return Done(TOLD, {ANSWER: read.told.as_json()})


def _page(table: str, part: Part, after: str) -> Call:
    return SCAN(
        part.region,
        TableName=table,
        Segment=part.segment,
        TotalSegments=part.segments,
        ReturnConsumedCapacity="TOTAL",
        **({"ExclusiveStartKey": _as_boto(json.loads(after))} if after else {}),
    )


def _as_boto(key: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """A key of DynamoDB's JSON as boto3 takes it: binary is bytes there."""
    return {
        name: {kind: base64.b64decode(given) if kind == "B" else given for kind, given in value.items()}
        for name, value in key.items()
    }


def _body(sight: Sight) -> bytes:
    if not isinstance(sight, Mapping):
        raise ValueError("no answer")
    body: bytes = sight["body"]
    return body


def _why(sight: Sight, odd: Exception) -> str:
    return sight.why if isinstance(sight, Silence) else f"an answer of another form ({type(odd).__name__})"


class Comparison:
    """What a look does, of a step's table in two Regions."""

    def __init__(
        self, world: World, table: str, regions: Sequence[str], itself: Sequence[Later], rate: float
    ) -> None:
        """Where it may not ask `itself`, as a plan on a laptop may not, it only looks at the table."""
        self._world, self._table, self._regions = world, table, regions
        self._itself, self._rate = itself, rate
        self._salt = salt_of(world.run.execution, world.run.started, world.run.state)
        self._silences: list[Silence | None] = [None, None]
        self._asks = PLAN_ASKS if world.run.dry_run else ASKS

    def looked(self, every: float) -> Compared:
        """At some segments more; or, once all have been read, at what differed."""
        progress = self._noted() or self._begun()
        if progress is None:
            return Compared(None, tuple(self._silences))
        before = _text(progress) if self._noted() else ""
        if progress.looked:
            found = self._by_key(progress)
            return Compared(progress, tuple(self._silences), found, before)
        progress.start(self._rate, every, self._world.now)
        self._read(progress)
        progress.turn()
        return Compared(progress, tuple(self._silences), None, before)

    def tried(self) -> Compared:
        """One segment of so many that it is nothing: that each Region's function answers."""
        progress = self._begun()
        if progress is not None:
            progress.segments, progress.started = LEAST, 1
            progress.open[0] = Open()
            self._read(progress)
        return Compared(progress, tuple(self._silences))

    def _noted(self) -> Progress | None:
        """By a tick before, since this state was entered, redriven or resumed; odd words are none."""
        try:
            return Progress.from_json(self._world.noted["compared"])
        except ODD:
            return None

    def _begun(self) -> Progress | None:
        answer = self._ask([DESCRIBE(self._regions[HERE], TableName=self._table)])[0]
        try:
            table = answer["Table"]  # type: ignore[index]
            names = tuple(each["AttributeName"] for each in table["KeySchema"])
            return Progress.of_table(names, int(table["TableSizeBytes"]), self._world.now)
        except ODD as odd:
            why = _why(answer, odd)
            self._silences[HERE] = Silence(f"nobody says what the keys of {self._table} are: {why}")
            return None

    def _ask(self, calls: Sequence[Call]) -> list[Sight]:
        self._asks -= 1
        return self._world.ask(*calls)

    def _read(self, progress: Progress) -> None:
        """What is begun, on both sides, and again what was silent or goes on, as often as a look asks."""
        for _ in range(min(self._asks, ASK_ITSELF.asks or 0) if self._itself else 0):
            if not (due := progress.due()):
                break
            sights = self._ask([self._asked(progress, *each) for each in due])
            self._silences = [None, None]
            for (segment, side), sight in zip(due, sights, strict=True):
                read = said(sight, self._regions[side], progress.no_sums)
                if isinstance(read, Silence):
                    self._silences[side] = read
                else:
                    progress.take(segment, side, read)

    def _asked(self, progress: Progress, segment: int, side: int) -> Call:
        part = progress.part(self._regions[side], segment, side, self._salt)
        return asked(self._world, self._itself, part)

    def _by_key(self, progress: Progress) -> Mapping[Key, Sequence[str | None]] | None:
        """None where somebody was silent."""
        wanted = self._table, self._regions, progress.keys, progress.names, self._salt
        found, silences = by_key(self._ask, self._asks, *wanted)
        self._silences = list(silences)
        return found


def asked(world: World, itself: Sequence[Later], part: Part) -> Call:
    """The call by which a function asks itself, in the part's Region, to read it."""
    run, (own,) = world.run, itself
    event = dict(own.event)
    event["inputs"] = {**event["inputs"], "part": [vars(part)]}
    return ASK_ITSELF(
        part.region, **replace(own, state=run.state, event=event).asked(run, run.mode).parameters
    )


def by_key(
    ask: Callable[[Sequence[Call]], Sequence[Sight]],
    asks: int,
    table: str,
    regions: Sequence[str],
    wanted: Collection[Key],
    names: Sequence[str],
    salt: str,
) -> tuple[Mapping[Key, Sequence[str | None]] | None, Sequence[Silence | None]]:
    """The digests of these keys' items on both sides, asked at most so often; None where a side was silent,
    and who was."""
    found: dict[Key, list[str | None]] = {key: [None, None] for key in wanted}
    left = [(side, _keys(some, names)) for side in SIDES for some in _batches(wanted)]
    silences: list[Silence | None] = [None, None]
    while asks and left:
        sights = ask([_get(table, regions[side], keys) for side, keys in left])
        asks, silences, again = asks - 1, [None, None], []
        for (side, keys), sight in zip(left, sights, strict=True):
            try:
                answer, rows = rows_of(_body(sight), "Responses", table)
                for key, digest in sketch.entries(rows, names, salt):
                    found[key][side] = shown(digest)
                more = answer["UnprocessedKeys"].get(table, {}).get("Keys", [])
                again += [(side, list(map(_as_boto, more)))] if more else []
            except ODD as odd:
                silences[side] = Silence(_why(sight, odd))
                again.append((side, keys))
        left = again
    for side, _ in left:
        silences[side] = silences[side] or Silence("it leaves keys unprocessed")
    return (None if left else found), silences


def _get(table: str, region: str, keys: Sequence[Mapping[str, Any]]) -> Call:
    return GET(region, RequestItems={table: {"Keys": list(keys), "ConsistentRead": True}})


def _batches(keys: Collection[Key]) -> Iterator[list[Key]]:
    each = iter(sorted(keys))
    while some := list(itertools.islice(each, MOST_KEYS)):
        yield some


def _keys(some: Sequence[Key], names: Sequence[str]) -> list[dict[str, Any]]:
    return [_as_boto(dict(zip(names, json.loads(key), strict=True))) for key in some]


def said(sight: Sight, region: str, sums: Sums) -> Told | Silence:
    """What an invocation told. Raises Refused where it was; a mistake of ours is asked again, since the next
    answer may be another."""
    if not isinstance(sight, Mapping):
        return sight if isinstance(sight, Silence) else Silence(f"{region}: {sight.code}")
    try:
        body = json.loads(sight["Payload"])
        if sight.get("FunctionError"):
            kind, why = str(body["errorType"]), str(body["errorMessage"])
            if kind == "Refused":
                raise Refused(f"in {region}: {why}")
            return Silence(f"in {region}: {kind}: {why}")
        if body["outcome"] != TOLD:
            return Silence(f"in {region}: {body['why']}")
        return Told.from_json(body["facts"][ANSWER], sums)
    except ODD as odd:
        return Silence(f"in {region}: an answer of another form ({type(odd).__name__})")
