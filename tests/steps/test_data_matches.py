"""Both Regions have the same items: the real handler against a replicated table."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from farshore.testing.ticker import EAST, WEST, Ticker, ticking
from functions.global_tables import digest
from functions.steps.data_matches import DataMatches
from twin.faults import Request
from twin.services.dynamodb.model import DynamoDB

INPUTS: dict[str, Any] = {
    "table": "orders",
    "partitions": [{"PK": "ann"}, {"PK": "bob"}],
    "region": WEST,
    "other": EAST,
    "within": 180,
}


LONG = {"text": "x" * 350_000}
"""Three of these fill a page."""


class Store(Ticker):
    """A table of two customers' orders, the same in both Regions."""

    def __init__(self, cloud: Any) -> None:
        super().__init__(cloud)
        self.orders = DynamoDB.of(cloud).global_table("orders", (EAST, WEST), keys=("PK", "SK"))
        for number in range(3):
            self.put(f"ann/{number}")
            self.put(f"bob/{number}")
        self.clock.sleep(10)
        self.deploy(DataMatches)
        self.hold()

    def put(self, key: str, n: int = 0, region: str = EAST) -> None:
        partition, _, sort = key.partition("/")
        self.orders.put(region, (partition, sort), {"n": n}, f"{key} {n}")

    def part(self) -> None:
        """Nothing is replicated from now on."""
        self.orders.hold()

    def compares(self, **given: Any) -> dict[str, Any]:
        return self.converge("data_matches", INPUTS | given.pop("inputs", {}), **given)

    def fails_to(self, **given: Any) -> str:
        return self.fails("data_matches", INPUTS | given.pop("inputs", {}), **given)

    def refuses(self, **given: Any) -> str:
        with pytest.raises(Exception, match="Refused") as shown:
            self.compares(**given)
        return str(shown.value)


@pytest.fixture
def store() -> Iterator[Store]:
    with ticking(1, Store) as store:
        assert isinstance(store, Store)
        yield store


def test_what_is_the_same_is_done_with_its_count(store: Store) -> None:
    assert store.compares() == {"outcome": "done", "facts": {"items": 6}}
    assert store.compares(inputs={"partitions": [{"PK": "ann"}]})["facts"] == {"items": 3}
    assert store.compares(inputs={"partitions": [{"PK": "nobody"}]})["facts"] == {"items": 0}


def test_nothing_is_written_but_the_note_of_what_differs(store: Store) -> None:
    store.part()
    store.put("ann/9")
    store.fails_to()
    assert {request.operation for request in store.requests} == {"Query", "DescribeTable", "PutItem"}
    assert {r.parameters["TableName"] for r in store.requests if r.operation == "PutItem"} == {"ledger"}


def test_a_write_that_is_under_way_is_looked_at_again_until_it_is_there(store: Store) -> None:
    store.put("ann/9")
    assert "orders: 1 missing in us-west-1 (ann/9)" in store.fails_to()
    assert store.compares() == {"outcome": "done", "facts": {"items": 7}}


def test_a_plan_does_not_change_with_every_write_that_is_under_way(store: Store) -> None:
    store.put("ann/9")
    planned = store.tick("data_matches", INPUTS, dry_run=True)
    assert planned == {"outcome": "done", "facts": {"items": 6, "differ": 1}}


def test_keys_that_stay_missing_here_or_there_or_different_are_named(store: Store) -> None:
    store.part()
    store.put("ann/7")
    store.put("ann/8", region=WEST)
    for number in range(3):
        store.put(f"bob/{number}", n=1)
        store.put(f"carl/{number}", n=1)
    said = store.refuses(inputs={"partitions": [{"PK": "ann"}, {"PK": "bob"}, {"PK": "carl"}]})
    assert "not within 180 s: orders: 4 missing in us-west-1 (ann/7, carl/0, carl/1 and 1 more), " in said
    assert "1 missing in us-east-1 (ann/8), 3 different (bob/0, bob/1, bob/2)" in said


def test_an_ungraceful_run_says_what_differs_and_ends(store: Store) -> None:
    store.part()
    store.put("ann/7")
    store.put("ann/8", region=WEST)
    store.put("bob/0", n=1)
    said = store.compares(mode="ungraceful")
    assert said["outcome"] == "different"
    facts = {"items": 7, "missing_here": 1, "missing_there": 1, "different": 1, "keys": "ann/7, ann/8, bob/0"}
    assert said["facts"] == facts


def test_more_differences_than_an_item_of_the_ledger_holds_are_not_noted_and_told(store: Store) -> None:
    """A sort key has 1,024 bytes."""
    store.part()
    for number in range(320):
        store.put(f"ann/{number:04}{'x' * 1000}")
    assert "orders: 320 missing in us-west-1 (ann/0000" in store.fails_to()
    assert store.records().found == {}


def test_items_that_are_written_all_the_time_are_in_flight_and_not_different(store: Store) -> None:
    """A viewer's bookmark, twice a second."""
    numbers = iter(range(1, 10_000))
    store.clock.every(0.5, lambda: store.put("ann/0", next(numbers)))
    store.clock.sleep(5)
    said = store.compares()
    assert said == {"outcome": "done", "facts": {"items": 6, "in_flight": 1}}


