"""The loss is bounded: heartbeats say up to when all that was written in `$from` is in `$to`.

Before a run and through it a schedule ticks this step each minute, in the machine `heartbeat`: it writes
heartbeats into each table in `source`, with a sequence number and the time, reads them back there, and notes
in the ledger the last that the Region acknowledged. In a run it writes them once more, where `source` still
takes them, and reads which are in `region`.

A heartbeat is written after all that was acknowledged before it, and goes the same way. So what was written
before the newest one that survived has survived, too: what is lost was written after that, and before this
state began, if customers are led to `region` by then. `loss_at_most_seconds` is that span. The loss is no
larger, and mostly smaller: a Region that is dark acknowledges nothing. Where later heartbeats were
acknowledged and have not survived, `loss_at_least_seconds` is the span between them: nothing of it has
arrived, of the partitions of one heartbeat at least. A table without any heartbeat in `region` has no figure,
but why; then the whole has none.

Partitions are replicated independently, so a table has four heartbeats, each in a partition of its own, and
the oldest counts. Where a single partition stands still, they say nothing of it: `data_matches` does.
Times are those of Lambda's clocks, which differ by milliseconds.

Each Region has items of its own, so that one that arrives late overwrites none of the other Region's, and
nobody need know which Region serves. They are never more: four items a table and Region, each written once a
minute. A write that is late and overwrites a newer one of its own Region has an older time: until the next
minute the bound is larger, and never too small. Sources:
docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html,
docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from ..calls import Api, Call, Sight, Silence
from ..fence import PATIENCE, UNKNOWN, ask_all, patient
from ..global_tables import (
    CONTENDED,
    AttributeName,
    Key,
    item_in,
    keys_alone,
    number,
    some,
    spread,
    texts,
)
from ..handler import lambda_handler
from ..inputs import Patience, Region, Seconds, TableName
from ..ledger import PUT, Keep
from ..ledger import number as figure
from ..planned import DOUBTS, first_few
from ..run import BEAT_SECONDS
from ..step import Change, Decision, Done, Step, Wait
from ..world import World

ASKS = 2
"""How often a silent Region is asked in one look."""
MISSED = 3
"""So many heartbeats too few, and their schedule does not work."""
LARGEST = 1 << 53
"""More heartbeats than ever will be."""
SEQUENCE, AT = "farshore_sequence", "farshore_at"
"""The attributes of a heartbeat: the how manieth it is, and when it was written, in seconds since 1970."""
TABLES = "dynamodb:{region}:{account}:table/{tables}"
READ = Api("dynamodb:BatchGetItem", resource=TABLES, plane="data")
WRITE = Api("dynamodb:BatchWriteItem", resource=TABLES, plane="data", own_items=True)
OWN_WORD = "what is not known is said to be unknown, and the run goes on"


@dataclass(frozen=True, order=True)
class Heartbeat:
    at: float
    """When it was written, in seconds since 1970."""
    sequence: int


@dataclass(frozen=True)
class Store:
    """The heartbeats of one table in `source`: of the four the oldest; None where one is missing."""

    table: TableName
    acknowledged: Heartbeat | None
    """As the ledger knows the last."""
    written: Heartbeat | Silence | None
    """As `source` has them."""
    survived: Heartbeat | Silence | None
    """As `region` has them."""

    @property
    def newest(self) -> Heartbeat | None:
        """The last that is known to have been acknowledged."""
        known = [each for each in (self.acknowledged, self.written) if isinstance(each, Heartbeat)]
        return max(known, default=None)

    @property
    def next(self) -> int:
        return 1 + (self.newest.sequence if self.newest else 0)

    def is_younger(self, than: float) -> bool:
        return isinstance(self.written, Heartbeat) and self.written.at >= than

    def doubt(self, now: float) -> str:
        """Why nothing will bound a loss tonight, as a dry run sees it; "" where heartbeats arrive."""
        if self.survived is None:
            return "no heartbeat has arrived"
        if isinstance(self.survived, Heartbeat) and (age := now - self.survived.at) > MISSED * BEAT_SECONDS:
            return f"no heartbeat has arrived for {age:.0f} s"
        return ""


@dataclass(frozen=True)
class Seen:
    stores: tuple[Store, ...]
    beats: bool
    """It is the schedule's tick: heartbeats are due, and nobody asks for a loss."""
    dry_run: bool
    since: float
    """When the state began, in seconds since 1970; a plan's begins now."""
    now: float
    late: bool
    """A silent Region, or one that is behind, is waited for no longer."""


