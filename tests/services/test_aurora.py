"""Aurora's global databases, in the Cloud that has everything."""

from __future__ import annotations

from every_service import EAST, WEST

from twin.cloud import Cloud
from twin.services.aurora.journal import Journal
from twin.services.aurora.model import Aurora
from twin.services.aurora.snapshots import Snapshots
from twin.services.cloudwatch.model import Metrics
from twin.services.events.model import Bus


def furnish(cloud: Cloud, name: str) -> None:
    members = {EAST: f"{name}-east", WEST: f"{name}-west"}
    metrics = Metrics.of(cloud, Bus.of(cloud))
    database = Aurora.of(cloud, metrics.put).global_database(name, members, Journal((EAST, WEST)))
    database.snapshots = Snapshots(cloud)


def unshipped(cloud: Cloud) -> None:
    """Not in the database that is moved."""
    database = Aurora.of(cloud).databases["two"]
    database.hold()
    database.connect(EAST).write("users", "ann", {})


def take(cloud: Cloud) -> None:
    snapshots = Aurora.of(cloud).databases["one"].snapshots
    assert snapshots is not None
    snapshots.take(WEST, "one-west")


UNDER_WAY = {
    "a write that is not shipped": unshipped,
    "a failover": lambda cloud: (
        Aurora.of(cloud).databases["one"].move(WEST, True, WEST, "FailoverGlobalCluster")
    ),
    "a snapshot of an old volume": take,
    "a cluster that leaves": lambda cloud: Aurora.of(cloud).databases["two"].remove(WEST),
}


def test_a_write_that_is_not_shipped_as_usual_is_in_the_state_until_it_is(cloud: Cloud) -> None:
    database = Aurora.of(cloud).databases["one"]
    before = database.state()
    database.connect(EAST).write("users", "ann", {})
    assert database.state() == before
    cloud.clock.sleep(5)
    database.hold()
    held = database.state()
    database.connect(EAST).write("users", "bob", {})
    assert database.state() != held
    database.release()
    cloud.clock.sleep(5)
    assert database.state() == before


def test_what_a_promotion_left_behind_is_in_the_state_and_what_comes_after_it_is_not(cloud: Cloud) -> None:
    database = Aurora.of(cloud).databases["one"]
    cloud.faults.dark.add(EAST)
    database.move(WEST, True, WEST, "FailoverGlobalCluster")
    cloud.clock.sleep(400)
    cloud.faults.dark.clear()
    cloud.clock.sleep(0.5)
    assert database.left_behind
    promoted = database.state()
    database.connect(WEST).write("users", "bob", {})
    assert database.state() == promoted
    database.connect(EAST).write("users", "cid", {})
    assert database.state() != promoted
