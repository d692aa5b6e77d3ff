"""The data of a global database are whole: the real handler, on PostgreSQL and on what exploration has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from farshore.testing.ticker import EAST, THIS, WEST, Ticker, declared, ticking
from functions.ledger import Owe
from functions.steps.aurora_data_matches import AuroraDataMatches
from twin.cloud import ACCOUNT
from twin.services.aurora.journal import Journal
from twin.services.aurora.model import Aurora
from twin.services.aurora.postgres import Pair
from twin.services.rds_data.journal import Key
from twin.services.rds_data.model import Enabled, RdsData

STEP = "aurora_data_matches"
MEMBERS = {EAST: "shop-east", WEST: "shop-west"}
SECRETS = {region: f"arn:aws:secretsmanager:{region}:{ACCOUNT}:secret:reader-AbCdEf" for region in MEMBERS}
UNSOLD = "SELECT count(*) FROM orders WHERE state = 'lost'"
INPUTS: dict[str, Any] = {
    "database": "shop",
    "members": MEMBERS,
    "secrets": SECRETS,
    "tables": {"orders": "id"},
    "probe": "farshore",
    "invariants": [{"name": "no order is lost", "query": UNSOLD, "gives": 0}],
    "region": WEST,
    "other": EAST,
    "patience": 20,
    "within": 300,
}
SCHEMA = """
CREATE TABLE orders (id text PRIMARY KEY, state text);
CREATE TABLE farshore (id varchar(64) PRIMARY KEY, written varchar(64));
"""


class Night(Ticker):
    """A global database with forty orders, written in the primary Region; its data are in a journal."""

    def __init__(self, cloud: Any) -> None:
        super().__init__(cloud)
        self.store = self.made()
        self.database = Aurora(cloud).global_database("shop", MEMBERS, self.store)
        RdsData(cloud).enable(
            Enabled(
                self.database,
                "shop",
                SECRETS,
                {"orders": Key("id")},
                {UNSOLD: lambda t: sum(row["state"] == "lost" for row in t("orders").values())},
            )
        )
        for number in range(40):
            self.order(f"o{number:02}")
        self.clock.sleep(5)
        policy = declared(AuroraDataMatches, INPUTS)
        for region in MEMBERS:
            self.deploy(AuroraDataMatches, region, policy=policy)
        self.hold()

    def made(self) -> Any:
        return Journal((EAST, WEST))

    def order(self, key: str, state: str = "new", region: str = EAST) -> None:
        self.database.connect(region).write("orders", key, {"id": key, "state": state})

    def move(self, loses: bool = False) -> None:
        """The writer goes to the other Region."""
        kind = "FailoverGlobalCluster" if loses else "SwitchoverGlobalCluster"
        self.database.move(WEST, loses, WEST if loses else EAST, kind)
        while self.database.writer != WEST:
            self.clock.sleep(5)

    def matches(self, mode: str = "graceful", **inputs: Any) -> dict[str, Any]:
        return self.converge(STEP, INPUTS | inputs, mode=mode)

    def refuses(self, mode: str = "graceful", **inputs: Any) -> str:
        with pytest.raises(Exception, match="Refused") as shown:
            self.matches(mode, **inputs)
        return str(shown.value)

    def says(self, mode: str = "graceful", **inputs: Any) -> str:
        return self.fails(STEP, INPUTS | inputs, mode=mode)


class RealNight(Night):
    """The same, and its data are in two PostgreSQL servers."""

    def made(self) -> Any:
        return Pair((EAST, WEST), SCHEMA)

    def order(self, key: str, state: str = "new", region: str = EAST) -> None:
        self.database.connect(region).execute(
            "INSERT INTO orders VALUES (%s, %s) ON CONFLICT (id) DO UPDATE SET state = excluded.state",
            (key, state),
        )


@pytest.fixture(params=[Night, RealNight])
def night(request: pytest.FixtureRequest) -> Iterator[Night]:
    with ticking(3, request.param) as night:
        assert isinstance(night, Night)
        try:
            yield night
        finally:
            if isinstance(night.store, Pair):
                night.store.close()


def test_after_a_switchover_all_is_whole(night: Night) -> None:
    night.move()
    assert night.matches() == {"outcome": "done", "facts": {"rows": "orders 40", "invariants": "all hold"}}


def test_before_it_the_database_is_no_writer_and_waited_for(night: Night) -> None:
    said = "NotYet: the state: shop-west cannot be asked: its cluster has no writer that answers"
    assert night.says().startswith(said)


def test_a_plan_says_what_it_would_write_and_asks_the_writer_of_now_what_will_be_asked(night: Night) -> None:
    planned = night.tick(STEP, INPUTS, dry_run=True)
    assert planned["outcome"] == "would change"
    assert [call["region"] for call in planned["calls"]] == [WEST]
    assert planned["facts"] == {}
    night.order("o07", "lost")
    wrong = INPUTS | {"tables": {"orders": "id", "nothing": "id"}}
    doubts = night.tick(STEP, wrong, dry_run=True)["facts"]["doubts"]
    assert doubts[0] == "no order is lost gave 1, not 0"
    assert 'relation "nothing" does not exist' in doubts[1]


def test_after_it_a_plan_has_nothing_to_write(night: Night) -> None:
    night.move()
    night.matches()
    assert night.tick(STEP, INPUTS, dry_run=True)["outcome"] == "done"


def test_an_invariant_that_does_not_hold_is_named_with_what_it_gave(night: Night) -> None:
    night.order("o07", "lost")
    night.clock.sleep(5)
    night.move()
    assert "not all invariants hold: no order is lost gave 1, not 0" in night.refuses()
    broken = night.matches("ungraceful")
    assert (broken["outcome"], broken["facts"]["invariants"]) == ("broken", "no order is lost gave 1, not 0")


def test_an_ungraceful_run_names_what_was_lost_and_what_was_written_since(night: Night) -> None:
    night.database.hold()
    night.order("o40")
    night.order("o07", "paid")
    night.move(loses=True)
    night.order("o99", region=WEST)
    assert night.matches("ungraceful") == {
        "outcome": "different",
        "facts": {
            "rows": "orders 41",
            "invariants": "all hold",
            "missing_here": 1,
            "missing_there": 1,
            "different": 1,
            "keys": "orders/o07, orders/o40, orders/o99",
        },
    }


def test_where_a_fence_is_owed_it_says_what_it_has_not_compared(night: Night) -> None:
    """An old writer that is back takes writes that nobody keeps, until it is fenced."""
    night.move(loses=True)
    for number in range(5):
        Owe(f"lambda_concurrency/{EAST}/f{number}", "silent", night.clock.now, THIS).write_in(night.ledger)
    Owe("ecs/given-back", "silent", night.clock.now, THIS, give_back=True).write_in(night.ledger)
    facts = night.matches("ungraceful")["facts"]
    assert facts["fences_owed"] == 5
    fences = "; ".join(f"lambda_concurrency/{EAST}/f{number}" for number in range(3))
    assert facts["not_compared"] == f"what {EAST} takes until fenced there: {fences}; and 2 more"


def test_where_the_region_that_is_left_is_dark_it_is_unknown(night: Night) -> None:
    night.cloud.faults.dark.add(EAST)
    night.move(loses=True)
    ended = night.matches("ungraceful")
    assert ended["outcome"] == "unknown"
    assert ended["facts"]["rows"] == "orders 40"
    assert "ConnectTimeoutError" in ended["facts"]["why"]


@pytest.mark.parametrize("operation_fault", ["lost_before", "lost_after", "throttled", "500", "slow"])
def test_a_passing_fault_delays_and_does_not_stop(night: Night, operation_fault: Any) -> None:
    night.move()
    night.inject(operation_fault, "ExecuteStatement", times=2)
    assert night.matches()["outcome"] == "done"


def test_while_the_other_region_lacks_some_of_the_log_a_graceful_run_waits(night: Night) -> None:
    night.move()
    night.database.hold()
    night.order("o41", region=WEST)
    assert "us-east-1 has not yet written all of the log of us-west-1" in night.refuses(within=60)
    night.database.release()
    assert night.matches()["facts"]["rows"] == "orders 41"


@pytest.mark.parametrize("loses", [False, True])
def test_rows_are_compared_in_the_order_of_their_key_where_that_is_a_number(loses: bool) -> None:
    """9 comes before 10, and not behind it, as it does in a text."""
    with ticking(3, RealNight) as night:
        assert isinstance(night, RealNight)
        east = night.database.connect(EAST)
        east.execute("CREATE TABLE tickets (id bigint PRIMARY KEY, state text)")
        east.execute("INSERT INTO tickets SELECT n, 'new' FROM generate_series(1, 2500) AS n")
        night.clock.sleep(5)
        night.database.hold()
        if loses:
            east.execute("INSERT INTO tickets VALUES (2501, 'lost')")
        night.move(loses=True)
        facts = night.matches("ungraceful", tables={"tickets": "id"})["facts"]
        night.store.close()
    assert facts["rows"] == "tickets 2500"
    assert {name: facts.get(name, 0) for name in ("missing_here", "missing_there", "different")} == {
        "missing_here": int(loses), "missing_there": 0, "different": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("tables", "why"),
    [
        ({"orders": "state"}, "state does not alone name a row of orders"),
        ({"orders": "none"}, "orders has no column none"),
    ],
)
def test_a_key_that_names_no_row_is_refused(tables: dict[str, str], why: str) -> None:
    with ticking(3, RealNight) as night:
        assert isinstance(night, RealNight)
        night.move()
        assert why in night.refuses(tables=tables)
        night.store.close()


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("WITH sold AS (INSERT INTO orders VALUES ('x') RETURNING 1) SELECT 1 FROM sold", "WITH clause"),
        ("SELECT count(sell()) FROM orders", "cannot execute INSERT in a read-only transaction"),
        ("SELECT id FROM orders WHERE (SELECT sell()) > ''", "read-only transaction"),
    ],
)
def test_an_invariant_that_would_change_customers_data_is_refused_by_the_database(
    query: str, why: str
) -> None:
    with ticking(3, RealNight) as night:
        assert isinstance(night, RealNight)
        connection = night.database.connect(EAST)
        connection.execute(
            "CREATE FUNCTION sell() RETURNS text LANGUAGE sql AS "
            "$$ INSERT INTO orders VALUES ('sold') ON CONFLICT DO NOTHING RETURNING id $$"
        )
        wrong = INPUTS | {"invariants": [{"name": "sold", "query": query}]}
        assert why in str(night.tick(STEP, wrong, dry_run=True)["facts"]["doubts"])
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (40,)
        night.store.close()


def test_an_invariant_may_end_with_a_comment_and_begin_with_a_query_of_its_own(night: Night) -> None:
    night.move()
    if isinstance(night, RealNight):
        query = "WITH lost AS (SELECT 1 FROM orders WHERE state = 'lost')\nSELECT count(*) FROM lost -- none"
        assert night.matches(invariants=[{"name": "none", "query": query}])["outcome"] == "done"
    assert night.matches()["facts"]["invariants"] == "all hold"


def test_an_invariant_is_one_query(night: Night) -> None:
    said = night.says(invariants=[{"name": "two", "query": "SELECT 1; DROP TABLE orders"}])
    assert "invariant two holds a semicolon: write one query and none after it" in said


def test_mysql_is_asked_in_its_own_words_and_its_tables_are_not() -> None:
    """No MySQL stands in the twin: these are the statements that are sent."""
    written: dict[str, str] = {}
    asked: list[str] = []

    def answer(request: Any) -> Any:
        sql = request.parameters["sql"]
        texts = {
            each["name"]: each["value"]["stringValue"] for each in request.parameters.get("parameters", ())
        }
        asked.append(sql)
        if sql.startswith("INSERT INTO `farshore`"):
            written[texts["id"]] = texts["written"]
            return {"numberOfRecordsUpdated": 1}
        if "`farshore`" in sql:
            return {"records": [[{"stringValue": written[texts["id"]]}]] if texts["id"] in written else []}
        if "aurora_global_db_status" in sql:
            return {"records": [[{"stringValue": region}, {"longValue": 7}] for region in (EAST, WEST)]}
        return {"records": [[{"longValue": 0}]]}

    with ticking(3, Night) as night:
        assert isinstance(night, Night)
        night.cloud.serve("rds-data", "ExecuteStatement", answer)
        assert night.matches(engine="mysql", tables={})["facts"] == {"invariants": "all hold"}
        assert "SELECT @@innodb_read_only OR @@read_only" in asked
        assert f"SELECT * FROM (\n{UNSOLD}\n) AS invariant" in asked
        assert "tables are compared in postgresql, and not in mysql" in night.says(engine="mysql")
