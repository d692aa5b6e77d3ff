"""DynamoDB has caught up: all that customers wrote in `$from` is in `$to`.

No metric says that a global table has caught up: ReplicationLatency is of what has arrived. So heartbeats are
written in `$from` after the fence, and read in `$to`: what was written before them has gone the same way.
Items of different partitions are replicated independently, so a table has four heartbeats, each in a
partition of its own. Where replication of half of the partitions stands still, that misses it once in sixteen
times; of a single partition it says nothing, and `data_matches` compares those that matter.

Where writes cannot be paused, what is written beside the heartbeats may still be under way when these have
arrived. AWS says then to wait ten times the recent maximum of ReplicationLatency, which the Region of the
writes has. After a Region was dark that maximum is of the backlog, for a quarter of an hour; what it has come
down to counts as soon as it has, and what it was counts where a table at rest has no samples left.

Heartbeats have the same keys in every run, so that one that dies leaves nothing that the next would not
remove. They are removed once all have arrived, and that is read back in both Regions. A lag is from when they
were written until all were seen, so it is never too small; what was not seen has none. What is written is the
same at every tick, so that a plan can name it: a redriven run first sees its earlier heartbeats arrive, and
go, and then writes them anew, since customers may have written in between. Sources:
docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html,
docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_monitoring.html,
docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-global-table-design.prescriptive-guidance.evacuation.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, ClassVar, TypeGuard

from ..calls import Api, Call, Silence
from ..errors import Refused
from ..fence import ASKS, PATIENCE, UNKNOWN, ask_all, patient
from ..global_tables import (
    CONTENDED,
    METRICS,
    AttributeName,
    Key,
    Row,
    item_in,
    keys_alone,
    latency_of,
    recent_maximum,
    some,
    spread,
    text,
    texts,
)
from ..handler import lambda_handler
from ..inputs import Patience, Region, Seconds, TableName
from ..ledger import PUT, Find
from ..run import Run
from ..step import Change, Decision, Done, Step, Wait
from ..world import World

TIMES = 10
"""So many times the recent maximum of the lag is waited for, where writes go on."""
NEXT_SAMPLE_SECONDS = 130
"""CloudWatch has a sample a minute, under the minute's beginning."""
RUN, SEQUENCE = "farshore_run", "farshore_sequence"
"""The attributes of a heartbeat: the run's marker, and the how manieth of its table it is."""
TABLES = "dynamodb:{region}:{account}:table/{tables}"
READ = Api("dynamodb:BatchGetItem", resource=TABLES, plane="data")
WRITE = Api("dynamodb:BatchWriteItem", resource=TABLES, plane="data")
Request = Mapping[str, Mapping[str, Any]]
"""One write of a batch."""
OWN_WORD = "in the dark of the Region that is left it ends as unknown"


def is_there(row: Row | Silence | None) -> TypeGuard[Row]:
    return isinstance(row, Mapping)


@dataclass(frozen=True)
class Heartbeat:
    """One item, as each Region has it now: its attributes, nothing, or silence."""

    table: TableName
    key: Key
    left: Row | Silence | None
    """In the Region that is left."""
    target: Row | Silence | None


@dataclass(frozen=True)
class Seen:
    run: Run
    marker: str
    """The run's own."""
    note: Mapping[str, Any]
    """When they were written, and when they arrived; empty before that, and where a run was redriven."""
    beats: tuple[Heartbeat, ...]
    lag: float | Silence | None
    """The recent maximum, in seconds; None where CloudWatch has none, or was not asked."""
    now: float
    waited: float
    patience: float
    acknowledged: bool
    """The Region that is left has just done what this tick sent."""

    @property
    def late(self) -> bool:
        return self.waited > self.patience

    @property
    def graceful(self) -> bool:
        return self.run.mode == "graceful"

    def is_own(self, row: Row | Silence | None) -> TypeGuard[Row]:
        """This run has written it, in this state."""
        return is_there(row) and text(row, RUN) == self.marker

    def noting(self, **facts: Any) -> Find:
        return Find(self.run.state, self.run.execution, facts.pop("at", self.now), facts)


