"""What differs between two Regions, by key, and what a person puts back of it; the twin is the account."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import twin.applications
from farshore.cli import farshore
from farshore.runbook.load import load
from farshore.runbook.mistakes import Mistakes
from farshore.simulate.simulation import Simulation
from farshore.testing.ticker import EAST, WEST, Ticker, ticking
from twin.faults import Request
from twin.services.dynamodb.model import DynamoDB

PARCELS = str(Path(__file__).parent / "applications" / "parcels.yaml")
RUNBOOK = """
application: orders
regions: {primary: us-east-1, standby: us-west-1}
objectives: {rto: 1h, rpo: 1m}
failover:
  - data_matches: {table: orders}
failback:
  - data_matches: {table: baskets}
"""


class Person(Ticker):
    """At a terminal, beside an account with two tables that were replicated, and are no longer."""

    folder: Path

    def __init__(self, cloud: Any) -> None:
        super().__init__(cloud)
        tables = DynamoDB.of(cloud)
        self.orders = tables.global_table("orders", (EAST, WEST), keys=("PK", "SK"))
        self.baskets = tables.global_table("baskets", (EAST, WEST))
        for number in range(3):
            self.put(f"ann/{number}")
        self.baskets.put(EAST, "a", {"n": 1}, "a")
        self.clock.sleep(10)
        self.orders.hold()
        self.baskets.hold()
        self.asked: list[Request] = []
        cloud.faults.injectors.append(self._ask)

    def _ask(self, request: Request) -> None:
        self.asked.append(request)

    def put(self, key: str, n: Any = 0, region: str = EAST, **more: Any) -> None:
        partition, _, sort = key.partition("/")
        self.orders.put(region, (partition, sort), {"n": n, **more}, f"{key} {n}")

    def __call__(self, *words: str) -> Result:
        (self.folder / "orders.yaml").write_text(RUNBOOK)
        words = ("reconcile", str(self.folder / "orders.yaml"), *words)
        result = CliRunner(mix_stderr=False).invoke(farshore, words, obj=self.outside)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def differ(self, *words: str) -> list[dict[str, Any]]:
        result = self(*words)
        assert result.exit_code == 0, result.stderr
        return [json.loads(line) for line in result.stdout.splitlines()]

    def refused(self, *words: str) -> str:
        result = self(*words)
        assert result.exit_code != 0, result.stdout
        return result.stderr

    def file(self, lines: list[dict[str, Any]] | str) -> str:
        text = lines if isinstance(lines, str) else "".join(f"{json.dumps(line)}\n" for line in lines)
        (self.folder / "picked.jsonl").write_text(text)
        return str(self.folder / "picked.jsonl")

    def applies(self, lines: list[dict[str, Any]], *words: str) -> list[tuple[str, str]]:
        """The outcome of each line, and why."""
        result = self("--apply", self.file(lines), "--yes", "--json", *words)
        told = json.loads(result.stdout)["lines"]
        fine = all(line["outcome"] in ("applied", "already") for line in told)
        assert (result.exit_code == 0) is fine, result.stderr
        return [(line["outcome"], line["why"]) for line in told]

    def writes(self) -> list[Request]:
        return [each for each in self.asked if each.operation in ("PutItem", "DeleteItem")]

    def lacks(self, **item: Any) -> list[dict[str, Any]]:
        """The one line of an item that only us-east-1 has."""
        self.put("ann/7", **item)
        return self.differ()


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Person]:
    with ticking(1, Person) as person:
        assert isinstance(person, Person)
        person.folder = tmp_path
        yield person


def swept(key: str, **said: str) -> dict[str, Any]:
    """As a sweep's report has it."""
    partition, _, sort = key.partition("/")
    return {"table": "orders", "key": {"PK": text(partition), "SK": text(sort)}, **said}


def test_keys_that_a_sweep_has_listed_are_looked_at_alone(person: Person) -> None:
    for key in ("ann/7", "ann/8", "ann/9"):
        person.put(key, 7)
    asked = len(person.asked)
    lines = [
        swept("ann/8", kind="missing", region=WEST),
        swept("ann/1", kind="different"),
        swept("ann/7", kind="missing", region=WEST),
    ]
    differ = person.differ("--keys", person.file(lines))
    assert [each["key"]["SK"]["S"] for each in differ] == ["7", "8"], "the third is the same by now"
    assert "Scan" not in {each.operation for each in person.asked[asked:]}
    assert person.applies(differ, "--stands", EAST) == [("applied", ""), ("applied", "")]
    assert [each["key"]["SK"]["S"] for each in person.differ()] == ["9"]


