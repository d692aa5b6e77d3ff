"""All that was written is in the other Region: the real handler against two replicated tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from farshore.testing.ticker import EAST, OTHER, WEST, Ticker, ticking
from functions.calls import Absent
from functions.global_tables import HEARTBEATS, item_in, recent_maximum
from functions.steps.dynamodb_caught_up import DynamodbCaughtUp
from twin.faults import Kind, Request
from twin.services.cloudwatch.model import Metrics
from twin.services.dynamodb.global_table import GlobalTable
from twin.services.dynamodb.model import DynamoDB

READ, WRITE, METRICS = "BatchGetItem", "BatchWriteItem", "GetMetricData"
INPUTS: dict[str, Any] = {
    "tables": {"orders": {"PK": "farshore", "SK": "heartbeat"}, "likes": {"id": "farshore"}},
    "source": EAST,
    "region": WEST,
}


class Store(Ticker):
    """Two tables, which customers have written in the east."""

    def __init__(self, cloud: Any) -> None:
        super().__init__(cloud)
        Metrics.of(cloud)
        self.orders = DynamoDB.of(cloud).global_table("orders", (EAST, WEST), keys=("PK", "SK"))
        self.likes = DynamoDB.of(cloud).global_table("likes", (EAST, WEST))
        self.orders.put(EAST, ("ann", "1"), {"n": 1}, "ann's order")
        self.deploy(DynamodbCaughtUp)
        self.hold()

    def catches_up(self, **given: Any) -> dict[str, Any]:
        return self.converge("dynamodb_caught_up", INPUTS | given.pop("inputs", {}), **given)

    def fails_to(self, **given: Any) -> str:
        return self.fails("dynamodb_caught_up", INPUTS | given.pop("inputs", {}), **given)

    def refuses(self, **given: Any) -> str:
        with pytest.raises(Exception, match="Refused") as shown:
            self.catches_up(**given)
        return str(shown.value)

    def heartbeats(self, table: GlobalTable, region: str) -> list[Any]:
        return [key for key in table.items(region) if "farshore" in str(key)]

    def left(self) -> list[Any]:
        return [
            key
            for table in (self.orders, self.likes)
            for r in (EAST, WEST)
            for key in self.heartbeats(table, r)
        ]


@pytest.fixture
def store() -> Iterator[Store]:
    with ticking(1, Store) as store:
        assert isinstance(store, Store)
        yield store


def test_once_the_heartbeats_are_there_so_is_what_was_written_before_them(store: Store) -> None:
    said = store.catches_up()
    assert said["outcome"] == "done"
    assert store.orders.get(WEST, ("ann", "1")) == {"n": 1}
    assert said["facts"]["heartbeats"] == 2 * HEARTBEATS
    assert 0.5 <= said["facts"]["lag_seconds"] < 2.5 + 3


def test_nothing_of_it_stays_in_either_region(store: Store) -> None:
    store.catches_up()
    assert store.left() == []
    assert store.orders.items(EAST) == {("ann", "1"): {"n": 1}}


def test_again_is_the_same_and_writes_nothing(store: Store) -> None:
    entered = store.clock.now
    before = store.catches_up(entered=entered)
    store.calls()
    assert store.tick("dynamodb_caught_up", INPUTS, entered=entered) == before
    asked = {"entered": entered, "started": entered, "dry_run": True}
    assert store.tick("dynamodb_caught_up", INPUTS, **asked) == before
    assert store.calls(WRITE) == []


def test_heartbeats_are_in_partitions_of_their_own_and_carry_the_runs_marker(store: Store) -> None:
    store.fails_to()
    found = [store.orders.items(EAST)[key] for key in store.heartbeats(store.orders, EAST)]
    assert len({key[0] for key in store.heartbeats(store.orders, EAST)}) == HEARTBEATS
    assert {row["farshore_run"][:9] for row in found} == {"farshore-"}
    assert sorted(row["farshore_sequence"] for row in found) == [1, 2, 3, 4]


def test_whoever_is_redriven_writes_anew_since_customers_may_have_too(store: Store) -> None:
    store.fails_to()
    store.clock.sleep(10)
    store.hold(redrives=1)
    store.requests.clear()
    assert store.catches_up(redrives=1)["outcome"] == "done"
    sent = [r.parameters["RequestItems"] for r in store.requests if r.operation == WRITE]
    kinds = [next(iter(requests[0])) for batch in sent for requests in batch.values()]  # type: ignore[attr-defined]
    assert kinds == ["DeleteRequest"] * 2 + ["PutRequest"] * 2 + ["DeleteRequest"] * 2
    assert store.left() == []


def test_an_earlier_heartbeat_that_arrives_late_is_not_taken_for_a_new_one(store: Store) -> None:
    store.likes.hold()
    store.fails_to()
    store.clock.sleep(60)
    store.hold(redrives=1)
    entered = store.clock.now
    said = store.fails_to(redrives=1, entered=entered)
    assert "NotYet: the state: earlier heartbeats of likes, orders have not arrived yet, or not gone" in said
    store.likes.put(EAST, "new", {"n": 1}, "after the redrive")
    store.likes.release()
    assert store.catches_up(redrives=1, entered=entered)["outcome"] == "done"
    assert store.likes.get(WEST, "new") == {"n": 1}
    assert store.left() == []


def test_a_heartbeat_of_another_run_proves_nothing(store: Store) -> None:
    store.fails_to()
    store.clock.sleep(10)
    store.hold(OTHER)
    assert "heartbeats of likes, orders are not in us-west-1 yet" in store.fails_to(execution=OTHER)


def test_after_a_pause_the_same_heartbeats_count(store: Store) -> None:
    """The fence has stood all the while, and the plan names these."""
    store.fails_to()
    store.clock.sleep(10)
    store.calls()
    assert store.catches_up(entered=store.clock.now)["outcome"] == "done"
    assert store.calls(WRITE) == [WRITE, WRITE]  # only the removal, of each table


def test_one_table_that_stands_still_is_waited_for_and_named(store: Store) -> None:
    entered = store.clock.now
    store.likes.hold()
    store.fails_to(entered=entered)
    store.clock.sleep(30)
    assert store.fails_to(entered=entered) == (
        "NotYet: the state: heartbeats of likes are not in us-west-1 yet"
    )
    store.clock.sleep(300)
    assert "Refused: the state: not within 300 s: heartbeats of likes" in store.fails_to(entered=entered)


def test_an_ungraceful_run_goes_on_without_knowing_and_says_what_it_knows(store: Store) -> None:
    entered = store.clock.now
    store.likes.hold()
    store.fails_to(entered=entered, mode="ungraceful")
    store.clock.sleep(30)
    said = store.tick("dynamodb_caught_up", INPUTS, entered=entered, mode="ungraceful")
    assert said["outcome"] == "unknown"
    facts = said["facts"]
    assert (facts["arrived"], facts["heartbeats"]) == (HEARTBEATS, 2 * HEARTBEATS)
    assert 25 < facts["newest_heartbeat_age_seconds"] < 35
    assert "lag_seconds" not in facts


def test_with_the_region_that_is_left_dark_an_ungraceful_run_knows_nothing_and_gives_no_figure(
    store: Store,
) -> None:
    store.cloud.faults.dark.add(EAST)
    said = store.catches_up(mode="ungraceful")
    assert said["outcome"] == "unknown"
    assert "ConnectTimeoutError" in said["facts"]["why"]
    assert said["facts"]["arrived"] == 0
    assert not any(name.endswith("_seconds") for name in said["facts"])


def test_in_a_graceful_run_the_same_silence_is_refused(store: Store) -> None:
    store.cloud.faults.dark.add(EAST)
    assert "us-east-1 may hold what us-west-1 has not, and is silent" in store.refuses()


def test_a_region_that_has_just_taken_the_heartbeats_is_not_silent_for_one_lost_look(store: Store) -> None:
    """Lambda's own answers get lost too, so that the first tick may come when patience has ended."""
    reads: list[Request] = []

    def one_of_the_second_look_is_lost(request: Request) -> Kind | None:
        mine = request.operation == READ and request.region == EAST
        reads.extend([request] if mine else [])
        return "lost_before" if mine and len(reads) == 3 else None

    store.cloud.faults.injectors.append(one_of_the_second_look_is_lost)
    entered = store.clock.now - 100
    assert store.catches_up(entered=entered)["outcome"] == "done"


