"""Detach and promote: the cluster in `region` stands alone, having left its Aurora global database.

The way out where a managed failover cannot work: other minor versions, a global database stuck in a state.
So a FailoverState that shows does not hold it up: whether the cluster may leave is AWS's to say. What was not
shipped is lost, so graceful runs are refused. Nothing fences the old writer and nothing is rebuilt: people do
both. Straight after the call nothing has changed yet, and a cluster that is off the list may still be
promoting: done is off the list, available, no replica, and with a writer. Sources:
docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-global-database-detaching.html,
docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RemoveFromGlobalCluster.html,
github.com/hashicorp/terraform-provider-aws (pull request 40333: "promoting"; and the code for having left)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from ..aurora_global import (
    BUSY,
    CLUSTER,
    CLUSTERS,
    GLOBAL,
    LAG,
    Lag,
    by_region,
    flaw_of,
    lag_facts,
    lag_of,
    newest,
    sampled_since,
    unknown_loss,
)
from ..calls import Api, Silence
from ..errors import Refused
from ..handler import lambda_handler
from ..inputs import ClusterId, GlobalClusterId, Loss, Region
from ..step import Change, Decision, Done, Step, Wait
from ..world import World

LOSES = "detaching may lose writes"
GONE = "GlobalClusterNotFoundFault"
"""A Region whose cluster has left need not find the global database any more."""

DATABASE = Api("rds:DescribeGlobalClusters", resource=GLOBAL, absent=frozenset({GONE}))
REMOVE = Api(
    "rds:RemoveFromGlobalCluster",
    resource=(GLOBAL, CLUSTERS),
    # Both parameters were just read back from AWS: this says that it has left since.
    absent=frozenset({GONE, "InvalidParameterValue"}),
    accepts_loss=True,
)


@dataclass(frozen=True)
class Seen:
    members: Mapping[str, Mapping[str, Any]] | None
    """The global database's clusters by Region, none where AWS finds no such database; None: no answer."""
    cluster: Mapping[str, Any] | None
    """The cluster in `region` as it is by itself; None: no answer."""
    lag: Lag | Silence | None
    """None where CloudWatch has none."""
    mode: str
    now: float
    sampled_since: float
    begun: bool
    """This run may have asked before."""


@dataclass(frozen=True, kw_only=True)
class AuroraDetached(Step[Seen]):
    """The cluster in `region` stands alone and accepts writes: it has left the Aurora global database."""

    cluster: Annotated[GlobalClusterId, "the global database's identifier"]
    members: Annotated[Mapping[Region, ClusterId], "each Region's cluster identifier"]
    region: Annotated[Region, "whose cluster shall leave and accept writes"] = Region("$to")
    lose_at_most: Annotated[Loss, "the replication lag above which it refuses to promote"]

    name: ClassVar = "aurora_detached"
    reads: ClassVar = (DATABASE, CLUSTER, LAG)
    writes: ClassVar = (REMOVE,)
    busy: ClassVar = BUSY
    one_way: ClassVar = (
        "the detached cluster never rejoins: a new secondary has to be built from it, and the old writer, "
        "stale and still writable, has to be kept from customers, or both Regions write"
    )
    unplanned_only: ClassVar = LOSES
    point_of_no_return: ClassVar = True
    leads_to: ClassVar = "region"
    phase: ClassVar = "data"

    def observe(self, world: World) -> Seen:
        member = self.members[self.region]
        database, cluster, lag = world.ask(
            DATABASE(self.region, GlobalClusterIdentifier=self.cluster),
            CLUSTER(self.region, DBClusterIdentifier=member),
            lag_of(self.region, self.members, world.now),
        )
        return Seen(
            None if isinstance(database, Silence) else _members(database),
            cluster["DBClusters"][0] if isinstance(cluster, Mapping) else None,
            newest(lag, world.now),
            world.run.mode,
            world.now,
            sampled_since(world, self.within),
            world.begun,
        )

    def decide(self, seen: Seen) -> Decision:
        if seen.mode == "graceful":
            raise Refused(f"{LOSES}, of {self.cluster}: in graceful mode, use aurora_writer")
        if seen.members is None or seen.cluster is None:
            return Wait(f"RDS in {self.region} does not answer about {self.cluster}")
        member, facts = seen.members.get(self.region), lag_facts(seen.lag, seen.now)
        if member is None:
            return self._outside(seen.cluster, facts)
        if flaw := flaw_of(self.cluster, member, seen.cluster):
            raise Refused(flaw)
        name = seen.cluster["DBClusterIdentifier"]
        if member["IsWriter"]:
            raise Refused(
                f"{name} is the writer of {self.cluster}, and only a secondary can leave: skip this step"
            )
        if seen.cluster["Status"] == "promoting":
            return Wait(f"{name} is promoting", facts)
        if member.get("SynchronizationStatus", "connected") != "connected":
            return Wait(f"{name} is {member['SynchronizationStatus']}", facts)
        if wait := unknown_loss(seen.lag, self.cluster, self.lose_at_most, seen.sampled_since, seen.begun):
            return wait
        call = REMOVE(
            self.region, GlobalClusterIdentifier=self.cluster, DbClusterIdentifier=member["DBClusterArn"]
        )
        return Change(f"detach {name} from {self.cluster} and promote it", (call,), facts=facts)

    def _outside(self, cluster: Mapping[str, Any], facts: Mapping[str, Any]) -> Decision:
        """It is on no list of this global database: left, or never a part of it."""
        name, owner = cluster["DBClusterIdentifier"], cluster.get("GlobalClusterIdentifier", "")
        if owner and owner.lower() != self.cluster.lower():
            raise Refused(
                f"{name} belongs to {owner} and not to {self.cluster}: correct `cluster` or `members`"
            )
        if owner or cluster.get("ReplicationSourceIdentifier"):
            return Wait(f"{name} has not left {self.cluster} yet", facts)
        if cluster["Status"] != "available":
            return Wait(f"{name} is {cluster['Status']}", facts)
        if not any(instance["IsClusterWriter"] for instance in cluster["DBClusterMembers"]):
            return Wait(f"{name} has no writer", facts)
        return Done(facts=facts)


def _members(database: Any) -> Mapping[str, Mapping[str, Any]]:
    clusters = database["GlobalClusters"] if isinstance(database, Mapping) else []
    return by_region(clusters[0]) if clusters else {}


handler = lambda_handler(AuroraDetached)