def test_lines_of_no_key_are_refused_all_at_once(person: Person) -> None:
    lines = (
        '{"key": {}}\n{"table": "orders", "key": {}}\n{"table": "carts", "key": {"PK": {"S": "a"}}}\n'
        '{"table": "orders", "key": {"PK": {"B": "?"}}}\n?\n[1]\n'
    )
    with pytest.raises(Mistakes) as refused:
        person("--keys", person.file(lines))
    assert [(each.line, each.what) for each in refused.value.mistakes] == [
        (1, "it has no table"),
        (2, "its key has no attributes"),
        (3, "carts is no table of the runbook"),
        (4, "PK is binary, and not written in base64"),
        (5, "this is no JSON"),
        (6, "it has no table"),
    ]


def test_a_line_with_another_key_than_the_table_has_is_refused(person: Person) -> None:
    said = person.refused("--keys", person.file([{"table": "orders", "key": {"PK": text("ann")}}]))
    assert "orders has the key PK and SK, and a line PK" in said


@pytest.mark.parametrize("more", [["--apply"], ["--table", "orders"], ["a-run"]])
def test_keys_stand_alone(person: Person, more: list[str]) -> None:
    file = person.file([swept("ann/7", kind="different")])
    words = [*more, file] if more == ["--apply"] else more
    assert "--keys names tables and keys itself" in person.refused("--keys", file, *words)


def text(value: str) -> dict[str, str]:
    return {"S": value}


def test_tables_that_are_the_same_have_no_line(person: Person) -> None:
    result = person()
    assert (result.exit_code, result.stdout) == (0, "")
    assert "orders: 0 keys differ" in result.stderr


def test_each_key_that_differs_is_a_line_with_both_items_and_their_regions(person: Person) -> None:
    person.put("ann/7", 7)
    person.put("ann/8", 8, region=WEST)
    person.put("ann/1", 5)
    different, missing_here, missing_there = person.differ()
    assert missing_here == {
        "table": "orders",
        "key": {"PK": text("ann"), "SK": text("7")},
        "kind": "missing_here",
        "here": WEST,
        "there": EAST,
        "items": {WEST: None, EAST: {"PK": text("ann"), "SK": text("7"), "n": {"N": "7"}}},
        "later": None,
        "stands": "",
    }
    assert (missing_there["kind"], missing_there["items"][EAST]) == ("missing_there", None)
    assert different["kind"] == "different"
    assert [different["items"][region]["n"]["N"] for region in (WEST, EAST)] == ["0", "5"]
    assert person.writes() == []


def test_every_table_of_the_runbook_is_compared_or_those_that_are_named(person: Person) -> None:
    person.put("ann/7")
    person.baskets.put(WEST, "b", {}, "b")
    assert [line["table"] for line in person.differ()] == ["baskets", "orders"]
    assert [line["table"] for line in person.differ("--table", "baskets")] == ["baskets"]
    assert "order is no table of the runbook" in person.refused("--table", "order")
    assert 'did you mean "orders"' in person.refused("--table", "order")


@pytest.mark.parametrize(
    ("east", "west", "later"),
    [
        (1_700_000_000, 1_700_000_002.5, {"region": WEST, "seconds": 2.5}),
        (1_700_000_003_000, 1_700_000_002_000, {"region": EAST, "seconds": 1.0}),
        ("2027-01-01T00:00:05Z", "2027-01-01T01:00:00+01:00", {"region": EAST, "seconds": 5.0}),
        (5, 5, None),
        ("yesterday", 5, None),
    ],
)
def test_where_both_items_bear_a_time_it_says_whose_is_later(
    person: Person, east: Any, west: Any, later: Any
) -> None:
    def time(value: Any) -> Any:
        return value if isinstance(value, str) else Decimal(str(value))

    person.put("ann/1", 1, at=time(east))
    person.put("ann/1", 2, region=WEST, at=time(west))
    (line,) = person.differ("--time", "at")
    assert line["later"] == later
    assert person.differ()[0]["later"] is None


def test_a_thousand_differences_among_many_items_are_all_named(person: Person) -> None:
    for number in range(2000):
        person.put(f"bob/{number:04}", region=WEST)
    person.orders.release()
    person.clock.sleep(20)
    person.orders.hold()
    for number in range(0, 2000, 2):
        person.put(f"bob/{number:04}", n=1)
    lines = person.differ("--table", "orders")
    assert [line["key"]["SK"]["S"] for line in lines] == [f"{number:04}" for number in range(0, 2000, 2)]


def test_without_a_yes_it_shows_each_write_and_its_condition_and_writes_nothing(person: Person) -> None:
    person.put("ann/7", 7)
    person.put("ann/8", 8, region=WEST)
    lines = person.differ()
    result = person("--apply", person.file(lines), "--stands", EAST)
    assert result.exit_code == 1
    assert "nothing was written" in result.stderr
    put, delete = result.stdout.splitlines()
    assert put.startswith('put  orders ann/7 in us-west-1  {"n": {"N": "7"}, "PK": {"S": "ann"}')
    assert put.endswith("while it has none")
    assert delete.startswith("delete  orders ann/8 in us-west-1  while it has {")
    assert person.writes() == []


