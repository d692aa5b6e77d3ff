"""What a failover left behind is kept: the real handler, in the twin."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from farshore.testing.ticker import EAST, WEST, Ticker, declared, ticking
from functions.steps.aurora_snapshot_kept import AuroraSnapshotKept
from twin.faults import Kind
from twin.services.aurora.journal import Journal
from twin.services.aurora.model import Aurora
from twin.services.aurora.snapshots import RETENTION_SECONDS, Snapshots

STEP, DESCRIBE, COPY = "aurora_snapshot_kept", "DescribeDBClusterSnapshots", "CopyDBClusterSnapshot"
MEMBERS = {EAST: "shop-east", WEST: "shop-west"}
INPUTS: dict[str, Any] = {"cluster": "shop", "members": MEMBERS, "patience": 20, "within": 900}


class Night(Ticker):
    """A global database of which RDS takes snapshots, and a run that holds the lease."""

    def __init__(self, cloud: Any) -> None:
        super().__init__(cloud)
        self.database = Aurora(cloud).global_database("shop", MEMBERS, Journal((EAST, WEST)))
        self.snapshots = self.database.snapshots = Snapshots(cloud)
        self.deploy(AuroraSnapshotKept, policy=declared(AuroraSnapshotKept, INPUTS))
        self.hold()

    def fails_over_and_rebuilds(self) -> None:
        self.database.move(WEST, True, WEST, "FailoverGlobalCluster")
        while self.database.writer != WEST or self.database.left_behind:
            self.clock.sleep(5)

    def keeps(self, mode: str = "graceful") -> dict[str, Any]:
        return self.converge(STEP, INPUTS, mode=mode)

    def says(self, mode: str = "graceful", **given: Any) -> str:
        return self.fails(STEP, INPUTS, mode=mode, **given)

    def statuses(self) -> list[str]:
        """Of what is no longer than a day there."""
        return [each.status for each in self.snapshots.of(EAST, MEMBERS[EAST])]


@pytest.fixture
def night() -> Iterator[Night]:
    with ticking(5, Night) as night:
        assert isinstance(night, Night)
        yield night


def test_where_nobody_failed_over_there_is_nothing_to_keep(night: Night) -> None:
    assert night.keeps() == {"outcome": "done", "facts": {}}
    assert night.calls(COPY) == []


def test_the_snapshot_of_the_old_volume_is_copied_and_outlives_it(night: Night) -> None:
    night.fails_over_and_rebuilds()
    done = night.keeps()
    assert done["outcome"] == "done"
    assert done["facts"]["kept"].startswith("kept-shop-east-")
    assert night.statuses() == ["available", "available"]
    night.clock.sleep(RETENTION_SECONDS)
    assert night.statuses() == ["available"]


def test_it_is_not_done_before_the_copy_is_available(night: Night) -> None:
    night.fails_over_and_rebuilds()
    assert "rds:unplanned-global-failover-shop-east-" in night.says()
    night.clock.sleep(200)
    assert "kept-shop-east-" in night.says()
    assert night.says().endswith("in us-east-1 is copying")


def test_again_copies_nothing(night: Night) -> None:
    night.fails_over_and_rebuilds()
    night.keeps()
    night.calls()
    night.keeps()
    assert night.calls(COPY) == []


def test_a_copy_that_a_person_has_made_is_one(night: Night) -> None:
    night.fails_over_and_rebuilds()
    night.clock.sleep(200)
    (taken,) = night.snapshots.all
    boto3.client("rds", region_name=EAST).copy_db_cluster_snapshot(
        SourceDBClusterSnapshotIdentifier=taken.name, TargetDBClusterSnapshotIdentifier="by-hand"
    )
    assert night.keeps()["facts"] == {"kept": "by-hand"}
    assert night.calls(COPY) == []


def test_a_copy_that_failed_is_told(night: Night) -> None:
    night.fails_over_and_rebuilds()
    night.keeps()
    night.snapshots.all[-1].status = "failed"
    assert "Refused: the state: kept-shop-east-" in night.says()


def test_more_snapshots_than_a_page_holds_are_all_read(night: Night) -> None:
    for _ in range(105):
        night.snapshots.take(EAST, "shop-east")
        night.clock.sleep(1)
    night.clock.sleep(300)
    assert len(night.keeps()["facts"]["kept"].split(", ")) == 105


@pytest.mark.parametrize("kind", ["lost_before", "lost_after", "throttled", "500", "slow"])
@pytest.mark.parametrize("operation", [DESCRIBE, COPY])
def test_a_passing_fault_delays_and_does_not_copy_twice(night: Night, operation: str, kind: Kind) -> None:
    night.fails_over_and_rebuilds()
    night.inject(kind, operation)
    assert night.keeps()["outcome"] == "done"
    assert night.statuses() == ["available", "available"]


def test_a_dark_region_is_unknown_in_an_ungraceful_run_and_waited_for_in_a_graceful_one(night: Night) -> None:
    night.cloud.faults.dark.add(EAST)
    assert night.keeps("ungraceful")["outcome"] == "unknown"
    assert "ConnectTimeoutError" in night.says()


def test_while_the_old_writer_is_rebuilt_a_snapshot_may_still_come(night: Night) -> None:
    night.database.move(WEST, True, WEST, "FailoverGlobalCluster")
    while night.database.writer != WEST:
        night.clock.sleep(5)
    ended = night.keeps("ungraceful")
    assert ended["outcome"] == "unknown"
    assert ended["facts"]["why"].endswith("cluster:shop-east is rebuilt, and a snapshot may come")


def test_the_plan_of_a_failover_says_that_it_may_leave_one(night: Night) -> None:
    planned = night.tick(STEP, INPUTS, mode="ungraceful", dry_run=True)
    assert (planned["outcome"], planned["why"]) == (
        "would wait",
        "a failover may leave a snapshot, which is then copied",
    )


def test_a_plan_says_what_would_be_copied(night: Night) -> None:
    night.fails_over_and_rebuilds()
    night.clock.sleep(200)
    planned = night.tick(STEP, INPUTS, dry_run=True)
    assert [call["operation"] for call in planned["calls"]] == [COPY]
    assert night.calls(COPY) == []
