"""Lambda in the twin: what boto3 and API Gateway see of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ReadTimeoutError

from twin.clock import Clock
from twin.cloud import ACCOUNT, AwsError, Cloud
from twin.faults import Kind, Request
from twin.moto.backing import Moto
from twin.services.lambda_.model import FunctionError, Functions

EAST, WEST = "us-east-1", "us-west-1"


@dataclass
class Twin:
    clock: Clock
    cloud: Cloud
    functions: Functions

    def client(self, region: str, service: str = "lambda") -> Any:
        return boto3.client(
            service, region, config=Config(read_timeout=70, retries={"total_max_attempts": 1})
        )

    def call(self, name: str, event: Any = None, region: str = EAST) -> tuple[dict[str, Any], Any]:
        answer = self.client(region).invoke(FunctionName=name, Payload=json.dumps(event or {}))
        return answer, json.loads(answer["Payload"].read())


@pytest.fixture
def twin(monkeypatch: pytest.MonkeyPatch) -> Iterator[Twin]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    clock = Clock()
    with Cloud(clock, 1, Moto()) as cloud:
        functions = Functions(cloud)
        yield Twin(clock, cloud, functions)
        functions.close()


def refused(act: Callable[[], Any]) -> tuple[str, int, str]:
    with pytest.raises(ClientError) as caught:
        act()
    answer = caught.value.response
    return (
        answer["Error"]["Code"],
        answer["ResponseMetadata"]["HTTPStatusCode"],
        answer["Error"]["Message"],
    )


def test_a_handler_gets_the_event_as_json_and_its_answer_comes_back_as_a_stream(twin: Twin) -> None:
    twin.functions.deploy(EAST, "echo", lambda event, context: {"got": event, "as": context.function_name})
    answer, body = twin.call("echo", {"basket": ["UnicornFloat"]})
    assert body == {"got": {"basket": ["UnicornFloat"]}, "as": "echo"}
    assert answer["StatusCode"] == 200
    assert "FunctionError" not in answer


@pytest.mark.parametrize(
    "name",
    [
        "echo",
        "echo:1",
        "echo:$LATEST",
        f"{ACCOUNT}:function:echo",
        f"arn:aws:lambda:{EAST}:{ACCOUNT}:function:echo",
        f"arn:aws:lambda:{EAST}:{ACCOUNT}:function:echo:1",
    ],
)
def test_a_function_is_known_by_name_and_by_arn_with_and_without_version(twin: Twin, name: str) -> None:
    assert twin.functions.deploy(EAST, "echo", lambda event, _: event) == (
        f"arn:aws:lambda:{EAST}:{ACCOUNT}:function:echo:1"
    )
    assert twin.call(name, {"a": 1})[1] == {"a": 1}


def test_a_version_stays_what_it_was_when_a_newer_one_is_deployed(twin: Twin) -> None:
    twin.functions.deploy(EAST, "shop", lambda *_: "old")
    twin.functions.deploy(EAST, "shop", lambda *_: "new")
    assert [twin.call(name)[1] for name in ("shop", "shop:1", "shop:2")] == ["new", "old", "new"]


def test_a_function_of_another_region_is_not_there(twin: Twin) -> None:
    arn = twin.functions.deploy(EAST, "shop", lambda *_: "here")
    twin.functions.deploy(WEST, "basket", lambda *_: "there")
    for name in ("shop", arn, arn.replace("shop", "basket"), "basket:7"):
        code, status, _ = refused(lambda name=name: twin.call(name, region=WEST))
        assert (code, status) == ("ResourceNotFoundException", 404)


def test_an_exception_is_an_answer_that_names_its_class(twin: Twin) -> None:
    class NotYet(Exception):
        pass

    def busy(event: Any, context: Any) -> None:
        raise NotYet("the cluster is failing over")

    twin.functions.deploy(EAST, "step", busy)
    answer, body = twin.call("step")
    assert answer["FunctionError"] == "Unhandled"
    assert (body["errorType"], body["errorMessage"]) == ("NotYet", "the cluster is failing over")
    assert 'File "/var/task/test_lambda_twin.py"' in body["stackTrace"][-1]


def test_an_answer_that_is_not_json_is_a_marshal_error(twin: Twin) -> None:
    twin.functions.deploy(EAST, "step", lambda *_: {1, 2})
    assert twin.call("step")[1]["errorType"] == "Runtime.MarshalError"


def test_handlers_park_and_interleave(twin: Twin) -> None:
    order: list[str] = []

    def slow(event: dict[str, Any], context: Any) -> None:
        order.append(f"{event['who']} begins")
        twin.clock.sleep(10)
        order.append(f"{event['who']} ends")

    twin.functions.deploy(EAST, "slow", slow)
    tasks = [
        twin.clock.spawn(lambda who=who: twin.functions.invoke(EAST, "slow", {"who": who})) for who in "ab"
    ]
    for task in tasks:
        task.join()
    assert order[:2] == ["a begins", "b begins"] or order[:2] == ["b begins", "a begins"]
    assert twin.clock.elapsed < 11


def test_a_handler_past_its_time_is_killed_then_and_reported_as_a_timeout(twin: Twin) -> None:
    after: list[str] = []

    def slow(event: Any, context: Any) -> None:
        assert context.get_remaining_time_in_millis() == 60_000
        twin.clock.sleep(3600)
        after.append("ran on")

    twin.functions.deploy(EAST, "slow", slow, timeout=60)
    answer, body = twin.call("slow")
    assert answer["FunctionError"] == "Unhandled"
    assert body["errorType"] == "Sandbox.Timedout"
    assert "Task timed out after 60.00 seconds" in body["errorMessage"]
    assert 60 <= twin.clock.elapsed < 61
    twin.clock.sleep(7200)
    assert after == []


def test_a_killed_handler_makes_no_further_call(twin: Twin) -> None:
    """The story of every exploration: a Lambda dies between two calls."""
    twin.functions.deploy(EAST, "other", lambda *_: None)

    def two_calls(event: Any, context: Any) -> None:
        client = twin.client(EAST)
        client.put_function_concurrency(FunctionName="other", ReservedConcurrentExecutions=1)
        client.put_function_concurrency(FunctionName="other", ReservedConcurrentExecutions=2)

    def kill_at_the_second(request: Request) -> None:
        if request.parameters.get("ReservedConcurrentExecutions") == 2:
            twin.functions.running[0].kill()

    twin.cloud.faults.injectors.append(kill_at_the_second)
    twin.functions.deploy(EAST, "step", two_calls)
    _, body = twin.call("step")
    assert body["errorType"] == "Runtime.ExitError"
    assert (
        twin.client(EAST).get_function_concurrency(FunctionName="other")["ReservedConcurrentExecutions"] == 1
    )
    assert twin.functions.running == []


def test_an_invocation_outlives_whoever_called_it(twin: Twin) -> None:
    """A Parallel's failed branch stops the others, while the Lambdas that they called run on."""
    ended: list[float] = []

    def slow(event: Any, context: Any) -> None:
        twin.clock.sleep(10)
        ended.append(twin.clock.elapsed)

    twin.functions.deploy(EAST, "slow", slow)
    caller = twin.clock.spawn(lambda: twin.functions.invoke(EAST, "slow", {}))
    twin.clock.sleep(5)
    caller.kill()
    twin.clock.sleep(10)
    assert len(ended) == 1


