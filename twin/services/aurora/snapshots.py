"""Snapshots of a global database's volumes: what RDS takes of an old writer's, and copies of them.

RDS only tries to take one: of a database that has no `Snapshots` it never succeeds. What it takes expires
with the retention period of the cluster's backups; a copy stays. Sources:
docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-global-database-disaster-recovery.html,
docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CopyDBClusterSnapshot.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ...cloud import ACCOUNT, AwsError, Cloud, stamp
from ...service import APART, WIRING, Stateful

RETENTION_SECONDS = 86_400.0
"""The default of a cluster, and the least that it can be."""


@dataclass
class Snapshot(Stateful):
    not_state: ClassVar = {
        "name": "distinguishes snapshots; that of one that was taken is its time",
        "taken": "whether it has expired shows in the list that it is on",
    }

    region: str
    name: str
    cluster: str
    taken: float
    source: str = ""
    """The ARN of the one that it is a copy of."""
    status: str = "creating"

    def state(self) -> object:
        return self.region, self.cluster, bool(self.source), self.status

    @property
    def arn(self) -> str:
        return f"arn:aws:rds:{self.region}:{ACCOUNT}:cluster-snapshot:{self.name}"

    def described(self) -> dict[str, Any]:
        source = {"SourceDBClusterSnapshotArn": self.source} if self.source else {}
        return {
            "DBClusterSnapshotIdentifier": self.name,
            "DBClusterIdentifier": self.cluster,
            "DBClusterSnapshotArn": self.arn,
            "SnapshotCreateTime": stamp(self.taken),
            "SnapshotType": "manual" if self.source else "automated",
            "Engine": "aurora-postgresql",
            "Status": self.status,
            **source,
        }


class Snapshots(Stateful):
    """Those of one global database, in both Regions."""

    not_state: ClassVar = {"_cloud": APART, "retention": WIRING}

    def __init__(self, cloud: Cloud, retention: float = RETENTION_SECONDS) -> None:
        """`retention` in seconds."""
        self._cloud, self.retention = cloud, retention
        self.all: list[Snapshot] = []

    def state(self) -> object:
        return [each.state() for each in self.all if not self._is_gone(each)]

    def take(self, region: str, cluster: str) -> None:
        """Of the volume that an old writer leaves."""
        now = self._cloud.clock.now
        name = f"rds:unplanned-global-failover-{cluster}-{stamp(now):%Y-%m-%d-%H-%M-%S}"
        self._add(Snapshot(region, name, cluster, now), "aurora_snapshot")

    def of(self, region: str, cluster: str) -> list[Snapshot]:
        """Whatever is there now."""
        here = [each for each in self.all if (each.region, each.cluster) == (region, cluster)]
        return [each for each in here if not self._is_gone(each)]

    def copy(self, region: str, source: str, target: str) -> Snapshot:
        here = [each for each in self.all if each.region == region and not self._is_gone(each)]
        found = next((each for each in here if each.name.lower() == source.lower()), None)
        if found is None:
            raise AwsError("DBClusterSnapshotNotFoundFault", f"{source} not found.", 404)
        if found.status != "available":
            raise AwsError("InvalidDBClusterSnapshotStateFault", f"{source} is {found.status}.")
        if any(each.name.lower() == target.lower() for each in here):
            raise AwsError("DBClusterSnapshotAlreadyExistsFault", f"{target} exists already.")
        copy = Snapshot(region, target, found.cluster, self._cloud.clock.now, found.arn, "copying")
        self._add(copy, "aurora_copy")
        return copy

    def _add(self, snapshot: Snapshot, duration: str) -> None:
        def finish() -> None:
            snapshot.status = "available"

        self.all.append(snapshot)
        self._cloud.clock.after(self._cloud.latency.draw(duration), finish)

    def _is_gone(self, snapshot: Snapshot) -> bool:
        return not snapshot.source and self._cloud.clock.now > snapshot.taken + self.retention
