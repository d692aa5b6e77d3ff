"""The twin's DynamoDB global tables: eventual ones lose writes and name them, strong ones do not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectTimeoutError

from twin.clock import Clock
from twin.cloud import AwsError, Cloud
from twin.moto.backing import Moto
from twin.services.dynamodb.global_table import GlobalTable
from twin.services.dynamodb.model import DynamoDB

EAST, WEST = "us-east-1", "us-west-1"
OHIO, OREGON = "us-east-2", "us-west-2"


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with Cloud(Clock(), 1, Moto()) as cloud:
        yield cloud


@pytest.fixture
def baskets(cloud: Cloud) -> GlobalTable:
    return DynamoDB.of(cloud).global_table("unishophotstandby", (EAST, WEST))


@pytest.fixture
def at(cloud: Cloud) -> Callable[..., Any]:
    """DynamoDB in a Region, where the ledger's table is."""
    DynamoDB.of(cloud).strong_table("ledger", (EAST, OHIO, OREGON))
    clients: dict[str, Any] = {}

    def client(region: str) -> Any:
        if region not in clients:
            config = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1})
            clients[region] = boto3.client("dynamodb", region_name=region, config=config)
        return clients[region]

    return client


def names(writes: tuple[Any, ...]) -> list[str]:
    return [write.name for write in writes]


KEY = {"application": {"S": "corner-shop"}, "item": {"S": "lease"}}


def put(client: Any, **more: Any) -> None:
    client.put_item(TableName="ledger", Item=KEY, **more)


def get(client: Any, consistent: bool = True) -> Any:
    return client.get_item(TableName="ledger", Key=KEY, ConsistentRead=consistent).get("Item")


