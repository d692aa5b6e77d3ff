"""A whole table is compared by segments: the real handler in both Regions, and what AWS does to it."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from farshore.testing.ticker import EAST, THIS, WEST, Ticker, declared, ticking
from functions import comparison
from functions.steps import data_matches
from functions.steps.data_matches import DataMatches
from twin.faults import Kind, Request
from twin.services.dynamodb import scans as dynamodb_scans
from twin.services.dynamodb.model import DynamoDB
from twin.services.lambda_.model import FunctionError

INPUTS: dict[str, Any] = {"table": "orders", "region": WEST, "other": EAST, "within": 120}
STATE = "data_matches"
GONE = "gone"


class Store(Ticker):
    """A table of customers' orders, the same in both Regions, and the step's function in both."""

    def __init__(self, cloud: Any) -> None:
        super().__init__(cloud)
        self.orders = DynamoDB.of(cloud).global_table("orders", (EAST, WEST), keys=("PK", "SK"))
        for region in (EAST, WEST):
            self.deploy(DataMatches, region)
        self.hold()

    def fill(self, items: int, text: str = "") -> None:
        for number in range(items):
            self.put(number, 0, text)
        self.clock.sleep(10)

    def put(self, number: int, n: int = 0, text: str = "", region: str = EAST) -> None:
        item = {"n": n, "tags": {"b", "a"}, "text": text}
        self.orders.put(region, key(number), item, f"{number} {n}")

    def part(self) -> None:
        """Nothing is replicated from now on."""
        self.orders.hold()

    def inputs(self, **more: Any) -> dict[str, Any]:
        """As the compiler fills them in."""
        given = INPUTS | more
        event = self.event(given, step="data_matches", state=STATE)
        event = {name: event[name] for name in ("inputs", "run", "ledger")}
        itself = {"state": STATE, "function": "data_matches:$LATEST", "event": event, "no_return": False}
        return given | {"itself": [itself]}

    def compares(self, inputs: dict[str, Any] | None = None, **given: Any) -> dict[str, Any]:
        return self.converge("data_matches", self.inputs(**inputs or {}), **{"state": STATE} | given)

    def ticks(self, inputs: dict[str, Any] | None = None, **given: Any) -> dict[str, Any]:
        return self.tick("data_matches", self.inputs(**inputs or {}), state=STATE, **given)

    def refuses(self, **given: Any) -> str:
        with pytest.raises(Exception, match="Refused") as shown:
            self.compares(**given)
        return str(shown.value)

    def seed(self, dice: random.Random, items: int, k: int) -> dict[str, set[str]]:
        """So many keys each that are missing here, missing there and different, for good: by their kinds."""
        self.part()
        chosen = dice.sample(range(items), 2 * k)
        found: dict[str, set[str]] = {"missing here": set(), "missing there": set(), "different": set()}
        for number in chosen[:k]:
            self.put(number, 7)
            found["different"].add(name(number))
        for number in chosen[k:]:
            self.orders.delete(WEST, key(number), GONE)
            found["missing here"].add(name(number))
        for number in range(items, items + k):
            self.put(number, region=WEST)
            found["missing there"].add(name(number))
        return found


def key(number: int) -> tuple[str, str]:
    return f"customer {number % 97}", f"{number:06d}"


def name(number: int) -> str:
    return "/".join(key(number))


@pytest.fixture
def store() -> Iterator[Store]:
    with ticking(1, Store) as store:
        assert isinstance(store, Store)
        yield store


@pytest.fixture
def segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small tables have many."""
    monkeypatch.setattr(comparison, "SEGMENT_BYTES", 400)


many_segments = pytest.mark.usefixtures("segments")


def whole(said: dict[str, Any]) -> tuple[int, int, int]:
    facts = said["facts"]
    return facts["missing_here"], facts["missing_there"], facts["different"]


def scans(store: Store) -> Counter[str]:
    return Counter(request.region for request in store.requests if request.operation == "Scan")


def noted(store: Store) -> dict[str, Any]:
    """By the last tick, of the keys that differ."""
    found: dict[str, Any] = store.records().found[STATE]["compared"]["keys"]
    return {"/".join(next(iter(part.values())) for part in json.loads(each)): v for each, v in found.items()}