@pytest.mark.parametrize("kind", ["slow", "lost_after"])
def test_nobody_waits_longer_for_a_lost_answer_than_for_any_while_the_function_runs(
    twin: Twin, kind: Kind
) -> None:
    ended: list[float] = []

    def slow(event: Any, context: Any) -> None:
        twin.clock.sleep(4)
        ended.append(twin.clock.elapsed)

    twin.functions.deploy(EAST, "slow", slow)
    twin.cloud.faults.injectors.append(lambda request: kind)
    client = boto3.client("lambda", EAST, config=Config(read_timeout=5, retries={"total_max_attempts": 1}))
    began = twin.clock.elapsed
    with pytest.raises(ReadTimeoutError):
        client.invoke(FunctionName="slow")
    assert twin.clock.elapsed - began == pytest.approx(5, abs=0.1)
    twin.clock.sleep(10)
    assert len(ended) == 1


def test_whoever_does_not_wait_as_long_as_a_function_runs_gets_no_answer_and_it_runs_on(twin: Twin) -> None:
    ended: list[float] = []

    def slow(event: Any, context: Any) -> str:
        twin.clock.sleep(10)
        ended.append(twin.clock.elapsed)
        return "done"

    twin.functions.deploy(EAST, "slow", slow)
    for seconds, patient in ((5, False), (20, True)):
        config = Config(read_timeout=seconds, retries={"total_max_attempts": 1})
        client, began = boto3.client("lambda", EAST, config=config), twin.clock.elapsed
        if patient:
            assert client.invoke(FunctionName="slow")["StatusCode"] == 200
        else:
            with pytest.raises(ReadTimeoutError):
                client.invoke(FunctionName="slow")
            assert seconds <= twin.clock.elapsed - began < seconds + 1
        twin.clock.sleep(10)
    assert len(ended) == 2


