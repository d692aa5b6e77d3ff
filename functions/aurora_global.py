"""What the steps of an Aurora global database share: its ARNs, its clusters by Region, and the lag.

The lag bounds what a promotion loses when the writer cannot be asked. CloudWatch keeps the last sample from
before a Region went dark in the other Region, too. Source:
docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-global-database-disaster-recovery.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .calls import Api, Call, Silence
from .errors import Refused
from .inputs import Region
from .step import Wait
from .world import World

GLOBAL, CLUSTERS = "rds::{account}:global-cluster:{cluster}", "rds:{region}:{account}:cluster:{members}"
BUSY = frozenset({"InvalidGlobalClusterStateFault", "InvalidDBClusterStateFault"})
"""RDS's words for: something else is in process."""

AVAILABLE, BACKING_UP = "available", "backing-up"
"""Of a cluster, and of a global database: nothing is amiss. A backup is taken each day, beside all."""
CONNECTED, REBUILDING = "connected", "pending-resync"
"""A member's SynchronizationStatus. Source:
docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_GlobalClusterMember.html"""

CLUSTER = Api("rds:DescribeDBClusters", resource=CLUSTERS)

LAG = Api("cloudwatch:GetMetricData", plane="data", why="CloudWatch reads cannot be scoped to a metric")
METRIC = {"Namespace": "AWS/RDS", "MetricName": "AuroraGlobalDBRPOLag"}
MAXIMUM = {"Period": 60, "Stat": "Maximum"}
LOOK_BACK_SECONDS = 24 * 3600
"""The last sample before a Region went dark is still in the other Region's CloudWatch. People may take hours
to leave a Region; the sample stays true for as long as the Region serves nobody."""


NEXT_SAMPLE_SECONDS = 130
"""CloudWatch has a sample a minute, under the minute's beginning: of a Region that lives, one from after an
instant has come by then."""


SKEW_SECONDS = 60
"""By so much two clocks may differ."""


@dataclass(frozen=True)
class Lag:
    """CloudWatch's newest sample of a secondary's lag."""

    seconds: float
    taken: float
    """Seconds since 1970."""


