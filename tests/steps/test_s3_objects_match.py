"""A bucket has every object of the one that it replicates: the real handler against two buckets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from farshore.testing.ticker import EAST, WEST, Ticker, declared, ticking
from functions.steps.s3_objects_match import S3ObjectsMatch
from twin.faults import Request
from twin.services.s3.replication import Replication

INPUTS: dict[str, Any] = {
    "buckets": {EAST: "pictures-east", WEST: "pictures-west"},
    "region": WEST,
    "other": EAST,
    "within": 300,
}


class Store(Ticker):
    """Three pictures, in a bucket and in its replica."""

    def __init__(self, cloud: Any) -> None:
        super().__init__(cloud)
        buckets = Replication.of(cloud)
        self.west = buckets.bucket(WEST, "pictures-west", encrypted=True)
        self.east = buckets.bucket(EAST, "pictures-east", self.west, encrypted=True)
        for name in ("ann", "bob", "carl"):
            self.east.put(f"{name}.png", name.encode())
        self.clock.sleep(100)
        self.deploy(S3ObjectsMatch, policy=declared(S3ObjectsMatch, INPUTS))
        self.hold()

    def compares(self, **given: Any) -> dict[str, Any]:
        return self.converge("s3_objects_match", INPUTS | given.pop("inputs", {}), **given)

    def refuses(self, **given: Any) -> str:
        with pytest.raises(Exception, match="Refused") as shown:
            self.compares(**given)
        return str(shown.value)

    def once(self, **given: Any) -> str:
        return self.fails("s3_objects_match", INPUTS | given.pop("inputs", {}), **given)


@pytest.fixture
def store() -> Iterator[Store]:
    with ticking(1, Store) as store:
        assert isinstance(store, Store)
        yield store


def test_what_is_the_same_is_done_with_its_count_though_no_etag_is_the_same(store: Store) -> None:
    """Each Region's KMS key gives another."""
    assert store.compares() == {"outcome": "done", "facts": {"objects": 3}}
    assert set(store.calls("ListObjectVersions", "HeadObject")) == {"ListObjectVersions"}


def test_what_is_on_its_way_is_waited_for(store: Store) -> None:
    store.east.held = True
    store.east.put("dora.png", b"dora")
    entered = store.clock.now
    for _ in range(3):
        said = store.once(entered=entered)
        store.clock.sleep(5)
    assert "pictures-east: 1 missing in us-west-1 (dora.png)" in said
    store.east.release()
    assert store.compares(entered=entered)["facts"] == {"objects": 4, "in_flight": 1}
    assert store.compares()["facts"] == {"objects": 4}


def test_a_new_version_that_is_on_its_way_is_waited_for_too(store: Store) -> None:
    store.east.held = True
    store.east.put("ann.png", b"another")
    store.clock.after(60, store.east.release)
    assert store.compares()["facts"] == {"objects": 3, "in_flight": 1}


def test_what_replication_has_failed_for_is_named_at_once_and_never_waited_for(store: Store) -> None:
    store.east.failing = True
    for name in ("dora", "emil", "fay", "gus"):
        store.east.put(f"{name}.png", b"x")
    before = store.clock.now
    said = store.refuses()
    assert "4 missing in us-west-1 (dora.png, emil.png, fay.png and 1 more)" in said
    assert "replication has failed for 4 of them" in said
    assert "upload them again, or have S3 Batch Replication copy them" in said
    done = store.compares(mode="ungraceful")
    assert done["outcome"] == "different"
    assert done["facts"] == {
        "objects": 3,
        "missing_here": 4,
        "different": 0,
        "failed": 4,
        "unreplicated": 0,
        "keys": "dora.png, emil.png, fay.png and 1 more",
    }
    assert store.clock.now - before < 60


def test_what_was_never_under_replication_is_named_so(store: Store) -> None:
    """An object that is older than the rule."""
    store.east.target = None
    store.east.put("old.png", b"old")
    store.east.target = store.west
    said = store.refuses()
    assert "1 missing in us-west-1 (old.png); no replication is meant for 1 of them" in said


def test_what_was_replicated_and_is_gone_is_waited_for_and_refused_in_the_end(store: Store) -> None:
    store.west.forget("ann.png")
    assert "not within 300 s: pictures-east: 1 missing in us-west-1 (ann.png)" in store.refuses()
    said = store.compares(mode="ungraceful")
    assert (said["outcome"], said["facts"]["missing_here"], said["facts"]["failed"]) == ("different", 1, 0)


def test_an_object_with_a_delete_marker_is_not_there(store: Store) -> None:
    store.west.delete("ann.png")
    assert "1 missing in us-west-1 (ann.png)" in store.refuses()
    store.east.delete("ann.png")
    assert store.compares()["facts"] == {"objects": 2}


def test_what_only_the_region_that_takes_over_has_is_counted_and_not_waited_for(store: Store) -> None:
    store.east.delete("bob.png")
    store.west.put("new.png", b"new")
    assert store.compares()["facts"] == {"objects": 4, "missing_there": 2}


