"""DynamoDB global tables, of both kinds of consistency.

`GlobalTable` (MREC) is the applications' own: plain items a Region, replicated one by one after a lag, the
last writer wins, and no AWS metric tells which writes that threw away. It names them. `StrongTable` (MRSC)
is the ledger's: one truth, for boto3, that answers in three Regions with any one of them dark.
Source: docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ConnectTimeoutError

from ...aws import AwsError, Cloud
from ...faults import Request

SERVICE = "dynamodb"
TIMEOUT_SECONDS = 2
"""For how long an application waits for a dark Region's table."""
LOOK_AGAIN_SECONDS = 1.0
"""How often a paused replication looks whether it can go on."""

Item = Mapping[str, Any]


@dataclass(frozen=True)
class Write:
    """An acknowledged write, under the name that its writer gave it."""

    name: str
    region: str
    at: float
    """When it was acknowledged, in seconds since 1970."""
    key: str
    item: Item | None
    """None is a delete."""
    number: int
    seen: Mapping[str, int] = field(repr=False)
    """Of each Region, the newest write to this key that the writer's Region had when it wrote."""

    @property
    def version(self) -> tuple[float, str]:
        """The greater one wins: by time, then by the Region's name."""
        return self.at, self.region

    def saw(self, other: Write) -> bool:
        return self.seen.get(other.region, -1) >= other.number


@dataclass
class _Replica:
    newest: dict[str, Write] = field(default_factory=dict)
    """By key; a deleted item stays as its delete."""
    arrived: dict[str, dict[str, int]] = field(default_factory=dict)
    """By key, then by Region: the newest write that has been here."""


@dataclass
class _Route:
    """The way from one replica to another."""

    under_way: dict[int, Write] = field(default_factory=dict)
    held: list[Write] = field(default_factory=list)
    """They could not be delivered in time: one of the Regions was dark."""


class GlobalTable:
    """A table with multi-Region eventual consistency. Calls are local, and take no time."""

    def __init__(self, cloud: Cloud, name: str, regions: Sequence[str]) -> None:
        self._cloud = cloud
        self.name = name
        self.regions = tuple(regions)
        self._replicas = {region: _Replica() for region in regions}
        self._routes = {(a, b): _Route() for a in regions for b in regions if a != b}
        self._number = 0
        self._overwritten: dict[int, Write] = {}
        self._late: dict[int, Write] = {}
        self._unheard: set[int] = set()
        self._held = False

    def hold(self) -> None:
        """Nothing is delivered any more, until `release`."""
        self._held = True

    def release(self) -> None:
        self._held = False

    def put(self, region: str, key: str, item: Item, name: str) -> Write:
        """Writes the item in the Region; `name` is how a report will call this write."""
        return self._write(region, key, dict(item), name)

    def delete(self, region: str, key: str, name: str) -> Write:
        return self._write(region, key, None, name)

    def get(self, region: str, key: str) -> Item | None:
        """The item as that Region has it now."""
        self._reach(region)
        newest = self._replicas[region].newest.get(key)
        return None if newest is None else newest.item

    def items(self, region: str) -> dict[str, Item]:
        """A Region's items by key, also a dark one's: for invariants and reports, not for applications."""
        newest = self._replicas[region].newest
        return {key: write.item for key, write in newest.items() if write.item is not None}

    @property
    def overwritten(self) -> tuple[Write, ...]:
        """Acknowledged, then thrown away for a write that had not seen them."""
        return tuple(self._overwritten.values())

    @property
    def late(self) -> tuple[Write, ...]:
        """Arrived only when their Region could be heard again (they may be overwritten as well)."""
        return tuple(self._late.values())

    def missing(self, region: str) -> tuple[Write, ...]:
        """Acknowledged elsewhere and not arrived in this Region: lost, should it have to do without them."""
        routes = [route for (_, target), route in self._routes.items() if target == region]
        return tuple(write for route in routes for write in route.under_way.values())

    def _write(self, region: str, key: str, item: Item | None, name: str) -> Write:
        self._reach(region)
        self._number += 1
        replica = self._replicas[region]
        seen = {**replica.arrived.get(key, {}), region: self._number}
        write = Write(name, region, self._cloud.clock.now, key, item, self._number, seen)
        replica.arrived[key] = dict(seen)
        replica.newest[key] = write
        for other in self.regions:
            if other != region:
                self._routes[region, other].under_way[write.number] = write
                self._replicate(write, other)
        return write

    def _reach(self, region: str) -> None:
        """An application that asks a dark Region waits in vain."""
        if self._cloud.weather.is_dark(region, SERVICE):
            self._cloud.clock.sleep(TIMEOUT_SECONDS)
            raise ConnectTimeoutError(endpoint_url=f"https://dynamodb.{region}.amazonaws.com/")

    def _replicate(self, write: Write, target: str) -> None:
        lag = self._cloud.latency.draw("dynamodb_replication")
        self._cloud.clock.after(lag, lambda: self._deliver(write, target))

    def _deliver(self, write: Write, target: str) -> None:
        route = self._routes[write.region, target]
        if not self._connected(write.region, target):
            if not self._cloud.weather.is_dark(target, SERVICE):
                self._unheard.add(write.number)
            route.held.append(write)
            if len(route.held) == 1:
                self._look_again(write.region, target)
            return
        del route.under_way[write.number]
        if write.number in self._unheard:
            self._late[write.number] = write
        self._arrive(write, self._replicas[target])

    def _look_again(self, source: str, target: str) -> None:
        def look() -> None:
            if not self._connected(source, target):
                self._look_again(source, target)
                return
            route = self._routes[source, target]
            held, route.held = route.held, []
            for write in held:
                self._replicate(write, target)

        self._cloud.clock.after(LOOK_AGAIN_SECONDS, look)

    def _connected(self, source: str, target: str) -> bool:
        is_dark = self._cloud.weather.is_dark
        parted = is_dark(source, SERVICE, origin=target) or is_dark(target, SERVICE, origin=source)
        return not (self._held or parted)

    def _arrive(self, write: Write, replica: _Replica) -> None:
        arrived = replica.arrived.setdefault(write.key, {})
        if arrived.get(write.region, -1) > write.number:
            return  # its own Region has replaced it since
        for region, number in write.seen.items():
            arrived[region] = max(number, arrived.get(region, -1))
        here = replica.newest.get(write.key)
        if here is None:
            replica.newest[write.key] = write
            return
        loser, winner = sorted((here, write), key=lambda w: w.version)
        replica.newest[write.key] = winner
        if not winner.saw(loser):
            self._overwritten[loser.number] = loser


