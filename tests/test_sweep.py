"""A sweep: the machine that a runbook's `sweep` becomes, run in the twin with the real function in both
Regions, under the policies that the template gives it."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from roles import dependents, needed, would_allow
from statelint.linter import Linter
from transform import parsed, transformed

from farshore.cli import farshore
from farshore.compile.compilation import compiled
from farshore.compile.machine import machines
from farshore.compile.template import MARKER
from farshore.lint import judged
from farshore.operate.permissions import PERMISSIONS
from farshore.operate.reconcile import read_keys
from farshore.runbook.load import load
from farshore.runbook.mistakes import Mistakes
from farshore.simulate.deployment import Deployment, outside
from functions import comparison, map_results, shares
from functions.ledger import PUT
from twin.applications.account import Account, Engine, own_engine
from twin.clock import Clock
from twin.cloud import Cloud
from twin.faults import Kind, Request
from twin.moto.backing import Moto
from twin.net import Net
from twin.services.dynamodb import scans
from twin.services.dynamodb.model import DynamoDB
from twin.services.stepfunctions.interpreter import on_the_clock

ROOT = Path(__file__).parent.parent
EAST, WEST = "us-east-1", "us-west-1"
REPLICAS = ("us-east-1", "us-east-2", "us-west-2")
BUCKET, PROCEDURE, GONE = "shop-sweeps", "sweep-orders", "gone"
STEP = "table_sweep"
RUNBOOK = f"""\
application: shop
regions: {{primary: {EAST}, standby: {WEST}, observer: us-west-2}}
objectives: {{rto: 15m, rpo: 30s}}
ledger: {{table: ledger, regions: [{", ".join(REPLICAS)}]}}
sweep:
  - {{table: orders, bucket: {BUCKET}, rate: 4000}}
failover:
  - lambda_concurrency: {{functions: [buy], region: $from, reserved: 0}}
  - synthetic_write: {{url: "http://api", write: /w, body: "{{marker}}", read: "/{{marker}}", region: $to}}
"""
Json = dict[str, Any]


class Shop:
    """A table of customers' orders in two Regions, and the sweep of it."""

    def __init__(self, cloud: Cloud, runbook: Path, stack: ExitStack, engine: Engine = own_engine) -> None:
        self.cloud, self.clock, net = cloud, cloud.clock, Net.of(cloud)
        account = Account(cloud, net, stack, engine)
        stack.callback(account.functions.close)
        account.strong_table("ledger", REPLICAS)
        self.orders = DynamoDB.of(cloud).global_table("orders", (EAST, WEST), keys=("PK", "SK"))
        self.s3 = boto3.client("s3", region_name=WEST)
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": WEST})
        self.deployment = Deployment(account, outside(cloud, net), load(runbook))
        self.machines = self.deployment.client(PROCEDURE)
        self.requests: list[Request] = []
        cloud.faults.injectors.append(self._note)

    def _note(self, request: Request) -> None:
        if request.caller:
            self.requests.append(request)

    def fill(self, items: int) -> None:
        for number in range(items):
            self.put(number)
        self.clock.sleep(10)

    def put(self, number: int, n: int = 0, region: str = EAST) -> None:
        self.orders.put(region, key(number), {"n": n, "tags": {"b", "a"}}, f"{number} {n} {region}")

    def seed(self, items: int, k: int) -> dict[str, str]:
        """So many keys each that are missing here, missing there, and different, for good: what is wrong."""
        self.orders.hold()
        chosen, found = random.Random(k).sample(range(items), 2 * k), {}
        for number in chosen[:k]:
            self.put(number, 7)
            found[name(number)] = "different"
        for number in chosen[k:]:
            self.orders.delete(WEST, key(number), GONE)
            found[name(number)] = f"missing {WEST}"
        for number in range(items, items + k):
            self.put(number, region=WEST)
            found[name(number)] = f"missing {EAST}"
        return found

    def start(self) -> str:
        arn = self.deployment.arns[PROCEDURE]
        return str(
            self.machines.start_execution(stateMachineArn=arn, name="first", input="{}")["executionArn"]
        )

    def ended(self, execution: str) -> Json:
        """As Step Functions tells of it when it has ended."""

        def described() -> Json:
            said: Json = self.machines.describe_execution(executionArn=execution)
            return said

        self.clock.wait_for(lambda: described()["status"] != "RUNNING", 7200)
        return described()

    def redriven(self, execution: str) -> Json:
        self.machines.redrive_execution(executionArn=execution)
        return self.ended(execution)

    def sweep(self) -> Json:
        said = self.ended(self.start())
        assert said["status"] == "SUCCEEDED", said.get("cause")
        output: Json = json.loads(said["output"])
        return output

    def report(self, output: Json) -> dict[str, str]:
        """What is wrong, by the item's key."""
        bucket, _, where = output["facts"]["report"].removeprefix("s3://").partition("/")
        body = self.s3.get_object(Bucket=bucket, Key=where)["Body"].read().decode()
        lines = [json.loads(line) for line in body.splitlines()]
        found = {
            "/".join(each["key"][part]["S"] for part in ("PK", "SK")): " ".join(
                filter(None, (each["kind"], each.get("region")))
            )
            for each in lines
        }
        assert len(found) == len(lines)
        if lines:
            table = lines[0]["table"]
            assert len(read_keys(where, body, [table])[table]) == len(lines), "`reconcile --keys` takes them"
        return found

    def ticks(self, task: str, since: float) -> set[int]:
        """The shares of which this task was ticked since then."""
        every = [tick for ticks in self.deployment.ticks.values() for tick in ticks if tick.began >= since]
        asked = [tick.event["inputs"] for tick in every]
        return {
            each["share"]["number"]
            for each in asked
            if each["task"] == task and not each.get("part") and "share" in each
        }

    def sums(self) -> dict[object, object]:
        """Which segments each share's function was asked to sum, by share, as often as it was."""
        found: dict[object, object] = {}
        for ticks in self.deployment.ticks.values():
            for tick in ticks:
                given = tick.event["inputs"]
                if given["task"] == "sum" and "share" in given and tick.answer.startswith(("more", "read")):
                    found[given["share"]["number"]] = given["share"]["left"]
        return found

    def count(self, operation: str) -> int:
        return sum(request.operation == operation for request in self.requests)


