"""Tables are replicated, with their indexes: the real handler against DynamoDB's control plane."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from farshore.testing.ticker import EAST, WEST, Ticker, ticking
from functions.steps.dynamodb_replicas import DynamodbReplicas
from twin.services.dynamodb.model import DynamoDB

INDEXES = {"by-customer": ("customer", "id"), "by-day": ("day",)}
INPUTS: dict[str, Any] = {"tables": ["orders", "likes"]}


class Store(Ticker):
    """Two tables, one with indexes, in both Regions."""

    def __init__(self, cloud: Any) -> None:
        super().__init__(cloud)
        self.orders = DynamoDB.of(cloud).global_table("orders", (EAST, WEST), indexes=INDEXES)
        self.likes = DynamoDB.of(cloud).global_table("likes", (EAST, WEST))
        self.orders.put(EAST, "1", {"n": 1}, "order 1")
        self.clock.sleep(5)
        cloud.latency.table["dynamodb_replica_creation"]["seconds"] = [120, 120]
        self.deploy(DynamodbReplicas)
        self.hold()

    def holds(self, **given: Any) -> dict[str, Any]:
        return self.converge("dynamodb_replicas", INPUTS | given.pop("inputs", {}), **given)

    def fails_to(self, **given: Any) -> str:
        return self.fails("dynamodb_replicas", INPUTS | given.pop("inputs", {}), **given)

    def plan(self, **given: Any) -> dict[str, Any]:
        return self.tick("dynamodb_replicas", INPUTS | given.pop("inputs", {}), dry_run=True, **given)


@pytest.fixture
def store() -> Iterator[Store]:
    with ticking(1, Store) as store:
        assert isinstance(store, Store)
        yield store


def test_where_all_are_active_nothing_is_changed(store: Store) -> None:
    assert store.holds() == {"outcome": "done", "facts": {"tables": 2}}
    assert store.calls("UpdateTable") == []


def test_a_missing_replica_is_created_and_waited_for(store: Store) -> None:
    store.orders.remove_replica(WEST)
    assert "NotYet: the state: " in store.fails_to()
    assert "the replica of orders in us-west-1, seen from us-east-1, is CREATING" in store.fails_to()
    entered = store.clock.now
    assert store.holds()["outcome"] == "done"
    assert store.clock.now - entered > 60
    assert store.orders.get(WEST, "1") == {"n": 1}
    assert store.calls("UpdateTable") == ["UpdateTable"]


def test_it_is_created_from_whichever_region_has_the_table(store: Store) -> None:
    store.likes.remove_replica(EAST)
    assert store.plan()["calls"] == [
        {
            "action": "dynamodb:UpdateTable",
            "service": "dynamodb",
            "operation": "UpdateTable",
            "region": WEST,
            "parameters": {"TableName": "likes", "ReplicaUpdates": [{"Create": {"RegionName": EAST}}]},
        }
    ]
    assert store.holds()["outcome"] == "done"


def test_a_stream_that_replication_needs_is_enabled_before(store: Store) -> None:
    store.orders.remove_replica(WEST)
    store.orders.described[EAST].stream = ""
    assert "enable the stream of orders in us-east-1" in store.plan()["why"]
    assert store.holds()["outcome"] == "done"
    assert store.calls("UpdateTable") == ["UpdateTable"] * 2


def test_a_stream_of_something_else_is_a_persons(store: Store) -> None:
    store.orders.remove_replica(WEST)
    store.orders.described[EAST].stream = "KEYS_ONLY"
    assert "the stream of orders in us-east-1 has KEYS_ONLY, and a replica needs" in store.fails_to()


def test_a_table_in_no_region_is_refused_by_name(store: Store) -> None:
    said = store.fails_to(inputs={"tables": ["orders", "none"]})
    assert said.startswith(
        "Refused: the state: there is no table none in us-east-1 nor in us-west-1: create it"
    )


@pytest.mark.parametrize("region", [EAST, WEST])
def test_a_missing_index_is_refused_by_name(store: Store, region: str) -> None:
    del store.orders.described[region].indexes["by-day"]
    said = store.fails_to()
    assert f"Refused: the state: the index by-day of orders in {region} is missing: create it" in said


def test_an_index_that_must_be_there_is_missed_in_both(store: Store) -> None:
    said = store.fails_to(inputs={"tables": {"likes": ["by-user"], "orders": ["by-day"]}})
    assert "the index by-user of likes in us-east-1 is missing" in said
    assert "the index by-user of likes in us-west-1 is missing" in said
    assert "orders" not in said


def test_an_index_that_is_being_created_is_waited_for(store: Store) -> None:
    store.orders.described[WEST].indexes["by-day"] = "CREATING"
    assert store.fails_to() == "NotYet: the state: the index by-day of orders in us-west-1 is CREATING"


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        ("INACCESSIBLE_ENCRYPTION_CREDENTIALS", "give DynamoDB its KMS key back within 20 hours"),
        ("REPLICATION_NOT_AUTHORIZED", "let the service-linked role replicate again"),
        ("ARCHIVED", "restore the table from its backup"),
        ("DELETING", "wait until it is gone"),
    ],
)
def test_a_state_that_a_person_must_end_is_refused_with_what_to_do(
    store: Store, status: str, remedy: str
) -> None:
    store.orders.described[WEST].status = status
    said = store.fails_to()
    assert f"Refused: the state: the replica of orders in us-west-1, seen from us-east-1, is {status}" in said
    assert remedy in said


@pytest.mark.parametrize("status", ["UPDATING", "SOMETHING_NEW"])
def test_a_state_that_passes_or_that_nobody_knows_is_waited_for(store: Store, status: str) -> None:
    """A table that says UPDATING for an hour, with all replicas ACTIVE, was seen."""
    store.orders.described[EAST].status = status
    assert f"NotYet: the state: orders in us-east-1 is {status}" in store.fails_to()
    assert "not within 3600 s" in store.fails_to(entered=store.clock.now - 3601)


def test_two_tables_of_one_name_are_no_replicas(store: Store) -> None:
    def alone(request: Any) -> dict[str, Any]:
        return {"Table": {"TableName": "likes", "TableStatus": "ACTIVE"}}

    store.cloud.share("dynamodb", "DescribeTable", lambda r: r.parameters["TableName"] == "likes", alone)
    said = store.fails_to(inputs={"tables": ["likes"]})
    assert "likes in us-east-1 and likes in us-west-1 are two tables, and no replicas of each other" in said


def test_a_replica_that_could_not_be_created_is_a_persons(store: Store) -> None:
    def failed(request: Any) -> dict[str, Any]:
        replica = {"RegionName": WEST, "ReplicaStatus": "CREATION_FAILED"}
        return {"Table": {"TableName": "likes", "TableStatus": "ACTIVE", "Replicas": [replica]}}

    store.likes.remove_replica(WEST)
    met = lambda r: r.parameters["TableName"] == "likes" and r.region == EAST  # noqa: E731
    store.cloud.serve("dynamodb", "DescribeTable", failed)
    store.cloud.share("dynamodb", "DescribeTable", met, failed)
    assert "is CREATION_FAILED: delete that replica" in store.fails_to(inputs={"tables": ["likes"]})


def test_what_can_be_repaired_is_and_the_rest_is_told_at_once(store: Store) -> None:
    store.likes.remove_replica(WEST)
    del store.orders.described[WEST].indexes["by-day"]
    plan = store.plan()
    assert plan["why"] == "create the replica of likes in us-west-1"
    assert "the index by-day of orders in us-west-1 is missing" in plan["facts"]["doubts"][0]
    assert "Refused: the state: the index by-day of orders" in store.fails_to()
    assert store.likes.described[WEST].status == "CREATING"


def test_settings_that_differ_are_doubts(store: Store) -> None:
    store.orders.described[WEST].billing = "PROVISIONED"
    store.likes.described[EAST].deletion_protected = True
    assert store.plan()["facts"]["doubts"] == [
        "billing mode of orders differs: PAY_PER_REQUEST in us-east-1, PROVISIONED in us-west-1",
        "deletion protection of likes differs: True in us-east-1, False in us-west-1",
    ]


def test_a_provisioned_table_without_auto_scaling_gets_no_replica_in_awss_words(store: Store) -> None:
    store.orders.remove_replica(WEST)
    store.orders.described[EAST].billing = "PROVISIONED"
    assert "Pay-Per-Request or AutoScaled" in store.fails_to()


def test_a_dark_region_is_waited_for(store: Store) -> None:
    store.cloud.faults.dark.add(EAST)
    assert "NotYet" in store.fails_to()
    assert "ConnectTimeoutError" in store.fails_to()
    assert store.calls("UpdateTable") == []


@pytest.mark.parametrize("kind", ["lost_before", "lost_after", "throttled", "500"])
def test_a_lost_answer_creates_it_once(store: Store, kind: Any) -> None:
    store.orders.remove_replica(WEST)
    store.inject(kind, "UpdateTable")
    assert store.holds()["outcome"] == "done"
    store.inject("hollow", "DescribeTable", 3)
    assert store.holds()["outcome"] == "done"


def test_what_is_denied_is_refused_in_awss_words(store: Store) -> None:
    store.inject("denied", "DescribeTable")
    said = store.fails_to()
    assert (
        "Refused: the state: dynamodb:DescribeTable of orders in us-east-1 was refused: AccessDenied" in said
    )
