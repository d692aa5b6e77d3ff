"""A Cloud: services enlist in it, each of which holds any number of things; importing it changes nothing."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import botocore.handlers
import pytest
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from every_service import EAST, WEST, every_service
from urllib3.exceptions import ReadTimeoutError as HttpReadTimeoutError

from twin.clock import Clock
from twin.cloud import Cloud
from twin.doubles import Doubles
from twin.faults import EarlierAnswers, Request
from twin.moto.backing import Moto
from twin.net import HttpAnswer, HttpRequest, Net
from twin.service import Service
from twin.services.arc.model import Arc
from twin.services.aurora.journal import Journal
from twin.services.aurora.model import Aurora
from twin.services.cloudfront.model import CloudFront
from twin.services.cloudwatch.model import Metrics
from twin.services.dynamodb.model import DynamoDB
from twin.services.events.model import Bus
from twin.services.lambda_.model import Functions
from twin.services.route53.model import Route53
from twin.services.synthetics.model import Synthetics

OREGON = "us-west-2"
REPLICAS = (EAST, "us-east-2", OREGON)


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with every_service() as cloud:
        yield cloud


# Importing the twin, and opening and closing a Cloud.


def process() -> tuple[object, ...]:
    """What the twin and moto change while a Cloud is open."""
    made: Any = BaseClient
    return list(botocore.handlers.BUILTIN_HANDLERS), made._make_api_call, sys.stdout, boto3.DEFAULT_SESSION


IMPORT_ALL = """
import os, pkgutil, importlib, socket, sys, time
import boto3, botocore.client, botocore.handlers
def process():
    return (
        list(botocore.handlers.BUILTIN_HANDLERS), botocore.client.BaseClient._make_api_call, sys.stdout,
        boto3.DEFAULT_SESSION, dict(os.environ), time.time, socket.socket,
    )
before = process()
import twin
names = [module.name for module in pkgutil.walk_packages(twin.__path__, "twin.")]
names.sort(reverse="--reversed" in sys.argv)
for name in names:
    importlib.import_module(name)
    assert process() == before, name