def refusal(call: Callable[..., Any], *given: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(*given, **parameters)
    return str(caught.value.response["Error"]["Code"])


def test_a_write_arrives_elsewhere_after_its_lag(cloud: Cloud, baskets: GlobalTable) -> None:
    baskets.put(EAST, "ann", {"unicorns": ["a"]}, "write 1")
    assert baskets.get(EAST, "ann") == {"unicorns": ["a"]}
    assert baskets.get(WEST, "ann") is None
    assert names(baskets.missing(WEST)) == ["write 1"]
    cloud.clock.sleep(0.4)
    assert baskets.get(WEST, "ann") is None
    cloud.clock.sleep(2.5)
    assert baskets.get(WEST, "ann") == {"unicorns": ["a"]}
    assert baskets.missing(WEST) == ()


def test_many_writes_of_one_region_are_no_conflict(cloud: Cloud, baskets: GlobalTable) -> None:
    for number in range(20):
        baskets.put(EAST, "ann", {"n": number}, f"write {number}")
        cloud.clock.sleep(0.1)
    cloud.clock.sleep(3)
    assert baskets.get(WEST, "ann") == {"n": 19}
    assert baskets.overwritten == ()


def test_a_write_after_the_other_was_seen_is_no_conflict(cloud: Cloud, baskets: GlobalTable) -> None:
    baskets.put(EAST, "ann", {"n": 1}, "write 1")
    cloud.clock.sleep(3)
    baskets.put(WEST, "ann", {"n": 2}, "write 2")
    cloud.clock.sleep(3)
    assert baskets.get(EAST, "ann") == baskets.get(WEST, "ann") == {"n": 2}
    assert baskets.overwritten == ()


def test_of_two_writes_within_the_lag_the_later_wins_and_the_other_is_named(
    cloud: Cloud, baskets: GlobalTable
) -> None:
    baskets.put(WEST, "ann", {"n": 1}, "first")
    cloud.clock.sleep(0.1)
    baskets.put(EAST, "ann", {"n": 2}, "second")
    cloud.clock.sleep(3)
    assert baskets.get(EAST, "ann") == baskets.get(WEST, "ann") == {"n": 2}
    assert names(baskets.overwritten) == ["first"]


def test_at_the_same_instant_the_regions_names_decide(cloud: Cloud, baskets: GlobalTable) -> None:
    baskets.put(WEST, "ann", {"n": 1}, "west")
    baskets.put(EAST, "ann", {"n": 2}, "east")
    cloud.clock.sleep(3)
    assert baskets.get(EAST, "ann") == baskets.get(WEST, "ann") == {"n": 1}
    assert names(baskets.overwritten) == ["east"]


def test_a_write_that_its_own_region_has_replaced_is_no_loss(cloud: Cloud, baskets: GlobalTable) -> None:
    lag = cloud.latency.table["dynamodb_replication"]
    lag["seconds"] = [2.5, 2.5]
    baskets.put(EAST, "ann", {"n": 1}, "slow")
    lag["seconds"] = [0.5, 0.5]
    baskets.put(EAST, "ann", {"n": 2}, "quick")
    cloud.clock.sleep(0.1)
    baskets.put(WEST, "ann", {"n": 3}, "west")
    cloud.clock.sleep(3)
    assert baskets.get(EAST, "ann") == baskets.get(WEST, "ann") == {"n": 3}
    assert names(baskets.overwritten) == ["quick"]


def test_three_regions_agree_whatever_arrives_first(cloud: Cloud) -> None:
    table = DynamoDB.of(cloud).global_table("three", (EAST, WEST, OREGON))
    for number in range(30):
        table.put(table.regions[number % 3], "ann", {"n": number}, f"write {number}")
        cloud.clock.sleep(0.7)
    cloud.clock.sleep(3)
    assert {table.get(region, "ann")["n"] for region in table.regions} == {29}  # type: ignore[index]
    assert "write 29" not in names(table.overwritten)


def test_what_a_dark_region_did_not_send_arrives_late(cloud: Cloud, baskets: GlobalTable) -> None:
    baskets.put(EAST, "ann", {"n": 1}, "ann 1")
    baskets.put(EAST, "bob", {"n": 1}, "bob 1")
    cloud.faults.dark.add(EAST)
    cloud.clock.sleep(60)
    assert names(baskets.missing(WEST)) == ["ann 1", "bob 1"]
    baskets.put(WEST, "bob", {"n": 2}, "bob 2")
    cloud.clock.sleep(60)
    assert names(baskets.missing(EAST)) == ["bob 2"]
    cloud.faults.dark.clear()
    cloud.clock.sleep(5)
    assert baskets.missing(WEST) == ()
    assert baskets.get(EAST, "bob") == baskets.get(WEST, "bob") == {"n": 2}
    assert baskets.get(WEST, "ann") == {"n": 1}
    assert sorted(names(baskets.late)) == ["ann 1", "bob 1"]
    assert names(baskets.overwritten) == ["bob 1"]


def test_two_parted_regions_both_go_on(cloud: Cloud, baskets: GlobalTable) -> None:
    cloud.faults.partitions.add(frozenset({EAST, WEST}))
    baskets.put(EAST, "ann", {"n": 1}, "east")
    cloud.clock.sleep(10)
    baskets.put(WEST, "ann", {"n": 2}, "west")
    cloud.clock.sleep(10)
    assert (baskets.get(EAST, "ann"), baskets.get(WEST, "ann")) == ({"n": 1}, {"n": 2})
    cloud.faults.partitions.clear()
    cloud.clock.sleep(5)
    assert baskets.get(EAST, "ann") == {"n": 2}
    assert names(baskets.overwritten) == ["east"]


def test_a_table_with_a_sort_key_has_several_items_a_partition(cloud: Cloud) -> None:
    table = DynamoDB.of(cloud).global_table("bookmarks", (EAST, WEST), keys=("PK", "SK"))
    table.put(EAST, ("ann", "b"), {"at": 2}, "ann b")
    table.put(EAST, ("ann", "a"), {"at": 1}, "ann a")
    table.put(EAST, ("bob", "a"), {"at": 3}, "bob a")
    cloud.clock.sleep(3)
    assert table.get(WEST, ("ann", "a")) == {"at": 1}
    rows = [{"PK": "ann", "SK": "a", "at": 1}, {"PK": "ann", "SK": "b", "at": 2}]
    assert table.query(WEST, "ann") == table.query(EAST, "ann") == rows
    with pytest.raises(ValueError, match="PK and SK"):
        table.put(EAST, "ann", {}, "half a key")


def test_a_deletion_is_replicated_as_any_write_is(cloud: Cloud, baskets: GlobalTable) -> None:
    baskets.put(EAST, "ann", {"n": 1}, "write 1")
    cloud.clock.sleep(3)
    baskets.delete(WEST, "ann", "emptied")
    assert (baskets.get(EAST, "ann"), baskets.get(WEST, "ann")) == ({"n": 1}, None)
    assert names(baskets.missing(EAST)) == ["emptied"]
    cloud.clock.sleep(3)
    assert baskets.get(EAST, "ann") is None
    assert baskets.items(EAST) == baskets.items(WEST) == {}
    assert baskets.delete(WEST, "ann", "emptied again") is None
    baskets.put(EAST, "ann", {"n": 2}, "again")
    cloud.clock.sleep(3)
    baskets.put(EAST, "ann", {"n": 3}, "once more")
    baskets.delete(WEST, "ann", "meanwhile")
    cloud.clock.sleep(3)
    assert baskets.get(EAST, "ann") == baskets.get(WEST, "ann")
    assert len(baskets.overwritten) == 1


def test_an_application_waits_in_vain_for_a_dark_table(cloud: Cloud, baskets: GlobalTable) -> None:
    cloud.faults.dark.add("dynamodb/us-east-1")
    with pytest.raises(ConnectTimeoutError):
        baskets.put(EAST, "ann", {"n": 1}, "write 1")
    assert cloud.clock.elapsed == 2
    assert baskets.items(EAST) == {}


def test_the_same_seed_gives_the_same_history() -> None:
    def history() -> list[tuple[str, float]]:
        with Cloud(Clock(), 7, Moto()) as cloud:
            table = DynamoDB.of(cloud).global_table("t", (EAST, WEST))
            for number in range(10):
                table.put((EAST, WEST)[number % 2], "ann", {"n": number}, str(number))
                cloud.clock.sleep(0.6)
            cloud.clock.sleep(3)
            return [(write.name, write.at) for write in table.overwritten]

    assert history() == history() != []


@pytest.mark.parametrize("dark", [EAST, OHIO, OREGON])
def test_a_strong_table_answers_with_any_one_region_dark(
    cloud: Cloud, at: Callable[..., Any], dark: str
) -> None:
    cloud.faults.dark.add(dark)
    alive = [region for region in (EAST, OHIO, OREGON) if region != dark]
    put(at(alive[0]), ConditionExpression="attribute_not_exists(application)")
    cloud.clock.sleep(1)
    assert get(at(alive[1])) == KEY
    code = refusal(put, at(alive[1]), ConditionExpression="attribute_not_exists(application)")
    assert code == "ConditionalCheckFailedException"
    with pytest.raises(ConnectTimeoutError):
        get(at(dark))


def test_with_two_regions_dark_a_strong_table_still_reads_eventually(
    cloud: Cloud, at: Callable[..., Any]
) -> None:
    put(at(OHIO))
    cloud.faults.dark |= {EAST, OREGON}
    assert refusal(put, at(OHIO)) == "InternalServerError"
    assert refusal(get, at(OHIO)) == "InternalServerError"
    assert get(at(OHIO), consistent=False) == KEY


def test_a_strong_table_is_unknown_where_it_has_no_replica(cloud: Cloud, at: Callable[..., Any]) -> None:
    assert refusal(get, at(WEST)) == "ResourceNotFoundException"


def test_a_strong_table_takes_no_transactions(cloud: Cloud, at: Callable[..., Any]) -> None:
    writes = [{"Put": {"TableName": "ledger", "Item": KEY}}]
    assert refusal(at(OHIO).transact_write_items, TransactItems=writes) == "ValidationException"
    reads = [{"Get": {"TableName": "ledger", "Key": KEY}}]
    assert refusal(at(EAST).transact_get_items, TransactItems=reads) == "ValidationException"


def test_other_tables_are_left_where_they_are(cloud: Cloud, at: Callable[..., Any]) -> None:
    at(OHIO).create_table(
        TableName="other",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    item = {"id": {"S": "1"}}
    at(OHIO).transact_write_items(TransactItems=[{"Put": {"TableName": "other", "Item": item}}])
    assert at(OHIO).get_item(TableName="other", Key=item)["Item"] == item
    assert refusal(at(EAST).get_item, TableName="other", Key=item) == "ResourceNotFoundException"


def test_of_two_regions_writing_one_item_at_once_one_is_refused(cloud: Cloud, at: Callable[..., Any]) -> None:
    cloud.latency.table["aws_call"]["seconds"] = [0.02, 0.02]
    tasks = [cloud.clock.spawn(partial(put, at(region))) for region in (EAST, OREGON, EAST)]
    errors = []
    for task in tasks:
        try:
            task.join()
        except ClientError as error:
            errors.append(error.response["Error"]["Code"])
    assert errors == ["ReplicatedWriteConflictException"]
    cloud.clock.sleep(1)
    put(at(OREGON))


def test_a_strong_table_lives_in_three_regions_of_one_set(cloud: Cloud) -> None:
    with pytest.raises(AwsError, match="MRSC"):
        DynamoDB.of(cloud).strong_table("wrong", (EAST, WEST, OREGON))
