"""A plan: what each step would do now, and the same as commands that work on the night without Farshore."""

from __future__ import annotations

import base64
import json
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape
from botocore.validate import ParamValidator
from click.testing import CliRunner, Result
from own_shop import SHOP, TESTS

from farshore.cli import farshore
from farshore.operate.aws_cli import as_command
from farshore.runbook import registry
from farshore.runbook.load import load
from farshore.simulate.simulation import Simulation
from functions.calls import HTTP_POST, Api, Call, Endpoint
from functions.planned import Planned, planned_from
from twin.faults import Request

APP = str(SHOP)
READS = ("Get", "Describe", "List", "Query", "Head", "GET", "HEAD")
FENCE, PROMOTION = "lambda_concurrency us-east-1", "aurora_writer us-west-1"


@pytest.fixture(scope="module")
def account() -> Iterator[Simulation]:
    with Simulation(load(APP), 1) as simulation:
        simulation.clock.sleep(130)
        yield simulation


@pytest.fixture
def healthy(account: Simulation) -> Iterator[Simulation]:
    """The account on a good day."""
    lines = len(account.cloud.faults.injectors)
    yield account
    del account.cloud.faults.injectors[lines:]
    account.cloud.faults.dark.clear()


def plan(account: Simulation, *words: str) -> Result:
    while account.functions.running:
        account.clock.sleep(0.1)
    runner = CliRunner(mix_stderr=False)
    result = runner.invoke(farshore, ["plan", APP, *words], obj=account.deployment.outside)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def steps(result: Result) -> dict[str, dict[str, Any]]:
    return {step["state"]: step for step in json.loads(result.stdout)["steps"]}


def test_a_plan_says_for_each_step_in_order_what_it_would_do(healthy: Simulation) -> None:
    result = plan(healthy, "--json")
    assert result.exit_code == 0, result.stderr
    assert [(state, step["outcome"]) for state, step in steps(result).items()] == [
        ("region_impaired us-east-1", "done"),
        ("approval", "would wait"),
        (FENCE, "would change"),
        (PROMOTION, "would change"),
        ("lambda_concurrency us-west-1", "done"),
        ("arc_controls", "would change"),
        ("synthetic_write us-west-1", "would change"),
        ("aurora_data_matches us-west-1", "would change"),
        ("aurora_snapshot_kept", "done"),
    ]
    (switchover,) = steps(result)[PROMOTION]["calls"]
    assert (switchover["action"], switchover["region"]) == ("rds:SwitchoverGlobalCluster", "us-east-1")
    assert steps(result)[PROMOTION]["facts"]["lag_seconds"] < 5


def test_an_ungraceful_plan_of_a_healthy_account_fences_and_fails_over(healthy: Simulation) -> None:
    shown = steps(plan(healthy, "--mode", "ungraceful", "--json"))
    assert shown[FENCE]["why"].startswith("fence ")
    (failover,) = shown[PROMOTION]["calls"]
    assert failover["action"] == "rds:FailoverGlobalCluster"
    assert failover["parameters"]["AllowDataLoss"] is True


def test_a_failback_is_planned_with_the_regions_swapped(healthy: Simulation) -> None:
    shown = steps(plan(healthy, "--procedure", "failback", "--json"))
    assert {call["region"] for call in shown["lambda_concurrency us-west-1"]["calls"]} == {"us-west-1"}
    assert shown["aurora_writer us-east-1"]["outcome"] == "done"
    assert shown["arc_controls"]["outcome"] == "done"


def test_a_plan_writes_nothing_and_asks_no_function(healthy: Simulation) -> None:
    asked: list[Request] = []
    healthy.cloud.faults.injectors.append(lambda call: asked.append(call) if not call.caller else None)
    for words in ([], ["--mode", "ungraceful"], ["--procedure", "failback"], ["--procedure", "outage"]):
        plan(healthy, *words)
    assert len(asked) > 20
    sql = [str(call.parameters["sql"]) for call in asked if call.operation == "ExecuteStatement"]
    assert sql
    assert all(text.lstrip().upper().startswith("SELECT") for text in sql)
    others = (call for call in asked if call.operation != "ExecuteStatement")
    assert [str(call) for call in others if not call.operation.startswith(READS)] == []
    assert healthy.operator.records().lease is None
    assert healthy.functions.reserved("us-east-1", "unicorn-shop-users") == 40


def test_a_graceful_plan_refuses_where_a_fence_meets_a_dark_region(healthy: Simulation) -> None:
    healthy.cloud.faults.dark.add("us-east-1")
    result = plan(healthy, "--json")
    assert steps(result)[FENCE]["outcome"] == "would refuse"
    assert result.exit_code == 1