def by_region(described: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The clusters of a global database as DescribeGlobalClusters gave it, by their Regions."""
    return {member["DBClusterArn"].split(":")[3]: member for member in described["GlobalClusterMembers"]}


def flaw_of(database: str, member: Mapping[str, Any], cluster: Mapping[str, Any]) -> str:
    """What no waiting mends in a cluster that shall write: as a member of its global database, and by itself.
    Empty where nothing is wrong."""
    name, arn = cluster["DBClusterIdentifier"], member["DBClusterArn"]
    if arn != cluster["DBClusterArn"]:
        return f"the cluster of {database} in {arn.split(':')[3]} is {arn}, not {name}: see `members`"
    if not cluster["DBClusterMembers"]:
        return f"{name} has no instance that could write: add one, start again"
    return ""


def doubts_of(database: Mapping[str, Any], cluster: Mapping[str, Any] | None, graceful: bool) -> list[str]:
    """What may keep AWS from moving the writer, as DescribeGlobalClusters and, of the Region that takes over,
    DescribeDBClusters gave it. A switchover needs every member in step with its writer. Sources:
    docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/accessing-monitoring.html (statuses),
    docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_GlobalClusterMember.html
    """
    named = [("global database", str(database.get("GlobalClusterIdentifier")), database)]
    named += [("cluster", str(cluster.get("DBClusterIdentifier")), cluster)] if cluster else []
    doubts = [
        f"{kind} {name} is {status}: bring it to {AVAILABLE}, its events in RDS say what keeps it"
        for kind, name, described in named
        if (status := described.get("Status", AVAILABLE)) not in (AVAILABLE, BACKING_UP)
    ]
    for region, member in by_region(database).items() if graceful else ():
        state, name = member.get("SynchronizationStatus", CONNECTED), member["DBClusterArn"].split(":")[-1]
        if state != CONNECTED:
            doubts.append(
                f"cluster {name} in {region} is {state}: a switchover needs it {CONNECTED}, "
                "its events in RDS say what keeps it"
            )
    return doubts


def lag_of(region: str, members: Mapping[Region, str], now: float) -> Call:
    """Asks a Region's CloudWatch for the lag of its cluster over the last day.

    AWS's pages show the metric now under the cluster alone, now under its source's Region, too. So both are
    asked for, in one call. Source: docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/dimensions.html
    """
    cluster = {"Name": "DBClusterIdentifier", "Value": members[Region(region)]}
    sources = [{"Name": "SourceRegion", "Value": other} for other in members if other != region]
    queries = [
        {"Id": f"lag{place}", "MetricStat": {"Metric": METRIC | {"Dimensions": each}} | MAXIMUM}
        for place, each in enumerate([[cluster], *([cluster, source] for source in sources)])
    ]
    return LAG(region, MetricDataQueries=queries, StartTime=now - LOOK_BACK_SECONDS, EndTime=now)


def newest(sight: Any, now: float) -> Lag | Silence | None:
    """The newest sample of any series; None where CloudWatch surely has none in each. It gives the metric in
    milliseconds.

    A part of the series, an internal error and what cannot be (a negative lag, none at all, one of tomorrow)
    say nothing. Source:
    docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataResult.html
    """
    if isinstance(sight, Silence):
        return sight
    results = sight.get("MetricDataResults") or [{}]
    samples = [
        (taken, value)
        for series in results
        for taken, value in zip(series.get("Timestamps", ()), series.get("Values", ()), strict=False)
        if value >= 0 and taken.timestamp() <= now + SKEW_SECONDS
    ]
    if samples:
        taken, value = max(samples)
        return Lag(value / 1000, taken.timestamp())
    said = ", ".join(dict.fromkeys(str(series.get("StatusCode")) for series in results))
    empty = not any(series.get("Values") for series in results)
    whole = said == "Complete" and empty and not sight.get("NextToken")
    return None if whole else Silence(f"CloudWatch gave no sample, and is not done: {said}")


def sampled_since(world: World, within: float) -> float:
    """The instant (seconds since 1970) before which a sample of the lag is too old.

    A sample is up to a minute old, and a lag that grows has grown by as much. Once the Region that is left
    is fenced that can be waited out, so a step waits for a sample from after its own beginning; not where a
    fence is owed, which says that nobody lives there to take one, nor in a plan, nor for ever.
    """
    run, hurried = world.run, world.waited > min(NEXT_SAMPLE_SECONDS, within / 2)
    return 0.0 if run.dry_run or world.records.debts or hurried else world.since


def unknown_loss(
    lag: Lag | Silence | None, cluster: str, lose_at_most: float, since: float, begun: bool
) -> Wait | None:
    """None where a promotion loses no more than that; Wait while nobody answers. Refused where it may.

    Once this run has begun to move anything it is waited for: while Aurora fails over the lag says nothing,
    and a stale answer may hide that it does, or has.
    """
    if isinstance(lag, Silence):
        return Wait(f"the lag of {cluster} is unknown: {lag.why}")
    if lag is None:
        raise Refused(f"no lag of {cluster} within the last day: the loss cannot be bounded")
    if lag.seconds > lose_at_most:
        why = f"{cluster} lagged {lag.seconds:.1f} s, above lose_at_most {lose_at_most:g} s"
        if begun:
            return Wait(f"{why}, and this run has asked for a promotion before")
        raise Refused(why)
    if lag.taken < since:
        return Wait(f"the lag of {cluster} was last sampled before this step began")
    return None


def lag_facts(lag: Lag | Silence | None, now: float) -> dict[str, Any]:
    """For the report: the sample and its age."""
    if lag is None or isinstance(lag, Silence):
        return {}
    return {"lag_seconds": round(lag.seconds, 3), "lag_age_seconds": round(now - lag.taken, 3)}