print(len(names))
"""


@pytest.mark.parametrize("order", ["", "--reversed"])
def test_importing_every_module_of_the_twin_changes_nothing_in_the_process(order: str) -> None:
    ran = subprocess.run([sys.executable, "-c", IMPORT_ALL, order], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) > 50


@pytest.mark.parametrize("backing", [Moto, Doubles])
def test_a_cloud_that_is_closed_leaves_the_process_as_it_was(backing: Callable[[], Any]) -> None:
    before = process()
    with Cloud(Clock(), 1, backing()):
        assert process() != before
        with Cloud(Clock(), 1, backing()):
            pass
        assert process() != before
    assert process() == before


@pytest.mark.parametrize("backing", [Moto, Doubles])
def test_a_cloud_that_is_closed_can_be_forgotten_though_a_task_was_parked(backing: Callable[[], Any]) -> None:
    def closed() -> weakref.ref[Cloud]:
        with Cloud(Clock(), 1, backing()) as cloud:
            cloud.clock.spawn(lambda: cloud.clock.sleep(60))
            cloud.clock.sleep(1)
            return weakref.ref(cloud)

    gone = closed()
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("backing", [Moto, Doubles])
def test_a_client_that_is_older_than_the_cloud_speaks_to_it_too(backing: Callable[[], Any]) -> None:
    with Cloud(Clock(), 1, backing()) as cloud:
        Functions(cloud).deploy(EAST, "shop", lambda *_: None)
        older = boto3.client("lambda", EAST)
        assert "ReservedConcurrentExecutions" not in older.get_function_concurrency(FunctionName="shop")
    with Cloud(Clock(), 1, backing()) as cloud:
        Functions(cloud).deploy(EAST, "shop", lambda *_: None)
        older.put_function_concurrency(FunctionName="shop", ReservedConcurrentExecutions=7)
        assert Functions.of(cloud).reserved(EAST, "shop") == 7


# One object of each service.


class Second(Service):
    """Another object that wants to be AWS Lambda, too."""

    service = "lambda"

    def operations(self) -> dict[str, Any]:
        return {"Invoke": lambda request: {}}


def test_an_operation_that_is_served_already_is_refused(cloud: Cloud) -> None:
    with pytest.raises(ValueError, match="lambda:Invoke is served by Functions already"):
        Second(cloud)


def test_a_second_object_of_the_same_service_is_refused_and_the_first_is_found(cloud: Cloud) -> None:
    with pytest.raises(ValueError, match="there is a DynamoDB in this Cloud: find it with `of`"):
        DynamoDB(cloud)
    assert DynamoDB.of(cloud) is DynamoDB.of(cloud)


AGAIN: dict[str, Callable[[Cloud], object]] = {
    "GlobalDatabase": lambda cloud: Aurora.of(cloud).global_database(
        "ONE", {EAST: "a", WEST: "b"}, Journal((EAST, WEST))
    ),
    "Cluster": lambda cloud: Arc.of(cloud).cluster("one", {}),
    "GlobalTable": lambda cloud: DynamoDB.of(cloud).global_table("one", (EAST, WEST)),
    "StrongTable": lambda cloud: DynamoDB.of(cloud).strong_table("ledger-one", REPLICAS),
    "Distribution": lambda cloud: CloudFront.of(cloud).distribution("edge-one.example", "a", "b"),
    "Canary": lambda cloud: Synthetics.of(cloud).canary(WEST, "one", "http://one.example/"),
    "MetricAlarm": lambda cloud: Metrics.of(cloud).alarm(WEST, "one", "n", "m", {}, 0, "LessThanThreshold"),
    "Rule": lambda cloud: Bus.of(cloud).schedule(WEST, "often-one", 60, print),
    "Distribution edge-two.example": lambda cloud: CloudFront.of(cloud).distribution(
        "Edge-Two.example", "a", "b"
    ),
    "GlobalTable one": lambda cloud: DynamoDB.of(cloud).strong_table("one", REPLICAS),
    "StrongTable ledger-one": lambda cloud: DynamoDB.of(cloud).global_table("ledger-one", (EAST, WEST)),
    "cluster one-west of one": lambda cloud: Aurora.of(cloud).global_database(
        "three", {EAST: "three", WEST: "One-West"}, Journal((EAST, WEST))
    ),
    "host us-east-1.one.example": lambda cloud: Net.of(cloud).serve(f"{EAST}.One.example", WEST, nobody),
    "host us-west-1.one.example": lambda cloud: Net.of(cloud).name(f"{WEST}.one.example", lambda: None),
    "name one.example": lambda cloud: Net.of(cloud).serve("one.example", WEST, nobody),
    "name two.example": lambda cloud: Route53.of(cloud).record("Two.example", [("a", lambda: True)]),
}


def nobody(request: object) -> HttpAnswer:
    return 404, b""


@pytest.mark.parametrize("what", AGAIN)
def test_two_things_of_one_name_are_refused(cloud: Cloud, what: str) -> None:
    before = cloud.fingerprint()
    with pytest.raises(ValueError, match=rf"there is a {what}\b.* already"):
        AGAIN[what](cloud)
    assert cloud.fingerprint() == before


# Two of each, side by side.


def client(service: str, region: str = WEST, **more: Any) -> Any:
    return boto3.client(service, region, **more)  # type: ignore[call-overload]


def test_of_two_global_databases_each_is_moved_by_itself(cloud: Cloud) -> None:
    rds = client("rds", EAST)
    described = rds.describe_global_clusters()["GlobalClusters"]
    assert {"one", "two"} <= {each["GlobalClusterIdentifier"] for each in described}
    target = f"arn:aws:rds:{WEST}:123456789012:cluster:two-west"
    rds.switchover_global_cluster(GlobalClusterIdentifier="two", TargetDbClusterIdentifier=target)
    cloud.clock.sleep(200)
    one, two = (Aurora.of(cloud).databases[name] for name in ("one", "two"))
    assert (one.writer, two.writer) == (EAST, WEST)
    [cluster] = client("rds").describe_db_clusters(DBClusterIdentifier="two-west")["DBClusters"]
    assert cluster["DBClusterMembers"][0]["IsClusterWriter"]


def test_a_cluster_of_one_database_is_no_target_of_another_and_does_not_leave_it(cloud: Cloud) -> None:
    east, west = client("rds", EAST), client("rds")
    other = f"arn:aws:rds:{WEST}:123456789012:cluster:two-west"
    with pytest.raises(ClientError, match=r"DB cluster .*two-west not found"):
        east.switchover_global_cluster(GlobalClusterIdentifier="one", TargetDbClusterIdentifier=other)
    with pytest.raises(ClientError, match="is not found in global cluster one"):
        west.remove_from_global_cluster(GlobalClusterIdentifier="one", DbClusterIdentifier=other)
    west.remove_from_global_cluster(GlobalClusterIdentifier="two", DbClusterIdentifier=other)
    cloud.clock.sleep(400)
    databases = Aurora.of(cloud).databases
    assert [databases[name].writers() for name in ("one", "two")] == [{EAST}, {EAST, WEST}]


def state(cloud: Cloud, endpoint_of: str, control_of: str, region: str = OREGON) -> str:
    clusters = Arc.of(cloud).clusters
    endpoint, arn = clusters[endpoint_of].endpoints[region], clusters[control_of].arns[WEST]
    controls = client("route53-recovery-cluster", region, endpoint_url=endpoint)
    return str(controls.get_routing_control_state(RoutingControlArn=arn)["RoutingControlState"])


def test_of_two_arc_clusters_each_has_its_own_endpoints_controls_and_rules(cloud: Cloud) -> None:
    one, two = Arc.of(cloud).clusters.values()
    assert set(one.endpoints.values()).isdisjoint(two.endpoints.values())
    assert set(one.arns.values()).isdisjoint(two.arns.values())
    controls = client("route53-recovery-cluster", OREGON, endpoint_url=two.endpoints[OREGON])
    on = {"RoutingControlArn": two.arns[WEST], "RoutingControlState": "On"}
    controls.update_routing_control_states(UpdateRoutingControlStateEntries=[on])
    assert (state(cloud, "one", "one"), state(cloud, "two", "two")) == ("Off", "On")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        state(cloud, "one", "two")
    cloud.clock.sleep(15)
    assert Net.of(cloud).resolve("two.example") == f"{EAST}.two.example"


def test_an_endpoint_of_no_cluster_does_not_exist(cloud: Cloud) -> None:
    none = "https://zzzzzzzz.route53-recovery-cluster.us-west-2.amazonaws.com/v1"
    controls = client("route53-recovery-cluster", OREGON, endpoint_url=none)
    with pytest.raises(EndpointConnectionError):
        controls.get_routing_control_state(RoutingControlArn="arn")


def test_a_cluster_that_has_lost_its_quorum_takes_no_other_with_it(cloud: Cloud) -> None:
    hosts = Arc.of(cloud).clusters["one"].hosts
    cloud.faults.dark |= {hosts[region] for region in list(hosts)[:3]}
    with pytest.raises(ClientError, match="EndpointTemporarilyUnavailableException"):
        state(cloud, "one", "one", list(hosts)[3])
    assert state(cloud, "two", "two") == "Off"


def test_two_strong_tables_keep_their_items_apart(cloud: Cloud) -> None:
    key = {"application": {"S": "shop"}, "item": {"S": "lease"}}
    for name, body in (("ledger-one", "1"), ("ledger-two", "2")):
        client("dynamodb", OREGON).put_item(TableName=name, Item={**key, "body": {"S": body}})
    one, two = DynamoDB.of(cloud).strong_tables.values()
    peeked = [table.peek({"application": "shop", "item": "lease"}) for table in (one, two)]
    assert [(item or {})["body"] for item in peeked] == ["1", "2"]


def test_two_global_tables_and_two_distributions_are_apart(cloud: Cloud) -> None:
    one, two = DynamoDB.of(cloud).global_tables.values()
    one.put(EAST, "ann", {"n": 1}, "a write")
    cloud.clock.sleep(5)
    assert (one.get(WEST, "ann"), two.get(WEST, "ann")) == ({"n": 1}, None)
    request = Net.of(cloud).request
    answers = [request("", "GET", f"http://edge-{name}.example/")[1] for name in ("one", "two")]
    assert answers == [b"us-east-1 of one", b"us-east-1 of two"]


# A place that ails takes connections, and does nothing.


@pytest.mark.parametrize("place", [WEST, f"lambda/{WEST}"])
@pytest.mark.parametrize(
    ("ailment", "says", "seconds"),
    [("mute", "Read timeout", 5.0), ("503", "ServiceUnavailable", 0.0), ("throttled", "TooMany", 0.0)],
)
def test_a_place_that_ails_does_nothing_and_says_no_or_nothing_after_the_read_timeout(
    cloud: Cloud, place: str, ailment: Any, says: str, seconds: float
) -> None:
    config = Config(read_timeout=5, retries={"total_max_attempts": 1})
    asked = {"FunctionName": "one", "ReservedConcurrentExecutions": 7}
    there, elsewhere = client("lambda", WEST, config=config), client("lambda", EAST, config=config)
    functions = Functions.of(cloud)
    cloud.faults.ailing[place] = ailment
    began = cloud.clock.now
    with pytest.raises((ClientError, ReadTimeoutError), match=says):
        there.put_function_concurrency(**asked)
    assert abs(cloud.clock.now - began - seconds) < 1
    cloud.clock.sleep(60)
    assert functions.reserved(WEST, "one") is None
    elsewhere.put_function_concurrency(**asked)
    assert functions.reserved(EAST, "one") == 7
    del cloud.faults.ailing[place]
    there.put_function_concurrency(**asked)
    assert functions.reserved(WEST, "one") == 7


def test_only_the_endpoint_that_ails_is_silent(cloud: Cloud) -> None:
    assert cloud.faults.ailment(EAST, "lambda", "a.example") is None
    cloud.faults.ailing["a.example"] = "mute"
    assert cloud.faults.ailment(EAST, "lambda", "a.example") == "mute"
    assert cloud.faults.ailment(EAST, "lambda", "b.example") is None


@pytest.mark.parametrize(("ailment", "answer"), [("503", 503), ("throttled", 429), ("mute", None)])
def test_customers_meet_it_too(cloud: Cloud, ailment: Any, answer: int | None) -> None:
    net, served = Net.of(cloud), list[str]()

    def serve(asked: HttpRequest) -> tuple[int, bytes]:
        served.append(asked.path)
        return 200, b""

    net.serve("customers.example", WEST, serve)
    cloud.faults.ailing[WEST] = ailment
    if answer is None:
        with pytest.raises(HttpReadTimeoutError):
            net.request("", "GET", "http://customers.example/")
    else:
        assert net.request("", "GET", "http://customers.example/")[0] == answer
    cloud.clock.sleep(60)
    assert not served


# Which reads may be stale.


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "stale"),
    [
        ("dynamodb", "Query", {}, True),
        ("dynamodb", "Query", {"ConsistentRead": False}, True),
        ("dynamodb", "Query", {"ConsistentRead": True}, False),
        ("dynamodb", "PutItem", {}, False),
        ("lambda", "GetFunctionConcurrency", {}, True),
        ("lambda", "Invoke", {}, False),
        ("rds", "DescribeGlobalClusters", {}, True),
        ("rds", "SwitchoverGlobalCluster", {}, False),
        ("s3", "GetPublicAccessBlock", {}, True),
        ("stepfunctions", "DescribeExecution", {}, True),
        ("nobody", "GetAnything", {}, False),
    ],
)
def test_a_read_may_be_stale_unless_it_is_strongly_consistent(
    service: str, operation: str, parameters: dict[str, object], stale: bool
) -> None:
    answers, request = EarlierAnswers(), Request(service, operation, EAST, parameters, "", "")
    noted = [answers.note(request, {"n": n}) for n in (1, 2, 3)]
    assert noted == ([None, {"n": 1}, {"n": 2}] if stale else [None] * 3)


def test_an_eventually_consistent_query_is_answered_as_the_table_was_before(cloud: Cloud) -> None:
    cloud.faults.earlier = EarlierAnswers()
    table = client("dynamodb", OREGON)

    def bodies(**more: bool) -> list[str]:
        values = {":a": {"S": "shop"}}
        asked = {"KeyConditionExpression": "application = :a", "ExpressionAttributeValues": values}
        return [item["body"]["S"] for item in table.query(TableName="ledger-one", **asked, **more)["Items"]]

    def put(body: str) -> None:
        item = {"application": {"S": "shop"}, "item": {"S": "lease"}, "body": {"S": body}}
        table.put_item(TableName="ledger-one", Item=item)

    for body in ("1", "2"):
        put(body)
        assert (bodies(), bodies(ConsistentRead=True)) == ([body], [body])
    cloud.faults.injectors.append(lambda request: "stale")
    assert bodies() == ["1"]
    assert bodies(ConsistentRead=True) == ["2"]


def test_a_service_that_no_client_calls_enlists_as_well(cloud: Cloud) -> None:
    assert Net.of(cloud).operations() == {}