def test_reserved_zero_turns_new_requests_away_and_lets_those_in_flight_go_on(twin: Twin) -> None:
    def slow(event: Any, context: Any) -> str:
        twin.clock.sleep(10)
        return "served"

    twin.functions.deploy(EAST, "slow", slow)
    in_flight = twin.clock.spawn(lambda: twin.functions.invoke(EAST, "slow", {}))
    twin.clock.sleep(1)
    twin.client(EAST).put_function_concurrency(FunctionName="slow", ReservedConcurrentExecutions=0)
    code, status, message = refused(lambda: twin.call("slow"))
    assert (code, status) == ("TooManyRequestsException", 429)
    assert "ReservedFunctionConcurrentInvocationLimitExceeded" in message
    with pytest.raises(AwsError, match="TooManyRequestsException"):
        twin.functions.invoke(EAST, "slow", {})
    assert in_flight.join() == "served"


def test_running_invocations_count_against_the_reservation(twin: Twin) -> None:
    twin.functions.deploy(EAST, "slow", lambda *_: twin.clock.sleep(10))
    twin.client(EAST).put_function_concurrency(FunctionName="slow", ReservedConcurrentExecutions=2)
    for _ in range(2):
        twin.clock.spawn(lambda: twin.functions.invoke(EAST, "slow", {}))
    twin.clock.sleep(1)
    assert refused(lambda: twin.call("slow"))[0] == "TooManyRequestsException"
    twin.clock.sleep(10)
    assert twin.call("slow")[0]["StatusCode"] == 200


def test_a_reservation_is_read_back_and_none_is_left_out(twin: Twin) -> None:
    twin.functions.deploy(EAST, "shop", lambda *_: None)
    client = twin.client(EAST)

    def reserved() -> int | None:
        return client.get_function_concurrency(FunctionName="shop").get("ReservedConcurrentExecutions")

    seen = [reserved()]
    client.put_function_concurrency(FunctionName="shop", ReservedConcurrentExecutions=40)
    seen.append(reserved())
    client.delete_function_concurrency(FunctionName="shop")
    seen.append(reserved())
    assert seen == [None, 40, None]


def test_a_hundred_must_remain_unreserved_in_each_region(twin: Twin) -> None:
    for region, name in ((EAST, "a"), (EAST, "b"), (WEST, "a")):
        twin.functions.deploy(region, name, lambda *_: None)
    east, west = twin.client(EAST), twin.client(WEST)
    east.put_function_concurrency(FunctionName="a", ReservedConcurrentExecutions=500)
    code, status, message = refused(
        lambda: east.put_function_concurrency(FunctionName="b", ReservedConcurrentExecutions=401)
    )
    assert (code, status) == ("InvalidParameterValueException", 400)
    assert "minimum value of [100]" in message
    east.put_function_concurrency(FunctionName="b", ReservedConcurrentExecutions=400)
    west.put_function_concurrency(FunctionName="a", ReservedConcurrentExecutions=900)


def provisioned(twin: Twin, name: str, **page: Any) -> tuple[list[tuple[Any, ...]], str]:
    answer = twin.client(EAST).list_provisioned_concurrency_configs(FunctionName=name, **page)
    told = [
        (
            each["FunctionArn"].rpartition(":")[2],
            each["RequestedProvisionedConcurrentExecutions"],
            each["AllocatedProvisionedConcurrentExecutions"],
            each["Status"],
        )
        for each in answer["ProvisionedConcurrencyConfigs"]
    ]
    return told, answer.get("NextMarker", "")


def test_what_is_provisioned_of_a_version_is_allocated_in_a_while_or_fails(twin: Twin) -> None:
    for _ in range(2):
        twin.functions.deploy(EAST, "shop", lambda *_: None)
    assert provisioned(twin, "shop") == ([], "")
    twin.functions.provision(EAST, "shop", "1", 5)
    twin.functions.provision(EAST, "shop", "2", 3, fails="FUNCTION_ERROR_INIT_FAILURE")
    assert provisioned(twin, "shop")[0] == [("1", 5, 0, "IN_PROGRESS"), ("2", 3, 0, "IN_PROGRESS")]
    twin.clock.sleep(120)
    assert provisioned(twin, "shop")[0] == [("1", 5, 5, "READY"), ("2", 3, 0, "FAILED")]
    twin.functions.provision(EAST, "shop", "2", 0)
    assert provisioned(twin, "shop")[0] == [("1", 5, 5, "READY")]
    with pytest.raises(AwsError, match="ResourceNotFoundException"):
        twin.functions.provision(EAST, "shop", "3", 1)