def test_what_is_the_same_is_done_with_its_count_and_is_read_once_in_each_region(store: Store) -> None:
    store.fill(200)
    assert store.ticks() == {"outcome": "done", "facts": {"items": 200}}
    assert scans(store) == {EAST: 1, WEST: 1}


@many_segments
def test_so_it_is_in_many_segments_whatever_each_holds(store: Store) -> None:
    store.fill(400)
    assert store.compares()["facts"] == {"items": 400}
    assert scans(store)[EAST] == scans(store)[WEST] > 32


def test_an_empty_table_is_the_same(store: Store) -> None:
    assert store.compares() == {"outcome": "done", "facts": {"items": 0}}


def test_each_region_is_read_by_its_own_function_and_no_row_crosses(store: Store) -> None:
    store.fill(50)
    store.ticks()
    read = {(request.region, request.origin) for request in store.requests if request.operation == "Scan"}
    assert read == {(EAST, EAST), (WEST, WEST)}


def test_it_calls_nothing_but_what_its_policy_allows(store: Store) -> None:
    store.fill(50)
    store.part()
    store.put(3, 1)
    inputs = store.inputs()
    # What the template names is the function as it is deployed.
    inputs["itself"][0]["function"] = "farshore-data-matches:$LATEST"
    for region in (EAST, WEST):
        handler = store.functions.function(region, "data_matches").versions[-1].handler
        store.functions.deploy(region, "farshore-data-matches", handler, policy=declared(DataMatches, inputs))
    said = store.converge(
        "farshore-data-matches", inputs, state=STATE, step="data_matches", mode="ungraceful"
    )
    assert (said["outcome"], whole(said)) == ("different", (0, 0, 1))


@pytest.mark.parametrize("k", [1, 30])
@many_segments
def test_what_stays_missing_here_or_there_or_different_is_found_and_named(store: Store, k: int) -> None:
    store.fill(600)
    truly = store.seed(random.Random(k), 600, k)
    said = store.compares(mode="ungraceful")
    assert (said["outcome"], whole(said)) == ("different", (k, k, k))
    found = noted(store)
    assert {each for each, pair in found.items() if pair[0] is None} == truly["missing here"]
    assert {each for each, pair in found.items() if pair[1] is None} == truly["missing there"]
    assert {each for each, pair in found.items() if None not in pair} == truly["different"]


def test_a_graceful_run_names_it_and_is_refused(store: Store) -> None:
    store.fill(60)
    store.part()
    store.put(3, 1)
    store.put(99)
    said = store.refuses()
    assert (
        "not within 120 s: orders: 1 missing in us-west-1 (customer 2/000099), 1 different (customer 3/"
        in said
    )


def test_hundreds_of_differences_among_thousands_of_items_are_all_found(store: Store) -> None:
    store.fill(3000)
    truly = store.seed(random.Random(1), 3000, 300)
    said = store.compares(mode="ungraceful")
    assert whole(said) == (300, 300, 300)
    assert set(noted(store)) == set().union(*truly.values())


def test_more_than_can_be_noted_is_told_as_such_and_the_comparison_begins_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "MOST_NOTED", 20)
    store.fill(60)
    store.part()
    for number in range(30):
        store.put(number, 5)
    said = store.compares(mode="ungraceful")
    assert (said["outcome"], said["facts"]["different"], said["facts"]["items"]) == ("different", 30, 60)
    with pytest.raises(Exception, match="before, 30 different"):
        store.compares()
    store.clock.sleep(1)
    entered = store.clock.now
    with pytest.raises(Exception, match="0 of 1 segments are compared; before, 30 different"):
        store.ticks(entered=entered)
    store.orders.release()
    assert store.compares(entered=entered) == {"outcome": "done", "facts": {"items": 60}}


@many_segments
def test_what_is_under_way_is_looked_at_again_until_it_is_there(store: Store) -> None:
    store.fill(300)
    for number in range(40):
        store.put(number, 1)
    assert store.compares() == {"outcome": "done", "facts": {"items": 300}}


@many_segments
def test_items_that_are_written_all_the_time_are_in_flight_and_a_difference_beside_them_is_found(
    store: Store,
) -> None:
    store.fill(300)
    numbers = iter(range(1, 100_000))
    store.clock.every(0.5, lambda: store.put(5, next(numbers)))
    store.clock.sleep(5)
    said = store.compares()
    assert (said["outcome"], said["facts"]["items"]) == ("done", 300)
    store.put(6, 1)
    for route in store.orders._routes.values():  # this one write gets lost
        route.under_way.clear()
    said = store.compares(mode="ungraceful", state="another")
    assert (said["outcome"], whole(said)) == ("different", (0, 0, 1))


