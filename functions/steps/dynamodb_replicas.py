"""DynamoDB tables are replicated: each exists in both Regions, ACTIVE, with its indexes.

A table's own status says nothing of its replicas and indexes, nor of whether a replica can reach its key, so
all of them are looked at, in each Region. Run, it creates a replica that is missing, from the Region that has
the table, and before that the stream that replication needs. Whatever else is missing is refused, by name,
with what to do: an index, the table itself, a key, a Region. Settings that DynamoDB does not carry over to a
replica, and that differ, are doubts. (Point-in-time recovery is not looked at: that would be a call each.)

A replica takes minutes, and over 30 were seen; its source cannot be removed for a day. So this belongs in
`prepare`, and no failover has it. Sources:
docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ReplicaDescription.html,
docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTable.html,
docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html,
docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2gt_IAM.html (who creates a replica writes there)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from ..calls import Absent, Api, Call, Sight, Silence
from ..errors import Refused
from ..fence import ASKS, ask_all
from ..global_tables import IndexName
from ..handler import lambda_handler
from ..inputs import Region, Seconds, TableName
from ..planned import DOUBTS
from ..step import Change, Decision, Done, Step, Wait
from ..world import World

TABLES = "dynamodb:{region}:{account}:table/{tables}"
NOT_THERE = "ResourceNotFoundException"
DESCRIBE = Api("dynamodb:DescribeTable", resource=TABLES, absent=frozenset({NOT_THERE}))
UPDATE = Api(
    "dynamodb:UpdateTable",
    resource=TABLES,
    dependents=(
        "dynamodb:BatchWriteItem",
        "dynamodb:CreateTable",
        "dynamodb:CreateTableReplica",
        "dynamodb:DeleteItem",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "dynamodb:Scan",
        "dynamodb:UpdateItem",
    ),
)
STREAM = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}

PASSING = frozenset({"CREATING", "UPDATING"})
"""States of a table, a replica or an index that end by themselves."""
REMEDIES = {
    "CREATION_FAILED": "delete that replica, mend what its ReplicaStatusDescription says, and start again",
    "DELETING": "wait until it is gone, and start again",
    "REGION_DISABLED": "enable the Region for the account within 20 hours, or the replica leaves for good",
    "INACCESSIBLE_ENCRYPTION_CREDENTIALS": (
        "give DynamoDB its KMS key back within 20 hours, or the replica leaves for good"
    ),
    "REPLICATION_NOT_AUTHORIZED": (
        "let the service-linked role replicate again within 20 hours, or the replica leaves for good"
    ),
    "ARCHIVING": "its KMS key was out of reach for a week: restore the table from its backup",
    "ARCHIVED": "its KMS key was out of reach for a week: restore the table from its backup",
}
"""What a person must do about the others."""

Table = Mapping[str, Any]

SETTINGS: Mapping[str, Callable[[Table], object]] = {
    "billing mode": lambda table: table.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED"),
    "deletion protection": lambda table: table.get("DeletionProtectionEnabled", False),
    "warm throughput": lambda table: _units(table.get("WarmThroughput", {})),
    "maximum on-demand throughput": lambda table: _units(table.get("OnDemandThroughput", {})),
}
"""What need not be alike in both Regions, as DescribeTable has it."""


@dataclass(frozen=True)
class Seen:
    tables: Mapping[str, Mapping[Region, Table | Absent | Silence]]
    acknowledged: bool
    """This tick has changed something, and AWS has done it."""


@dataclass
class _Sum:
    """What is due over all tables."""

    calls: list[Call] = field(default_factory=list)
    due: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class DynamodbReplicas(Step[Seen]):
    """Each of these DynamoDB tables has an ACTIVE replica in both Regions, with the same ACTIVE indexes."""

    tables: Annotated[
        tuple[TableName, ...] | Mapping[TableName, tuple[IndexName, ...]],
        "the tables' names; or by table the global secondary indexes that it must have",
    ]
    within: Annotated[Seconds, "how long a new replica may take"] = Seconds(3600)

    name: ClassVar = "dynamodb_replicas"
    reads: ClassVar = (DESCRIBE,)
    writes: ClassVar = (UPDATE,)
    busy: ClassVar = frozenset({"ResourceInUseException"})
    every: ClassVar = 30
    asks: ClassVar = ASKS
    prepares: ClassVar = "a replica takes minutes to create, and over 30 were seen"

    def observe(self, world: World) -> Seen:
        regions = world.run.source, world.run.target
        places = [(table, region) for table in self.tables for region in regions]
        asked = [DESCRIBE(region, TableName=table) for table, region in places]
        sights = dict(zip(places, ask_all(world, asked, self.within), strict=True))
        return Seen(
            {t: {region: _table(sights[t, region]) for region in regions} for t in self.tables},
            bool(world.acknowledged),
        )

    def decide(self, seen: Seen) -> Decision:
        due = _Sum()
        for table, sights in seen.tables.items():
            self._look(table, sights, due)
        facts = {DOUBTS: due.doubts} if due.doubts else {}
        if due.calls and not seen.acknowledged:
            # What can be repaired is, and the rest told at once: it takes minutes.
            doubts = {DOUBTS: [*due.refused, *due.doubts]} if due.refused else facts
            return Change("; ".join(due.due), tuple(due.calls), facts=doubts)
        if due.refused:
            raise Refused("; ".join(due.refused))
        if due.waiting or due.calls:
            return Wait("; ".join((*due.waiting, *due.due)), facts)
        return Done(facts={"tables": len(seen.tables), **facts})

    def _look(self, name: str, sights: Mapping[Region, Table | Absent | Silence], due: _Sum) -> None:
        if silent := [sight for sight in sights.values() if isinstance(sight, Silence)]:
            due.waiting.append(f"{name}: {silent[0].why}")
            return
        there = {region: sight for region, sight in sights.items() if isinstance(sight, Mapping)}
        missing = [region for region in sights if region not in there]
        if not there:
            everywhere = " nor in ".join(sights)
            due.refused.append(
                f"there is no table {name} in {everywhere}: create it in one of them, with its keys and "
                "indexes, and start again"
            )
            return
        troubles = [*_states(name, there, missing), *self._indexes(name, there)]
        due.waiting += [why for passing, why in troubles if passing]
        due.refused += [why for passing, why in troubles if not passing]
        if not troubles and missing:
            source, table = next(iter(there.items()))
            _create(name, missing[0], source, table, due)
        due.doubts += _doubts(name, there)

    def _indexes(self, name: str, there: Mapping[Region, Table]) -> Iterator[tuple[bool, str]]:
        wanted = set(self.tables[name]) if isinstance(self.tables, Mapping) else set()  # type: ignore[index]
        found = {
            region: {str(each.get("IndexName")): each for each in table.get("GlobalSecondaryIndexes", ())}
            for region, table in there.items()
        }
        every = wanted.union(*found.values())
        for region, indexes in found.items():
            for index in sorted(every):
                where = f"the index {index} of {name} in {region}"
                if index not in indexes:
                    yield False, f"{where} is missing: create it as the other Region, or the code, has it"
                else:
                    yield from _not_active(where, indexes[index].get("IndexStatus"))
        for index in sorted(every):
            schemas = [str(each[index].get("KeySchema")) for each in found.values() if index in each]
            if len(set(schemas)) > 1:
                yield (
                    False,
                    f"the index {index} of {name} has other keys in each Region: create one of them anew",
                )


def _states(name: str, there: Mapping[Region, Table], missing: list[Region]) -> Iterator[tuple[bool, str]]:
    """What is not ACTIVE: whether it passes, and what it is."""
    for region, table in there.items():
        yield from _not_active(f"{name} in {region}", table.get("TableStatus"))
        replicas = {each.get("RegionName"): each for each in table.get("Replicas", ())}
        for other in (*there, *missing):
            if other in replicas:
                status = replicas[other].get("ReplicaStatus")
                yield from _not_active(f"the replica of {name} in {other}, seen from {region},", status)
                if status == "ACTIVE" and other in missing:
                    yield True, f"{name} in {other} is not to be seen there yet"
            elif other in there and other != region:
                yield (
                    False,
                    f"{name} in {region} and {name} in {other} are two tables, and no replicas of each "
                    "other: move the items of one, delete it, and start again",
                )


def _create(name: str, region: Region, source: Region, table: Table, due: _Sum) -> None:
    stream = table.get("StreamSpecification", {})
    if stream == STREAM:
        due.calls.append(UPDATE(source, TableName=name, ReplicaUpdates=[{"Create": {"RegionName": region}}]))
        due.due.append(f"create the replica of {name} in {region}")
    elif stream.get("StreamEnabled"):
        due.refused.append(
            f"the stream of {name} in {source} has {stream.get('StreamViewType')}, and a replica needs "
            f"{STREAM['StreamViewType']}: disable it, and start again"
        )
    else:
        due.calls.append(UPDATE(source, TableName=name, StreamSpecification=STREAM))
        due.due.append(f"enable the stream of {name} in {source}, which a replica in {region} needs")


def _table(sight: Sight) -> Table | Absent | Silence:
    if isinstance(sight, Silence | Absent):
        return sight
    table = sight.get("Table")
    return table if isinstance(table, Mapping) else Silence("DescribeTable gave no table")


def _not_active(what: str, status: str | None) -> Iterator[tuple[bool, str]]:
    """A state that nobody knows yet may pass."""
    if status in REMEDIES:
        yield False, f"{what} is {status}: {REMEDIES[status]}"
    elif status != "ACTIVE":
        yield True, f"{what} is {status or 'in a state that DynamoDB does not say'}"


def _doubts(name: str, there: Mapping[Region, Table]) -> Iterator[str]:
    for setting, of in SETTINGS.items():
        values = {region: of(table) for region, table in there.items()}
        if len({str(value) for value in values.values()}) > 1:
            said = ", ".join(f"{value} in {region}" for region, value in values.items())
            yield f"{setting} of {name} differs: {said}"


def _units(throughput: Mapping[str, Any]) -> str:
    figures = [f"{name} {value}" for name, value in sorted(throughput.items()) if name != "Status"]
    return ", ".join(figures) or "none"


handler = lambda_handler(DynamodbReplicas)
