"""Who writes: the cluster in `region` is the writer of this Aurora global database.

Graceful runs switch over (nothing is lost, both Regions must live); ungraceful ones fail over with
AllowDataLoss, without which AWS would start a switchover that needs the dead primary. "available" is true
straight after the call and again when nothing happened, so only IsWriter on the target counts. Sources:
docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-global-database-disaster-recovery.html,
docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_FailoverGlobalCluster.html
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
    REBUILDING,
    Lag,
    by_region,
    doubts_of,
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
from ..planned import DOUBTS
from ..step import Change, Decision, Done, Step, Wait
from ..world import World

DESCRIBE = Api("rds:DescribeGlobalClusters", resource=GLOBAL)
SWITCHOVER = Api("rds:SwitchoverGlobalCluster", resource=(GLOBAL, CLUSTERS))
FAILOVER = Api("rds:FailoverGlobalCluster", resource=(GLOBAL, CLUSTERS), accepts_loss=True)
"""Always with AllowDataLoss."""


@dataclass(frozen=True)
class Seen:
    database: Mapping[str, Any] | None
    """As a GlobalCluster; None: no answer."""
    cluster: Mapping[str, Any] | None
    """The one in `region` as it is by itself; None: no answer, or it was asked to move already."""
    mode: str
    now: float
    lag: Lag | Silence | None
    """None where CloudWatch has none."""
    sampled_since: float
    begun: bool
    """This run may have asked before."""
    planned: bool


@dataclass(frozen=True, kw_only=True)
class AuroraWriter(Step[Seen]):
    """The cluster in `region` is the writer of this Aurora global database."""

    cluster: Annotated[GlobalClusterId, "the global database's identifier"]
    members: Annotated[Mapping[Region, ClusterId], "each Region's cluster identifier"]
    region: Annotated[Region, "where the writer shall be"] = Region("$to")
    lose_at_most: Annotated[Loss, "the replication lag above which an ungraceful run refuses to promote"]

    name: ClassVar = "aurora_writer"
    reads: ClassVar = (DESCRIBE, CLUSTER, LAG)
    writes: ClassVar = (SWITCHOVER, FAILOVER)
    busy: ClassVar = BUSY
    point_of_no_return: ClassVar = True
    leads_to: ClassVar = "region"
    tolerates: ClassVar = {CLUSTER: "what AWS would never move it refuses itself"}
    phase: ClassVar = "data"
    block: ClassVar = "AuroraGlobalDatabase"

    def observe(self, world: World) -> Seen:
        member = () if world.begun else (CLUSTER(self.region, DBClusterIdentifier=self.members[self.region]),)
        found, lag, *alone = world.ask(
            DESCRIBE(self.region, GlobalClusterIdentifier=self.cluster),
            lag_of(self.region, self.members, world.now),
            *member,
        )
        databases = found["GlobalClusters"] if isinstance(found, Mapping) else []
        clusters = [each for sight in alone if isinstance(sight, Mapping) for each in sight["DBClusters"]]
        return Seen(
            next(iter(databases), None),
            next(iter(clusters), None),
            world.run.mode,
            world.now,
            newest(lag, world.now),
            sampled_since(world, self.within),
            world.begun,
            world.run.dry_run,
        )

    def decide(self, seen: Seen) -> Decision:
        if seen.database is None:
            return Wait(f"RDS in {self.region} does not answer about {self.cluster}")
        members = by_region(seen.database)
        target = members.get(self.region)
        if target is None:
            raise Refused(
                f"{self.cluster} has no cluster in {self.region}: add one, let it catch up, start again"
            )
        facts = lag_facts(seen.lag, seen.now)
        if seen.database.get("FailoverState", {}).get("Status"):
            return Wait(f"{self.cluster}: {seen.database['FailoverState']['Status']}", facts)
        if target["IsWriter"]:
            return Done(facts=facts)
        if seen.cluster and (flaw := flaw_of(self.cluster, target, seen.cluster)):
            raise Refused(flaw)
        arn = target["DBClusterArn"]
        if target.get("SynchronizationStatus") == REBUILDING:
            # For a long time, and the fence before this step would stand for all of it.
            raise Refused(
                f"the cluster in {self.region} is {REBUILDING}: left behind by a failover, without all data; "
                "start again when it is connected"
            )
        if seen.planned and (doubts := doubts_of(seen.database, seen.cluster, seen.mode == "graceful")):
            facts[DOUBTS] = doubts
        if seen.mode == "ungraceful":
            if wait := unknown_loss(
                seen.lag, self.cluster, self.lose_at_most, seen.sampled_since, seen.begun
            ):
                return wait
            call = FAILOVER(
                self.region,
                GlobalClusterIdentifier=self.cluster,
                TargetDbClusterIdentifier=arn,
                AllowDataLoss=True,
            )
            return Change(f"fail over to {self.region}", (call,), facts=facts)
        writer = next((region for region, member in members.items() if member["IsWriter"]), self.region)
        call = SWITCHOVER(Region(writer), GlobalClusterIdentifier=self.cluster, TargetDbClusterIdentifier=arn)
        return Change(f"switch over from {writer} to {self.region}", (call,), facts=facts)


handler = lambda_handler(AuroraWriter)