REGION_SETS = (
    {"us-east-1", "us-east-2", "us-west-2"},
    {"eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1"},
    {"ap-northeast-1", "ap-northeast-2", "ap-northeast-3"},
)
"""A strongly consistent table lives in three Regions of one set."""
WRITES = frozenset({"PutItem", "UpdateItem", "DeleteItem"})
READS = frozenset({"GetItem", "Query", "Scan"})
TRANSACTIONS = frozenset({"TransactWriteItems", "TransactGetItems"})
MAJORITY = 2


class StrongTable:
    """A table with multi-Region strong consistency, for boto3: the rules, whatever keeps its items.

    That is moto or its double, in the first Region. A write, and a strongly consistent read, needs two of the
    three replicas.
    """

    def __init__(
        self, cloud: Cloud, name: str, regions: Sequence[str], key: tuple[str, str] = ("application", "item")
    ) -> None:
        if len(set(regions)) != 3 or not any(set(regions) <= one for one in REGION_SETS):
            raise AwsError(
                "ValidationException", f"{', '.join(regions)} are not three Regions of one MRSC set"
            )
        self._cloud = cloud
        self.name = name
        self.regions = tuple(regions)
        self._key = key
        self._committing: dict[str, tuple[str, float]] = {}
        cloud.backing.create_table(self.regions[0], name, key)
        cloud.guards.append(self._guard)
        before = cloud.reroute
        cloud.reroute = lambda request: self._home_of(request) or before(request)

    def peek(self, key: Mapping[str, str]) -> dict[str, str] | None:
        """An item of texts as it is now: for invariants, which take no time and meet no fault."""
        return self._cloud.backing.item(self.regions[0], self.name, key)

    def _home_of(self, request: Request) -> str | None:
        """A Region without a replica has no such table, as is said there."""
        if self._is_meant(request) and request.region in self.regions[1:]:
            return self.regions[0]
        return None

    def _is_meant(self, request: Request) -> bool:
        return request.service == SERVICE and request.parameters.get("TableName") == self.name

    def _guard(self, request: Request) -> None:
        if request.service != SERVICE or request.region not in self.regions:
            return
        if request.operation in TRANSACTIONS and self.name in _tables(request):
            raise AwsError(
                "ValidationException", f"{self.name} has multi-Region strong consistency: no transactions"
            )
        if not self._is_meant(request):
            return
        strong = request.operation in READS and request.parameters.get("ConsistentRead") is True
        if (strong or request.operation in WRITES) and self._alive(request.region) < MAJORITY:
            raise AwsError("InternalServerError", "Internal server error", 500)
        if request.operation in WRITES:
            self._commit(request)

    def _alive(self, seen_from: str) -> int:
        is_dark = self._cloud.weather.is_dark
        return sum(not is_dark(region, SERVICE, origin=seen_from) for region in self.regions)

    def _commit(self, request: Request) -> None:
        """Refuses a write to an item for which another Region's write is still being agreed upon."""
        parameters: Mapping[str, Any] = request.parameters
        given = parameters.get("Key") or parameters["Item"]
        item = "/".join(given[attribute]["S"] for attribute in self._key)
        region, until = self._committing.get(item, (request.region, 0.0))
        now = self._cloud.clock.now
        if region != request.region and now < until:
            message = "One or more items in this request are being modified by a request in another Region."
            raise AwsError("ReplicatedWriteConflictException", message)
        self._committing[item] = request.region, now + self._cloud.latency.draw("dynamodb_strong_commit")


def _tables(request: Request) -> set[str]:
    """The tables of a transaction."""
    parameters: Mapping[str, Any] = request.parameters
    return {body["TableName"] for entry in parameters["TransactItems"] for body in entry.values()}