def key(number: int) -> tuple[str, str]:
    return f"customer {number % 97}", f"{number:06d}"


def name(number: int) -> str:
    return "/".join(key(number))


def motos(cloud: Cloud, stack: ExitStack) -> None:
    """moto's interpreter, whose grammar takes no whole number for a percentage."""
    parse, whole = AmazonStateLanguageParser.parse, '"ToleratedFailurePercentage": 0'
    stack.callback(setattr, AmazonStateLanguageParser, "parse", staticmethod(parse))
    AmazonStateLanguageParser.parse = staticmethod(lambda text: parse(text.replace(whole, f"{whole}.0")))
    stack.enter_context(on_the_clock(cloud.clock))


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """Small tables have many segments."""
    monkeypatch.setattr(comparison, "SEGMENT_BYTES", 400)
    path = tmp_path / "shop.yaml"
    path.write_text(RUNBOOK)
    with ExitStack() as stack:
        yield Shop(stack.enter_context(Cloud(Clock(), 1, Moto())), path, stack)


def test_what_is_the_same_is_read_once_in_each_region_and_said_with_its_count(shop: Shop) -> None:
    shop.fill(300)
    output = shop.sweep()
    assert output["outcome"] == "same"
    assert output["facts"]["items"] == {WEST: 300, EAST: 300}
    assert shop.report(output) == {}
    segments = shop.count("Scan") // 2
    assert segments > 10
    assert shop.count("BatchGetItem") == 0


@pytest.mark.parametrize("k", [1, 12])
def test_what_is_missing_here_or_there_or_different_is_all_found_and_nothing_else(shop: Shop, k: int) -> None:
    shop.fill(400)
    truly = shop.seed(400, k)
    output = shop.sweep()
    assert output["outcome"] == "different"
    facts = output["facts"]
    assert (facts["missing_here"], facts["missing_there"], facts["different"]) == (k, k, k)
    assert shop.report(output) == truly


def test_a_thousand_differences_are_all_found_whatever_segments_hold(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "SEGMENT_BYTES", 6000)
    shop.fill(900)
    truly = shop.seed(900, 340)
    assert len(truly) > 1000
    assert shop.report(shop.sweep()) == truly