def test_no_run_goes_on_to_a_region_whose_tables_are_silent(store: Store) -> None:
    store.cloud.faults.dark.add(f"dynamodb/{WEST}")
    assert "not within 300 s" in store.refuses(mode="ungraceful")


@pytest.mark.parametrize("operation", [READ, WRITE])
@pytest.mark.parametrize("kind", ["lost_before", "lost_after", "throttled", "500"])
def test_a_lost_answer_changes_nothing(store: Store, operation: str, kind: Any) -> None:
    store.inject(kind, operation, 3)
    assert store.catches_up()["outcome"] == "done"
    assert store.left() == []


def test_what_is_denied_is_refused_in_awss_words(store: Store) -> None:
    store.inject("denied", WRITE)
    assert "dynamodb:BatchWriteItem in us-east-1: AccessDeniedException" in store.refuses()


def test_a_table_that_is_not_there_is_refused(store: Store) -> None:
    assert "ResourceNotFoundException" in store.refuses(inputs={"tables": {"none": {"id": "farshore"}}})


def test_what_a_run_that_died_has_left_the_next_one_removes(store: Store) -> None:
    store.fails_to()
    store.clock.sleep(5)
    assert len(store.left()) == 4 * HEARTBEATS
    store.hold(OTHER)
    assert store.catches_up(execution=OTHER)["outcome"] == "done"
    assert store.left() == []


