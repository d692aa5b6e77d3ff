"""The RDS Data API, in the Cloud that has everything; and a journal is held to PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from every_service import EAST, WEST, client

from functions.sql import KEY_TYPE, LOGS, READ_ONLY, page, probe_read, probe_write
from twin.clock import Clock
from twin.cloud import ACCOUNT, Cloud
from twin.doubles import Doubles
from twin.services.aurora.journal import Journal
from twin.services.aurora.model import Aurora
from twin.services.aurora.postgres import Pair
from twin.services.rds_data.journal import Key
from twin.services.rds_data.model import Enabled, RdsData

SCHEMA = """
CREATE TABLE orders (id text PRIMARY KEY, state text, paid boolean, items bigint);
CREATE TABLE farshore (id varchar(64) PRIMARY KEY, written varchar(64));
"""
ROW = "INSERT INTO orders VALUES (%(id)s, %(state)s, %(paid)s, %(items)s)"
MORE = "SELECT sum(items) FROM orders"


def secrets(name: str) -> dict[str, str]:
    return {region: f"arn:aws:secretsmanager:{region}:{ACCOUNT}:secret:{name}" for region in (EAST, WEST)}


def furnish(cloud: Cloud, name: str) -> None:
    members = {EAST: f"{name}-data-east", WEST: f"{name}-data-west"}
    database = Aurora.of(cloud).global_database(f"{name}-data", members, Journal((EAST, WEST)))
    RdsData.of(cloud).enable(Enabled(database, name, secrets(name), {"orders": Key("id")}))


def execute(sql: str, region: str = WEST, name: str = "one", **given: Any) -> Any:
    """Of `parameters`, texts by their names."""
    cluster = f"arn:aws:rds:{region}:{ACCOUNT}:cluster:{name}-data-{'east' if region == EAST else 'west'}"
    texts = [
        {"name": key, "value": {"stringValue": text}} for key, text in given.pop("parameters", {}).items()
    ]
    asked = {"resourceArn": cluster, "secretArn": secrets(name)[region], "database": name, "sql": sql}
    answer = client("rds-data", region).execute_statement(**asked | {"parameters": texts} | given)
    return [[next(iter(field.values())) for field in row] for row in answer.get("records", [])]


def test_a_secondary_has_no_writer_and_answers_nothing(cloud: Cloud) -> None:
    assert execute(READ_ONLY["postgresql"], EAST) == [[False]]
    with pytest.raises(ClientError, match="DatabaseUnavailableException"):
        execute(READ_ONLY["postgresql"])


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"resourceArn": f"arn:aws:rds:{EAST}:{ACCOUNT}:cluster:none"}, "HttpEndpointNotEnabledException"),
        ({"secretArn": secrets("two")[EAST]}, "SecretsErrorException"),
        ({"database": "two"}, "DatabaseErrorException"),
    ],
)
def test_what_is_not_there_is_refused(cloud: Cloud, given: dict[str, str], code: str) -> None:
    with pytest.raises(ClientError, match=code):
        execute(READ_ONLY["postgresql"], EAST, **given)


def test_a_statement_that_a_journal_does_not_know_is_refused_by_name(cloud: Cloud) -> None:
    with pytest.raises(NotImplementedError, match="a journal does not know SELECT 1: tell it with `queries`"):
        execute("SELECT 1", EAST)


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Any, Any]]:
    """Asks a journal, and PostgreSQL, in which the same has been written."""
    rows = [
        {
            "id": f"o-{number % 7}/{number:03}é",
            "state": "néw" if number % 3 else None,
            "paid": number % 2 == 0,
            "items": number,
        }
        for number in range(120)
    ]
    with Cloud(Clock(), 1, Doubles()) as cloud:
        stores = {"one": Journal((EAST, WEST)), "two": Pair((EAST, WEST), SCHEMA)}
        for name, store in stores.items():
            members = {EAST: f"{name}-data-east", WEST: f"{name}-data-west"}
            database = Aurora.of(cloud).global_database(f"{name}-data", members, store)
            known: Any = {MORE: lambda tables: str(sum(row["items"] for row in tables("orders").values()))}
            RdsData.of(cloud).enable(Enabled(database, name, secrets(name), {"orders": Key("id")}, known))
        for row in rows:
            stores["one"].connect(EAST).write("orders", str(row["id"]), row)
            stores["two"].connect(EAST).execute(ROW, row)

        def asked(sql: str, parameters: dict[str, str]) -> list[Any]:
            return [execute(sql, EAST, name, parameters=parameters) for name in stores]

        yield asked, cloud
        stores["two"].close()


KEY = {"table": '"orders"', "key": "id"}
BOUNDS: list[dict[str, str]] = [
    {},
    {"after": "o-3/010é"},
    {"upto": "o-3"},
    {"after": "o-1", "upto": "o-5/999"},
    {"after": "z"},
]


@pytest.mark.parametrize(
    ("sql", "parameters"),
    [
        (READ_ONLY["postgresql"], {}),
        (KEY_TYPE, KEY),
        (KEY_TYPE, KEY | {"key": "none"}),
        (MORE, {}),
        (probe_read("postgresql", "farshore"), {"id": "farshore"}),
        *(
            (page("orders", "id", "text", bounds, size, sums), bounds | {"salt": "a salt"})
            for bounds in BOUNDS
            for size in (10, 1000)
            for sums in (True, False)
        ),
    ],
)
def test_a_journal_answers_what_postgresql_answers(both: Any, sql: str, parameters: dict[str, str]) -> None:
    journal, postgres = both[0](sql, parameters)
    assert journal == postgres


def test_a_journal_keeps_what_postgresql_keeps(both: Any) -> None:
    for written in ("first", "second"):
        both[0](probe_write("postgresql", "farshore"), {"id": "farshore", "written": written})
        read = both[0](probe_read("postgresql", "farshore"), {"id": "farshore"})
        assert read == [[[written]], [[written]]]


def test_the_log_of_the_other_region_is_behind_until_it_is_shipped(both: Any) -> None:
    ask, cloud = both
    for database in Aurora.of(cloud).databases.values():
        database.hold()
    ask(probe_write("postgresql", "farshore"), {"id": "farshore", "written": "third"})
    for told in ask(LOGS["postgresql"], {}):
        logs = dict(told)
        assert logs[WEST] < logs[EAST]
    for database in Aurora.of(cloud).databases.values():
        database.release()
    cloud.clock.sleep(5)
    for told in ask(LOGS["postgresql"], {}):
        logs = dict(told)
        assert logs[WEST] >= logs[EAST]


def test_what_is_wrong_is_said_in_postgresqls_words_by_both(both: Any) -> None:
    for name in ("one", "two"):
        with pytest.raises(ClientError, match='relation "nothing" does not exist'):
            execute(KEY_TYPE, EAST, name, parameters={"table": '"nothing"', "key": "id"})