@dataclass(frozen=True, kw_only=True)
class DynamodbCaughtUp(Step[Seen]):
    """All that was written to these DynamoDB global tables in `source` is in `region`."""

    tables: Annotated[
        Mapping[TableName, Mapping[AttributeName, str]],
        "by table, the key of its heartbeats: each attribute with a text, the partition key first",
    ]
    source: Annotated[Region, "where customers wrote"] = Region("$from")
    region: Annotated[Region, "where it must be"] = Region("$to")
    paused: Annotated[bool, "writes are fenced; false waits ten times the recent maximum lag as well"] = True
    patience: Annotated[Patience, "how long a silent Region is waited for"] = PATIENCE
    within: Annotated[Seconds, "how long it may take to catch up"] = Seconds(300)

    name: ClassVar = "dynamodb_caught_up"
    each_run: ClassVar = True
    reads: ClassVar = (READ, METRICS)
    writes: ClassVar = (WRITE,)
    notes: ClassVar = (PUT,)
    busy: ClassVar = CONTENDED
    every: ClassVar = 2
    asks: ClassVar = ASKS
    phase: ClassVar = "data"
    tolerates: ClassVar = {READ: OWN_WORD, WRITE: OWN_WORD, METRICS: OWN_WORD}

    def __post_init__(self) -> None:
        patient(self.patience, self.within)
        if self.source == self.region:
            raise ValueError(f"{self.region} has caught up with itself always: write two Regions")
        keys_alone(self.tables)

    def observe(self, world: World) -> Seen:
        run, marker = world.run, f"farshore-{world.dice(1 << 30):08x}"
        reads = [self._read(region, t) for region in (self.source, self.region) for t in self.tables]
        metrics = [] if self.paused else [latency_of(self.source, self.region, self.tables, world.now)]
        answers = ask_all(world, [*reads, *metrics], self.patience)
        left = dict(zip(self.tables, answers, strict=False))
        target = dict(zip(self.tables, answers[len(self.tables) :], strict=False))
        noted = world.records.found_by(run.state, run.execution, run.started)
        # A plan is made before the state is entered, and says what it will do then.
        planned = run.dry_run and not run.started
        goes_on = bool(noted) and not planned and noted.get("redrives") == run.redrives
        return Seen(
            run,
            marker,
            noted if goes_on else {},
            tuple(
                Heartbeat(table, key, item_in(left[table], table, key), item_in(target[table], table, key))
                for table in self.tables
                for key in spread(self.tables[table])
            ),
            None if self.paused else recent_maximum(answers[-1]),
            world.now,
            world.waited,
            self.patience,
            bool(world.acknowledged),
        )

    def decide(self, seen: Seen) -> Decision:
        if seen.run.dry_run and not seen.note:
            return self._planned(seen)
        if "arrived_at" not in seen.note:
            return self._arrive(seen)
        return self._clean(seen) or self._settled(seen)

    def _planned(self, seen: Seen) -> Decision:
        """All that a run will send."""
        if silent := _silent(row for beat in seen.beats for row in (beat.left, beat.target)):
            return Wait(silent)
        calls = self._calls(self.tables, partial(_put, seen)) + self._calls(self.tables, _gone)
        return Change(f"write heartbeats of {some(self.tables)} in {self.source}, and remove them", calls)

    def _arrive(self, seen: Seen) -> Decision:
        """Until all heartbeats were seen in `region`."""
        own = [beat for beat in seen.beats if seen.is_own(beat.left) or seen.is_own(beat.target)]
        before = own if not seen.note else []
        missing = [b for b in before or seen.beats if not seen.is_own(b.target)]
        if seen.note and not missing:
            lag = {"lag_seconds": round(seen.now - seen.note["at"], 3), "arrived_at": seen.now}
            note = seen.noting(**{**seen.note, **lag})
            return Change(f"note that all heartbeats are in {self.region}", (), (note,))
        silent, deaf = (_silent(rows) for rows in zip(*((b.left, b.target) for b in seen.beats), strict=True))
        why = silent or deaf or f"heartbeats of {_named(missing or before)} are not in {self.region} yet"
        if silent and seen.late and seen.graceful and not seen.acknowledged:
            raise Refused(f"{self.source} may hold what {self.region} has not, and is silent: {silent}")
        if seen.late and not (seen.graceful or deaf):
            return Done(UNKNOWN, self._known(seen, len(missing), why))
        if before:
            return self._again(seen, before, missing, silent or deaf)
        due = {b.table for b in missing if not isinstance(b.left, Silence) and not seen.is_own(b.left)}
        if not due or (not seen.note and (silent or deaf)):
            return Wait(why)
        notes = () if seen.note else (seen.noting(redrives=seen.run.redrives),)
        put = self._calls(due, partial(_put, seen))
        return Change(f"write heartbeats of {some(due)} in {self.source}", put, notes)

    def _again(
        self, seen: Seen, before: Sequence[Heartbeat], missing: Sequence[Heartbeat], silent: str
    ) -> Decision:
        """A redriven run's heartbeats of before: once they have all arrived they go, so that nothing that
        arrives later is taken for a new one."""
        due = {b.table for b in before if seen.is_own(b.left)}
        if missing or silent or not due:
            return Wait(silent or f"earlier heartbeats of {_named(before)} have not arrived yet, or not gone")
        return Change(f"remove the earlier heartbeats of {some(due)}", self._calls(due, _gone))

    def _known(self, seen: Seen, missing: int, why: str) -> dict[str, Any]:
        """What bounds the loss, where anything does."""
        arrived = len(seen.beats) - missing
        written = seen.note.get("at") if arrived else None
        age = {} if written is None else {"newest_heartbeat_age_seconds": round(seen.now - written, 3)}
        return {"arrived": arrived if seen.note else 0, "heartbeats": len(seen.beats), **age, "why": why}

    def _clean(self, seen: Seen) -> Decision | None:
        """Until no heartbeat is left in either Region. What cannot be removed in time, the next run does."""
        left = [b for b in seen.beats if b.left is not None or b.target is not None]
        if not left or seen.waited > max(2 * seen.patience, self.within / 2):
            return None
        if due := {b.table for b in left if is_there(b.left)}:
            return Change(f"remove the heartbeats of {some(due)}", self._calls(due, _gone))
        if silent := _silent([row for b in left for row in (b.left, b.target)]):
            return None if seen.late else Wait(f"heartbeats are to be removed: {silent}")
        return Wait(f"heartbeats of {_named(left)} are not gone everywhere yet")

    def _settled(self, seen: Seen) -> Decision:
        """Writes that went on beside the heartbeats have had their time."""
        left = [b for b in seen.beats if b.left is not None or b.target is not None]
        facts = {"heartbeats": len(seen.beats), "lag_seconds": seen.note.get("lag_seconds")}
        facts |= {"not_removed": _named(left)} if left else {}
        if self.paused:
            return Done(facts=facts)
        if "recent_lag_seconds" in seen.note:
            noted = seen.note["recent_lag_seconds"]
            lag = min(noted, round(seen.lag, 3)) if isinstance(seen.lag, float) else noted
            facts["recent_lag_seconds"] = lag
            over = seen.note["arrived_at"] + TIMES * lag - seen.now
            return Wait(f"writes go on: {over:.0f} s until they are there") if over > 0 else Done(facts=facts)
        if isinstance(seen.lag, float):  # while it is waited for, a table that is at rest has no samples left
            note = seen.noting(**{**seen.note, "recent_lag_seconds": round(seen.lag, 3)})
            return Change("note how long writes took of late", (), (note,))
        why = seen.lag.why if seen.lag else f"CloudWatch in {self.source} has no ReplicationLatency yet"
        if seen.now - seen.note["arrived_at"] <= max(seen.patience, NEXT_SAMPLE_SECONDS):
            return Wait(f"writes go on, and how long they take is not known: {why}")
        if seen.graceful:
            raise Refused(f"writes go on in {self.source}, and how long they take is not known: {why}")
        return Done(UNKNOWN, {**facts, "why": why})

    def _read(self, region: Region, table: TableName) -> Call:
        """Strongly, so that what is not there is not there. (Where the Region has it from another, that says
        no more than an eventual read would.)"""
        keys = [texts(key) for key in spread(self.tables[table])]
        return READ(region, RequestItems={table: {"Keys": keys, "ConsistentRead": True}})

    def _calls(self, tables: Iterable[TableName], request: Callable[[Key, int], Request]) -> tuple[Call, ...]:
        """Of all heartbeats of each table, whichever are due: a plan has named these calls."""
        return tuple(
            WRITE(
                self.source,
                RequestItems={
                    table: [request(key, n) for n, key in enumerate(spread(self.tables[table]), 1)]
                },
            )
            for table in sorted(tables)
        )


def _put(seen: Seen, key: Key, place: int) -> Request:
    beat = {RUN: {"S": seen.marker}, SEQUENCE: {"N": str(place)}}
    return {"PutRequest": {"Item": {**texts(key), **beat}}}


def _gone(key: Key, place: int) -> Request:
    return {"DeleteRequest": {"Key": texts(key)}}


def _named(beats: Sequence[Heartbeat]) -> str:
    return some({beat.table for beat in beats})


def _silent(rows: Iterable[Row | Silence | None]) -> str:
    """What the first one that was silent said; "" where none was."""
    return next((row.why for row in rows if isinstance(row, Silence)), "")


handler = lambda_handler(DynamodbCaughtUp)