def test_provisioned_configurations_come_in_pages(twin: Twin) -> None:
    for number in range(3):
        twin.functions.deploy(EAST, "shop", lambda *_: None)
        twin.functions.provision(EAST, "shop", str(number + 1), 1)
    first, marker = provisioned(twin, "shop", MaxItems=2)
    rest, end = provisioned(twin, "shop", MaxItems=2, Marker=marker)
    assert ([version for version, *_ in first + rest], end) == (["1", "2", "3"], "")


def test_a_reservation_is_no_lower_than_what_is_provisioned_and_that_no_higher(twin: Twin) -> None:
    twin.functions.deploy(EAST, "shop", lambda *_: None)
    twin.functions.provision(EAST, "shop", "1", 2)
    client = twin.client(EAST)
    for wanted in (0, 1):
        code, status, message = refused(
            lambda wanted=wanted: client.put_function_concurrency(
                FunctionName="shop", ReservedConcurrentExecutions=wanted
            )
        )
        assert (code, status) == ("InvalidParameterValueException", 400)
        assert "should not be lower than function's total provisioned concurrency" in message
    client.put_function_concurrency(FunctionName="shop", ReservedConcurrentExecutions=2)
    with pytest.raises(AwsError, match="should not be greater than the reservedConcurrentExecution"):
        twin.functions.provision(EAST, "shop", "1", 3)
    twin.functions.provision(EAST, "shop", "1", 0)
    client.put_function_concurrency(FunctionName="shop", ReservedConcurrentExecutions=0)


def test_what_is_provisioned_without_a_reservation_is_no_longer_to_be_reserved(twin: Twin) -> None:
    for name in ("shop", "basket"):
        twin.functions.deploy(EAST, name, lambda *_: None)
    twin.functions.provision(EAST, "shop", "1", 500)
    with pytest.raises(AwsError, match="below its minimum value"):
        twin.functions.provision(EAST, "basket", "1", 401)
    put = twin.client(EAST).put_function_concurrency
    assert (
        "below its minimum value"
        in refused(lambda: put(FunctionName="basket", ReservedConcurrentExecutions=401))[2]
    )
    put(FunctionName="basket", ReservedConcurrentExecutions=400)


def test_what_a_handler_prints_is_its_log_and_nobody_elses(
    twin: Twin, capsys: pytest.CaptureFixture[str]
) -> None:
    def talk(event: dict[str, Any], context: Any) -> None:
        print("hello from", event["who"])
        twin.clock.sleep(10)
        print("bye from", event["who"], end="")

    twin.functions.deploy(WEST, "talk", talk)
    for who in "ab":
        twin.clock.spawn(lambda who=who: twin.functions.invoke(WEST, "talk", {"who": who}))
    twin.clock.sleep(5)
    print("outside")
    twin.clock.sleep(10)
    assert capsys.readouterr().out == "outside\n"
    lines = [(region, name, line) for _, region, name, line in twin.functions.logs]
    assert sorted(lines) == [
        (WEST, "talk", f"{word} from {who}") for word in ("bye", "hello") for who in "ab"
    ]
    assert twin.functions.logs[-1][0] - twin.clock.start > 10


def test_standard_output_is_given_back_when_nothing_runs_and_at_the_end(twin: Twin) -> None:
    before = sys.stdout
    twin.functions.deploy(EAST, "quick", lambda *_: None)
    twin.functions.deploy(EAST, "slow", lambda *_: twin.clock.sleep(100))
    twin.functions.invoke(EAST, "quick", {})
    assert sys.stdout is before
    twin.clock.spawn(lambda: twin.functions.invoke(EAST, "slow", {}))
    twin.clock.sleep(1)
    twin.functions.close()
    assert sys.stdout is before


def test_api_gateway_gets_the_failure_with_its_body(twin: Twin) -> None:
    twin.functions.deploy(EAST, "broken", lambda *_: 1 / 0)
    with pytest.raises(FunctionError, match="ZeroDivisionError: division by zero") as caught:
        twin.functions.invoke(EAST, "broken", {})
    assert caught.value.body["errorType"] == "ZeroDivisionError"


def test_the_same_seed_gives_the_same_history(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")

    def history(seed: int) -> list[tuple[float, str, str, str]]:
        clock = Clock()
        with Cloud(clock, seed, Moto()) as cloud:
            functions = Functions(cloud)
            functions.deploy(EAST, "talk", lambda _, context: sys.stdout.write(context.aws_request_id))
            client = boto3.client("lambda", EAST)
            for _ in range(3):
                client.invoke(FunctionName="talk")
            functions.close()
            return functions.logs

    assert history(7) == history(7)
    assert history(7) != history(8)
