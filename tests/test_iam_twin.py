"""IAM in the twin: a function may call only what its policy allows, on every resource that the call names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from twin.clock import Clock
from twin.cloud import ACCOUNT, Cloud
from twin.faults import Request
from twin.moto.backing import Moto
from twin.services.dynamodb.model import DynamoDB
from twin.services.dynamodb.rows import FOR_A_REPLICA
from twin.services.iam.model import Policy, Statement, action_of, allows, guard, resources_of
from twin.services.lambda_.model import FunctionError, Functions

EAST, WEST = "us-east-1", "us-west-1"
SHOP = f"arn:aws:lambda:{EAST}:{ACCOUNT}:function:shop"


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    with Cloud(Clock(), 1, Moto()) as cloud:
        yield cloud


@pytest.fixture
def functions(cloud: Cloud) -> Iterator[Functions]:
    functions = Functions(cloud)
    functions.deploy(EAST, "shop", lambda *_: None)
    yield functions
    functions.close()


def client(service: str, region: str = EAST) -> Any:
    return boto3.client(service, region, config=Config(retries={"total_max_attempts": 1}))


def throttle(event: Any, context: Any) -> None:
    client("lambda").put_function_concurrency(FunctionName="shop", ReservedConcurrentExecutions=0)


def allow(actions: str, *resources: str) -> Policy:
    return (Statement(frozenset(actions.split()), resources),)


def outcome(functions: Functions, act: Callable[[Any, Any], Any], policy: Policy | None) -> str:
    functions.deploy(EAST, "step", act, policy=policy)
    try:
        functions.invoke(EAST, "step", {})
    except FunctionError as error:
        return str(error.body["errorMessage"])
    return "allowed"


@pytest.mark.parametrize(
    "policy",
    [
        None,
        allow("lambda:PutFunctionConcurrency", SHOP),
        allow("lambda:PutFunctionConcurrency", "arn:aws:lambda:*:*:function:sh*"),
        allow("lambda:GetFunctionConcurrency", "*") + allow("lambda:PutFunctionConcurrency", SHOP),
    ],
)
def test_what_the_policy_names_is_allowed(functions: Functions, policy: Policy | None) -> None:
    assert outcome(functions, throttle, policy) == "allowed"


@pytest.mark.parametrize(
    "policy",
    [
        (),
        allow("lambda:PutFunctionConcurrency", SHOP.replace(EAST, WEST)),
        allow("lambda:GetFunctionConcurrency", SHOP),
        allow("lambda:PutFunctionConcurrency", SHOP + ":1"),
    ],
)
def test_anything_else_is_denied_and_not_done(functions: Functions, policy: Policy) -> None:
    shown = outcome(functions, throttle, policy)
    assert "AccessDeniedException" in shown
    assert "is not authorized to perform: lambda:PutFunctionConcurrency" in shown
    assert f"on resource: {SHOP}" in shown
    assert "ReservedConcurrentExecutions" not in client("lambda").get_function_concurrency(
        FunctionName="shop"
    )


def test_a_version_is_a_resource_of_its_own_to_invoke(functions: Functions) -> None:
    def invoke(event: Any, context: Any) -> None:
        client("lambda").invoke(FunctionName="shop", Qualifier="1")

    assert f"on resource: {SHOP}:1" in outcome(functions, invoke, allow("lambda:InvokeFunction", SHOP))
    assert outcome(functions, invoke, allow("lambda:InvokeFunction", SHOP + ":1")) == "allowed"


def test_whoever_creates_a_replica_must_be_allowed_what_is_done_in_its_region(
    cloud: Cloud, functions: Functions
) -> None:
    table = DynamoDB.of(cloud).global_table("orders", (EAST, WEST))
    here, there = (f"arn:aws:dynamodb:{region}:{ACCOUNT}:table/orders" for region in (EAST, WEST))

    def create(event: Any, context: Any) -> None:
        updates: Any = [{"Create": {"RegionName": WEST}}]
        client("dynamodb").update_table(TableName="orders", ReplicaUpdates=updates)

    table.remove_replica(WEST)
    said = outcome(functions, create, allow("dynamodb:*", here))
    assert f"not authorized to perform: dynamodb:BatchWriteItem on resource: {there}" in said
    assert WEST not in table.described
    whole = allow(
        " ".join(("dynamodb:UpdateTable", *(f"dynamodb:{each}" for each in FOR_A_REPLICA))), here, there
    )
    assert outcome(functions, create, whole) == "allowed"


def test_services_of_the_older_protocols_say_access_denied(cloud: Cloud) -> None:
    cloud.guards.append(guard(lambda region, function: ()))
    codes = {}
    with cloud.acting_as("step", EAST):
        for service, act in {
            "rds": lambda: client("rds").describe_global_clusters(),
            "s3": lambda: client("s3").get_public_access_block(Bucket="ui"),
            "dynamodb": lambda: client("dynamodb").delete_item(TableName="t", Key={"a": {"S": "a"}}),
        }.items():
            with pytest.raises(ClientError) as caught:
                act()
            codes[service] = caught.value.response["Error"]["Code"]
    assert codes == {"rds": "AccessDenied", "s3": "AccessDenied", "dynamodb": "AccessDeniedException"}


def test_a_call_that_the_twin_cannot_judge_is_no_denial_and_is_named(functions: Functions) -> None:
    def list_tables(event: Any, context: Any) -> None:
        client("dynamodb").list_tables()

    said = outcome(functions, list_tables, allow("*", "*"))
    assert said.startswith("the twin does not know how IAM judges dynamodb:ListTables in us-east-1")
    assert "which step calls" in said
    assert outcome(functions, list_tables, None) == "allowed"


def test_people_are_not_judged(cloud: Cloud) -> None:
    cloud.guards.append(guard(lambda region, function: ()))
    assert client("rds").describe_global_clusters()["GlobalClusters"] == []


def asked(service: str, operation: str, **parameters: object) -> tuple[str, tuple[str, ...]]:
    request = Request(service, operation, WEST, dict(parameters), "step", WEST)
    return action_of(request), resources_of(request)


def test_a_failover_names_the_global_cluster_and_the_cluster() -> None:
    target = f"arn:aws:rds:{WEST}:{ACCOUNT}:cluster:hot-secondary"
    overall = f"arn:aws:rds::{ACCOUNT}:global-cluster:unicorn"
    action, resources = asked(
        "rds", "FailoverGlobalCluster", GlobalClusterIdentifier="unicorn", TargetDbClusterIdentifier=target
    )
    assert action == "rds:FailoverGlobalCluster"
    assert set(resources) == {overall, target}
    assert not all(allows(allow(action, overall), action, resource) for resource in resources)


@pytest.mark.parametrize(
    ("request_", "action", "resources"),
    [
        (
            ("s3", "DeletePublicAccessBlock", {"Bucket": "ui"}),
            "s3:PutBucketPublicAccessBlock",
            ("arn:aws:s3:::ui",),
        ),
        (
            ("dynamodb", "Query", {"TableName": "farshore-ledger"}),
            "dynamodb:Query",
            (f"arn:aws:dynamodb:{WEST}:{ACCOUNT}:table/farshore-ledger",),
        ),
        (
            ("rds", "RemoveFromGlobalCluster", {"GlobalClusterIdentifier": "u", "DbClusterIdentifier": "w"}),
            "rds:RemoveFromGlobalCluster",
            (f"arn:aws:rds::{ACCOUNT}:global-cluster:u", f"arn:aws:rds:{WEST}:{ACCOUNT}:cluster:w"),
        ),
        (("cloudwatch", "GetMetricData", {}), "cloudwatch:GetMetricData", ("*",)),
        (
            ("stepfunctions", "DescribeExecution", {"executionArn": "arn:aws:states:e"}),
            "states:DescribeExecution",
            ("arn:aws:states:e",),
        ),
        (
            (
                "route53-recovery-cluster",
                "UpdateRoutingControlStates",
                {
                    "UpdateRoutingControlStateEntries": [
                        {"RoutingControlArn": "arn:1"},
                        {"RoutingControlArn": "arn:2"},
                    ]
                },
            ),
            "route53-recovery-cluster:UpdateRoutingControlStates",
            ("arn:1", "arn:2"),
        ),
    ],
)
def test_actions_and_resources_are_iams(
    request_: tuple[str, str, dict[str, object]], action: str, resources: tuple[str, ...]
) -> None:
    service, operation, parameters = request_
    assert asked(service, operation, **parameters) == (action, resources)