def test_a_segment_that_is_longer_than_an_invocation_reads_goes_on_in_the_next(store: Store) -> None:
    """So it is with many items of one partition key, which no number of segments divides."""
    for number in range(30):
        store.orders.put(EAST, ("ann", str(number)), {"text": "x" * 350_000}, "long")
    store.clock.sleep(10)
    assert store.compares()["facts"] == {"items": 30}
    assert scans(store)[EAST] == scans(store)[WEST] >= 10
    store.part()
    store.orders.put(EAST, ("ann", "7"), {"text": "y"}, "short")
    said = store.compares(mode="ungraceful", state="another")
    assert (whole(said), said["facts"]["keys"]) == ((0, 0, 1), "ann/7")


def rate(store: Store, units: int) -> tuple[float, int]:
    """How long a comparison took, and the most segments at once in one Region."""
    began, at_once = store.clock.now, 0

    def count(request: Request) -> Kind | None:
        nonlocal at_once
        running = sum(i.function.region == EAST for i in store.functions.running)
        at_once = max(at_once, running)
        return None

    store.cloud.faults.injectors.append(count)
    store.compares({"rate": units, "within": 1000})
    return store.clock.now - began, at_once


def test_no_more_is_consumed_than_the_rate_allows(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "SEGMENT_BYTES", 100_000)
    store.fill(1500, "x" * 1000)  # some 190 units in each Region
    took, at_once = rate(store, 10)
    assert (took > 15, at_once <= 4) == (True, True), (took, at_once)
    took, at_once = rate(store, 5)
    assert (took > 30, at_once <= 2) == (True, True), (took, at_once)
    assert rate(store, 1000)[0] < 12


FAULTS: list[tuple[str, Kind]] = [
    (operation, kind)
    for operation in ("Scan", "Invoke", "DescribeTable", "BatchGetItem")
    for kind in ("lost_before", "lost_after", "throttled", "500", "hollow", "stale")
    if (operation, kind) != ("Invoke", "stale")
]


@pytest.mark.parametrize(("operation", "kind"), FAULTS)
@many_segments
def test_a_lost_answer_costs_no_difference_and_invents_none(store: Store, operation: str, kind: Kind) -> None:
    """The first answers of all, and then one in three."""
    store.fill(150)
    store.part()
    store.put(3, 1)
    dice, of_orders = random.Random(1), Counter[str]()

    def line(request: Request) -> Kind | None:
        if request.operation != operation or not request.caller:
            return None
        of_orders[operation] += 1
        return kind if of_orders[operation] < 3 or dice.random() < 0.3 else None

    store.cloud.faults.injectors.append(line)
    said = store.compares({"within": 400, "patience": 300}, mode="ungraceful")
    assert (said["outcome"], whole(said)) == ("different", (0, 0, 1))


