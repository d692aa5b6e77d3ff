"""One Aurora global database: two clusters, one writer, replication that takes time.

The data are in a store (postgres.Pair, or journal.Journal). Clusters are dark when their Region is. Sources:
docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-global-database-disaster-recovery.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from ...cloud import ACCOUNT, AwsError, Cloud
from ...service import APART, WIRING, Stateful, magnitude
from .answers import Departure, Move, db_cluster, global_cluster
from .snapshots import Snapshots
from .store import Metrics, Store

METRIC_SECONDS = 60
LOOK_SECONDS = 1
"""How often Aurora looks whether both Regions still reach each other."""


MeasuredBy = Literal["cluster", "cluster and source"]
"""The lag's dimensions: DBClusterIdentifier, alone or with SourceRegion."""


class GlobalDatabase(Stateful):
    """Two Regions' clusters, and what moves the writer from one to the other."""

    not_state: ClassVar = {
        "identifier": WIRING,
        "members": WIRING,
        "_cloud": APART,
        "_clock": APART,
        "_faults": APART,
        "_metrics": APART,
        "_measured_by": WIRING,
        "lost": "what has been lost is past, and changes no answer",
        "_dark_before": "what was dark at the last event, which is what is dark",
    }

    def __init__(
        self,
        cloud: Cloud,
        identifier: str,
        members: Mapping[str, str],
        store: Store,
        metrics: Metrics | None,
        measured_by: MeasuredBy,
    ) -> None:
        """`members` are two Regions' cluster identifiers; the first is the writer, of the store too."""
        self.writer, self.secondary = members
        """Regions: who has IsWriter, and the other one."""
        self.store = store
        self.left_behind = False
        """The secondary wrote until a failover, and does not follow yet: pending-resync."""
        self.headless: set[str] = set()
        """Regions whose cluster is storage alone: it follows, and has no instance that could write."""
        self.lost: list[tuple[str, dict[str, Any]]] = []
        """Rows, with their tables, that failovers lost, as known once the old writer has been rebuilt."""
        self.identifier, self.members = identifier, dict(members)
        self._cloud, self._clock, self._faults = cloud, cloud.clock, cloud.faults
        self._metrics, self._measured_by = metrics, measured_by
        self.snapshots: Snapshots | None = None
        """None where RDS does not succeed in taking any."""
        self._move: Move | None = None
        self._departure: Departure | None = None
        self._held = False
        self._shipped = self._clock.now
        self._suspended: set[str] = set()
        self._dark_before: set[str] = set()
        self._clock.after_each.append(self._darken)
        self._clock.after(self._draw("lag"), self._ship)
        self._clock.every(METRIC_SECONDS, self._measure)

    def state(self) -> object:
        """The lag is 0 while all is well, and only its magnitude where it grows. A write that is shipped as
        usual makes no difference: when it is, the dice say."""
        move, going = self._move, self._departure
        lag = 0 if self.left_behind else magnitude(self._clock.now - self._shipped - LOOK_SECONDS)
        return (
            self.writer,
            self.secondary,
            self.left_behind,
            None if move is None else (move.source, move.target, move.loses, move.status),
            None if going is None else (going.region, going.phase),
            self._held,
            lag,
            sorted(self._suspended),
            sorted(self.headless),
            self.store.state(),
            self.store.unshipped() if self.left_behind or self._held or lag else None,
            *([self.snapshots.state()] if self.snapshots else []),
        )

    def connect(self, region: str) -> Any:
        """An application's connection to its Region's cluster; the store's `Dark` where that is dark."""
        self._darken()
        return self.store.connect(region)

    def writers(self) -> set[str]:
        """Regions whose engine takes writes now from whoever reaches it, and can be reached."""
        return {r for r in self.members if self.store.writable(r) and not self._faults.is_dark(r)}

    def lag(self, region: str) -> float:
        """For how long nothing has been shipped to the Region, in seconds; 0 for a writer."""
        return 0.0 if self.store.writable(region) else self._clock.now - self._shipped

    def hold(self) -> None:
        """Holds the transport between the Regions: what is written from now on is not shipped."""
        self._held = True

    def release(self) -> None:
        self._held = False

    def has_writer(self, region: str) -> bool:
        """The Region's cluster has a writer instance: an old writer keeps it, fenced or not, until its volume
        is rebuilt."""
        alone = self._departure is not None and self._departure.phase == "alone"
        return region == self.writer or self.left_behind or alone

    def listed(self) -> list[str]:
        """The Regions of which the writer knows how far they have written the log: not one that was left
        behind, whose volume is another."""
        follows = self.belongs(self.secondary) and not self.left_behind
        return [self.writer, *([self.secondary] if follows else [])]

    # What the control plane shows of it, and asks of it.

    def described(self) -> dict[str, Any]:
        """As RDS's GlobalCluster."""
        secondary = self.arn(self.secondary) if self.belongs(self.secondary) else None
        status = "pending-resync" if self.left_behind else "connected"
        return global_cluster(self.identifier, self.arn(self.writer), secondary, status, self._move, self.arn)

    def cluster(self, region: str) -> dict[str, Any]:
        """A Region's cluster, as RDS's DBCluster."""
        going = self._departure
        phase = going.phase if going and going.region == region else None
        source = None if region == self.writer or phase == "alone" else self.arn(self.writer)
        database = self.identifier if self.belongs(region) else None
        return db_cluster(self.arn(region), database, source, phase, region not in self.headless)

    def arn(self, region: str) -> str:
        return f"arn:aws:rds:{region}:{ACCOUNT}:cluster:{self.members[region]}"

    def belongs(self, region: str) -> bool:
        """The Region's cluster is on the global database's list."""
        gone = self._departure and self._departure.region == region and self._departure.phase != "asked"
        return region in self.members and not gone

    def move(self, target: str, loses: bool, asked: str, operation: str) -> None:
        """Accepts a switchover, or a failover that may lose data, to the target's Region; `asked` is the
        Region in which the operation was called."""
        busy = "InvalidGlobalClusterStateFault"
        if self._move is not None or self._departure is not None:
            raise AwsError(busy, f"A change of {self.identifier} is in process.")
        if target == self.writer:
            raise AwsError(busy, f"{self.members[target]} is the primary cluster already.")
        if target in self.headless:
            raise AwsError("InvalidDBClusterStateFault", f"{self.members[target]} has no instance.")
        if loses and self.left_behind:
            raise AwsError("InvalidDBClusterStateFault", f"{self.members[target]} is being resynchronized.")
        if not loses and (self.left_behind or not self._linked()):
            raise AwsError(busy, f"Not every cluster of {self.identifier} is healthy and connected.")
        home = target if loses else self.writer
        if asked != home:
            # The guide calls a switchover in the primary's Region and a failover in the target's. What AWS
            # answers elsewhere is not documented: refused here, with a code that nobody waits on.
            raise AwsError("InvalidParameterValue", f"{operation} must be called in {home}.")
        self._move = Move(self.writer, target, loses)
        self._clock.spawn(self._fail_over if loses else self._switch_over)

    def remove(self, region: str) -> None:
        """Accepts that the Region's cluster leaves. AWS lets the primary leave, too, when it is the last:
        nobody asks for that."""
        arn = self.arn(region)
        if region == self.writer:
            raise AwsError("InvalidGlobalClusterStateFault", f"{arn} is the primary cluster.")
        if self._move is not None:
            raise AwsError("InvalidGlobalClusterStateFault", f"{self.identifier} is being moved.")
        if self._departure is not None or self.left_behind or region in self.headless:
            raise AwsError("InvalidDBClusterStateFault", f"{arn} is not in the available state.")
        self._departure = Departure(region)
        self._clock.spawn(self._depart)

    # The engines.

    def _draw(self, name: str) -> float:
        return self._cloud.latency.draw(f"aurora_{name}")

    def _linked(self) -> bool:
        """Both Regions are up, and reach each other."""
        first, second = self.members
        return not (self._faults.is_dark(first) or self._faults.is_dark(second, origin=first))

    def _lasts(self, seconds: float) -> bool:
        """Parks for so long; False at once when the Regions stop reaching each other."""
        end = self._clock.now + seconds
        while self._linked() and self._clock.now < end:
            self._clock.sleep(min(LOOK_SECONDS, end - self._clock.now))
        return self._linked()

    def _darken(self) -> None:
        """After every event: a Region that goes dark drops its clients."""
        if self._faults.dark == self._dark_before:
            return
        self._dark_before = set(self._faults.dark)
        for region in self.members:
            dark = self._faults.is_dark(region)
            if dark and region not in self._suspended:
                self._suspended.add(region)
                self.store.suspend(region)
            elif not dark and region in self._suspended:
                self._suspended.remove(region)
                self.store.resume(region)

    def _ship(self) -> None:
        failing_over = self._move is not None and self._move.status == "failing-over"
        parted = self.left_behind or not self.belongs(self.secondary)
        if self._linked() and not (self._held or parted or failing_over):
            self.store.ship()
            self._shipped = self._clock.now
        self._clock.after(self._draw("lag"), self._ship)

    def _measure(self) -> None:
        """The lag, in milliseconds: how long ago the last shipment was.

        Both Regions publish it, each under its own cluster (the guide names now one, now the other). A
        secondary cannot know it while it does not reach its writer: its last sample stays the newest one.
        """
        parted = self.left_behind or not self.belongs(self.secondary)
        if self._metrics is None or parted or self._faults.is_dark(self.writer):
            return
        milliseconds = (self._clock.now - self._shipped) * 1000
        for region in self.members if self._linked() else (self.writer,):
            dimensions = {"DBClusterIdentifier": self.members[region]}
            if self._measured_by == "cluster and source":
                dimensions["SourceRegion"] = self.writer
            self._metrics(region, "AWS/RDS", "AuroraGlobalDBRPOLag", dimensions, milliseconds)

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
        if self._faults.is_dark(move.target):
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
        going.phase = "left"
        self._clock.sleep(self._draw("status"))
        going.phase = "promoting"
        self._clock.sleep(self._draw("detachment"))
        while self._faults.is_dark(going.region):
            self._clock.sleep(LOOK_SECONDS)
        self.store.promote(going.region)
        going.phase = "alone"

    def _rebuild(self) -> None:
        """Once the old writer is back, it is fenced, after a while; then its volume is rebuilt."""
        while not self._fenced_and_rebuilt():
            self._clock.sleep(LOOK_SECONDS)
        if self.snapshots:
            self.snapshots.take(self.secondary, self.members[self.secondary])
        self.lost += self.store.rejoin(self.secondary)
        self._shipped = self._clock.now
        self.left_behind = False

    def _fenced_and_rebuilt(self) -> bool:
        if self.store.writable(self.secondary):
            if not self._linked() or not self._lasts(self._draw("fencing")):
                return False
            self.store.demote(self.secondary)
        return self._linked() and self._lasts(self._draw("rebuild"))