def test_where_segments_are_alike_each_share_tells_as_much_as_its_sketch(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And more than a sketch of the whole table."""
    monkeypatch.setattr(shares, "LARGEST", 16)
    place = scans._place
    monkeypatch.setattr(scans, "_place", lambda region, key: place(EAST, key))
    shop.fill(400)
    truly = shop.seed(400, 12)
    assert shop.report(shop.sweep()) == truly


def test_more_differences_than_sketches_tell_are_refused_with_what_to_do(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shares, "LARGEST", 2)
    shop.fill(200)
    shop.seed(200, 20)
    said = shop.ended(shop.start())
    assert said["status"] == "FAILED"
    assert "decode: more differs than sketches of 6 places tell" in said["cause"]
    assert "wait until replication has caught up, and start the sweep anew" in said["cause"]


def test_what_has_become_the_same_when_it_is_sketched_is_no_difference(shop: Shop) -> None:
    shop.fill(200)
    shop.orders.hold()
    shop.put(3, 1)

    def catch_up(request: Request) -> Kind | None:
        """When the sums are there."""
        if request.operation == "PutObject" and str(request.parameters["Key"]).endswith("unequal.json"):
            shop.orders.release()
            shop.clock.sleep(10)
        return None

    shop.cloud.faults.injectors.append(catch_up)
    output = shop.sweep()
    assert (output["outcome"], shop.report(output)) == ("same", {})
    assert shop.count("BatchGetItem") == 0


def failing(shop: Shop, kind: Kind, operation: str, met: Callable[[Request], bool] = lambda _: True) -> None:
    """The function's calls of the operation meet this fault."""

    def inject(request: Request) -> Kind | None:
        return kind if request.caller and request.operation == operation and met(request) else None

    shop.cloud.faults.injectors.append(inject)


def test_a_share_that_cannot_be_read_fails_the_sweep_and_a_redrive_reads_what_is_left(shop: Shop) -> None:
    shop.fill(300)
    truly = shop.seed(300, 5)
    failing(shop, "500", "Scan", lambda r: r.region == EAST and r.parameters["Segment"] == 3)
    execution = shop.start()
    said = shop.ended(execution)
    assert (said["status"], said["error"]) == ("FAILED", "States.ExceedToleratedFailureThreshold")
    shop.cloud.faults.injectors.pop()
    assert shop.ticks("sum", 0) == set(range(len(shop.ticks("sum", 0)))), "each share was begun"
    failed_at = shop.clock.now
    said = shop.redriven(execution)
    assert said["status"] == "SUCCEEDED"
    assert shop.report(json.loads(said["output"])) == truly
    assert shop.ticks("sum", failed_at) == {3}, "no other was summed again"


def test_a_person_starts_a_sweep_sees_it_fail_and_is_told_how_to_redrive_it(shop: Shop) -> None:
    shop.fill(50)
    failing(shop, "500", "Scan")

    def said(verb: str, *words: str) -> str:
        given = [verb, str(shop.deployment.runbook.path), *words]
        result = CliRunner(mix_stderr=False).invoke(farshore, given, obj=shop.deployment.outside)
        assert not result.exception or isinstance(result.exception, SystemExit), result.exception
        return result.stdout + result.stderr

    assert f"started shop-{PROCEDURE}" in said("start", "--procedure", PROCEDURE, "--mode", "graceful")
    (run,) = shop.machines.list_executions(stateMachineArn=shop.deployment.arns[PROCEDURE])["executions"]
    assert shop.ended(run["executionArn"])["status"] == "FAILED"
    name = run["executionArn"].rpartition(":")[2]
    assert "States.ExceedToleratedFailureThreshold" in said("report", name)
    command = f"aws stepfunctions redrive-execution --region {WEST} --execution-arn {run['executionArn']}"
    assert command in said("redrive", name, "--yes")


def test_a_region_that_is_dark_half_way_is_waited_for(shop: Shop) -> None:
    shop.fill(300)
    truly = shop.seed(300, 3)
    execution = shop.start()
    shop.clock.sleep(1)
    shop.cloud.faults.dark.add(EAST)
    shop.clock.sleep(300)
    shop.cloud.faults.dark.discard(EAST)
    said = shop.ended(execution)
    assert said["status"] == "SUCCEEDED"
    assert shop.report(json.loads(said["output"])) == truly


@pytest.mark.parametrize("operation", ["Scan", "Invoke", "BatchGetItem", "GetObject", "PutObject"])
def test_one_call_in_five_fails_and_nothing_is_missed_or_invented(shop: Shop, operation: str) -> None:
    shop.fill(120)
    truly = shop.seed(120, 3)
    dice = random.Random(1)
    kinds: list[Kind] = ["lost_before", "lost_after", "throttled", "503"]

    def inject(request: Request) -> Kind | None:
        fails = request.caller and request.operation == operation and dice.random() < 0.2
        return dice.choice(kinds) if fails else None

    shop.cloud.faults.injectors.append(inject)
    assert shop.report(shop.sweep()) == truly


def test_a_function_that_is_killed_is_asked_again(shop: Shop) -> None:
    shop.fill(120)
    truly = shop.seed(120, 3)
    killed: list[str] = []

    def kill(request: Request) -> Kind | None:
        """Every share's first tick, and every invocation that reads a page for it, dies there once."""
        for label, ticks in shop.deployment.ticks.items():
            if label not in killed and request.operation in ("Scan", "Invoke", "BatchGetItem"):
                killed.append(label)
                ticks[-1].invocation.kill()
        return None

    shop.cloud.faults.injectors.append(kill)
    assert shop.report(shop.sweep()) == truly
    assert len(killed) > 20


def test_what_is_under_way_is_no_difference(shop: Shop) -> None:
    shop.fill(200)
    for number in range(20):
        shop.put(number, 1)
    output = shop.sweep()
    assert (output["outcome"], shop.report(output)) == ("same", {})


def test_what_customers_write_meanwhile_is_told_apart_from_what_stays_different(shop: Shop) -> None:
    shop.fill(200)
    truly = shop.seed(200, 2)
    number = next(each for each in range(200) if name(each) not in truly)
    written = iter(range(100_000))

    def write() -> None:
        """The same item again and again, otherwise in each Region."""
        turn = 2 * next(written) + 10
        shop.put(number, turn, EAST)
        shop.put(number, turn + 1, WEST)

    shop.clock.every(0.7, write)
    output = shop.sweep()
    assert output["facts"]["in_flight"] == 1
    assert shop.report(output) == truly


def test_a_segment_of_many_pages_is_read_in_several_ticks(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "SEGMENT_BYTES", 4000)
    monkeypatch.setattr(scans, "LONGEST_PAGE_BYTES", 60)
    shop.fill(200)
    truly = shop.seed(200, 3)
    output = shop.sweep()
    assert output["facts"]["items"] == {WEST: 200, EAST: 200}
    assert shop.report(output) == truly
    again = [t for ticks in shop.deployment.ticks.values() for t in ticks if t.answer.startswith("more")]
    assert any(any(tick.event["inputs"]["share"].get("after", ())) for tick in again)


def test_results_are_read_in_ranges_wherever_these_cut_them(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within a letter of a key, too."""
    monkeypatch.setattr(map_results, "RANGE_BYTES", 701)
    monkeypatch.setattr(map_results, "AT_ONCE", 300)
    shop.fill(100)
    shop.orders.hold()
    for number in range(5):
        shop.orders.put(EAST, (f"é€😀{number}", "ö"), {"n": 1}, f"{number}")
    output = shop.sweep()
    assert shop.report(output) == {f"é€😀{number}/ö": f"missing {WEST}" for number in range(5)}
    ranges = [r for r in shop.requests if "Range" in r.parameters]
    assert len(ranges) > 50


def test_more_results_than_a_reduce_holds_are_refused_with_what_to_do(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(map_results, "RANGE_BYTES", 10)
    shop.fill(50)
    said = shop.ended(shop.start())
    assert said["status"] == "FAILED"
    assert "and a reduce reads 120: read them by other means" in said["cause"]


def test_more_differences_than_a_share_names_are_refused_with_what_to_do(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shares, "MOST_KEY_BYTES", 400)
    shop.fill(100)
    shop.seed(100, 40)
    execution = shop.start()
    said = shop.ended(execution)
    assert (said["status"], said["error"]) == ("FAILED", "States.ExceedToleratedFailureThreshold")
    told = [t.answer for ticks in shop.deployment.ticks.values() for t in ticks if "keys differ" in t.answer]
    assert "wait until replication has caught up, or write more `segments`" in told[0]


def test_it_writes_nothing_but_in_its_own_folder(shop: Shop) -> None:
    shop.fill(100)
    shop.seed(100, 2)
    shop.sweep()
    reads = {"Query", "DescribeTable", "Scan", "BatchGetItem", "Invoke", "GetObject"}
    changes = [request for request in shop.requests if request.operation not in reads]
    assert {request.operation for request in changes} == {"PutObject"}
    assert all(str(r.parameters["Key"]).startswith(f"sweeps/shop-{PROCEDURE}/first-") for r in changes)


def test_its_functions_role_allows_what_it_calls_and_nothing_else(shop: Shop) -> None:
    """But that whoever writes may note in the ledger what AWS said to a write that it did not make."""
    shop.fill(100)
    shop.seed(100, 2)
    shop.sweep()
    called = set[str]().union(*(needed(each) for each in shop.requests if each.caller))
    assert would_allow(STEP) == called | dependents(STEP, called) | {PUT.action}


def test_results_that_are_not_all_there_are_no_report(shop: Shop) -> None:
    shop.fill(100)
    write, emptied = boto3.client("s3", region_name=WEST), list[str]()

    def lose(request: Request) -> Kind | None:
        """Somebody empties the first Map's results before they are read."""
        where = str(request.parameters.get("Key", ""))
        if request.operation == "GetObject" and where.endswith("manifest.json") and not emptied:
            emptied.append(where)
            body = json.dumps({"ResultFiles": {"FAILED": [], "PENDING": [], "SUCCEEDED": []}})
            write.put_object(Bucket=BUCKET, Key=where, Body=body)
        return None

    shop.cloud.faults.injectors.append(lose)
    said = shop.ended(shop.start())
    assert said["status"] == "FAILED"
    assert "judge: 0 of " in said["cause"]
    assert "start the sweep anew" in said["cause"]


@pytest.fixture
def derived(tmp_path: Path) -> Path:
    """A repository whose runbook has a sweep, compiled."""
    (tmp_path / "runbooks").mkdir()
    (tmp_path / "runbooks" / "shop.yaml").write_text(RUNBOOK)
    frame, _, _ = (ROOT / "template.yaml").read_text().partition(MARKER)
    (tmp_path / "template.yaml").write_text(frame + MARKER + "\n")
    compiled(tmp_path, [load(tmp_path / "runbooks" / "shop.yaml")], PERMISSIONS).write()
    return tmp_path


def test_linters_find_nothing_in_what_is_derived(derived: Path) -> None:
    """But that statelint knows no InputType."""
    definition = (derived / f"statemachines/shop-{PROCEDURE}.asl.json").read_text()
    definition = re.sub(r'"InputType": "JSON"', "", definition)
    arn = "arn:aws:lambda:us-west-1:123456789012:function:a-step:1"
    assert Linter.validate(json.loads(re.sub(r"\$\{\w+\}", arn, definition))) == []
    (derived / "template.json").write_text(json.dumps(transformed(derived / "template.yaml")))
    linter = Path(sys.executable).with_name("cfn-lint")
    words = [linter, "--regions", EAST, WEST, "--template", derived / "template.json"]
    assert subprocess.run(words, capture_output=True, text=True, timeout=300).stdout == ""


def test_its_machine_may_begin_follow_and_redrive_its_children_and_move_objects_in_its_folder(
    derived: Path,
) -> None:
    machine = parsed(derived / "template.yaml")["Resources"]["ShopSweepOrders"]["Properties"]
    _, _, start, follow, read, write = machine["Policies"][0]["Statement"]
    states = "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}"
    assert (start["Action"], start["Resource"]) == (
        "states:StartExecution",
        {"Fn::Sub": f"{states}:stateMachine:shop-{PROCEDURE}"},
    )
    assert "states:RedriveExecution" in follow["Action"]
    assert follow["Resource"] == {"Fn::Sub": f"{states}:execution:shop-{PROCEDURE}/*:*"}
    folder = [{"Fn::Sub": f"arn:${{AWS::Partition}}:s3:::{BUCKET}/sweeps/*"}]
    assert (read["Action"], read["Resource"]) == (["s3:GetObject"], folder)
    assert (write["Action"][0], write["Resource"]) == ("s3:PutObject", folder)


def test_its_function_stands_in_both_regions_and_its_machine_in_the_standby(derived: Path) -> None:
    resources = parsed(derived / "template.yaml")["Resources"]
    assert resources["TableSweep"]["Condition"] == "InUsEast1OrUsWest1"
    assert resources["ShopSweepOrders"]["Condition"] == "InUsWest1"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("rate: 0", "7: sweep: rate 0 lets nothing be read: write at least 1"),
        ("segments: 1000001", "7: sweep: segments 1000001, of at most 1000000: write fewer, or leave it out"),
        ("rat: 9", '7: unknown key "rat" of "sweep": did you mean "rate"?'),
    ],
)
def test_a_sweep_that_is_wrong_is_refused_with_its_line(tmp_path: Path, more: str, said: str) -> None:
    path = tmp_path / "shop.yaml"
    entry = f"  - {{table: other, bucket: b-b, {more}}}\nfailover:"
    path.write_text(RUNBOOK.replace("failover:", entry))
    with pytest.raises(Mistakes) as refused:
        machines(load(path))
    assert [str(each).removeprefix(f"{path}:") for each in refused.value.mistakes] == [said]