@pytest.mark.parametrize("kind", ["lost_before", "throttled", "500", "hollow"])
def test_a_page_that_is_lost_is_not_the_end_of_its_segment(
    store: Store, monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    monkeypatch.setattr(dynamodb_scans, "LONGEST_PAGE_BYTES", 60)
    store.fill(60)
    truly = store.seed(random.Random(1), 60, 2)
    dice = random.Random(3)

    def line(request: Request) -> Kind | None:
        return kind if request.operation == "Scan" and request.caller and dice.random() < 0.25 else None

    store.cloud.faults.injectors.append(line)
    said = store.compares({"within": 300, "patience": 290}, mode="ungraceful")
    assert (whole(said), said["facts"]["items"]) == ((2, 2, 2), 60)
    assert set(noted(store)) == set().union(*truly.values())


@many_segments
def test_an_invocation_that_is_killed_costs_its_own_segment(store: Store) -> None:
    store.fill(300)
    store.part()
    store.put(3, 1)
    kills = [0]

    def kill(request: Request) -> Kind | None:
        if request.operation == "Scan" and kills[0] < 12:
            kills[0] += 1
            mine = [i for i in store.functions.running if i.function.region == request.origin]
            mine[-1].kill()
        return None

    store.cloud.faults.injectors.append(kill)
    said = store.compares(mode="ungraceful")
    assert (kills[0], whole(said)) == (12, (0, 0, 1))


@many_segments
def test_a_tick_that_is_killed_costs_what_it_has_not_noted(store: Store) -> None:
    store.fill(300)
    store.part()
    store.put(3, 1)
    left = [3]

    def kill(request: Request) -> Kind | None:
        first = store.functions.running[0] if store.functions.running else None
        if request.operation == "PutItem" and first is not None and left[0]:
            left[0] -= 1
            first.kill()
        return None

    store.cloud.faults.injectors.append(kill)
    said = store.compares(mode="ungraceful")
    assert (left, whole(said)) == ([0], (0, 0, 1))


@many_segments
def test_two_ticks_at_once_end_as_one_does(store: Store) -> None:
    store.fill(300)
    store.part()
    store.put(3, 1)
    entered, inputs = store.clock.now, store.inputs()
    ends: list[Any] = []

    def tick() -> None:
        for _ in range(100):
            try:
                ends.append(
                    store.tick("data_matches", inputs, state=STATE, entered=entered, mode="ungraceful")
                )
                return
            except FunctionError:
                store.clock.sleep(1)

    for task in [store.clock.spawn(tick), store.clock.spawn(tick)]:
        task.join()
    assert [whole(said) for said in ends] == [(0, 0, 1), (0, 0, 1)]


@many_segments
def test_a_run_that_is_redriven_compares_from_the_beginning(store: Store) -> None:
    store.fill(300)
    store.part()
    entered = store.clock.now
    with pytest.raises(Exception, match="segments are compared"):
        store.ticks({"rate": 1}, entered=entered)
    store.put(3, 1)
    store.hold(redrives=1)
    store.clock.sleep(20)
    said = store.compares(mode="ungraceful", entered=entered, redrives=1, redriven=store.clock.now - 1)
    assert whole(said) == (0, 0, 1)


@many_segments
def test_with_the_other_region_dark_an_ungraceful_run_does_not_know(store: Store) -> None:
    store.fill(200)
    store.cloud.faults.dark.add(EAST)
    said = store.compares(mode="ungraceful")
    assert said["outcome"] == "unknown"
    assert "ConnectTimeoutError" in said["facts"]["why"]


@many_segments
def test_so_it_ends_where_it_goes_dark_half_way(store: Store) -> None:
    store.fill(400)
    entered = store.clock.now
    with pytest.raises(Exception, match="segments are compared"):
        store.ticks({"rate": 5}, entered=entered, mode="ungraceful")
    store.cloud.faults.dark.add(EAST)
    said = store.compares({"rate": 5}, entered=entered, mode="ungraceful")
    assert said["outcome"] == "unknown"


@many_segments
def test_what_was_read_before_it_went_dark_need_not_be_read_again(store: Store) -> None:
    store.fill(400)
    entered = store.clock.now
    with pytest.raises(Exception, match="segments are compared"):
        store.ticks(entered=entered)
    before = scans(store)[EAST]
    store.cloud.faults.dark.add(EAST)
    with pytest.raises(Exception, match="cannot be compared"):
        store.ticks(entered=entered)
    store.cloud.faults.dark.clear()
    assert store.compares(entered=entered)["facts"] == {"items": 400}
    assert 30 < before < scans(store)[EAST] < 60


def test_a_graceful_run_waits_for_it_and_is_refused(store: Store) -> None:
    store.fill(10)
    store.cloud.faults.dark.add(EAST)
    assert "not within 120 s: orders cannot be compared" in store.refuses()


def test_a_replica_of_the_ledger_that_never_answers_does_not_keep_a_function_from_telling(
    store: Store,
) -> None:
    """Each function reads the ledger first, and asks the nearest replica before the others."""
    store.fill(10)
    store.cloud.faults.ailing["us-west-2"] = "mute"
    assert store.compares()["facts"] == {"items": 10}


def test_a_mistake_of_ours_in_one_part_is_asked_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.fill(10)
    real, left = data_matches.read_part, [None] * 3

    def mistaken(*given: Any) -> Any:
        if left:
            left.pop()
            raise RuntimeError("a mistake")
        return real(*given)

    monkeypatch.setattr(data_matches, "read_part", mistaken)
    assert store.compares()["facts"] == {"items": 10}


def test_in_no_mode_the_region_that_takes_over_may_be_silent(store: Store) -> None:
    store.fill(10)
    store.cloud.faults.dark.add(f"dynamodb/{WEST}")
    assert "not within 120 s: orders cannot be compared" in store.refuses(mode="ungraceful")


def test_a_plan_reads_next_to_nothing_and_does_not_change_with_every_write(store: Store) -> None:
    store.fill(100, "x" * 20_000)
    planned = store.ticks(dry_run=True)
    store.put(3, 1)
    assert store.ticks(dry_run=True) == planned == {"outcome": "done", "facts": {}}
    assert scans(store) == {EAST: 2, WEST: 2}
    assert {request.parameters.get("TotalSegments", 1_000_000) for request in store.requests} == {1_000_000}


@pytest.mark.parametrize("partitions", [None, [{"PK": "0"}]])
@pytest.mark.parametrize("region", [EAST, WEST])
def test_a_plan_does_not_change_when_somebody_is_silent_and_says_so(
    store: Store, region: str, partitions: list[dict[str, str]] | None
) -> None:
    """A person's word on a plan is on what it does."""
    inputs: dict[str, Any] = {"partitions": partitions} if partitions else {}
    store.fill(10)
    store.cloud.faults.dark.add(f"dynamodb/{region}")
    said = store.ticks(inputs, dry_run=True)
    assert said["outcome"] == "done"
    assert any("orders cannot be compared" in doubt for doubt in said["facts"]["doubts"])


@pytest.mark.parametrize("operation", ["Scan", "Invoke", "DescribeTable"])
def test_what_is_denied_is_refused_in_awss_words_in_a_plan_too(store: Store, operation: str) -> None:
    store.inject("denied", operation, 10_000)
    for dry_run in (True, False):
        with pytest.raises(Exception, match=r"Refused.* was refused: AccessDenied"):
            store.ticks(dry_run=dry_run)


def test_a_function_that_is_missing_in_the_other_region_is_told_in_a_plan(store: Store) -> None:
    del store.functions._functions[EAST, "data_matches"]
    with pytest.raises(Exception, match="in us-east-1 was refused: ResourceNotFoundException"):
        store.ticks(dry_run=True)


def test_a_plan_on_a_laptop_asks_no_function(store: Store) -> None:
    said = store.tick("data_matches", INPUTS, state=STATE, dry_run=True)
    assert said == {"outcome": "done", "facts": {}}
    assert scans(store) == {}


def bodies(change: Callable[[dict[str, Any]], None]) -> Callable[[Any], Any]:
    """The answers of Scan, changed."""

    def changed(original: Any) -> Any:
        def answer(request: Request) -> Any:
            body = dict(original(request))
            if request.operation == "Scan":
                change(body)
            return body

        return answer

    return changed


@pytest.mark.parametrize("member", ["Items", "ConsumedCapacity"])
def test_an_answer_without_a_member_says_nothing(store: Store, member: str) -> None:
    store.fill(10)
    meant, answer = store.cloud._shared["dynamodb", "Scan"]
    store.cloud._shared["dynamodb", "Scan"] = meant, bodies(lambda body: body.pop(member))(answer)
    said = store.refuses()
    assert "orders cannot be compared: in us-" in said
    assert "an answer of another form (KeyError)" in said


def test_a_rate_lets_something_be_read() -> None:
    with pytest.raises(ValueError, match="rate 0 lets nothing be read"):
        DataMatches(**INPUTS | {"rate": 0})


def test_no_log_line_holds_what_one_function_tells_another(store: Store) -> None:
    store.fill(10)
    store.ticks()
    assert not [line for *_, line in store.functions.logs if '"answer"' in line]
    assert [line for *_, line in store.functions.logs if '"told"' in line]


@pytest.mark.parametrize("compared", [None, 1, [], {}, {"open": 1}, {"sums": "!", "open": {}}])
def test_what_no_version_has_noted_is_no_progress(store: Store, compared: Any) -> None:
    store.fill(10)
    store.ledger.write(f"found#{STATE}", {"execution": THIS, "at": store.clock.now, "compared": compared})
    assert store.ticks() == {"outcome": "done", "facts": {"items": 10}}
