"""DynamoDB's global tables, in the Cloud that has everything."""

from __future__ import annotations

from every_service import EAST, OREGON, REPLICAS, WEST, client

from twin.cloud import Cloud
from twin.services.dynamodb.model import DynamoDB


def furnish(cloud: Cloud, name: str) -> None:
    DynamoDB.of(cloud).global_table(name, (EAST, WEST), indexes={"by-day": ("day", "id")})
    DynamoDB.of(cloud).strong_table(f"ledger-{name}", REPLICAS)


def put(cloud: Cloud) -> None:
    item = {"application": {"S": "shop"}, "item": {"S": "lease"}, "body": {"S": "{}"}}
    client("dynamodb", OREGON).put_item(TableName="ledger-one", Item=item)


def write(cloud: Cloud, region: str = EAST) -> None:
    DynamoDB.of(cloud).global_tables["one"].put(region, "a", {"n": 1}, "a write")


def held_write(cloud: Cloud) -> None:
    """Whenever it arrives in vain: it waits for a second more."""
    cloud.faults.partitions.add(frozenset({EAST, WEST}))
    write(cloud)
    while not DynamoDB.of(cloud).global_tables["one"]._routes[EAST, WEST].held:
        cloud.clock.sleep(0.01)
    cloud.faults.partitions.clear()


def conflict(cloud: Cloud) -> None:
    """Both Regions have written, and neither has the other's write yet."""
    write(cloud, WEST)
    cloud.clock.sleep(5)
    for region in (EAST, WEST):
        write(cloud, region)


def beat(cloud: Cloud) -> None:
    """An item that no application writes."""
    item = {"id": {"S": "farshore-0"}}
    client("dynamodb", EAST).batch_write_item(RequestItems={"one": [{"PutRequest": {"Item": item}}]})


def new_replica(cloud: Cloud) -> None:
    DynamoDB.of(cloud).global_tables["two"].remove_replica(WEST)
    client("dynamodb", EAST).update_table(TableName="two", ReplicaUpdates=[{"Create": {"RegionName": WEST}}])


def settings(cloud: Cloud) -> None:
    """Nobody's step changes these."""
    described = DynamoDB.of(cloud).global_tables["one"].described[EAST]
    described.billing, described.deletion_protected = "PROVISIONED", True


BRIEF = True
UNDER_WAY = {
    "an item that no application wrote": beat,
    "a replica that is being created": new_replica,
    "other settings": settings,
    "a write that is being agreed upon": put,
    "two writes of one item": conflict,
    "a write that waits for its Region": held_write,
}


def test_a_write_that_changes_nothing_is_in_the_state_while_it_is_agreed_upon(cloud: Cloud) -> None:
    put(cloud)
    cloud.clock.sleep(30)
    before = DynamoDB.of(cloud).state()
    meanwhile: list[object] = []
    cloud.watchers.append(lambda request, answer: meanwhile.append(DynamoDB.of(cloud).state()))
    put(cloud)
    cloud.clock.sleep(1)
    assert meanwhile != [before]
    assert DynamoDB.of(cloud).state() == before


def test_a_write_that_arrives_as_usual_is_no_difference_and_any_other_is(cloud: Cloud) -> None:
    table, parted = DynamoDB.of(cloud).global_tables["one"], frozenset({EAST, WEST})
    before = table.state()
    for number in range(2):  # the first of its item, and the next
        write(cloud)
        assert table.state() == before, number
        cloud.faults.partitions.add(parted)
        assert table.state() != before, number
        cloud.faults.partitions.clear()
        cloud.clock.sleep(5)
        assert table.state() == before, number
    write(cloud)
    write(cloud, WEST)
    assert table.state() != before


def test_of_what_differs_the_state_says_how_and_not_which_item(cloud: Cloud) -> None:
    table, states = DynamoDB.of(cloud).global_tables["one"], []
    cloud.faults.partitions.add(frozenset({EAST, WEST}))
    for key in ("a", "b", "c"):
        table.put(EAST, key, {"n": 1}, key)
        states.append(table.state())
    assert states[0] == states[1] == states[2]
    table.put(WEST, "a", {"n": 2}, "a conflict")
    assert table.state() != states[0]
