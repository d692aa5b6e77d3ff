"""What an unplanned failover has left behind is kept: the snapshot of the old writer's volume has a copy.

When the Region that was failed over from is back, Aurora builds it a new volume. Before that it tries to take
a snapshot of the old one, called rds:unplanned-global-failover-NAME-TIME after the old writer's cluster. The
writes that nobody else has are in it. It stands in that Region, and goes when the retention period of that
cluster's backups is over; so it is copied, as a manual snapshot stays until somebody deletes it. Both Regions
are looked at; where there is no such snapshot, nothing is to be kept. While a Region is silent, or its
cluster is rebuilt, one may still come: after `patience` the step of an ungraceful run then ends as `unknown`,
and the next run finds it. Where snapshots are encrypted with a key of the customer's own, that key's policy
lets the function make grants.
Sources: docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-global-database-disaster-recovery.html,
docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CopyDBClusterSnapshot.html,
docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-copy-snapshot.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from ..aurora_global import CLUSTERS, GLOBAL, REBUILDING
from ..calls import Api, Call, Sight, Silence
from ..errors import Refused
from ..fence import ASKS, PATIENCE, UNKNOWN, patient
from ..handler import lambda_handler
from ..inputs import ClusterId, GlobalClusterId, Patience, Region
from ..run import Mode
from ..step import Change, Decision, Done, Step, Wait
from ..world import World

TAKEN, KEPT = "rds:unplanned-global-failover-", "kept-"
"""So begin the names of the snapshots, and of their copies."""
LONGEST_NAME = 63
GONE = frozenset({"GlobalClusterNotFoundFault"})
"""A Region whose cluster has left need not find the global database any more."""
DATABASE = Api("rds:DescribeGlobalClusters", resource=GLOBAL, absent=GONE)
SNAPSHOT = "rds:{region}:{account}:cluster-snapshot:"
SNAPSHOTS = Api("rds:DescribeDBClusterSnapshots", resource=(CLUSTERS, f"{SNAPSHOT}*"))
COPY = Api(
    "rds:CopyDBClusterSnapshot",
    # Nobody knows beforehand when a snapshot will have been taken.
    resource=(f"{SNAPSHOT}{TAKEN}{{members}}-*", f"{SNAPSHOT}{KEPT}*"),
    absent=frozenset({"DBClusterSnapshotAlreadyExistsFault", "DBClusterSnapshotNotFoundFault"}),
)


@dataclass(frozen=True)
class Snapshot:
    """As RDS describes one; "" for what it does not say."""

    region: Region
    name: str
    status: str
    arn: str
    source: str
    """The ARN of the one that it is a copy of."""

    @property
    def copy(self) -> str:
        """What its copy is called: the same at every tick."""
        return KEPT + self.name.removeprefix(TAKEN)[-(LONGEST_NAME - len(KEPT)) :].strip("-")

    def __str__(self) -> str:
        return f"{self.name} in {self.region} is {self.status or 'of no status'}"


@dataclass(frozen=True)
class Seen:
    snapshots: tuple[Snapshot, ...]
    silences: tuple[Silence, ...]
    rebuilt: tuple[str, ...]
    """Clusters that are rebuilt now, by their ARNs."""
    mode: Mode
    dry_run: bool
    waited: float


@dataclass(frozen=True, kw_only=True)
class AuroraSnapshotKept(Step[Seen]):
    """Each snapshot of a volume that an unplanned failover of this Aurora global database left has a copy."""

    cluster: Annotated[GlobalClusterId, "the global database's identifier"]
    members: Annotated[Mapping[Region, ClusterId], "each Region's cluster identifier"]
    patience: Annotated[Patience, "how long a silent Region is waited for"] = PATIENCE

    name: ClassVar = "aurora_snapshot_kept"
    reads: ClassVar = (SNAPSHOTS, DATABASE)
    writes: ClassVar = (COPY,)
    busy: ClassVar = frozenset({"InvalidDBClusterSnapshotStateFault", "InvalidDBClusterStateFault"})
    every: ClassVar = 15
    asks: ClassVar = ASKS
    phase: ClassVar = "verify"
    tolerates: ClassVar = dict.fromkeys(
        (SNAPSHOTS, DATABASE, COPY), "in the dark of the Region that is left it ends as unknown"
    )

    def __post_init__(self) -> None:
        patient(self.patience, self.within)

    def observe(self, world: World) -> Seen:
        due = [(region, "") for region in self.members]
        beside = [DATABASE(region, GlobalClusterIdentifier=self.cluster) for region in self.members]
        found: list[Snapshot] = []
        silences: list[Silence] = []
        rebuilt = set[str]()
        for _ in range(ASKS):
            if not due:
                break
            answers = world.ask(*(self._page(*each) for each in due), *beside)
            asked, due = due, []
            rebuilt.update(arn for answer in answers[len(asked) :] for arn in _rebuilt(answer))
            beside = []
            for (region, _), answer in zip(asked, answers, strict=False):
                page = answer.get("DBClusterSnapshots") if isinstance(answer, Mapping) else None
                if not isinstance(answer, Mapping) or not isinstance(page, list):
                    why = (
                        answer.why
                        if isinstance(answer, Silence)
                        else f"{region}: an answer without snapshots"
                    )
                    silences.append(Silence(why))
                    continue
                found += [_snapshot(region, each) for each in page]
                if marker := answer.get("Marker", ""):
                    due.append((region, str(marker)))
        silences += [Silence(f"{region} has more snapshots than can be read") for region, _ in due]
        run = world.run
        return Seen(
            tuple(found), tuple(silences), tuple(sorted(rebuilt)), run.mode, run.dry_run, world.waited
        )

    def decide(self, seen: Seen) -> Decision:
        pairs = [(taken, _copy_of(taken, seen.snapshots)) for taken in seen.snapshots if _is_taken(taken)]
        due = [taken for taken, copy in pairs if copy is None and taken.status == "available"]
        copies = [copy for _, copy in pairs if copy is not None]
        if failed := [str(copy) for copy in copies if copy.status == "failed"]:
            raise Refused(f"{'; '.join(failed)}: delete it, and redrive, before what it is a copy of expires")
        if due:
            return Change(f"copy {', '.join(each.name for each in due)}", tuple(map(_copied, due)))
        if seen.dry_run and seen.mode == "ungraceful" and not pairs:
            return Wait("a failover may leave a snapshot, which is then copied")
        waits = [
            *_unfinished(pairs),
            *(silence.why for silence in seen.silences),
            *(f"{arn} is rebuilt, and a snapshot may come" for arn in seen.rebuilt),
        ]
        facts = {"kept": ", ".join(sorted(copy.name for copy in copies))} if copies else {}
        if not waits:
            return Done(facts=facts)
        limit = self.within if any(_unfinished(pairs)) else self.patience
        if seen.mode == "ungraceful" and seen.waited > limit:
            return Done(UNKNOWN, {**facts, "why": "; ".join(waits)})
        return Wait("; ".join(waits))

    def _page(self, region: Region, marker: str) -> Call:
        after = {"Marker": marker} if marker else {}
        return SNAPSHOTS(region, DBClusterIdentifier=self.members[region], MaxRecords=100, **after)


def _snapshot(region: Region, described: Mapping[str, Any]) -> Snapshot:
    members = "DBClusterSnapshotIdentifier", "Status", "DBClusterSnapshotArn", "SourceDBClusterSnapshotArn"
    return Snapshot(region, *(str(described.get(member, "")) for member in members))


def _rebuilt(answer: Sight) -> list[str]:
    """Clusters that a failover has left behind, and that do not follow yet."""
    databases = answer.get("GlobalClusters", ()) if isinstance(answer, Mapping) else ()
    members = [member for each in databases for member in each.get("GlobalClusterMembers", ())]
    left = [each for each in members if each.get("SynchronizationStatus") == REBUILDING]
    return [str(each.get("DBClusterArn", "a cluster")) for each in left]


def _is_taken(snapshot: Snapshot) -> bool:
    return snapshot.name.startswith(TAKEN)


def _copy_of(taken: Snapshot, snapshots: tuple[Snapshot, ...]) -> Snapshot | None:
    """Anybody's: a person may have made one."""
    copies = [each for each in snapshots if each.region == taken.region and not _is_taken(each)]
    mine = [each for each in copies if each.name == taken.copy or (taken.arn and each.source == taken.arn)]
    return next((each for each in mine if each.status == "available"), next(iter(mine), None))


def _copied(taken: Snapshot) -> Call:
    return COPY(
        taken.region,
        SourceDBClusterSnapshotIdentifier=taken.name,
        TargetDBClusterSnapshotIdentifier=taken.copy,
        CopyTags=True,
    )


def _unfinished(pairs: list[tuple[Snapshot, Snapshot | None]]) -> Iterator[str]:
    yield from (str(copy or taken) for taken, copy in pairs if (copy or taken).status != "available")


handler = lambda_handler(AuroraSnapshotKept)
