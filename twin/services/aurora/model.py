"""An Aurora global database: two clusters, one writer, replication that takes time.

The control plane answers boto3 as RDS does, and refuses what AWS documents as refused; the data are in a
store (postgres.Pair, or journal.Journal). Clusters are dark when their Region is; "rds/us-east-1" in the
weather darkens only that Region's control plane. Sources: the RDS API reference, and
docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-global-database-disaster-recovery.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from ...aws import ACCOUNT, AwsError, Cloud
from ...faults import Request
from .answers import Departure, Move, db_cluster, global_cluster

METRIC_SECONDS = 60
LOOK_SECONDS = 1
"""How often Aurora looks whether both Regions still hear each other."""


class Store(Protocol):
    """The data of both Regions: postgres.Pair says what each method does."""

    def connect(self, region: str) -> Any: ...
    def writable(self, region: str) -> bool: ...
    def ship(self) -> None: ...
    def demote(self, region: str) -> None: ...
    def promote(self, region: str) -> None: ...
    def switchover(self, to: str) -> None: ...
    def rejoin(self, region: str) -> list[tuple[str, dict[str, Any]]]: ...
    def suspend(self, region: str) -> None: ...
    def resume(self, region: str) -> None: ...


class Metrics(Protocol):
    """Puts a sample into a Region's CloudWatch."""

    def __call__(
        self, region: str, namespace: str, name: str, dimensions: dict[str, str], value: float, /
    ) -> None: ...