def test_an_ungraceful_plan_with_a_dark_region_says_which_fence_is_unknown(healthy: Simulation) -> None:
    healthy.cloud.faults.dark.add("us-east-1")
    result = plan(healthy, "--mode", "ungraceful", "--json")
    shown = steps(result)
    assert shown[FENCE]["outcome"] == "unknown"
    assert "us-east-1" in shown[FENCE]["why"]
    assert shown[PROMOTION]["outcome"] == "would change"
    assert shown["arc_controls"]["outcome"] == "would change"
    assert result.exit_code == 1


def test_a_step_that_nobody_answers_is_unknown(healthy: Simulation) -> None:
    healthy.cloud.faults.dark.add("rds/us-west-1")
    result = plan(healthy, "--json")
    assert steps(result)[PROMOTION]["outcome"] == "unknown"
    assert result.exit_code == 1


def test_a_silent_ledger_does_not_stop_a_plan(healthy: Simulation) -> None:
    healthy.cloud.faults.dark |= {f"dynamodb/{region}" for region in ("us-east-1", "us-east-2", "us-west-2")}
    result = plan(healthy, "--json")
    assert result.exit_code == 0
    assert steps(result)[FENCE]["outcome"] == "would change"
    assert "as if nothing were remembered: the ledger did not answer" in result.stderr


def test_a_procedure_that_is_not_there_is_named_with_those_that_are(healthy: Simulation) -> None:
    result = plan(healthy, "--procedure", "failver")
    assert result.exit_code == 2
    assert "failover, failback, settle" in result.stderr


@pytest.mark.parametrize("procedure", ["failover", "failback", "outage"])
@pytest.mark.parametrize("mode", ["graceful", "ungraceful"])
def test_every_printed_command_is_the_call_that_a_run_would_make(
    healthy: Simulation, procedure: str, mode: str
) -> None:
    result = plan(healthy, "--procedure", procedure, "--mode", mode, "--as-cli", "--json")
    seen = 0
    for step in steps(result).values():
        for call, line in zip(step["calls"], step["cli"], strict=True):
            if line.startswith("aws "):
                seen += 1
                service, _, options, parameters = parsed(line)
                assert service == call["action"].partition(":")[0]
                assert options["region"] == call["region"]
                assert parameters == call["parameters"]
    assert seen


def test_a_script_comments_on_every_step_and_names_a_region_in_every_command(healthy: Simulation) -> None:
    script = plan(healthy, "--as-cli").stdout
    assert subprocess.run(["bash", "-n"], input=script.encode(), check=True).returncode == 0
    lines = script.splitlines()
    for number, state in enumerate(steps(plan(healthy, "--json")), 1):
        assert any(line.startswith(f"# {number}. {state}: ") for line in lines)
    commands = [line for line in lines if not line.startswith("#")]
    assert len(commands) == 7
    assert all(line.startswith("curl ") or " --region us-" in line or " --region eu-" in line or
               " --region ap-" in line for line in commands)  # fmt: skip
    promotion = next(i for i, line in enumerate(lines) if "switchover-global-cluster" in line)
    assert lines[promotion - 1].startswith("# Point of no return")
    assert (
        "# Write down what this overwrites: lambda:us-east-1:unicorn-shop-users:reserved_concurrency was 40"
        in lines
    )


def test_arc_is_reached_through_an_endpoint_and_the_others_are_named(healthy: Simulation) -> None:
    lines = plan(healthy, "--as-cli").stdout.splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("aws route53-recovery-cluster"))
    _, _, options, _ = parsed(lines[first])
    assert options["region"] in options["endpoint-url"]
    others = [shlex.split(line)[-1] for line in lines[first + 1 : first + 5]]
    assert len({options["endpoint-url"], *others}) == 5


def test_a_person_in_a_pipe_reads_one_line_a_step_and_one_a_call(healthy: Simulation) -> None:
    lines = plan(healthy).stdout.splitlines()
    assert sum("point of no return" in line for line in lines) == 1
    assert any(line.startswith(f"would change  {PROMOTION}  switch over") for line in lines)
    assert not any("\x1b" in line or "─" in line for line in lines)


def test_the_healthy_twin_is_planned_against_without_an_account() -> None:
    start = "from farshore.cli import main; main()"
    shown = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", start, "plan", APP, "--twin", "--json"],
        cwd=TESTS,
        capture_output=True,
        check=True,
    )
    assert json.loads(shown.stdout)["twin"] is True
    assert {step["outcome"] for step in json.loads(shown.stdout)["steps"]} <= {
        "done",
        "would change",
        "would wait",
    }