def test_what_a_person_picked_stands_in_both_regions_afterwards(person: Person) -> None:
    person.put("ann/7", 7, tags={"a", "b"}, raw=b"\x00\xff", deep=[{"x": True}, None])
    person.put("ann/8", 8, region=WEST)
    person.put("ann/1", 5)
    different, missing_here, missing_there = person.differ()
    different["stands"] = WEST
    assert person.applies([different, missing_here, missing_there], "--stands", EAST) == [("applied", "")] * 3
    assert person.differ() == []
    assert person.orders.get(WEST, ("ann", "8")) is None
    assert person.orders.get(EAST, ("ann", "1")) == {"n": 0}
    assert person.orders.get(WEST, ("ann", "7")) == person.orders.get(EAST, ("ann", "7"))


@pytest.mark.parametrize("end", ["\u2028", "\u2029", "\x85", "\r"])
def test_its_own_lines_are_read_whatever_else_ends_a_line_in_a_text(person: Person, end: str) -> None:
    person.put("ann/7", f"a{end}b")
    file = person.file(person().stdout)
    assert person("--apply", file, "--yes", "--stands", EAST).stdout.startswith("applied ")
    assert person.orders.get(WEST, ("ann", "7")) == {"n": f"a{end}b"}


def test_lines_that_a_person_has_deleted_are_not_applied(person: Person) -> None:
    person.put("ann/7")
    person.put("ann/8")
    first, second = person.differ()
    assert person.applies([second], "--stands", EAST) == [("applied", "")]
    assert person.differ() == [first]


def test_the_same_lines_again_write_nothing_more(person: Person) -> None:
    lines = person.lacks()
    person.applies(lines, "--stands", EAST)
    before = len(person.writes())
    assert person.applies(lines, "--stands", EAST) == [("already", "")]
    assert len(person.writes()) == before


