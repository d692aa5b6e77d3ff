"""A call that takes the short way is answered as it is on botocore's own."""

from __future__ import annotations

import copy
import gc
import random
import weakref
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectTimeoutError, ParamValidationError, ReadTimeoutError
from botocore.session import get_session
from botocore.validate import ParamValidator

from twin.clock import Clock
from twin.cloud import Answer, AwsError, Cloud
from twin.faults import EarlierAnswers, Kind, Request
from twin.fits import Fits
from twin.moto.backing import Moto
from twin.refusals import refusal

EAST, WEST = "us-east-1", "us-west-1"


class World:
    """A service of which nothing is known but that it answers."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.requests: list[Request] = []
        self.reserved, self.value = 5, 0.0
        """What reads of a function and of a metric are answered."""
        for service, operation in (
            ("lambda", "PutFunctionConcurrency"),
            ("lambda", "GetFunctionConcurrency"),
            ("s3", "GetPublicAccessBlock"),
            ("rds", "DescribeGlobalClusters"),
            ("cloudwatch", "GetMetricData"),
        ):
            cloud.serve(service, operation, self._answer)

    def _answer(self, request: Request) -> Answer:
        self.requests.append(request)
        parameters: Any = request.parameters
        if "none" in parameters.values():
            raise AwsError("ResourceNotFoundException", "there is none", 404)
        if request.operation == "GetFunctionConcurrency":
            return {"ReservedConcurrentExecutions": self.reserved}
        if request.operation == "GetMetricData":
            return {"MetricDataResults": [{"Id": "lag", "Values": [self.value]}]}
        if request.service == "lambda":
            return {"ReservedConcurrentExecutions": parameters["ReservedConcurrentExecutions"]}
        return {}

    def client(self, service: str = "lambda", region: str = EAST, **more: Any) -> Any:
        config = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1})
        return boto3.client(service, region, config=config, **more)  # type: ignore[call-overload]

    def inject(self, *kinds: Kind | None) -> None:
        """What is injected into the next calls, one by one."""
        fate = iter(kinds)
        self.cloud.faults.injectors.append(lambda request: next(fate, None))


@pytest.fixture
def world() -> Iterator[World]:
    with Cloud(Clock(), 1, Moto()) as cloud:
        yield World(cloud)


def reserve(client: Any, name: str = "shop", reserved: Any = 5) -> Any:
    return client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=reserved)


def test_what_is_learned_of_a_client_goes_with_it(world: World) -> None:
    client = world.client("rds")
    for _ in range(2):
        client.describe_global_clusters(GlobalClusterIdentifier="shop")
    gone = weakref.ref(client.meta.config)
    del client
    gc.collect()
    assert gone() is None


def test_the_second_answer_is_the_first(world: World) -> None:
    client = world.client()
    assert reserve(client) == reserve(client)
    first, second = world.requests
    assert first == second
    assert first.url.startswith("https://lambda.us-east-1.amazonaws.com/")
    assert "/functions/shop/" in first.url


def test_only_the_first_call_makes_a_request(world: World) -> None:
    client = world.client()
    made: list[str] = []
    client.meta.events.register("before-endpoint-resolution", lambda model, **_: made.append(model.name))
    for _ in range(3):
        reserve(client)
    assert len(made) == 1
    reserve(client, "other")
    assert len(made) == 2


@pytest.mark.parametrize("answered", ["by the twin", "by what backs it"])
def test_a_batch_is_learned_by_the_names_of_its_tables(world: World, answered: str) -> None:
    """DynamoDB's endpoint may depend on them; and of one operation the twin answers some requests only."""
    asked: list[Request] = []

    def shop(request: Request) -> Answer:
        asked.append(request)
        return {"Responses": {"shop": []}}

    meant = answered == "by the twin"
    world.cloud.share("dynamodb", "BatchGetItem", lambda request: meant, shop)
    client, made = world.client("dynamodb"), []
    client.meta.events.register("before-endpoint-resolution", lambda model, **_: made.append(model.name))
    if not meant:
        key = {"AttributeName": "id"}
        client.create_table(
            TableName="shop",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{**key, "AttributeType": "S"}],
            KeySchema=[{**key, "KeyType": "HASH"}],
        )
        made.clear()
    for _ in range(3):
        answer = client.batch_get_item(RequestItems={"shop": {"Keys": [{"id": {"S": "1"}}]}})
        assert answer["Responses"] == {"shop": []}
    assert len(made) == (1 if meant else 3)
    assert [request.url for request in asked] == ["https://dynamodb.us-east-1.amazonaws.com/"] * len(asked)
    assert len(asked) == (3 if meant else 0)
    if meant:
        client.batch_get_item(RequestItems={"other": {"Keys": [{"id": {"S": "1"}}]}})
        assert len(made) == 2, "of another table nobody knows the URL yet"