PUT_BLOCK = Api("s3:PutPublicAccessBlock", cli="s3api")
INVOKE = Api("lambda:InvokeFunction", client="lambda", operation="Invoke")
FAILOVER = Api("rds:FailoverGlobalCluster")
SCALE = Api("ecs:UpdateService")


@pytest.mark.parametrize(
    "call",
    [
        PUT_BLOCK("us-east-1", Bucket="b", PublicAccessBlockConfiguration={"BlockPublicAcls": True}),
        INVOKE("us-east-1", FunctionName="f:1", Payload=b'{"it\'s": "$HOME `id` \\\\ \\u00e9"}'),
        FAILOVER(
            "us-east-1", GlobalClusterIdentifier="g", TargetDbClusterIdentifier="t", AllowDataLoss=False
        ),
        SCALE("us-east-1", cluster="a b", service="--help", desiredCount=3, enableECSManagedTags=True),
        Call(
            SCALE,
            (Endpoint("us-west-1", "https://here.example/v1"),),
            {"service": "s", "placementStrategy": []},
        ),
    ],
    ids=["structure", "blob", "denied flag", "odd texts", "endpoint"],
)
def test_a_command_says_to_a_shell_what_the_call_says_to_boto3(call: Call) -> None:
    service, operation, options, parameters = parsed(as_command(call))
    assert (service, operation) == (call.api.service, call.api.operation_name)
    assert parameters == call.parameters
    assert options["region"] == call.region
    assert options.get("endpoint-url") == call.endpoints[0].url


WRITES = {api.operation_name: api for kind in registry.steps().values() for api in kind.writes}


@pytest.mark.parametrize("api", WRITES.values(), ids=WRITES)
def test_a_plan_in_json_names_the_same_calls(api: Api) -> None:
    """An action of IAM is not always called as the operation is."""
    call = api("us-east-1", Bucket="b")
    (read,) = planned_from(Planned("would change", "why", (call,)).as_json()).calls
    assert (read.api.service, read.api.operation_name, read.region, read.parameters) == (
        api.service, api.operation_name, call.region, call.parameters,
    )  # fmt: skip


def test_a_request_is_printed_for_curl() -> None:
    words = shlex.split(
        as_command(HTTP_POST("us-west-1", url="https://a.example/u?x=1&y=2", body=b'{"a": "it\'s"}'))
    )
    assert words[0] == "curl"
    assert words[-1] == "https://a.example/u?x=1&y=2"
    assert words[words.index("--data-raw") + 1] == '{"a": "it\'s"}'
    assert words[words.index("--request") + 1] == "POST"


def parsed(line: str) -> tuple[str, str, Mapping[str, str], Mapping[str, Any]]:
    """What the AWS CLI makes of a line: service, operation, its own options, the parameters."""
    program, command_name, verb, *rest = shlex.split(line)
    assert program == "aws"
    service = {"s3api": "s3"}.get(command_name, command_name)
    model = ServiceModel(Loader().load_service_model(service, "service-2"), service)
    (name,) = (each for each in model.operation_names if xform_name(each, "-") == verb)
    operation = model.operation_model(name)
    assert operation.input_shape is not None
    options: dict[str, str] = {}
    parameters: dict[str, Any] = {}
    if operation.has_streaming_output:
        assert rest.pop() == "/dev/stdout"
    while rest:
        word, has_value, value = rest.pop(0).removeprefix("--").partition("=")
        if word in ("region", "endpoint-url"):
            options[word] = rest.pop(0)
            continue
        member, shape = member_of(operation, word)
        if shape.type_name == "boolean":
            parameters[member] = not word.startswith("no-")
        else:
            parameters[member] = read(shape, value if has_value else rest.pop(0))
    report = ParamValidator().validate(parameters, operation.input_shape)
    assert not report.has_errors(), report.generate_report()
    return service, name, options, parameters


def member_of(operation: OperationModel, word: str) -> tuple[str, Shape]:
    for name, shape in operation.input_shape.members.items():
        flags = [f"no-{xform_name(name, '-')}"] if shape.type_name == "boolean" else []
        if word in (xform_name(name, "-"), *flags):
            return name, shape
    raise AssertionError(f"{operation.name} has no --{word}")


def read(shape: Shape, text: str) -> Any:
    if shape.type_name == "string":
        return text
    return base64.b64decode(text) if shape.type_name == "blob" else json.loads(text)