def test_a_copy_of_the_same_content_is_the_same_where_its_etag_says_so(store: Store) -> None:
    for bucket in (store.east, store.west):
        bucket.encrypted, bucket.failing = False, True
        bucket.put("copy.png", b"copied")
    assert store.compares()["facts"] == {"objects": 4}
    store.west.put("copy.png", b"altered")
    assert "1 different (copy.png)" in store.refuses()


def test_only_keys_that_begin_with_the_prefix_are_compared(store: Store) -> None:
    store.east.failing = True
    store.east.put("logs/1", b"")
    assert store.compares(inputs={"prefix": "ann"})["facts"] == {"objects": 1}
    assert "logs/1" in store.refuses(inputs={"prefix": "logs/"})


@pytest.mark.parametrize("faults", [False, True])
def test_many_pages_are_compared_over_several_ticks_and_each_difference_is_found(
    store: Store, faults: bool
) -> None:
    """Unequal pages: one side has many old versions, the other lacks keys; a look in five is silent."""
    for number in range(2400):
        store.east.put(f"p/{number:05}", b"x")
    store.east.target = None
    for _ in range(4500):
        store.east.put("p/01000", b"y")
    store.east.target = store.west
    store.east.put("p/01000", b"y")
    store.clock.sleep(200)
    for number in range(0, 2400, 80):
        store.west.forget(f"p/{number:05}")
    store.east.failing = True
    lacking = [f"q/{number}" for number in range(5)]
    for key in lacking:
        store.east.put(key, b"z")
    if faults:
        numbers = iter(range(10**9))
        store.cloud.faults.injectors.append(
            lambda request: "lost_after" if request.caller and next(numbers) % 5 == 4 else None
        )
    said = store.compares(mode="ungraceful", inputs={"within": 200})
    facts = said["facts"]
    assert (facts["missing_here"], facts["failed"], facts["objects"]) == (35, 5, 3 + 2400 - 30)


def test_a_tick_begins_where_the_one_before_has_stopped(store: Store) -> None:
    for number in range(6000):
        store.east.put(f"{number:05}", b"x")
    store.clock.sleep(200)
    store.calls()
    assert store.compares()["facts"] == {"objects": 6003}
    assert len(store.calls("ListObjectVersions")) == 14
    assert {r.operation for r in store.requests} <= {"Query", "PutItem"}


def test_of_more_than_a_hundred_the_first_are_asked_for_and_the_counts_are_of_all(store: Store) -> None:
    store.east.failing = True
    for number in range(250):
        store.east.put(f"{number:03}", b"x")
    said = store.refuses()
    assert "250 missing in us-west-1 (000, 001, 002 and 97 more); asked for the first 100" in said
    assert len(store.calls("HeadObject")) == 200


def test_where_more_than_a_hundred_were_on_their_way_all_is_compared_again(store: Store) -> None:
    store.east.held = True
    for number in range(120):
        store.east.put(f"{number:03}", b"x")
    store.clock.after(10, store.east.release)
    assert store.compares()["facts"]["objects"] == 123


def test_a_region_that_is_dark_is_waited_for_and_an_ungraceful_run_goes_on_without_it(store: Store) -> None:
    store.cloud.faults.dark.add(EAST)
    said = store.compares(mode="ungraceful", inputs={"patience": 20})
    assert said["outcome"] == "unknown"
    assert "us-east-1" in said["facts"]["why"]
    assert "not within 300 s: pictures-west cannot be compared" in store.refuses()


def test_a_region_that_is_dark_half_way_loses_nothing(store: Store) -> None:
    for number in range(6000):
        store.east.put(f"{number:05}", b"x")
    store.clock.sleep(200)
    store.west.forget("05999")
    pages = iter(range(10**9))

    def goes_dark(request: Request) -> None:
        if request.operation == "ListObjectVersions" and next(pages) == 11:
            store.cloud.faults.dark.add(EAST)
            store.clock.after(60, lambda: store.cloud.faults.dark.discard(EAST))

    store.cloud.faults.injectors.append(goes_dark)
    assert "1 missing in us-west-1 (05999)" in store.refuses()


def test_a_plan_lists_a_page_of_each_and_says_nothing_that_changes(store: Store) -> None:
    store.east.failing = True
    store.east.put("dora.png", b"x")
    assert store.tick("s3_objects_match", INPUTS, dry_run=True) == {"outcome": "done", "facts": {}}
    assert store.calls("ListObjectVersions", "HeadObject") == ["ListObjectVersions"] * 2


def test_a_plan_is_done_whoever_is_silent_and_doubts_it(store: Store) -> None:
    store.cloud.faults.dark.add(EAST)
    planned = store.tick("s3_objects_match", INPUTS, dry_run=True)
    assert planned["outcome"] == "done"
    said = "pictures-west cannot be compared: s3:ListBucketVersions in us-east-1"
    assert any(said in doubt for doubt in planned["facts"]["doubts"])


def test_two_regions_and_a_prefix_that_a_key_can_have_are_needed() -> None:
    given: Any = {**INPUTS, "other": WEST}
    with pytest.raises(ValueError, match="would be compared with itself"):
        S3ObjectsMatch(**given)
    given = {**INPUTS, "prefix": "x" * 1025}
    with pytest.raises(ValueError, match="more than 1024 bytes"):
        S3ObjectsMatch(**given)