def test_each_client_and_parameter_has_its_own_url(world: World) -> None:
    here, there = world.client("s3"), world.client("s3", WEST)
    own = world.client("s3", endpoint_url="https://own.example")
    for _ in range(2):
        for client in (here, there, own):
            for bucket in ("a-bucket", "b-bucket"):
                client.get_public_access_block(Bucket=bucket)
    urls = [request.url.partition("?")[0] for request in world.requests]
    assert urls[:6] == urls[6:]
    assert urls[0] == "https://a-bucket.s3.amazonaws.com/"
    assert urls[3] == "https://b-bucket.s3.us-west-1.amazonaws.com/"
    assert urls[4] == "https://own.example/a-bucket"


def test_a_stale_answer_is_that_of_before_the_last_change(world: World) -> None:
    world.cloud.faults.earlier = EarlierAnswers()
    client = world.client()

    def reserved() -> Any:
        return client.get_function_concurrency(FunctionName="shop")["ReservedConcurrentExecutions"]

    world.inject(None, None, None, None, "stale", None, "stale", "stale")
    shown = []
    for number in (1, 1, 2, 3, 3, 3, 3, 4):
        world.reserved = number
        shown.append(reserved())
    assert shown == [1, 1, 2, 3, 2, 3, 2, 3]


def test_what_never_changed_is_never_stale_nor_is_what_was_never_asked(world: World) -> None:
    world.cloud.faults.earlier = EarlierAnswers()
    here, there = world.client(), world.client(region=WEST)
    world.inject("stale", "stale", None, "stale", "stale")
    shown = []
    for client, name, number in (
        (here, "shop", 1),
        (here, "shop", 1),
        (here, "other", 2),
        (here, "other", 2),
        (there, "shop", 3),
    ):
        world.reserved = number
        shown.append(client.get_function_concurrency(FunctionName=name)["ReservedConcurrentExecutions"])
    assert shown == [1, 1, 2, 2, 3]


def test_the_same_question_about_another_span_of_time_is_the_same_question(world: World) -> None:
    world.cloud.faults.earlier = EarlierAnswers()
    client = world.client("cloudwatch")
    world.inject(None, None, "stale")
    shown = []
    for number in (1, 2, 2):
        world.value = float(number)
        answer = client.get_metric_data(MetricDataQueries=[], StartTime=number, EndTime=number + 60)
        shown.append(answer["MetricDataResults"][0]["Values"])
    assert shown == [[1.0], [2.0], [1.0]]


def test_a_write_and_a_strong_table_are_never_answered_stale(world: World) -> None:
    """An EarlierAnswers hears them all, and gives back neither."""
    answers = EarlierAnswers()
    for service, operation in (("lambda", "PutFunctionConcurrency"), ("dynamodb", "Query")):
        request = Request(service, operation, EAST, {"ConsistentRead": True}, "", "")
        assert [answers.note(request, {"n": n}) for n in (1, 2, 3)] == [None] * 3
    asked = Request("lambda", "GetFunctionConcurrency", EAST, {}, "", "")
    assert [answers.note(asked, {"n": n}) for n in (1, 2, 3)] == [None, {"n": 1}, {"n": 2}]


