"""Aurora global databases: RDS's control plane.

It answers boto3 as RDS does, and refuses what AWS documents as refused. A service of one Region that is dark
("rds/us-east-1") darkens only that Region's control plane. Source: the RDS API reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ...cloud import AwsError, Cloud, Operation
from ...faults import Request
from ...service import APART, Service, register
from .database import GlobalDatabase, MeasuredBy
from .store import Metrics, Store

__all__ = ["Aurora", "GlobalDatabase", "Metrics", "Store"]


class Aurora(Service):
    """Every global database."""

    service: ClassVar = "rds"
    not_state: ClassVar = {"cloud": APART, "_metrics": APART}

    def __init__(self, cloud: Cloud, metrics: Metrics | None = None) -> None:
        """`metrics` takes the samples of the lag."""
        super().__init__(cloud)
        self._metrics = metrics
        self.databases: dict[str, GlobalDatabase] = {}

    def global_database(
        self,
        identifier: str,
        members: Mapping[str, str],
        store: Store,
        measured_by: MeasuredBy = "cluster",
    ) -> GlobalDatabase:
        """One more. `members` are two Regions' cluster identifiers; the first is the writer, of the store
        too. ValueError where one of the clusters is another global database's."""
        for region, cluster in members.items():
            for other in self.databases.values():
                if other.members.get(region, "").lower() == cluster.lower():
                    taken = f"there is a cluster {other.members[region]} of {other.identifier} already"
                    raise ValueError(f"{identifier} cannot have {cluster}: {taken}")
        return register(
            self.databases,
            identifier.lower(),
            lambda: GlobalDatabase(self.cloud, identifier, members, store, self._metrics, measured_by),
        )

    def operations(self) -> Mapping[str, Operation]:
        return {
            "DescribeGlobalClusters": self._describe,
            "DescribeDBClusters": self._describe_cluster,
            "SwitchoverGlobalCluster": self._switchover,
            "FailoverGlobalCluster": self._failover,
            "RemoveFromGlobalCluster": self._remove,
            "DescribeDBClusterSnapshots": self._snapshots,
            "CopyDBClusterSnapshot": self._copy,
        }

    def state(self) -> object:
        return [database.state() for database in self.databases.values()]

    def _describe(self, request: Request) -> dict[str, Any]:
        if "GlobalClusterIdentifier" in request.parameters:
            return {"GlobalClusters": [self._named(request).described()]}
        here = [each for each in self.databases.values() if each.belongs(request.region)]
        return {"GlobalClusters": [each.described() for each in here]}

    def _describe_cluster(self, request: Request) -> dict[str, Any]:
        database = self._with_cluster(request, str(request.parameters["DBClusterIdentifier"]))
        return {"DBClusters": [database.cluster(request.region)]}

    def _switchover(self, request: Request) -> dict[str, Any]:
        return self._move(request, loses=False)

    def _failover(self, request: Request) -> dict[str, Any]:
        """Without AllowDataLoss it is a switchover, as documented, and needs the writer alive."""
        if {"AllowDataLoss", "Switchover"} <= request.parameters.keys():
            raise AwsError("InvalidParameterCombination", "AllowDataLoss and Switchover exclude each other.")
        return self._move(request, loses=bool(request.parameters.get("AllowDataLoss")))

    def _move(self, request: Request, loses: bool) -> dict[str, Any]:
        database = self._named(request)
        database.move(_target(database, request), loses, request.region, request.operation)
        return {"GlobalCluster": database.described()}

    def _remove(self, request: Request) -> dict[str, Any]:
        """Only its ARN names a cluster, as documented, and here only in its own Region, as the guide does it.
        The answer for one that has left is not documented, but known from Terraform's provider."""
        asked = str(request.parameters["DbClusterIdentifier"])
        leaving = self._with_cluster(request, asked if asked.startswith("arn:") else "")
        if not leaving.belongs(request.region) or self._named(request) is not leaving:
            named = request.parameters["GlobalClusterIdentifier"]
            why = f"Cluster {leaving.arn(request.region)} is not found in global cluster {named}."
            raise AwsError("InvalidParameterValue", why)
        leaving.remove(request.region)
        return {"GlobalCluster": leaving.described()}

    def _snapshots(self, request: Request) -> dict[str, Any]:
        """In pages."""
        asked = request.parameters
        database = self._with_cluster(request, str(asked["DBClusterIdentifier"]))
        taken = database.snapshots
        found = taken.of(request.region, database.members[request.region]) if taken else []
        size, first = int(str(asked.get("MaxRecords", 100))), int(str(asked.get("Marker", "0")))
        if not 20 <= size <= 100:
            raise AwsError("InvalidParameterValue", "MaxRecords must be 20 to 100.")
        more = {"Marker": str(first + size)} if first + size < len(found) else {}
        return {"DBClusterSnapshots": [each.described() for each in found[first : first + size]], **more}

    def _copy(self, request: Request) -> dict[str, Any]:
        source = str(request.parameters["SourceDBClusterSnapshotIdentifier"])
        target = str(request.parameters["TargetDBClusterSnapshotIdentifier"])
        for database in self.databases.values():
            for each in database.snapshots.all if database.snapshots else ():
                if (each.region, each.name.lower()) == (request.region, source.lower()):
                    assert database.snapshots is not None
                    return {
                        "DBClusterSnapshot": database.snapshots.copy(
                            request.region, source, target
                        ).described()
                    }
        raise AwsError("DBClusterSnapshotNotFoundFault", f"{source} not found.", 404)

    def _named(self, request: Request) -> GlobalDatabase:
        """AWS does not say who else sees a global database: here, only the Regions that have a member do."""
        asked = str(request.parameters["GlobalClusterIdentifier"])
        database = self.databases.get(asked.lower())
        if database is None or not database.belongs(request.region):
            raise AwsError("GlobalClusterNotFoundFault", f"Global cluster {asked} not found.", 404)
        return database

    def _with_cluster(self, request: Request, asked: str) -> GlobalDatabase:
        """Whose cluster in the Region that is asked has this name or ARN."""
        for database in self.databases.values():
            if request.region in database.members:
                names = database.arn(request.region), database.members[request.region]
                if asked.lower() in (name.lower() for name in names):
                    return database
        raise AwsError("DBClusterNotFoundFault", f"DBCluster {asked} not found.", 404)


def _target(database: GlobalDatabase, request: Request) -> str:
    """The target's Region: an ARN is found anywhere, an identifier only in the Region that is asked."""
    asked = str(request.parameters["TargetDbClusterIdentifier"])
    for region, cluster in database.members.items():
        named = asked == database.arn(region) or (asked == cluster and region == request.region)
        if named and database.belongs(region):
            return region
    raise AwsError("DBClusterNotFoundFault", f"DB cluster {asked} not found.", 404)