def test_so_are_new_items_that_keep_coming(store: Store) -> None:
    numbers = iter(range(10, 10_000))
    store.clock.every(0.5, lambda: store.put(f"ann/{next(numbers)}"))
    store.clock.sleep(5)
    said = store.compares()
    assert said["outcome"] == "done"
    assert said["facts"]["in_flight"] > 0


def test_a_difference_beside_what_is_written_all_the_time_is_found(store: Store) -> None:
    numbers = iter(range(1, 10_000))
    store.put("bob/1", n=5)
    for route in store.orders._routes.values():  # this one write gets lost
        route.under_way.clear()
    store.clock.every(0.5, lambda: store.put("ann/0", next(numbers)))
    store.clock.sleep(5)
    assert "orders: 1 different (bob/1)" in store.refuses()


def test_replication_that_stands_still_is_no_flight(store: Store) -> None:
    """The one side changes, and the other does not follow."""
    numbers = iter(range(1, 10_000))
    store.part()
    store.clock.every(0.5, lambda: store.put("ann/0", next(numbers)))
    store.clock.sleep(5)
    assert "1 different (ann/0)" in store.refuses()


def test_all_pages_are_read(store: Store) -> None:
    for number in (3, 4, 5, 6):
        store.orders.put(EAST, ("ann", str(number)), LONG, "long")
    store.orders.put(EAST, ("ann", "7"), {"text": "y"}, "short")
    store.clock.sleep(10)
    assert store.compares()["facts"] == {"items": 11}
    store.part()
    store.put("ann/7", n=1)
    assert "1 different (ann/7)" in store.refuses()


def test_a_partition_with_more_pages_than_a_tick_can_read_is_refused(store: Store) -> None:
    for number in range(18):
        store.orders.put(EAST, ("ann", str(number)), LONG, "long")
    store.clock.sleep(10)
    assert "Refused: the state: ann has more than 5 pages of 1 MB" in store.fails_to()


def test_with_the_other_region_dark_an_ungraceful_run_does_not_know(store: Store) -> None:
    store.cloud.faults.dark.add(EAST)
    said = store.compares(mode="ungraceful")
    assert (said["outcome"], said["facts"]["items"]) == ("unknown", 6)
    assert "ConnectTimeoutError" in said["facts"]["why"]


def test_a_graceful_run_waits_for_it_and_is_refused(store: Store) -> None:
    store.cloud.faults.dark.add(EAST)
    assert "not within 180 s: orders cannot be compared" in store.refuses()


def test_two_minutes_of_silence_at_the_end_of_a_run_do_not_fail_it(store: Store) -> None:
    store.cloud.faults.dark.add(EAST)
    store.clock.at(store.clock.now + 120, lambda: store.cloud.faults.dark.discard(EAST))
    assert store.compares()["outcome"] == "done"


def test_in_no_mode_the_region_that_takes_over_may_be_silent(store: Store) -> None:
    store.cloud.faults.dark.add(f"dynamodb/{WEST}")
    assert "not within 180 s: orders cannot be compared" in store.refuses(mode="ungraceful")


@pytest.mark.parametrize("operation", ["Query", "DescribeTable"])
@pytest.mark.parametrize("kind", ["lost_before", "throttled", "500", "hollow"])
def test_a_lost_answer_is_asked_for_again(store: Store, operation: str, kind: Any) -> None:
    of_orders = {"met": lambda request: request.parameters.get("TableName") == "orders"}
    store.inject(kind, operation, 1, **of_orders)
    assert store.tick("data_matches", INPUTS)["facts"] == {"items": 6}
    store.inject(kind, operation, 12, **of_orders)
    assert store.compares()["facts"] == {"items": 6}


def test_what_is_denied_is_refused_in_awss_words(store: Store) -> None:
    def of_orders(request: Request) -> bool:
        return request.parameters["TableName"] == "orders"

    store.inject("denied", "Query", met=of_orders)
    assert "dynamodb:Query of orders in us-west-1 was refused: AccessDeniedException" in store.refuses()


def test_a_digest_is_of_what_is_meant() -> None:
    same = {"a": {"SS": ["x", "y"]}, "b": {"M": {"c": {"L": [{"B": b"1"}]}}}}
    assert digest(same) == digest({"b": same["b"], "a": {"SS": ["y", "x"]}})
    for other in (
        {"a": {"S": "1"}},
        {"a": {"N": "1"}},
        {"a": {"L": [{"S": "x"}, {"S": "y"}]}},
        {"b": same["b"]},
    ):
        assert digest(other) != digest(same)
    assert digest({"a": {"L": [{"S": "x"}, {"S": "y"}]}}) != digest({"a": {"L": [{"S": "y"}, {"S": "x"}]}})


def test_a_partition_key_is_one_attribute() -> None:
    with pytest.raises(ValueError, match="PK; SK: a partition key is one attribute"):
        DataMatches(**INPUTS | {"partitions": [{"PK": "ann", "SK": "1"}]})


def test_no_other_step_imports_what_reads_whole_tables() -> None:
    """Each import is a part of a cold start."""
    others = [
        path.stem
        for path in Path("functions/steps").glob("*.py")
        if path.stem not in ("__init__", "data_matches", "table_sweep")
    ]
    look = f"import sys; from functions.steps import {', '.join(others)}; print('orjson' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", look], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "False\n"
