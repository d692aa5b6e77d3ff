"""What RDS answers about an Aurora global database: as a whole, and about each cluster by itself.

Sources: the RDS API reference (GlobalCluster, FailoverState, DBCluster); a secondary has only readers, and
names what it replicates from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from ...cloud import ACCOUNT

STATUS = {True: "failing-over", False: "switching-over"}
Phase = Literal["asked", "left", "promoting", "alone"]


@dataclass
class Move:
    """A switchover or a failover that has been accepted and has not ended."""

    source: str
    target: str
    loses: bool
    status: Literal["", "pending", "switching-over", "failing-over", "cancelling"] = ""
    """As FailoverState shows it; "" before it shows anything."""


@dataclass
class Departure:
    """A secondary that was asked to leave the global database."""

    region: str
    phase: Phase = "asked"
    """Nothing shows yet; it is off the list; it says that it is promoting; it takes writes."""


def global_cluster(
    identifier: str,
    writer: str,
    secondary: str | None,
    synchronization: str,
    move: Move | None,
    arn: Callable[[str], str],
) -> dict[str, Any]:
    """RDS's GlobalCluster. `writer` and `secondary` are ARNs; `arn` gives a Region's."""
    primary = {
        "DBClusterArn": writer,
        "Readers": [secondary] if secondary else [],
        "IsWriter": True,
        "SynchronizationStatus": "connected",
    }
    reader: dict[str, Any] = {
        "DBClusterArn": secondary,
        "Readers": [],
        "IsWriter": False,
        "GlobalWriteForwardingStatus": "disabled",
        "SynchronizationStatus": synchronization,
    }
    described: dict[str, Any] = {
        "GlobalClusterIdentifier": identifier,
        "GlobalClusterArn": f"arn:aws:rds::{ACCOUNT}:global-cluster:{identifier}",
        "Status": "available",
        "Engine": "aurora-postgresql",
        "GlobalClusterMembers": [primary, reader] if secondary else [primary],
    }
    if move and move.status:
        described["Status"] = STATUS[move.loses]
        described["FailoverState"] = {
            "Status": move.status,
            "FromDbClusterArn": arn(move.source),
            "ToDbClusterArn": arn(move.target),
            "IsDataLossAllowed": move.loses,
        }
    return described


def db_cluster(
    arn: str, database: str | None, source: str | None, phase: Phase | None, lives: bool = True
) -> dict[str, Any]:
    """RDS's DBCluster: of the global `database`, if any, and a replica of `source`, or else a writer. It has
    an instance where it `lives`."""
    name = arn.rpartition(":")[2]
    described: dict[str, Any] = {
        "DBClusterIdentifier": name,
        "DBClusterArn": arn,
        "Engine": "aurora-postgresql",
        "Status": "promoting" if phase == "promoting" else "available",
        "DBClusterMembers": [{"DBInstanceIdentifier": f"{name}-1", "IsClusterWriter": source is None}]
        if lives
        else [],
    }
    if database:
        described["GlobalClusterIdentifier"] = database
    if source:
        described["ReplicationSourceIdentifier"] = source
    return described