class GlobalDatabase:
    """The one Aurora global database of a cloud."""

    def __init__(
        self,
        cloud: Cloud,
        identifier: str,
        members: Mapping[str, str],
        store: Store,
        metrics: Metrics | None = None,
    ) -> None:
        """`members` are two Regions' cluster identifiers; the first is the writer, of the store too."""
        self.writer, self.secondary = members
        """Regions: who has IsWriter, and the other one."""
        self.store = store
        self.left_behind = False
        """The secondary wrote until a failover, and does not follow yet: pending-resync."""
        self.lost: list[tuple[str, dict[str, Any]]] = []
        """Rows, with their tables, that failovers lost, as known once the old writer has been rebuilt."""
        self._cloud, self._clock, self._weather = cloud, cloud.clock, cloud.weather
        self._identifier, self._members, self._metrics = identifier, dict(members), metrics
        self._move: Move | None = None
        self._departure: Departure | None = None
        self._held = False
        self._shipped = self._clock.now
        self._suspended: set[str] = set()
        self._seen_dark: set[str] = set()
        self._clock.after_each.append(self._darken)
        self._clock.after(self._draw("lag"), self._ship)
        self._clock.every(METRIC_SECONDS, self._measure)
        cloud.serve("rds", "DescribeGlobalClusters", self._describe)
        cloud.serve("rds", "SwitchoverGlobalCluster", self._switchover_asked)
        cloud.serve("rds", "FailoverGlobalCluster", self._failover_asked)
        cloud.serve("rds", "RemoveFromGlobalCluster", self._removal_asked)
        cloud.serve("rds", "DescribeDBClusters", self._describe_cluster)

    def connect(self, region: str) -> Any:
        """An application's connection to its Region's cluster; the store's `Dark` where that is dark."""
        self._darken()
        return self.store.connect(region)

    def writers(self) -> set[str]:
        """Regions whose engine takes writes now from whoever reaches it, and can be reached."""
        return {r for r in self._members if self.store.writable(r) and not self._weather.is_dark(r)}

    def standing(self) -> tuple[object, ...]:
        """All that its answers and its engines' next steps come from, but for the time and the data."""
        move, going = self._move, self._departure
        return (
            self.writer,
            self.left_behind,
            None if move is None else (move.target, move.loses, move.status),
            None if going is None else (going.region, going.stage),
            self._held,
            sorted(self._suspended),
        )

    def hold(self) -> None:
        """Holds the transport between the Regions: what is written from now on is not shipped."""
        self._held = True

    def release(self) -> None:
        self._held = False

    # The engines.

    def _draw(self, name: str) -> float:
        return self._cloud.latency.draw(f"aurora_{name}")

    def _linked(self) -> bool:
        """Both Regions are up, and hear each other."""
        first, second = self._members
        return not (self._weather.is_dark(first) or self._weather.is_dark(second, origin=first))

    def _lasts(self, seconds: float) -> bool:
        """Parks for so long; False at once when the Regions stop hearing each other."""
        end = self._clock.now + seconds
        while self._linked() and self._clock.now < end:
            self._clock.sleep(min(LOOK_SECONDS, end - self._clock.now))
        return self._linked()

    def _darken(self) -> None:
        """After every event: a Region that goes dark drops its clients."""
        if self._weather.dark == self._seen_dark:
            return
        self._seen_dark = set(self._weather.dark)
        for region in self._members:
            dark = self._weather.is_dark(region)
            if dark and region not in self._suspended:
                self._suspended.add(region)
                self.store.suspend(region)
            elif not dark and region in self._suspended:
                self._suspended.remove(region)
                self.store.resume(region)

    def _ship(self) -> None:
        failing_over = self._move is not None and self._move.status == "failing-over"
        parted = self.left_behind or not self._belongs(self.secondary)
        if self._linked() and not (self._held or parted or failing_over):
            self.store.ship()
            self._shipped = self._clock.now
        self._clock.after(self._draw("lag"), self._ship)

    def _measure(self) -> None:
        """The lag, in milliseconds: how long ago the last shipment was.

        Both Regions publish it, each under its own cluster (the guide names now one, now the other). A
        secondary cannot know it while it does not hear its writer: its last sample stays the newest one.
        """
        parted = self.left_behind or not self._belongs(self.secondary)
        if self._metrics is None or parted or self._weather.is_dark(self.writer):
            return
        milliseconds = (self._clock.now - self._shipped) * 1000
        for region in self._members if self._linked() else (self.writer,):
            dimensions = {"DBClusterIdentifier": self._members[region]}
            self._metrics(region, "AWS/RDS", "AuroraGlobalDBRPOLag", dimensions, milliseconds)

    # The control plane.

    def _describe(self, request: Request) -> dict[str, Any]:
        if "GlobalClusterIdentifier" in request.parameters:
            self._find(request)
        return {"GlobalClusters": [self._as_described()] if self._belongs(request.region) else []}

    def _describe_cluster(self, request: Request) -> dict[str, Any]:
        arn = self._own(request, str(request.parameters["DBClusterIdentifier"]))
        going = self._departure
        stage = going.stage if going and going.region == request.region else None
        source = None if request.region == self.writer or stage == "alone" else self._arn(self.writer)
        database = self._identifier if self._belongs(request.region) else None
        return {"DBClusters": [db_cluster(arn, database, source, stage)]}

    def _switchover_asked(self, request: Request) -> dict[str, Any]:
        return self._accept(request, loses=False)

    def _failover_asked(self, request: Request) -> dict[str, Any]:
        """Without AllowDataLoss it is a switchover, as documented, and needs the writer alive."""
        if {"AllowDataLoss", "Switchover"} <= request.parameters.keys():
            raise AwsError("InvalidParameterCombination", "AllowDataLoss and Switchover exclude each other.")
        return self._accept(request, loses=bool(request.parameters.get("AllowDataLoss")))

    def _accept(self, request: Request, loses: bool) -> dict[str, Any]:
        self._find(request)
        target = self._target(request)
        busy = "InvalidGlobalClusterStateFault"
        if self._move is not None or self._departure is not None:
            raise AwsError(busy, f"A change of {self._identifier} is in process.")
        if target == self.writer:
            raise AwsError(busy, f"{self._members[target]} is the primary cluster already.")
        if loses and self.left_behind:
            raise AwsError("InvalidDBClusterStateFault", f"{self._members[target]} is being resynchronized.")
        if not loses and (self.left_behind or not self._linked()):
            raise AwsError(busy, f"Not every cluster of {self._identifier} is healthy and connected.")
        self._at_home(request, target if loses else self.writer)
        self._move = Move(self.writer, target, loses)
        self._clock.spawn(self._fail_over if loses else self._switch_over)
        return {"GlobalCluster": self._as_described()}

    def _removal_asked(self, request: Request) -> dict[str, Any]:
        """Only its ARN names a cluster, as documented, and here only in its own Region, as the guide does it.
        The answer for one that has left is not documented, but known from Terraform's provider. AWS lets the
        primary leave, too, when it is the last: nobody asks for that."""
        asked = str(request.parameters["DbClusterIdentifier"])
        arn = self._own(request, asked if asked.startswith("arn:") else "")
        if not self._belongs(request.region):
            why = f"Cluster {arn} is not found in global cluster {self._identifier}."
            raise AwsError("InvalidParameterValue", why)
        self._find(request)
        if request.region == self.writer:
            raise AwsError("InvalidGlobalClusterStateFault", f"{arn} is the primary cluster.")
        if self._move is not None:
            raise AwsError("InvalidGlobalClusterStateFault", f"{self._identifier} is being moved.")
        if self._departure is not None or self.left_behind:
            raise AwsError("InvalidDBClusterStateFault", f"{arn} is not in the available state.")
        self._departure = Departure(request.region)
        self._clock.spawn(self._depart)
        return {"GlobalCluster": self._as_described()}

    def _own(self, request: Request, asked: str) -> str:
        """The ARN of the cluster of the Region that is asked, which its name or ARN stands for."""
        if request.region in self._members:
            arn = self._arn(request.region)
            if asked.lower() in (arn.lower(), self._members[request.region].lower()):
                return arn
        raise AwsError("DBClusterNotFoundFault", f"DBCluster {asked} not found.", 404)

    def _belongs(self, region: str) -> bool:
        """The Region's cluster is on the global database's list."""
        gone = self._departure and self._departure.region == region and self._departure.stage != "told"
        return region in self._members and not gone

    def _find(self, request: Request) -> None:
        """AWS does not tell who else sees a global database: here, only the Regions that have a member do."""
        asked = str(request.parameters["GlobalClusterIdentifier"])
        if asked.lower() != self._identifier.lower() or not self._belongs(request.region):
            raise AwsError("GlobalClusterNotFoundFault", f"Global cluster {asked} not found.", 404)

    def _target(self, request: Request) -> str:
        """The target's Region: an ARN is found anywhere, an identifier only in the Region that is asked."""
        asked = str(request.parameters["TargetDbClusterIdentifier"])
        for region, cluster in self._members.items():
            named = asked == self._arn(region) or (asked == cluster and region == request.region)
            if named and self._belongs(region):
                return region
        raise AwsError("DBClusterNotFoundFault", f"DB cluster {asked} not found.", 404)

    def _at_home(self, request: Request, region: str) -> None:
        """The guide calls a switchover in the primary's Region and a failover in the target's. What AWS
        answers elsewhere is not documented: refused here, with a code that nobody waits on."""
        if request.region != region:
            raise AwsError("InvalidParameterValue", f"{request.operation} must be called in {region}.")

    def _arn(self, region: str) -> str:
        return f"arn:aws:rds:{region}:{ACCOUNT}:cluster:{self._members[region]}"

    def _as_described(self) -> dict[str, Any]:
        secondary = self._arn(self.secondary) if self._belongs(self.secondary) else None
        status = "pending-resync" if self.left_behind else "connected"
        return global_cluster(
            self._identifier, self._arn(self.writer), secondary, status, self._move, self._arn
        )

    # What takes time.

    def _begin(self) -> Move:
        """Nothing shows at first: "available" straight after the call means nothing."""
        assert self._move is not None
        self._clock.sleep(self._draw("status"))
        self._move.status = "pending"
        return self._move

    def _switch_over(self) -> None:
        move = self._begin()
        if self._lasts(self._draw("verification")):
            move.status = "switching-over"
            self.store.demote(move.source)
            # Nothing may be lost: a secondary that cannot catch up ends it.
            if self._lasts(self._draw("switchover")) and not self._held:
                self.store.switchover(move.target)
                self._shipped = self._clock.now
                self._end(move)
                return
        self._cancel(move)

    def _fail_over(self) -> None:
        move = self._begin()
        self._clock.sleep(self._draw("verification"))
        move.status = "failing-over"
        if self._linked():  # the fence is best effort: a writer that cannot be reached keeps on writing
            self.store.demote(move.source)
        self._clock.sleep(self._draw("failover"))
        if self._weather.is_dark(move.target):
            self._cancel(move)
            return
        self.store.promote(move.target)
        self.left_behind = True
        self._end(move)
        self._clock.spawn(self._rebuild)

    def _cancel(self, move: Move) -> None:
        move.status = "cancelling"
        self._clock.sleep(self._draw("cancellation"))
        if not self.store.writable(move.source):
            self.store.promote(move.source)
        self._move = None

    def _end(self, move: Move) -> None:
        self.writer, self.secondary = move.target, move.source
        self._move = None

    def _depart(self) -> None:
        """The secondary becomes a writer with what was shipped to it. Nobody fences the old writer, and
        nothing is rebuilt: from here on each Region has a database of its own."""
        going = self._departure
        assert going is not None
        self._clock.sleep(self._draw("status"))
        going.stage = "left"
        self._clock.sleep(self._draw("status"))
        going.stage = "promoting"
        self._clock.sleep(self._draw("detachment"))
        while self._weather.is_dark(going.region):
            self._clock.sleep(LOOK_SECONDS)
        self.store.promote(going.region)
        going.stage = "alone"

    def _rebuild(self) -> None:
        """Once the old writer is back, it is fenced, after a while; then its volume is rebuilt."""
        while not self._fenced_and_rebuilt():
            self._clock.sleep(LOOK_SECONDS)
        self.lost += self.store.rejoin(self.secondary)
        self._shipped = self._clock.now
        self.left_behind = False

    def _fenced_and_rebuilt(self) -> bool:
        if self.store.writable(self.secondary):
            if not self._linked() or not self._lasts(self._draw("fencing")):
                return False
            self.store.demote(self.secondary)
        return self._linked() and self._lasts(self._draw("rebuild"))
