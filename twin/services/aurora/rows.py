"""RDS, as far as Aurora global databases go."""

from ...rows import READ, WRITE, Rows

CLUSTER = "rds:{region}:{account}:cluster:{given}"
SNAPSHOT = "rds:{region}:{account}:cluster-snapshot:{given}"

ROWS = (
    Rows(
        "rds",
        operations={
            "DescribeGlobalClusters": READ,
            "DescribeDBClusters": READ,
            "SwitchoverGlobalCluster": WRITE,
            "FailoverGlobalCluster": WRITE,
            "RemoveFromGlobalCluster": WRITE,
            "DescribeDBClusterSnapshots": READ,
            "CopyDBClusterSnapshot": WRITE,
        },
        resources={
            "GlobalClusterIdentifier": "rds::{account}:global-cluster:{given}",
            "TargetDbClusterIdentifier": CLUSTER,
            "DBClusterIdentifier": CLUSTER,
            "DbClusterIdentifier": CLUSTER,
            "SourceDBClusterSnapshotIdentifier": SNAPSHOT,
            "TargetDBClusterSnapshotIdentifier": SNAPSHOT,
        },
        denial="AccessDenied",
    ),
)
