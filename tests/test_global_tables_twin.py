"""boto3 about the twin's eventual global tables: the same in a rehearsal, on moto, and in an exploration."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import chain, combinations
from typing import Any

import pytest
from botocore.exceptions import ClientError
from every_service import EAST, OREGON, REPLICAS, WEST, client

from twin.clock import Clock
from twin.cloud import Cloud
from twin.doubles import Doubles
from twin.faults import Request
from twin.moto.backing import Moto
from twin.services.cloudwatch.model import Metrics
from twin.services.dynamodb.global_table import GlobalTable
from twin.services.dynamodb.model import DynamoDB
from twin.services.iam.model import beside_of, resources_of

INDEXES = {"by-day": ("day", "PK")}
ONE = {"PK": {"S": "ann"}, "SK": {"S": "1"}}


@pytest.fixture(params=[Moto, Doubles])
def cloud(request: Any) -> Iterator[Cloud]:
    with Cloud(Clock(), 1, request.param()) as cloud:
        DynamoDB.of(cloud).strong_table("ledger", REPLICAS)
        yield cloud


@pytest.fixture
def orders(cloud: Cloud) -> GlobalTable:
    table = DynamoDB.of(cloud).global_table("orders", (EAST, WEST), ("PK", "SK"), INDEXES)
    table.put(EAST, ("ann", "1"), {"n": 1, "text": "tea"}, "order 1")
    table.put(EAST, ("ann", "2"), {"n": 2, "tags": ["a", {"b": True}]}, "order 2")
    cloud.clock.sleep(5)
    return table


def read(region: str, *keys: Any, table: str = "orders", **more: Any) -> Any:
    asked = {"Keys": list(keys), **more}
    return client("dynamodb", region).batch_get_item(RequestItems={table: asked})["Responses"][table]


def write(region: str, *requests: Any, table: str = "orders") -> None:
    client("dynamodb", region).batch_write_item(RequestItems={table: list(requests)})


def query(region: str, partition: str, **more: Any) -> Any:
    return client("dynamodb", region).query(
        TableName="orders",
        KeyConditionExpression="#p = :p",
        ExpressionAttributeNames={"#p": "PK"},
        ExpressionAttributeValues={":p": {"S": partition}},
        **more,
    )


def describe(region: str) -> Any:
    return client("dynamodb", region).describe_table(TableName="orders")["Table"]


def update(region: str, **change: Any) -> None:
    client("dynamodb", region).update_table(TableName="orders", **change)


def refusal(call: Callable[..., Any], *given: Any, **more: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(*given, **more)
    said = caught.value.response["Error"]
    return f"{said['Code']}: {said['Message']}"


def put(sort: str, **attributes: Any) -> Any:
    return {"PutRequest": {"Item": ONE | {"SK": {"S": sort}} | attributes}}


def gone(sort: str) -> Any:
    return {"DeleteRequest": {"Key": ONE | {"SK": {"S": sort}}}}


def test_what_applications_write_is_read_under_dynamodbs_types(orders: GlobalTable) -> None:
    assert read(WEST, ONE) == [ONE | {"n": {"N": "1"}, "text": {"S": "tea"}}]
    assert read(WEST, ONE | {"SK": {"S": "9"}}, ConsistentRead=True) == []
    found = query(WEST, "ann")
    assert [row["SK"]["S"] for row in found["Items"]] == ["1", "2"]
    assert found["Items"][1]["tags"] == {"L": [{"S": "a"}, {"M": {"b": {"BOOL": True}}}]}
    assert (found["Count"], "LastEvaluatedKey" in found) == (2, False)


def test_what_is_written_through_boto3_is_replicated_and_applications_see_it(
    cloud: Cloud, orders: GlobalTable
) -> None:
    write(WEST, put("3", n={"N": "7"}), gone("1"))
    assert orders.get(WEST, ("ann", "3")) == {"n": 7}
    assert orders.get(EAST, ("ann", "3")) is None
    cloud.clock.sleep(5)
    assert orders.get(EAST, ("ann", "3")) == {"n": 7}
    assert orders.get(EAST, ("ann", "1")) is None


def conditional(operation: str, condition: str = "", **given: Any) -> Any:
    """`#PK` stands for the attribute PK."""
    names = {word: word[1:] for word in re.findall(r"#\w+", condition)}
    expression = {"ConditionExpression": condition, "ExpressionAttributeNames": names} if condition else {}
    call: Callable[..., Any] = getattr(client("dynamodb", EAST), operation)
    return call(TableName="orders", **expression, **given)


def test_an_item_is_put_or_deleted_only_while_its_condition_holds(cloud: Cloud, orders: GlobalTable) -> None:
    row = {
        "PK": {"S": "ann"},
        "SK": {"S": "1"},
        "n": {"N": "7"},
        "raw": {"B": b"x"},
        "tags": {"SS": ["a", "b"]},
    }
    lost, missing = "ConditionalCheckFailedException", "attribute_not_exists(#PK)"
    assert lost in refusal(conditional, "put_item", missing, Item=row)
    seen = {":n": {"N": "2"}}
    assert lost in refusal(conditional, "put_item", "#n = :n", Item=row, ExpressionAttributeValues=seen)
    seen = {":n": {"N": "1.0"}}
    more = f"#n = :n AND {missing}"
    assert lost in refusal(conditional, "put_item", more, Item=row, ExpressionAttributeValues=seen)
    conditional(
        "put_item", "#n = :n AND attribute_not_exists(#raw)", Item=row, ExpressionAttributeValues=seen
    )
    assert orders.get(EAST, ("ann", "1")) == {"n": 7, "raw": b"x", "tags": {"a", "b"}}
    cloud.clock.sleep(5)
    assert orders.get(WEST, ("ann", "1")) == orders.get(EAST, ("ann", "1"))
    other = {":tags": {"SS": ["a"]}}
    assert lost in refusal(
        conditional, "delete_item", "#tags = :tags", Key=ONE, ExpressionAttributeValues=other
    )
    same = {":tags": {"SS": ["b", "a"]}, ":raw": {"B": b"x"}}
    conditional("delete_item", "#tags = :tags AND #raw = :raw", Key=ONE, ExpressionAttributeValues=same)
    assert orders.get(EAST, ("ann", "1")) is None
    conditional("delete_item", Key=ONE)
    conditional("put_item", missing, Item=ONE)
    assert orders.get(EAST, ("ann", "1")) == {}


def test_a_condition_has_its_limits(orders: GlobalTable) -> None:
    """Source: docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html"""
    many, values = (
        " AND ".join(f"#a{n} = :a{n}" for n in range(151)),
        {f":a{n}": {"N": "1"} for n in range(151)},
    )
    said = refusal(conditional, "put_item", many, Item=ONE, ExpressionAttributeValues=values)
    assert "too many operators" in said
    long = " AND ".join(f"attribute_not_exists(#{'a' * 40}{n})" for n in range(60))
    assert "size has exceeded" in refusal(conditional, "put_item", long, Item=ONE)
    unused = {":n": {"N": "1"}}
    said = refusal(
        conditional, "put_item", "attribute_not_exists(#PK)", Item=ONE, ExpressionAttributeValues=unused
    )
    assert "unused in expressions: keys: {:n}" in said
    assert "does not match the schema" in refusal(conditional, "put_item", Item={"PK": {"S": "ann"}})
    assert "does not match the schema" in refusal(conditional, "delete_item", Key={"PK": {"S": "ann"}})


def test_a_partition_is_answered_in_pages_of_a_megabyte(cloud: Cloud, orders: GlobalTable) -> None:
    for sort in "345":
        orders.put(EAST, ("bob", sort), {"text": "x" * 390_000}, sort)
    first = query(EAST, "bob")
    assert first["LastEvaluatedKey"] == {"PK": {"S": "bob"}, "SK": {"S": "5"}}
    assert query(EAST, "bob", ExclusiveStartKey=first["LastEvaluatedKey"])["Items"] == []
    middle = {"PK": {"S": "bob"}, "SK": {"S": "3"}}
    assert len(query(EAST, "bob", ExclusiveStartKey=middle)["Items"]) == 2


def test_what_dynamodb_refuses_is_refused(orders: GlobalTable) -> None:
    assert "duplicates" in refusal(write, EAST, put("3"), put("3"))
    assert "duplicates" in refusal(write, EAST, put("3"), gone("3"))
    assert "Too many items" in refusal(write, EAST, *map(put, map(str, range(26))))
    assert "does not match the schema" in refusal(read, EAST, {"PK": {"S": "ann"}})
    assert "does not match the schema" in refusal(read, EAST, ONE | {"n": {"S": "1"}})
    assert "does not match the schema" in refusal(write, EAST, {"PutRequest": {"Item": {"PK": {"S": "a"}}}})
    assert "ResourceNotFoundException" in refusal(read, OREGON, ONE)
    assert "ResourceNotFoundException" in refusal(describe, OREGON)


def test_a_form_that_no_step_sends_is_not_understood(orders: GlobalTable) -> None:
    with pytest.raises(AssertionError, match="Limit"):
        query(EAST, "ann", Limit=1)
    with pytest.raises(AssertionError, match="BillingMode"):
        update(EAST, BillingMode="PROVISIONED")
    both = {"orders": {"Keys": [ONE]}, "ledger": {"Keys": [ONE]}}
    with pytest.raises(AssertionError, match="several tables"):
        client("dynamodb", EAST).batch_get_item(RequestItems=both)


def test_the_ledger_is_still_answered_by_whatever_keeps_it(cloud: Cloud, orders: GlobalTable) -> None:
    key = {"application": {"S": "shop"}, "item": {"S": "lease"}}
    client("dynamodb", EAST).put_item(TableName="ledger", Item=key)
    found = client("dynamodb", OREGON).query(
        TableName="ledger",
        KeyConditionExpression="application = :a",
        ExpressionAttributeValues={":a": {"S": "shop"}},
        ConsistentRead=True,
    )
    assert found["Items"] == [key]


def test_a_region_describes_itself_and_the_others(orders: GlobalTable) -> None:
    orders.described[WEST].indexes["by-day"] = "CREATING"
    table = describe(EAST)
    assert (table["TableStatus"], table["BillingModeSummary"]["BillingMode"]) == ("ACTIVE", "PAY_PER_REQUEST")
    assert [each["AttributeName"] for each in table["KeySchema"]] == ["PK", "SK"]
    assert [each["IndexStatus"] for each in table["GlobalSecondaryIndexes"]] == ["ACTIVE"]
    assert table["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    (replica,) = table["Replicas"]
    assert (replica["RegionName"], replica["ReplicaStatus"]) == (WEST, "ACTIVE")
    assert replica["GlobalSecondaryIndexes"] == [{"IndexName": "by-day"}]
    assert [each["IndexStatus"] for each in describe(WEST)["GlobalSecondaryIndexes"]] == ["CREATING"]


def test_a_new_replica_takes_minutes_and_has_then_what_the_source_has(
    cloud: Cloud, orders: GlobalTable
) -> None:
    orders.remove_replica(WEST)
    orders.put(EAST, ("ann", "3"), {"n": 3}, "meanwhile")
    assert "ResourceNotFoundException" in refusal(read, WEST, ONE)
    update(EAST, ReplicaUpdates=[{"Create": {"RegionName": WEST}}])
    assert describe(EAST)["Replicas"][0]["ReplicaStatus"] == "CREATING"
    assert "ResourceInUseException" in refusal(
        update, EAST, ReplicaUpdates=[{"Create": {"RegionName": WEST}}]
    )
    assert "ResourceNotFoundException" in refusal(read, WEST, ONE)
    orders.put(EAST, ("ann", "4"), {"n": 4}, "while it was being created")
    cloud.clock.sleep(600)
    assert describe(EAST)["Replicas"][0]["ReplicaStatus"] == describe(WEST)["TableStatus"] == "ACTIVE"
    assert orders.items(WEST) == orders.items(EAST)
    orders.put(WEST, ("ann", "5"), {"n": 5}, "there")
    cloud.clock.sleep(5)
    assert orders.get(EAST, ("ann", "5")) == {"n": 5}


def test_a_replica_is_refused_where_aws_refuses_it(cloud: Cloud, orders: GlobalTable) -> None:
    create = {"ReplicaUpdates": [{"Create": {"RegionName": WEST}}]}
    assert "already existed as tables" in refusal(update, EAST, **create)
    orders.remove_replica(WEST)
    orders.described[EAST].stream = ""
    assert "Streams" in refusal(update, EAST, **create)
    stream = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    update(EAST, StreamSpecification=stream)
    assert "ResourceInUseException" in refusal(update, EAST, **create)
    cloud.clock.sleep(120)
    assert "already has an enabled stream" in refusal(update, EAST, StreamSpecification=stream)
    orders.described[EAST].billing = "PROVISIONED"
    assert "AutoScaled" in refusal(update, EAST, **create)


def test_a_write_that_is_under_way_when_its_replica_goes_is_forgotten(
    cloud: Cloud, orders: GlobalTable
) -> None:
    orders.put(EAST, ("ann", "9"), {"n": 9}, "nine")
    orders.remove_replica(WEST)
    cloud.clock.sleep(10)
    assert orders.missing(WEST) == ()


def test_each_delivery_is_a_sample_of_replication_latency_in_the_region_of_the_write(cloud: Cloud) -> None:
    metrics = Metrics.of(cloud)
    table = DynamoDB.of(cloud).global_table("likes", (EAST, WEST))
    cloud.latency.table["dynamodb_replication"]["seconds"] = [1.5, 1.5]
    table.put(EAST, "1", {"n": 1}, "like")
    cloud.clock.sleep(5)
    of = frozenset({"TableName": "likes", "ReceivingRegion": WEST}.items())
    (series,) = metrics._series.values()
    assert metrics._series.keys() == {(EAST, "AWS/DynamoDB", "ReplicationLatency", of)}
    assert series.values == [pytest.approx(1500)]


def test_a_usual_lag_makes_no_difference_and_an_unusual_one_does(cloud: Cloud) -> None:
    metrics = Metrics.of(cloud)
    put_one = lambda value: metrics.put(EAST, "n", "m", {"a": "b"}, value, usual=5000)  # noqa: E731
    put_one(700)
    before = metrics.state()
    put_one(4000)
    assert metrics.state() == before
    put_one(60_000)
    assert metrics.state() != before


def test_iam_judges_a_batch_by_its_tables_and_a_new_replica_by_what_is_done_in_its_region() -> None:
    arn = "arn:aws:dynamodb:us-east-1:123456789012:table/orders"
    batch = Request("dynamodb", "BatchGetItem", EAST, {"RequestItems": {"orders": {"Keys": []}}}, "f", WEST)
    assert resources_of(batch) == (arn,)
    create = {"TableName": "orders", "ReplicaUpdates": [{"Create": {"RegionName": WEST}}]}
    beside = dict(beside_of(Request("dynamodb", "UpdateTable", EAST, create, "f", WEST)))
    assert beside["dynamodb:CreateTableReplica"] == WEST
    stream = {"TableName": "orders", "StreamSpecification": {}}
    assert beside_of(Request("dynamodb", "UpdateTable", EAST, stream, "f", WEST)) == ()


def scan(region: str, **more: Any) -> Any:
    return client("dynamodb", region).scan(TableName="orders", **more)


def scanned(region: str, **more: Any) -> list[tuple[str, str]]:
    """The keys of a whole scan, page by page."""
    found: list[tuple[str, str]] = []
    start: dict[str, Any] = {}
    while True:
        answer = scan(region, **more, **start)
        found += [(row["PK"]["S"], row["SK"]["S"]) for row in answer["Items"]]
        if "LastEvaluatedKey" not in answer:
            return found
        start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def fill(cloud: Cloud, orders: GlobalTable, items: int, text: str = "") -> set[tuple[str, str]]:
    keys = {(f"customer {number % 40}", str(number)) for number in range(items)}
    for key in keys:
        orders.put(EAST, key, {"text": text}, "an order")
    cloud.clock.sleep(5)
    return keys | {("ann", "1"), ("ann", "2")}


def test_the_segments_of_a_scan_are_the_table_without_one_item_twice(
    cloud: Cloud, orders: GlobalTable
) -> None:
    keys = fill(cloud, orders, 200)
    for region in (EAST, WEST):
        segments = [scanned(region, Segment=number, TotalSegments=7) for number in range(7)]
        assert sorted(chain(*segments)) == sorted(keys)
        assert all(segments)
        for one, other in combinations(segments, 2):
            assert not {partition for partition, _ in one} & {partition for partition, _ in other}
    assert sorted(scanned(EAST, Limit=3)) == sorted(scanned(WEST)) == sorted(keys)


def test_a_segment_holds_other_keys_in_the_other_region(cloud: Cloud, orders: GlobalTable) -> None:
    fill(cloud, orders, 200)
    part = {"Segment": 0, "TotalSegments": 2}
    assert sorted(scanned(EAST, **part)) != sorted(scanned(WEST, **part))


def test_a_page_of_a_scan_has_one_megabyte(cloud: Cloud, orders: GlobalTable) -> None:
    keys = fill(cloud, orders, 10, "x" * 300_000)
    assert len(scan(EAST)["Items"]) in (4, 5, 6)
    assert sorted(scanned(EAST)) == sorted(keys)


def test_a_scan_consumes_half_a_unit_of_4_kb_and_a_whole_one_if_it_is_strong(
    cloud: Cloud, orders: GlobalTable
) -> None:
    assert "ConsumedCapacity" not in scan(EAST)
    fill(cloud, orders, 100, "x" * 1000)
    weak, strong = (scan(EAST, ConsistentRead=c, ReturnConsumedCapacity="TOTAL") for c in (False, True))
    assert weak["ConsumedCapacity"] == {"TableName": "orders", "CapacityUnits": pytest.approx(13, abs=1)}
    assert strong["ConsumedCapacity"]["CapacityUnits"] == 2 * weak["ConsumedCapacity"]["CapacityUnits"]


def test_a_region_tells_how_much_it_has(cloud: Cloud, orders: GlobalTable) -> None:
    assert (describe(EAST)["ItemCount"], describe(EAST)["TableSizeBytes"]) == (2, 45)
    orders.hold()
    orders.delete(EAST, ("ann", "2"), "gone")
    assert [describe(region)["ItemCount"] for region in (EAST, WEST)] == [1, 2]


def test_a_scan_is_refused_where_aws_refuses_it(orders: GlobalTable) -> None:
    assert "Segment: 2 is not less than TotalSegments: 2" in refusal(scan, EAST, Segment=2, TotalSegments=2)
    assert "The Segment parameter is required" in refusal(scan, EAST, TotalSegments=2)
    assert "The TotalSegments parameter is required" in refusal(scan, EAST, Segment=0)
    assert "less than or equal to 1000000" in refusal(scan, EAST, Segment=0, TotalSegments=1_000_001)
    start = {"PK": {"S": "ann"}, "SK": {"S": "1"}}
    outside = [
        "starting key" in refusal(scan, EAST, Segment=at, TotalSegments=2, ExclusiveStartKey=start)
        for at in (0, 1)
        if start["PK"]["S"] not in {partition for partition, _ in scanned(EAST, Segment=at, TotalSegments=2)}
    ]
    assert outside == [True]
    assert "starting key is invalid" in refusal(scan, EAST, ExclusiveStartKey={"PK": {"S": "ann"}})
    assert "ResourceNotFoundException" in refusal(scan, OREGON)


def test_a_batch_gives_sixteen_megabytes_and_says_what_it_left(cloud: Cloud, orders: GlobalTable) -> None:
    fill(cloud, orders, 50, "x" * 390_000)
    keys = [{"PK": {"S": f"customer {n % 40}"}, "SK": {"S": str(n)}} for n in range(50)]
    answer = client("dynamodb", EAST).batch_get_item(
        RequestItems={"orders": {"Keys": keys, "ConsistentRead": True}}
    )
    left = answer["UnprocessedKeys"]["orders"]
    assert len(answer["Responses"]["orders"]) + len(left["Keys"]) == 50
    assert (len(left["Keys"]), left["ConsistentRead"]) == (6, True)