def test_so_does_one_in_the_other_direction(store: Store) -> None:
    store.fails_to()
    store.clock.sleep(5)
    store.hold(OTHER)
    way = {"source": WEST, "region": EAST}
    assert store.catches_up(execution=OTHER, inputs=way)["outcome"] == "done"
    assert store.left() == []


def test_a_deletion_that_does_not_come_through_does_not_stop_a_run_that_has_caught_up(store: Store) -> None:
    """The next run removes them."""
    entered = store.clock.now
    while not any("arrived_at" in found for found in store.records().found.values()):
        store.fails_to(entered=entered)
        store.clock.sleep(0.5)
    store.cloud.faults.dark.add(EAST)
    said = store.catches_up(entered=entered)
    assert (said["outcome"], said["facts"]["not_removed"]) == ("done", "likes, orders")


def test_where_writes_go_on_ten_times_the_recent_maximum_is_waited_for_as_well(store: Store) -> None:
    store.cloud.latency.table["dynamodb_replication"]["seconds"] = [2.0, 2.0]
    entered = store.clock.now
    said = store.catches_up(inputs={"paused": False})
    assert said["outcome"] == "done"
    assert said["facts"]["recent_lag_seconds"] == pytest.approx(2.0)
    assert store.clock.now - entered >= 2 + 20
    assert store.left() == []


def test_a_table_at_rest_has_no_samples_left_by_then_and_is_done_all_the_same(store: Store) -> None:
    """Ten times the lag that a dark Region leaves behind is longer than what counts as recent."""
    store.cloud.latency.table["dynamodb_replication"]["seconds"] = [100.0, 100.0]
    entered, asked = store.clock.now, {"paused": False, "within": 2400}
    while "s until they are there" not in store.fails_to(inputs=asked, entered=entered):
        store.clock.sleep(2)
    store.clock.sleep(1000)
    assert store.catches_up(inputs=asked, entered=entered)["outcome"] == "done"