@dataclass(frozen=True, kw_only=True)
class LossBounded(Step[Seen]):
    """Heartbeats bound what these DynamoDB global tables can have lost of `source` in `region`."""

    tables: Annotated[
        Mapping[TableName, Mapping[AttributeName, str]],
        "by table, the key of its heartbeats: each attribute with a text, the partition key first",
    ]
    source: Annotated[Region, "where customers wrote, and heartbeats are written"] = Region("$from")
    region: Annotated[Region, "where they must have survived"] = Region("$to")
    patience: Annotated[Patience, "how long what is silent or behind is waited for"] = PATIENCE
    within: Annotated[Seconds, "how long the state may take to come about"] = Seconds(60)

    name: ClassVar = "loss_bounded"
    beats: ClassVar = TableName
    reads: ClassVar = (READ,)
    writes: ClassVar = (WRITE,)
    notes: ClassVar = (PUT,)
    busy: ClassVar = CONTENDED
    every: ClassVar = 5
    asks: ClassVar = ASKS
    needs_lease: ClassVar = False
    tolerates: ClassVar = {READ: OWN_WORD, WRITE: OWN_WORD}

    def __post_init__(self) -> None:
        patient(self.patience, self.within)
        keys_alone(self.tables)
        if self.source == self.region:
            raise ValueError(f"{self.region} loses nothing of itself: write two Regions")

    def observe(self, world: World) -> Seen:
        beats = world.run.purpose == "beat"
        regions = (self.source,) if beats else (self.source, self.region)
        calls = [self._read(region, table) for region in regions for table in self.tables]
        sights = ask_all(world, calls, self.patience, ASKS)
        here = dict(zip(self.tables, sights, strict=False))
        there = dict(zip(self.tables, sights[len(self.tables) :], strict=False))
        return Seen(
            tuple(
                Store(
                    table,
                    self._noted(world.records.kept, table, world.now),
                    self._oldest(here[table], table, world.now),
                    self._oldest(there[table], table, world.now) if table in there else None,
                )
                for table in self.tables
            ),
            beats,
            world.run.dry_run,
            world.since,
            world.now,
            world.waited > self.patience,
        )

    def decide(self, seen: Seen) -> Decision:
        return self._beat(seen) if seen.beats else self._bound(seen)

    def _beat(self, seen: Seen) -> Decision:
        """Until each table has a heartbeat of this minute, and the ledger knows of it."""
        recent = seen.now - BEAT_SECONDS / 2
        due = [s for s in seen.stores if not isinstance(s.written, Silence) and not s.is_younger(recent)]
        notes = [
            Keep(self._name(store.table), vars(store.written))
            for store in seen.stores
            if isinstance(store.written, Heartbeat) and store.written != store.acknowledged
        ]
        if (due or notes) and not seen.dry_run:
            what = f"write heartbeats of {_named(due)}" if due else "note which were acknowledged"
            return Change(f"{what} in {self.source}", self._put(due, seen.now), tuple(notes))
        if silent := _silent(store.written for store in seen.stores):
            return Done(UNKNOWN, {"why": silent}) if seen.late else Wait(silent)
        return Done(facts={"heartbeats": {s.table: s.newest.sequence for s in seen.stores if s.newest}})

    def _bound(self, seen: Seen) -> Decision:
        """What is said of the loss, once all that can still arrive has, or is not waited for any longer."""
        due = [
            store
            for store in seen.stores
            if not isinstance(store.written, Silence) and not store.is_younger(seen.since)
        ]
        if seen.dry_run:
            doubts = [
                f"{store.table}: {why} from {self.source} in {self.region}: nothing bounds what is lost"
                for store in seen.stores
                if (why := store.doubt(seen.now))
            ]
            return Done(facts={DOUBTS: doubts} if doubts else {})
        if due and not seen.late:
            return Change(f"write heartbeats of {_named(due)} in {self.source}", self._put(due, seen.now))
        silent = _silent(sight for store in seen.stores for sight in (store.survived, store.written))
        behind = [store for store in seen.stores if _is_behind(store)]
        if (silent or behind) and not seen.late:
            return Wait(silent or f"heartbeats of {_named(behind)} are not in {self.region} yet")
        return self._told(seen)

    def _told(self, seen: Seen) -> Done:
        told = {store.table: self._of(store, seen.since) for store in seen.stores}
        unknown = [f"{table}: {facts['why']}" for table, facts in told.items() if "why" in facts]
        if unknown:
            return Done(UNKNOWN, {"why": first_few(unknown), "stores": told})
        return Done(
            facts={
                "loss_at_most_seconds": max(facts["loss_at_most_seconds"] for facts in told.values()),
                "loss_at_least_seconds": max(facts["loss_at_least_seconds"] for facts in told.values()),
                "stores": told,
            }
        )

    def _of(self, store: Store, since: float) -> dict[str, Any]:
        survived, newest = store.survived, store.newest
        if isinstance(survived, Silence):
            return {"why": survived.why}
        if survived is None:
            return {"why": f"no heartbeat of {self.source} is in {self.region}"}
        newest = max(newest or survived, survived)
        return {
            "loss_at_most_seconds": round(max(0.0, since - survived.at), 3),
            "loss_at_least_seconds": round(newest.at - survived.at, 3),
            "newest_survived_seq": survived.sequence,
            "newest_acknowledged_seq": newest.sequence,
            "lost_heartbeats": newest.sequence - survived.sequence,
        }

    def _name(self, table: TableName) -> str:
        """Of what the ledger keeps."""
        return f"heartbeat#{self.source}#{table}"

    def _noted(self, kept: Mapping[str, Any], table: TableName, now: float) -> Heartbeat | None:
        body = kept.get(self._name(table), {})
        return _heartbeat(figure(body.get("at")), figure(body.get("sequence")), now)

    def _keys(self, table: TableName) -> list[Key]:
        return spread(self.tables[table], f"{self.source}-")

    def _read(self, region: Region, table: TableName) -> Call:
        """Strongly, so that what was just written in this Region is there."""
        keys = [texts(key) for key in self._keys(table)]
        return READ(region, RequestItems={table: {"Keys": keys, "ConsistentRead": True}})

    def _put(self, stores: Iterable[Store], now: float) -> tuple[Call, ...]:
        return tuple(
            WRITE(self.source, RequestItems={store.table: [_put(key, store.next, now) for key in keys]})
            for store in stores
            for keys in (self._keys(store.table),)
        )

    def _oldest(self, sight: Sight, table: TableName, now: float) -> Heartbeat | Silence | None:
        found = []
        for key in self._keys(table):
            row = item_in(sight, table, key)
            if row is None or isinstance(row, Silence):
                return row
            found.append(_heartbeat(number(row, AT), number(row, SEQUENCE), now))
        return None if None in found else min(filter(None, found))


def _put(key: Key, sequence: int, now: float) -> dict[str, Any]:
    beat = {SEQUENCE: {"N": str(sequence)}, AT: {"N": f"{now:.3f}"}}
    return {"PutRequest": {"Item": {**texts(key), **beat}}}


def _heartbeat(at: float, sequence: float, now: float) -> Heartbeat | None:
    """None for what no heartbeat is: anybody may have written it."""
    if not 0 < at <= now + BEAT_SECONDS or not 0 < sequence < LARGEST:
        return None
    return Heartbeat(at, int(sequence))


def _is_behind(store: Store) -> bool:
    newest, survived = store.newest, store.survived
    return newest is not None and not (isinstance(survived, Heartbeat) and survived >= newest)


def _named(stores: Iterable[Store]) -> str:
    return some(store.table for store in stores)


def _silent(sights: Iterable[Heartbeat | Silence | None]) -> str:
    """What the first one that was silent said; "" where none was."""
    return next((sight.why for sight in sights if isinstance(sight, Silence)), "")


handler = lambda_handler(LossBounded)