def test_a_refusal_is_of_the_same_class(world: World) -> None:
    client = world.client()
    shown = []
    for _ in range(3):
        with pytest.raises(client.exceptions.ResourceNotFoundException) as caught:
            reserve(client, "none")
        shown.append((str(caught.value), caught.value.response))
    assert shown[0] == shown[1] == shown[2]


def test_wrong_parameters_are_refused_before_anything_is_called(world: World) -> None:
    client = world.client()
    reserve(client)
    calls = world.cloud.calls
    for wrong in ("five", None, -1):
        with pytest.raises(ParamValidationError):
            reserve(client, reserved=wrong)
    with pytest.raises(ParamValidationError, match="Unknown parameter"):
        client.put_function_concurrency(FunctionName="shop", ReservedConcurrentExecutions=1, More=1)
    with pytest.raises(ParamValidationError, match="Missing required"):
        client.put_function_concurrency(FunctionName="shop")
    assert world.cloud.calls == calls


@pytest.mark.parametrize(
    ("service", "operation", "kind", "code", "status"),
    [
        ("lambda", "put_function_concurrency", "throttled", "TooManyRequestsException", 429),
        ("lambda", "put_function_concurrency", "500", "ServiceException", 500),
        ("lambda", "put_function_concurrency", "503", "ServiceUnavailable", 503),
        ("rds", "switchover_global_cluster", "throttled", "Throttling", 400),
        ("dynamodb", "query", "throttled", "ThrottlingException", 400),
        ("dynamodb", "query", "500", "InternalServerError", 500),
        ("route53-recovery-cluster", "list_routing_controls", "503",
         "EndpointTemporarilyUnavailableException", 400),
        ("sns", "publish", "500", "InternalError", 500),
    ],
)  # fmt: skip
def test_a_service_says_in_its_own_words_that_it_is_busy_or_broken(
    service: str, operation: str, kind: Kind, code: str, status: int
) -> None:
    client: Any = boto3.client(service, region_name="us-west-2")
    model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[operation])
    asked = Request(service, model.name, "us-west-2", {}, "", "")
    said = refusal(kind, asked, model)
    assert (said.code, said.status) == (code, status)


def test_faults_are_injected_into_every_call(world: World) -> None:
    client = world.client()
    reserve(client)
    world.inject("lost_before", "lost_after", "slow", "500", "denied", None)
    for timeout in (ConnectTimeoutError, ReadTimeoutError, ReadTimeoutError):
        with pytest.raises(timeout, match=r"lambda\.us-east-1"):
            reserve(client)
    for code in ("ServiceException", "AccessDeniedException"):
        with pytest.raises(ClientError, match=code):
            reserve(client)
    assert reserve(client)["ReservedConcurrentExecutions"] == 5
    assert len(world.requests) == 4  # it was done where only the answer was lost


def test_a_dark_region_is_dark_for_every_call(world: World) -> None:
    client = world.client()
    reserve(client)
    world.cloud.faults.dark.add(EAST)
    before = world.cloud.clock.now
    with pytest.raises(ConnectTimeoutError):
        reserve(client)
    assert world.cloud.clock.now - before == 2


def test_watchers_and_handlers_hear_of_every_call(world: World) -> None:
    client = world.client()
    watched: list[Any] = []
    statuses: list[int] = []
    world.cloud.watchers.append(lambda request, answer: watched.append(answer))
    client.meta.events.register(
        "after-call", lambda http_response, **_: statuses.append(http_response.status_code)
    )
    client.meta.events.register(
        "provide-client-params", lambda params, **_: {**params, "FunctionName": "other"}
    )
    for _ in range(3):
        reserve(client)
    assert [answer["ReservedConcurrentExecutions"] for answer in watched] == [5, 5, 5]
    assert statuses == [200, 200, 200]
    assert [request.parameters["FunctionName"] for request in world.requests] == ["other"] * 3