def test_the_backlog_of_a_dark_region_counts_for_as_long_as_it_is_recent(store: Store) -> None:
    """Ten times a lag of 100 s is longer than the 900 s after which no sample of the backlog is recent."""
    lag = store.cloud.latency.table["dynamodb_replication"]
    lag["seconds"] = [100.0, 100.0]
    entered, asked = store.clock.now, {"paused": False, "within": 2400}
    while "s until they are there" not in store.fails_to(inputs=asked, entered=entered):
        store.clock.sleep(2)
    noted = store.clock.now
    lag["seconds"] = [1.0, 1.0]
    store.clock.sleep(880)
    store.orders.put(EAST, ("bob", "1"), {"n": 1}, "bob's order")
    store.likes.put(EAST, ("bob",), {"n": 1}, "bob's like")
    store.clock.sleep(90)
    said = store.catches_up(inputs=asked, entered=entered)
    assert (said["outcome"], said["facts"]["recent_lag_seconds"]) == ("done", pytest.approx(1.0))
    assert store.clock.now - noted < 1000


def test_where_nothing_says_how_long_that_is_a_graceful_run_refuses(store: Store) -> None:
    store.cloud.faults.dark.add(f"cloudwatch/{EAST}")
    said = store.refuses(inputs={"paused": False})
    assert "writes go on in us-east-1, and how long they take is not known" in said


def test_a_silence_of_cloudwatch_counts_from_when_it_matters_however_late_that_is(store: Store) -> None:
    entered, asked = store.clock.now - 200, {"paused": False, "within": 900}
    store.inject("503", METRICS, 1000)
    while "is not known" not in (said := store.fails_to(inputs=asked, entered=entered)):
        store.clock.sleep(2)
    assert said.startswith("NotYet")
    store.cloud.faults.injectors.pop()
    assert store.catches_up(inputs=asked, entered=entered)["outcome"] == "done"


def test_and_an_ungraceful_one_ends_as_unknown(store: Store) -> None:
    store.cloud.faults.dark.add(f"cloudwatch/{EAST}")
    said = store.catches_up(inputs={"paused": False}, mode="ungraceful")
    assert said["outcome"] == "unknown"
    assert said["facts"]["lag_seconds"] > 0


def test_a_part_of_a_metric_or_none_of_one_table_is_no_maximum() -> None:
    whole = {"StatusCode": "Complete", "Values": [900.0, 1500.0]}
    assert recent_maximum({"MetricDataResults": [whole, whole]}) == 1.5
    assert recent_maximum({"MetricDataResults": [whole, {"StatusCode": "Complete"}]}) is None
    for more in (
        {"NextToken": "x"},
        {"MetricDataResults": [whole | {"StatusCode": "PartialData"}]},
        {"MetricDataResults": []},
    ):
        assert "part" in str(recent_maximum({"MetricDataResults": [whole], **more}))


def test_what_dynamodb_leaves_unread_is_not_taken_for_missing() -> None:
    key: Any = {"id": "a"}
    assert item_in({"Responses": {"t": []}, "UnprocessedKeys": {}}, "t", key) is None
    for odd in ({}, {"Responses": {}}, {"Responses": {"t": []}, "UnprocessedKeys": {"t": {}}}, Absent("x")):
        assert "only some of t" in str(item_in(odd, "t", key))


def test_a_plan_names_every_write_and_removal_and_does_not_change_with_time(store: Store) -> None:
    plan = store.tick("dynamodb_caught_up", INPUTS, dry_run=True)
    assert plan["outcome"] == "would change"
    assert store.left() == []
    store.clock.sleep(60)
    assert store.tick("dynamodb_caught_up", INPUTS, dry_run=True)["calls"] == plan["calls"]
    store.requests.clear()
    store.catches_up()
    sent = [request.parameters for request in store.requests if request.operation == WRITE]
    assert all(each in [call["parameters"] for call in plan["calls"]] for each in sent)
    assert len(sent) == len(plan["calls"]) == 4


def test_a_patience_that_ends_no_sooner_than_the_state_is_refused() -> None:
    with pytest.raises(ValueError, match="patience"):
        DynamodbCaughtUp(**INPUTS, patience=300)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="more than two attributes"):
        DynamodbCaughtUp(tables={"orders": {"a": "1", "b": "2", "c": "3"}})  # type: ignore[dict-item]
