"""What can have been lost has a bound: the real handler against two replicated tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from farshore.testing.ticker import EAST, WEST, Ticker, declared, ticking
from functions.global_tables import HEARTBEATS
from functions.planned import DOUBTS
from functions.steps.loss_bounded import LossBounded
from twin.services.dynamodb.global_table import GlobalTable
from twin.services.dynamodb.model import DynamoDB

STEP, READ, WRITE = "loss_bounded", "BatchGetItem", "BatchWriteItem"
INPUTS: dict[str, Any] = {
    "tables": {"orders": {"PK": "farshore", "SK": "heartbeat"}, "likes": {"id": "farshore"}},
    "source": EAST,
    "region": WEST,
}
BACK = INPUTS | {"source": WEST, "region": EAST}


class Store(Ticker):
    """Two tables, and no lease: none is needed."""

    def __init__(self, cloud: Any) -> None:
        super().__init__(cloud)
        self.orders = DynamoDB.of(cloud).global_table("orders", (EAST, WEST), keys=("PK", "SK"))
        self.likes = DynamoDB.of(cloud).global_table("likes", (EAST, WEST))
        self.deploy(LossBounded, policy=declared(LossBounded, {"tables": [*INPUTS["tables"]]}))

    def beats(self, times: int = 1, **given: Any) -> dict[str, Any]:
        """As the schedule ticks it, each minute."""
        for _ in range(times):
            self.clock.sleep(60)
            said = self.converge(STEP, INPUTS, purpose="beat", mode="ungraceful", **given)
        return said

    def bounds(self, **given: Any) -> dict[str, Any]:
        return self.converge(STEP, INPUTS, **{"mode": "ungraceful", **given})

    def goes_dark(self) -> None:
        self.cloud.faults.dark.add(EAST)

    def heartbeats(self, table: GlobalTable, region: str) -> dict[Any, Any]:
        return {key: item for key, item in table.items(region).items() if "farshore" in str(key)}


@pytest.fixture
def store() -> Iterator[Store]:
    with ticking(1, Store) as store:
        assert isinstance(store, Store)
        yield store


def test_each_minute_every_table_has_the_next_heartbeat_and_the_ledger_knows_of_it(store: Store) -> None:
    assert store.beats(3)["facts"]["heartbeats"] == {"orders": 3, "likes": 3}
    rows = store.heartbeats(store.orders, EAST).values()
    assert {int(row["farshore_sequence"]) for row in rows} == {3}
    assert store.records().kept[f"heartbeat#{EAST}#orders"]["sequence"] == 3


def test_they_never_become_more(store: Store) -> None:
    store.beats(1)
    kept = set(store.records().kept)
    store.beats(9)
    store.clock.sleep(10)
    for table in (store.orders, store.likes):
        for region in (EAST, WEST):
            assert len(store.heartbeats(table, region)) == HEARTBEATS == len(table.items(region))
    assert set(store.records().kept) == kept


def test_they_are_in_partitions_of_their_own(store: Store) -> None:
    store.beats()
    assert len({key[0] for key in store.heartbeats(store.orders, EAST)}) == HEARTBEATS


def test_a_schedule_that_is_delivered_twice_writes_once(store: Store) -> None:
    store.beats()
    store.calls()
    store.converge(STEP, INPUTS, purpose="beat", mode="ungraceful")
    assert store.calls(WRITE) == []


def test_while_the_region_that_is_left_still_takes_heartbeats_nothing_written_before_is_lost(
    store: Store,
) -> None:
    store.beats(3)
    store.likes.put(EAST, "ann", {"n": 1}, "ann's")
    said = store.bounds(mode="graceful")
    assert said["outcome"] == "done"
    assert (said["facts"]["loss_at_most_seconds"], said["facts"]["loss_at_least_seconds"]) == (0.0, 0.0)
    assert store.likes.get(WEST, "ann") == {"n": 1}


def test_what_is_lost_was_written_within_the_bound(store: Store) -> None:
    store.beats(3)
    store.clock.sleep(20)
    store.likes.put(EAST, "safe", {"n": 1}, "safe")
    store.clock.sleep(30)
    store.likes.hold()
    store.likes.put(EAST, "gone", {"n": 1}, "gone")
    store.clock.sleep(5)
    store.goes_dark()
    store.clock.sleep(40)
    began = store.clock.now
    facts = store.bounds()["facts"]
    lost = [write for write in store.likes.missing(WEST) if write.name]
    assert [write.name for write in lost] == ["gone"]
    assert all(began - facts["loss_at_most_seconds"] <= write.at <= began for write in lost)
    assert 95 <= facts["loss_at_most_seconds"] <= 100, "the schedule's last heartbeat"
    assert facts["stores"]["likes"]["lost_heartbeats"] == 0, "nothing was acknowledged after it"
    assert facts["loss_at_least_seconds"] == 0.0


def test_heartbeats_that_were_acknowledged_and_have_not_survived_say_what_is_lost_at_least(
    store: Store,
) -> None:
    store.beats(3)
    store.clock.sleep(10)
    store.orders.hold()
    store.beats(2)
    store.clock.sleep(5)
    store.goes_dark()
    facts = store.bounds()["facts"]
    orders, likes = facts["stores"]["orders"], facts["stores"]["likes"]
    assert (orders["newest_survived_seq"], orders["newest_acknowledged_seq"]) == (3, 5)
    assert orders["lost_heartbeats"] == 2
    assert 120 <= orders["loss_at_least_seconds"] <= orders["loss_at_most_seconds"]
    assert likes["lost_heartbeats"] == 0
    assert facts["loss_at_most_seconds"] == orders["loss_at_most_seconds"], "the whole is as its worst table"


def test_the_partition_that_is_furthest_behind_counts(store: Store) -> None:
    store.beats(1)
    store.clock.sleep(10)
    store.goes_dark()
    late = next(iter(store.heartbeats(store.likes, WEST)))
    store.likes.put(WEST, late, {"farshore_sequence": 1, "farshore_at": 1000}, "as it was once")
    facts = store.bounds()["facts"]
    assert (
        facts["stores"]["likes"]["loss_at_most_seconds"]
        > 1_000_000
        > facts["stores"]["orders"]["loss_at_most_seconds"]
    )


def test_without_a_heartbeat_there_is_no_figure_but_why(store: Store) -> None:
    store.goes_dark()
    said = store.bounds()
    assert said["outcome"] == "unknown"
    assert said["facts"]["why"].startswith(f"orders: no heartbeat of {EAST} is in {WEST}")
    assert "loss_at_most_seconds" not in str(said)


def test_one_table_without_a_heartbeat_leaves_the_whole_without_a_figure(store: Store) -> None:
    store.beats()
    store.clock.sleep(5)
    store.goes_dark()
    for key in store.heartbeats(store.likes, WEST):
        store.likes.delete(WEST, key, "a cleaner")
    facts = store.bounds()["facts"]
    assert "loss_at_most_seconds" not in facts
    assert facts["why"] == f"likes: no heartbeat of {EAST} is in {WEST}"
    assert facts["stores"]["orders"]["lost_heartbeats"] == 0


def test_a_heartbeat_of_the_region_that_was_left_overwrites_none_of_the_other(store: Store) -> None:
    """It arrives long after the run, when its Region is back."""
    store.beats(2)
    store.orders.hold()
    store.beats(1)
    for _ in range(3):
        store.clock.sleep(60)
        store.converge(STEP, BACK, purpose="beat", mode="ungraceful")
    before = store.heartbeats(store.orders, WEST)
    mine = {key: item for key, item in before.items() if WEST in key[0]}
    assert len(mine) == HEARTBEATS
    store.orders.release()
    store.clock.sleep(30)
    after = store.heartbeats(store.orders, WEST)
    assert {key: item for key, item in after.items() if WEST in key[0]} == mine
    assert store.bounds()["facts"]["loss_at_most_seconds"] == 0.0


@pytest.mark.parametrize(
    "nonsense", [{}, {"farshore_sequence": 5, "farshore_at": 9_000_000_000_000}, {"farshore_at": "now"}]
)
def test_what_no_heartbeat_is_counts_for_none_and_is_overwritten(store: Store, nonsense: Any) -> None:
    """Nonsense of a time to come would keep every heartbeat away until then."""
    store.beats(2)
    store.clock.sleep(5)
    for key in store.heartbeats(store.likes, EAST):
        store.likes.put(EAST, key, nonsense, "somebody")
    store.clock.sleep(5)
    assert store.tick(STEP, INPUTS, dry_run=True)["facts"][DOUBTS][0].startswith("likes: no heartbeat")
    assert store.beats()["facts"]["heartbeats"] == {"orders": 3, "likes": 3}
    rows = store.heartbeats(store.likes, EAST).values()
    assert {row["farshore_sequence"] for row in rows} == {3}


def test_a_dark_region_gets_no_heartbeats_and_pages_nobody(store: Store) -> None:
    store.beats()
    store.goes_dark()
    said = store.beats()
    assert said["outcome"] == "unknown"
    assert EAST in said["facts"]["why"]
    store.cloud.faults.dark.clear()
    assert store.beats()["facts"]["heartbeats"] == {"orders": 2, "likes": 2}


@pytest.mark.parametrize("kind", ["lost_before", "lost_after", "throttled", "500", "slow", "stale"])
@pytest.mark.parametrize("operation", [READ, WRITE, "PutItem", "Query"])
def test_a_call_that_goes_wrong_costs_no_heartbeat_its_number(
    store: Store, kind: Any, operation: str
) -> None:
    store.beats()
    store.inject(kind, operation)
    store.beats()
    store.clock.sleep(10)
    for table in (store.orders, store.likes):
        assert {int(row["farshore_sequence"]) for row in store.heartbeats(table, EAST).values()} == {2}
    assert store.records().kept[f"heartbeat#{EAST}#likes"]["sequence"] == 2


def test_a_dry_run_writes_nothing_and_has_no_doubt_while_heartbeats_arrive(store: Store) -> None:
    store.beats(2)
    store.clock.sleep(5)
    store.calls()
    said = store.tick(STEP, INPUTS, dry_run=True)
    assert (said["outcome"], said["facts"]) == ("done", {})
    assert store.calls(WRITE) == []


@pytest.mark.parametrize("minutes", [0, 10])
def test_a_dry_run_doubts_where_no_heartbeat_arrives(store: Store, minutes: int) -> None:
    """`prepare` ends with a list of such doubts, and so does the plan that a person approves."""
    if minutes:
        store.beats()
        store.clock.sleep(60 * minutes)
    doubts = store.tick(STEP, INPUTS, dry_run=True)["facts"][DOUBTS]
    assert len(doubts) == 2
    assert all(f"from {EAST} in {WEST}: nothing bounds what is lost" in doubt for doubt in doubts)


def test_a_tables_heartbeats_in_one_region_only_bound_nothing() -> None:
    with pytest.raises(ValueError, match="loses nothing of itself: write two Regions"):
        LossBounded(tables={}, source=WEST, region=WEST)  # type: ignore[arg-type]