def test_a_client_outlives_its_cloud() -> None:
    with Cloud(Clock(), 1, Moto()) as cloud:
        client = World(cloud).client()
        reserve(client)
    with Cloud(Clock(), 1, Moto()) as cloud:
        there = World(cloud)
        reserve(client)
        assert len(there.requests) == 1


def test_an_answer_that_is_not_aws_s_is_a_mistake_of_the_twin(world: World) -> None:
    client = world.client("rds")
    client.describe_global_clusters()
    for wrong in ({"GlobalClusters": "none"}, {"More": 1}, {"GlobalClusters": [{"Engine": 5}]}):
        world.cloud.serve("rds", "DescribeGlobalClusters", lambda request, answer=wrong: answer)
        with pytest.raises(AssertionError, match="not AWS's"):
            client.describe_global_clusters()


VALID: dict[tuple[str, str], dict[str, Any]] = {
    ("dynamodb", "PutItem"): {
        "TableName": "ledger",
        "Item": {"a": {"S": "b"}, "l": {"L": [{"N": "1"}, {"BOOL": True}, {"M": {"x": {"NULL": True}}}]}},
        "ExpressionAttributeValues": {":a": {"S": "b"}, ":b": {"SS": ["x", "y"]}},
    },
    ("cloudwatch", "GetMetricData"): {
        "StartTime": datetime(2027, 1, 1, tzinfo=UTC),
        "EndTime": 1_800_000_000,
        "MetricDataQueries": [
            {
                "Id": "lag",
                "ReturnData": True,
                "MetricStat": {
                    "Metric": {"Namespace": "AWS/RDS", "Dimensions": [{"Name": "a", "Value": "b"}]},
                    "Period": 60,
                    "Stat": "Maximum",
                },
            }
        ],
    },
    ("cloudfront", "CreateTrustStore"): {  # it has a union
        "Name": "store",
        "CaCertificatesBundleSource": {
            "CaCertificatesBundleS3Location": {"Bucket": "a", "Key": "b", "Region": "us-east-1"}
        },
    },
    ("lambda", "Invoke"): {"FunctionName": "shop", "Payload": b"{}"},
    ("route53-recovery-cluster", "UpdateRoutingControlStates"): {
        "UpdateRoutingControlStateEntries": [{"RoutingControlArn": "arn", "RoutingControlState": "On"}]
    },
}
WRONG = (
    None,
    "",
    "text",
    0,
    -5,
    1.5,
    True,
    b"bytes",
    [],
    {},
    [None],
    {"S": "x", "N": "1"},
    {"more": 1},
    object(),
)


@pytest.mark.parametrize(("service", "operation"), VALID)
def test_a_fit_is_never_kinder_than_botocore(service: str, operation: str) -> None:
    shape: Any = get_session().get_service_model(service).operation_model(operation).input_shape
    fit, valid = Fits().of(shape), VALID[service, operation]
    assert fit(valid)
    dice, refused = random.Random(1), 0
    for _ in range(2000):
        given = copy.deepcopy(valid)
        break_something(given, dice)
        accepted = not ParamValidator().validate(given, shape).has_errors()
        refused += not accepted
        assert accepted or not fit(given), given
    assert refused > 500


def break_something(value: Any, dice: random.Random) -> None:
    """Replaces, removes or adds something somewhere."""
    while True:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        if keys and isinstance(value[key := dice.choice(keys)], dict | list) and dice.random() < 0.7:
            value = value[key]
            continue
        break
    if keys and dice.random() < 0.3:
        del value[dice.choice(keys)]
    elif isinstance(value, dict):
        value[dice.choice([*keys, "More"])] = dice.choice(WRONG)
    elif keys:
        value[dice.choice(keys)] = dice.choice(WRONG)
