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

from ..world import Api, Silence
from .step import Change, Decision, Done, Refused, Region, Seconds, Step, Wait, World, lambda_handler

GLOBAL, CLUSTERS = "rds::{account}:global-cluster:{cluster}", "rds:{region}:{account}:cluster:{members}"
DESCRIBE = Api("rds:DescribeGlobalClusters", resource=GLOBAL)
LAG = Api("cloudwatch:GetMetricData", plane="data", why="CloudWatch reads cannot be scoped to a metric")
SWITCHOVER = Api("rds:SwitchoverGlobalCluster", resource=(GLOBAL, CLUSTERS))
FAILOVER = Api("rds:FailoverGlobalCluster", resource=(GLOBAL, CLUSTERS))
LOOK_BACK_SECONDS = 24 * 3600
"""The last sample before a Region went dark is still in the other Region's CloudWatch. People may take hours
to leave a Region; the sample stays true for as long as the Region serves nobody."""


@dataclass(frozen=True)
class Seen:
    cluster: Mapping[str, Any] | None
    mode: str
    now: float
    lag: tuple[float, float] | Silence | None
    """The newest lag sample, and when it was taken, in seconds; None where CloudWatch has none."""


@dataclass(frozen=True, kw_only=True)
class AuroraWriter(Step[Seen]):
    """The cluster in `region` is the writer of this Aurora global database."""

    cluster: Annotated[str, "the global database's identifier"]
    members: Annotated[Mapping[Region, str], "each Region's cluster identifier"]
    region: Annotated[Region, "where the writer shall be"] = Region("$to")
    lose_at_most: Annotated[Seconds, "the replication lag above which an ungraceful run refuses to promote"]

    name: ClassVar = "aurora_writer"
    reads: ClassVar = (DESCRIBE, LAG)
    writes: ClassVar = (SWITCHOVER, FAILOVER)
    busy: ClassVar = frozenset({"InvalidGlobalClusterStateFault", "InvalidDBClusterStateFault"})
    point_of_no_return: ClassVar = True
    block: ClassVar = "AuroraGlobalDatabase"

    def observe(self, world: World) -> Seen:
        found, lag = world.ask(
            DESCRIBE(self.region, GlobalClusterIdentifier=self.cluster),
            LAG(self.region, **self._lag_query(world.now)),
        )
        clusters = found["GlobalClusters"] if isinstance(found, Mapping) else []
        return Seen(next(iter(clusters), None), world.run.mode, world.now, _newest(lag))

    def decide(self, seen: Seen) -> Decision:
        if seen.cluster is None:
            return Wait(f"RDS in {self.region} does not tell about {self.cluster}")
        members = {
            member["DBClusterArn"].split(":")[3]: member for member in seen.cluster["GlobalClusterMembers"]
        }
        target = members.get(self.region)
        if target is None:
            raise Refused(
                f"{self.cluster} has no cluster in {self.region}: add one, let it catch up, start again"
            )
        facts = self._facts(seen)
        if seen.cluster.get("FailoverState", {}).get("Status"):
            return Wait(f"{self.cluster}: {seen.cluster['FailoverState']['Status']}", facts)
        if target["IsWriter"]:
            return Done(facts=facts)
        arn = target["DBClusterArn"]
        if seen.mode == "ungraceful":
            if isinstance(seen.lag, Silence):
                return Wait(f"the lag of {self.cluster} is unknown: {seen.lag.why}")
            self._bound(seen.lag)
            call = FAILOVER(
                self.region,
                GlobalClusterIdentifier=self.cluster,
                TargetDbClusterIdentifier=arn,
                AllowDataLoss=True,
            )
            return Change(f"fail over to {self.region}", (call,), facts=facts)
        if target.get("SynchronizationStatus", "connected") != "connected":
            return Wait(f"the cluster in {self.region} is {target['SynchronizationStatus']}", facts)
        writer = next((region for region, member in members.items() if member["IsWriter"]), self.region)
        call = SWITCHOVER(Region(writer), GlobalClusterIdentifier=self.cluster, TargetDbClusterIdentifier=arn)
        return Change(f"switch over from {writer} to {self.region}", (call,), facts=facts)

    def _bound(self, lag: tuple[float, float] | None) -> None:
        if lag is None:
            raise Refused(f"no lag of {self.cluster} within the last day: the loss cannot be bounded")
        if lag[0] > self.lose_at_most:
            raise Refused(f"{self.cluster} lagged {lag[0]:.1f} s, above lose_at_most {self.lose_at_most:g} s")

    def _facts(self, seen: Seen) -> dict[str, Any]:
        if seen.lag is None or isinstance(seen.lag, Silence):
            return {}
        return {"lag_seconds": round(seen.lag[0], 3), "lag_age_seconds": round(seen.now - seen.lag[1], 3)}

    def _lag_query(self, now: float) -> dict[str, Any]:
        metric = {
            "Namespace": "AWS/RDS",
            "MetricName": "AuroraGlobalDBRPOLag",
            "Dimensions": [{"Name": "DBClusterIdentifier", "Value": self.members[self.region]}],
        }
        return {
            "MetricDataQueries": [
                {"Id": "lag", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Maximum"}}
            ],
            "StartTime": now - LOOK_BACK_SECONDS,
            "EndTime": now,
        }


def _newest(lag: Any) -> tuple[float, float] | Silence | None:
    """CloudWatch gives the metric in milliseconds."""
    if isinstance(lag, Silence):
        return lag
    series = lag["MetricDataResults"][0]
    samples = list(zip(series["Timestamps"], series["Values"], strict=True))
    if not samples:
        return None
    taken, value = max(samples)
    return value / 1000, taken.timestamp()


handler = lambda_handler(AuroraWriter)