CHANGES: dict[str, Callable[[Person], object]] = {
    "the item that would be overwritten": lambda person: person.put("ann/1", 9, region=WEST),
    "an attribute more in it": lambda person: person.put("ann/1", 0, region=WEST, more=1),
    "the item that stands": lambda person: person.put("ann/1", 9),
    "the item that stands is gone": lambda person: person.orders.delete(EAST, ("ann", "1"), "x"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_has_changed_since_the_line_was_written_is_left_and_told(
    person: Person, change: Callable[[Person], object]
) -> None:
    person.put("ann/1", 5)
    lines = person.differ()
    change(person)
    ((outcome, why),) = person.applies(lines, "--stands", EAST)
    assert (outcome, "not what the line says" in why) == ("left", True)
    assert person.writes() == []


MOMENTS = {
    "another value": {"n": 9},
    "an attribute that the written item has, too": {"n": 0, "note": "theirs"},
    "nothing": None,
}


@pytest.mark.parametrize("item", MOMENTS.values(), ids=MOMENTS)
def test_what_changes_between_the_look_and_the_write_is_not_overwritten(person: Person, item: Any) -> None:
    person.put("ann/1", 5, note="ours")
    lines = person.differ()

    def meanwhile(request: Request) -> None:
        if request.operation == "PutItem":
            if item is None:
                person.orders.delete(WEST, ("ann", "1"), "x")
            else:
                person.orders.put(WEST, ("ann", "1"), item, "x")

    person.cloud.faults.injectors.append(meanwhile)
    ((outcome, why),) = person.applies(lines, "--stands", EAST)
    assert (outcome, "changed at that moment" in why) == ("left", True)
    assert person.orders.get(WEST, ("ann", "1")) == item


def test_what_is_different_only_in_its_spelling_is_no_difference(person: Person) -> None:
    """1.0 and 1; the sets' order."""
    for region, number in ((EAST, "1.0"), (WEST, "1")):
        person.put("ann/1", Decimal(number), region=region, tags={"a", "b", "c"})
    assert person.differ() == []


@pytest.mark.parametrize("kind", ["lost_before", "lost_after", "throttled", "failed"])
def test_a_write_whose_answer_is_lost_is_judged_by_what_is_read_back(person: Person, kind: Any) -> None:
    lines = person.lacks()
    left = [1]

    def once(request: Request) -> Any:
        if request.operation == "PutItem" and left[0]:
            left[0] -= 1
            return kind
        return None

    person.cloud.faults.injectors.append(once)
    assert person.applies(lines, "--stands", EAST) == [("applied", "")]
    assert person.differ() == []


def test_a_region_that_does_not_answer_leaves_its_lines_unknown_and_the_next_run_goes_on(
    person: Person,
) -> None:
    lines = person.lacks()
    person.cloud.faults.dark.add(EAST)
    ((outcome, why),) = person.applies(lines, "--stands", EAST)
    assert (outcome, "orders in us-east-1" in why, person.writes()) == ("unknown", True, [])
    assert "orders in us-east-1" in person.refused("--table", "orders")
    person.cloud.faults.dark.clear()
    assert person.applies(lines, "--stands", EAST) == [("applied", "")]


def test_a_denied_write_leaves_its_line_and_says_so(person: Person) -> None:
    lines = person.lacks()
    person.cloud.faults.injectors.append(lambda r: "denied" if r.operation == "PutItem" else None)
    ((outcome, why),) = person.applies(lines, "--stands", EAST)
    assert (outcome, "dynamodb:PutItem in us-west-1 was refused" in why) == ("left", True)


def test_all_mistakes_of_a_file_are_told_at_once_and_nothing_is_written(person: Person) -> None:
    (line,) = person.lacks()
    wrong = [
        "no json",
        json.dumps({**line, "stands": "eu-west-1"}),
        json.dumps({**line, "table": "ledger", "stands": EAST}),
        json.dumps(line),
        json.dumps({**line, "items": {EAST: None, WEST: None}}),
        json.dumps({**line, "items": {EAST: {**line["items"][EAST], "n": {"N": "seven"}}, WEST: None}}),
        json.dumps({**line, "items": {EAST: {**line["items"][EAST], "SK": text("8")}, WEST: None}}),
        json.dumps({name: value for name, value in line.items() if name != "here"}),
        "[" * 100_000,
    ]
    with pytest.raises(Mistakes) as told:
        person("--apply", person.file("\n".join(wrong)), "--yes")
    said = str(told.value).splitlines()
    assert len(said) == len(wrong)
    for line_said, words in zip(
        said,
        (
            "picked.jsonl:1: this is no JSON",
            ":2: stands eu-west-1: it is neither us-west-1 nor us-east-1",
            ":3: ledger is no table of the runbook: it names baskets, orders",
            ":4: nobody says which Region's item of orders ann/7 stands",
            ":5: no Region has an item",
            ":6: n is no N",
            ":7: an item has another key than the line",
            ":8: it has no here",
            ":9: this is no JSON",
        ),
        strict=True,
    ):
        assert words in line_said
    assert person.writes() == []
    with pytest.raises(Mistakes, match="no line is left"):
        person("--apply", person.file("\n"), "--yes")


def test_two_lines_about_one_key_are_a_mistake(person: Person) -> None:
    (line,) = person.lacks()
    with pytest.raises(Mistakes, match="line 1 is about orders ann/7, too: keep one"):
        person("--apply", person.file([line, line]), "--stands", EAST)


@pytest.mark.parametrize(
    ("ours", "theirs", "fits"), [(140, 140, True), (160, 160, False), (130, 1, True), (145, 1, False)]
)
def test_an_item_of_more_attributes_than_a_condition_takes_is_a_mistake(
    person: Person, ours: int, theirs: int, fits: bool
) -> None:
    """300 operators, 4 KB."""
    for region, many in ((EAST, ours), (WEST, theirs)):
        person.put(
            "ann/1", int(region == WEST), region=region, **{f"a{number}": many for number in range(many)}
        )
    (line,) = person.differ()
    if fits:
        assert person.applies([line], "--stands", EAST) == [("applied", "")]
    else:
        with pytest.raises(Mistakes, match="orders ann/1 has more attributes than a condition takes"):
            person("--apply", person.file([line]), "--stands", EAST)


def test_a_run_says_which_tables_and_in_which_direction(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failback took over in the primary."""
    beside = str(Path(PARCELS).parent)
    monkeypatch.setattr(twin.applications, "__path__", [*twin.applications.__path__, beside])
    with Simulation(load(PARCELS), 1, data="memory") as account:
        arn = account.operator.start("failback", "graceful", dry_run=True)
        account.clock.wait_for(lambda: account.status(arn) != "RUNNING", 600)
        table = DynamoDB.of(account.cloud).global_tables["parcels"]
        table.hold()
        table.put(EAST, "zz", {}, "zz")
        said = {}
        for name, words in (("a run", [arn.rpartition(":")[2]]), ("now", [])):
            words = ["reconcile", PARCELS, *words]
            result = CliRunner(mix_stderr=False).invoke(farshore, words, obj=account.deployment.outside)
            assert result.exit_code == 0, result.stderr
            (line,) = map(json.loads, result.stdout.splitlines())
            said[name] = (line["table"], line["here"], line["kind"])
        assert said == {"a run": ("parcels", EAST, "missing_there"), "now": ("parcels", WEST, "missing_here")}