def test_a_table_has_one_sweep(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(RUNBOOK.replace("failover:", "  - {table: orders, bucket: other}\nfailover:"))
    with pytest.raises(Mistakes, match='the table "orders" stands in line 6 already'):
        machines(load(path))


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("ItemBatcher", {"MaxItemsPerBatch": 5}, "ItemBatcher is a field that this engine does not run"),
        ("ToleratedFailurePercentage", 5, "ToleratedFailurePercentage must be 0"),
        ("MaxConcurrency", 20_000, "MaxConcurrency must be from 1 to 10000"),
    ],
)
def test_the_engine_refuses_a_map_that_no_sweep_has(shop: Shop, field: str, value: object, said: str) -> None:
    described = shop.machines.describe_state_machine(stateMachineArn=shop.deployment.arns[PROCEDURE])
    definition = json.loads(described["definition"])
    definition["States"]["sums"][field] = value
    with pytest.raises(ClientError, match=said):
        shop.machines.create_state_machine(
            name="other", definition=json.dumps(definition), roleArn=described["roleArn"]
        )


def test_a_runbook_with_a_sweep_is_judged_as_one_without(derived: Path, tmp_path: Path) -> None:
    runbook = load(derived / "runbooks" / "shop.yaml")
    (tmp_path / "without.yaml").write_text(
        RUNBOOK.replace(RUNBOOK[RUNBOOK.index("sweep:") : RUNBOOK.index("failover:")], "")
    )
    without = load(tmp_path / "without.yaml")
    assert {f.what for f in judged(runbook).findings} == {f.what for f in judged(without).findings}


def test_what_a_sweep_takes_is_documented_as_it_is_computed() -> None:
    made = subprocess.run(
        [sys.executable, "-m", "bench.sweeps"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert made.stdout in (ROOT / "docs" / "sweep.md").read_text()


def test_motos_interpreter_reads_the_same_shares_to_the_same_sums(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only its ResultWriter is another: it writes no results, and looks for its prefix in these."""
    monkeypatch.setattr(comparison, "SEGMENT_BYTES", 400)
    (tmp_path / "shop.yaml").write_text(RUNBOOK)
    told: list[dict[object, object]] = []
    for engine in (own_engine, motos):
        with ExitStack() as stack:
            cloud = stack.enter_context(Cloud(Clock(), 1, Moto()))
            shop = Shop(cloud, tmp_path / "shop.yaml", stack, engine)
            shop.fill(200)
            shop.seed(200, 2)
            said = shop.ended(shop.start())
            told.append(shop.sums())
    assert len(told[0]) > 5
    assert told[0] == told[1]
    assert said["status"] == "FAILED"
    assert "executing the state 'sums'" in said["cause"]
    assert "$.plan.given.prefix" in said["cause"]
