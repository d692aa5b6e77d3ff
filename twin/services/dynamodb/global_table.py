"""A DynamoDB global table with multi-Region eventual consistency (MREC), as an application has it.

Plain items a Region, replicated one by one after a lag; the last writer wins, and no AWS metric says which
writes that threw away. It names them.
Source: docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from botocore.exceptions import ConnectTimeoutError

from ...cloud import AwsError, Cloud
from ...service import APART, WIRING, Stateful
from ..cloudwatch.model import Metrics
from .writes import Described, Item, Key, Replica, Route, Write, tuple_of

SERVICE = "dynamodb"
TIMEOUT_SECONDS = 2
"""For how long an application waits for a dark Region's table."""
LOOK_AGAIN_SECONDS = 1.0
"""How often a paused replication looks whether it can go on."""

USUAL_LAG = 5000.0
"""Milliseconds of replication up to which all is as usual."""
USUAL = (("nothing", "", ""), ("what it knew", "", ""), ("its successor", "", ""))
"""What writes that are under way come to while all is well."""


class GlobalTable(Stateful):
    """A table with multi-Region eventual consistency. Calls are local, and take no time."""

    not_state: ClassVar = {
        "_cloud": APART,
        "name": WIRING,
        "regions": WIRING,
        "keys": WIRING,
        "indexes": WIRING,
        "_unnamed": "of the items, which are in the state",
        "_number": "distinguishes writes",
        "_late": "which they are, only reports ask: how many is in the state",
        "_overwritten": "which they are, only reports ask: how many is in the state",
    }

    def __init__(
        self,
        cloud: Cloud,
        name: str,
        regions: Sequence[str],
        keys: Sequence[str],
        indexes: Mapping[str, Sequence[str]],
    ) -> None:
        self._cloud = cloud
        self.name = name
        self.regions = tuple(regions)
        self.keys = tuple(keys)
        """The attributes of its partition key and, if it has one, its sort key."""
        self.indexes = {index: tuple(names) for index, names in indexes.items()}
        """The keys of each global secondary index, by its name."""
        self.described = {region: self._new() for region in regions}
        """Where the table is, and what the control plane says of it there."""
        self._replicas = {region: Replica() for region in regions}
        self._routes = {(a, b): Route() for a in regions for b in regions if a != b}
        self._number = 0
        self._overwritten: dict[int, Write] = {}
        self._late: dict[int, Write] = {}
        self._unreached: set[int] = set()
        self._unnamed: set[Key] = set()
        """Of items that no application has written."""
        self._held = False

    def state(self) -> object:
        """In which ways the replicas differ, and which promises have not been kept so far.

        Not what all of them have, nor the names of what differs: those grow all the time. And a write that
        arrives as usual makes no difference: when it does, the dice say. Of what no application wrote, which
        there is: whoever wrote it looks for it.
        """
        ways: set[tuple[str, ...]] = set()
        for (source, target), route in self._routes.items():
            waiting, apart = {write.number for write in route.held}, not self._connected(source, target)
            for write in route.under_way.values():
                ways.add((source, target, *self._fate(write, target, apart or write.number in waiting)))
        usual = {(*route, *fate) for route in self._routes for fate in USUAL}
        unnamed = sorted(
            (region, tuple_of(key))
            for region, replica in self._replicas.items()
            for key in self._unnamed
            if key in replica.newest and replica.newest[key].item is not None
        )
        described = [(region, vars(each)) for region, each in self.described.items()]
        return self._held, sorted(ways - usual), len(self._late), len(self._overwritten), unnamed, described

    def hold(self) -> None:
        """Nothing is delivered any more, until `release`."""
        self._held = True

    def release(self) -> None:
        self._held = False

    def put(self, region: str, key: Key, item: Item, name: str) -> Write:
        """Writes the item in the Region; `name` is how a report will call this write, "" where no application
        has written it."""
        return self._write(region, key, dict(item), name)

    def delete(self, region: str, key: Key, name: str) -> Write | None:
        """Deletes the item in the Region. Where there is none, nothing is written, and nothing replicated."""
        self.reach(region)
        there = self._replicas[region].newest.get(key)
        return None if there is None or there.item is None else self._write(region, key, None, name)

    def get(self, region: str, key: Key) -> Item | None:
        """The item as that Region has it now."""
        newest = self.write_of(region, key)
        return None if newest is None else newest.item

    def write_of(self, region: str, key: Key) -> Write | None:
        """The newest write of the item that is in that Region now."""
        self.reach(region)
        return self._replicas[region].newest.get(key)

    def query(self, region: str, partition: str) -> list[Item]:
        """A partition's items as that Region has them now, with their keys, by their sort keys."""
        self.reach(region)
        found = {tuple_of(key): item for key, item in self.items(region).items()}
        chosen = sorted(key for key in found if key[0] == partition)
        return [dict(zip(self.keys, key, strict=True)) | dict(found[key]) for key in chosen]

    def items(self, region: str) -> dict[Key, Item]:
        """A Region's items by key, also a dark one's: for invariants and reports, not for applications."""
        newest = self._replicas[region].newest
        return {key: write.item for key, write in newest.items() if write.item is not None}

    def writes(self, region: str) -> dict[Key, Write]:
        """The write of each item that a Region has now, also a dark one, by key."""
        newest = self._replicas[region].newest
        return {key: write for key, write in newest.items() if write.item is not None}

    def size_of(self, write: Write) -> int:
        """Of its item, in bytes, as a read counts it."""
        keys = zip(self.keys, tuple_of(write.key), strict=True)
        return write.size + sum(len(name.encode()) + len(value.encode()) for name, value in keys)

    @property
    def overwritten(self) -> tuple[Write, ...]:
        """Acknowledged, then thrown away for a write that did not know them."""
        return tuple(self._overwritten.values())

    @property
    def late(self) -> tuple[Write, ...]:
        """Arrived only when their Region could be reached again (they may be overwritten as well)."""
        return tuple(self._late.values())

    def missing(self, region: str) -> tuple[Write, ...]:
        """Acknowledged elsewhere and not arrived in this Region: lost, should it have to do without them."""
        routes = [route for (_, target), route in self._routes.items() if target == region]
        return tuple(write for route in routes for write in route.under_way.values())

    def has_replica(self, region: str) -> bool:
        """The table is there, and takes requests. Its other states (a key that cannot be reached, say) are
        only told."""
        return region in self.described and self.described[region].status not in ("CREATING", "DELETING")

    def remove_replica(self, region: str) -> None:
        """As though nobody had ever created it."""
        del self.described[region]
        self._replicas[region] = Replica()
        for (source, target), route in self._routes.items():
            if region in (source, target):
                route.under_way.clear()
                route.held.clear()

    def create_replica(self, source: str, region: str) -> None:
        """It takes minutes, and has then what the source has."""
        new = self.described[region] = self._new("CREATING")

        def stands() -> None:
            self._replicas[region] = self._replicas[source].copy()
            new.status, new.indexes = "ACTIVE", dict.fromkeys(new.indexes, "ACTIVE")

        self._cloud.clock.after(self._cloud.latency.draw("dynamodb_replica_creation"), stands)

    def start_stream(self, region: str, has: str) -> None:
        """It takes a little, and the table is UPDATING meanwhile."""
        here = self.described[region]
        here.status, here.stream = "UPDATING", has

        def stands() -> None:
            here.status = "ACTIVE"

        self._cloud.clock.after(self._cloud.latency.draw("dynamodb_table_update"), stands)

    def _new(self, status: str = "ACTIVE") -> Described:
        return Described(status, dict.fromkeys(self.indexes, status))

    def _write(self, region: str, key: Key, item: Item | None, name: str) -> Write:
        if len(tuple_of(key)) != len(self.keys):
            raise ValueError(f"the key {key!r} is not one of {self.name}: {' and '.join(self.keys)}")
        self.reach(region)
        if name == "":
            self._unnamed.add(key)
        self._number += 1
        replica = self._replicas[region]
        known = {**replica.arrived.get(key, {}), region: self._number}
        write = Write(name, region, self._cloud.clock.now, key, item, self._number, known)
        replica.arrived[key] = dict(known)
        replica.newest[key] = write
        for other in self.regions:
            if other != region and self.has_replica(other):
                self._routes[region, other].under_way[write.number] = write
                self._replicate(write, other)
        return write

    def reach(self, region: str) -> None:
        """An application that asks a dark Region waits in vain."""
        if self._cloud.faults.is_dark(region, SERVICE):
            self._cloud.clock.sleep(TIMEOUT_SECONDS)
            raise ConnectTimeoutError(endpoint_url=f"https://dynamodb.{region}.amazonaws.com/")
        if not self.has_replica(region):
            raise AwsError("ResourceNotFoundException", "Requested resource not found")

    def lag(self, region: str) -> float:
        """The age of the oldest write that is still on its way to the Region, in seconds."""
        waiting = (
            write.at
            for (_, to), it in self._routes.items()
            if to == region
            for write in it.under_way.values()
        )
        return self._cloud.clock.now - min(waiting, default=self._cloud.clock.now)

    def _replicate(self, write: Write, target: str) -> None:
        lag = self._cloud.latency.draw("dynamodb_replication")
        self._cloud.clock.after(lag, lambda: self._deliver(write, target))

    def _deliver(self, write: Write, target: str) -> None:
        route = self._routes[write.region, target]
        if write.number not in route.under_way:
            return  # the replica has been removed
        if not self._connected(write.region, target):
            if not self._cloud.faults.is_dark(target, SERVICE):
                self._unreached.add(write.number)
            route.held.append(write)
            if len(route.held) == 1:
                self._look_again(write.region, target)
            return
        del route.under_way[write.number]
        self._measure(write, target)
        if write.number in self._unreached:
            self._late[write.number] = write
        self._arrive(write, self._replicas[target])

    def _measure(self, write: Write, target: str) -> None:
        """In milliseconds, in the Region of the write. Source:
        docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html"""
        metrics = self._cloud.enlisted(Metrics)
        if metrics is not None:
            lag = 1000 * (self._cloud.clock.now - write.at)
            of = {"TableName": self.name, "ReceivingRegion": target}
            metrics.put(write.region, "AWS/DynamoDB", "ReplicationLatency", of, lag, USUAL_LAG)

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
        is_dark = self._cloud.faults.is_dark
        apart = is_dark(source, SERVICE, origin=target) or is_dark(target, SERVICE, origin=source)
        return not (self._held or apart)

    def _fate(self, write: Write, target: str, waits: bool) -> tuple[str, str, str]:
        """What a write that is under way comes upon, as the target has its item now; whether it waits until
        the Regions reach each other, and whether it will then be late."""
        replica = self._replicas[target]
        here = replica.newest.get(write.key)
        if replica.has_newer(write):
            meets = "its successor"
        elif here is None:
            meets = "nothing"
        else:
            meets = "what it knew" if write.knew(here) else "another write"
        return meets, "waits" * waits, "late" * (write.number in self._unreached)

    def _arrive(self, write: Write, replica: Replica) -> None:
        if replica.has_newer(write):
            return
        arrived = replica.arrived.setdefault(write.key, {})
        for region, number in write.known.items():
            arrived[region] = max(number, arrived.get(region, -1))
        here = replica.newest.get(write.key)
        if here is None:
            replica.newest[write.key] = write
            return
        loser, winner = sorted((here, write), key=lambda w: w.version)
        replica.newest[write.key] = winner
        if not winner.knew(loser):
            self._overwritten[loser.number] = loser
