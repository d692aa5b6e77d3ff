"""A step of one's own, whose inputs become ARNs: what IAM would misread is refused, and nothing is guessed.

Adding a step is adding a file: each test adds one to a copy of the packages, and compiles there.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from test_compile import elsewhere, everything
from transform import parsed

from farshore.compile.machine import machines
from farshore.compile.policy import nameless, statements
from farshore.runbook.load import load
from farshore.runbook.model import Runbook
from functions.steps.dynamodb_replicas import UPDATE

ROOT = Path(__file__).parent.parent
STEP = '''\
"""These queues hold back their messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from ..calls import Api
from ..handler import lambda_handler
from ..inputs import Region, TableName
from ..step import Decision, Done, Step
from ..world import World

READ = Api("sqs:GetQueueAttributes", resource="sqs:{region}:{account}:{queues}")


@dataclass(frozen=True, kw_only=True)
class QueuesHeld(Step[Any]):
    """These queues hold back their messages."""

    queues: Annotated[QUEUES, "the queues"]
    labels: Annotated[Mapping[str, str] | None, "what the report calls them"] = None

    name: ClassVar = "NAME"
    reads: ClassVar = (READ,)

    def observe(self, world: World) -> Any:
        return None

    def decide(self, seen: Any) -> Decision:
        return Done()


handler = lambda_handler(QueuesHeld)
'''
HEAD = """\
application: shop
regions: {primary: us-east-1, standby: us-west-1, observer: us-west-2}
objectives: {rto: 2h, rpo: 30s}
failover:
"""


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A repository of our packages and template, without a runbook."""
    for package in ("functions", "farshore"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "runbooks").mkdir()
    shutil.copy(ROOT / "template.yaml", tmp_path)
    return tmp_path


def compiled(house: Path, declared: str, *lines: str, name: str = "queues_held") -> list[str]:
    """What is wrong with a failover of these inputs of the step, each as "line: what: instead"."""
    (house / "functions/steps/queues_held.py").write_text(
        STEP.replace("QUEUES", declared).replace("NAME", name)
    )
    text = HEAD + "".join(f"  - {name}: {line}\n" for line in lines)
    (house / "runbooks/shop.yaml").write_text(text)
    before = everything(house)
    done = elsewhere(house, "compile")
    assert "Traceback" not in done.stderr, done.stderr
    assert (done.returncode == 0) == (everything(house) != before)
    return [line.removeprefix("runbooks/shop.yaml:") for line in done.stderr.splitlines()]


def arns(house: Path) -> set[str]:
    """What the step's function may read."""
    (policy,) = parsed(house / "template.yaml")["Resources"]["QueuesHeld"]["Properties"]["Policies"]
    (statement,) = (each for each in policy["Statement"] if each["Action"] == ["sqs:GetQueueAttributes"])
    return {arn["Fn::Sub"] for arn in statement["Resource"]}


def arn(region: str, queue: str) -> str:
    return f"arn:${{AWS::Partition}}:sqs:{region}:${{AWS::AccountId}}:{queue}"


def test_lists_by_region_are_an_arn_each_in_their_own_region(house: Path) -> None:
    line = "{queues: {us-east-1: [orders, mails], us-west-1: [orders-west]}}"
    assert compiled(house, "Mapping[Region, tuple[str, ...]]", line) == []
    assert arns(house) == {
        arn("us-east-1", "orders"),
        arn("us-east-1", "mails"),
        arn("us-west-1", "orders-west"),
    }


@pytest.mark.parametrize(
    ("declared", "line"),
    [
        ("Mapping[TableName, Mapping[str, str]]", "{orders: {PK: a}, likes: {id: b}}"),
        (
            "tuple[TableName, ...] | Mapping[TableName, tuple[str, ...]]",
            "{orders: [by-day], likes: [by-user]}",
        ),
        ("tuple[TableName, ...] | Mapping[TableName, tuple[str, ...]]", "[orders, likes]"),
    ],
)
def test_of_a_mapping_by_names_the_names_are_an_arn_each_in_every_region(
    house: Path, declared: str, line: str
) -> None:
    assert compiled(house, declared, f"{{queues: {line}}}") == []
    assert arns(house) == {arn(r, t) for r in ("us-east-1", "us-west-1") for t in ("orders", "likes")}


def written(path: Path, *lines: str) -> Runbook:
    path.write_text(HEAD.replace("failover:\n", "prepare:\n") + "".join(f"  - {line}\n" for line in lines))
    with path.open("a") as file:
        file.write("failover:\n  - dynamodb_caught_up: {tables: {orders: {PK: farshore}}}\n")
    return load(path)


def test_a_call_is_allowed_with_whatever_aws_asks_for_beside_it(tmp_path: Path) -> None:
    runbook = written(tmp_path / "shop.yaml", "dynamodb_replicas: {tables: [orders]}")
    found = statements("dynamodb_replicas", [(runbook, machine) for machine in machines(runbook)])
    (update,) = (each for each in found if "dynamodb:UpdateTable" in each.actions)
    assert {*UPDATE.dependents} - {"dynamodb:Query"} <= set(update.actions)
    ours = {f"arn:{{partition}}:dynamodb:{r}:{{account}}:table/orders" for r in ("us-east-1", "us-west-1")}
    assert set(update.resources) == ours
    assert update.only is None
    (query,) = (each for each in found if "dynamodb:Query" in each.actions)
    assert ours < set(query.resources)  # the ledger's beside them


def test_no_step_may_change_the_ledger_as_if_it_were_a_table_of_the_application(tmp_path: Path) -> None:
    beats = "dynamodb_caught_up: {tables: {farshore-ledger: {application: shop, item: farshore}}}"
    runbook = written(tmp_path / "shop.yaml", beats)
    (mistake,) = nameless(runbook, machines(runbook))
    assert mistake.line == 5
    assert mistake.what == "dynamodb_caught_up: farshore-ledger is the ledger"


def test_a_name_that_iam_would_read_otherwise_is_refused_and_every_one_of_them_is_said(house: Path) -> None:
    names = ["orders*", "order?", "{partition}", "{0}", "{x.y}", "a b", 'a"b']
    said = compiled(house, "str", *(f"{{queues: {json.dumps(name)}}}" for name in names))
    assert said == [
        f"{line}: queues_held: queues: {shown(name)} has {shown(what)} in it, and becomes part of an ARN: "
        "write the resource's own name"
        for line, (name, what) in enumerate(zip(names, '*?{{{ "', strict=True), len(HEAD.splitlines()) + 1)
    ]


def shown(text: str) -> str:
    return f'"{text}"'


@pytest.mark.parametrize(
    ("declared", "line", "shown"),
    [
        ("int", "7", "7"),
        ("Mapping[str, str]", "{orders: us-east-1}", "{'orders': 'us-east-1'}"),
        ("tuple[Mapping[str, int], ...]", "[{orders: 1}]", "{'orders': 1}"),
    ],
)
def test_what_is_no_name_becomes_no_arn(house: Path, declared: str, line: str, shown: str) -> None:
    assert compiled(house, declared, f"{{queues: {line}}}") == [
        f'5: queues_held: queues: no ARN can be made of "{shown}": '
        "only names, lists of them, and entries by Region can be part of an ARN"
    ]


def test_a_key_that_step_functions_would_take_for_a_path_is_refused(house: Path) -> None:
    said = compiled(house, "str", "{queues: orders, labels: {orders.$: Orders}}")
    assert said == [
        '5: queues_held: the key "orders.$" ends with ".$", which is Step Functions\': '
        "give the key another name"
    ]


def test_a_step_whose_name_is_too_long_for_a_function_or_a_state_is_refused(house: Path) -> None:
    name = "queues_" + "h" * 70
    said = compiled(house, "str", "{queues: orders}", name=name)
    assert said == [
        f"5: {name}: its function's name has 98 characters, of 64, with a prefix of 20: "
        "give the step a shorter name"
    ]
    said = compiled(house, "str", "{queues: orders}", name=f"{name}hhhh")
    assert any("with a prefix of 20: give the step a shorter name" in line for line in said)
    assert any("shop-failover: the state " in line and "of 80: give the step" in line for line in said)


@pytest.mark.parametrize("name", ["release", "failed"])
def test_a_step_that_is_called_like_a_state_of_the_compilers_does_not_replace_it(
    house: Path, name: str
) -> None:
    assert compiled(house, "str", "{queues: orders}", name=name) == []
    states = json.loads((house / "statemachines/shop-failover.asl.json").read_text())["States"]
    ours = "lease" if name == "release" else None
    assert states[name].get("Parameters", {}).get("Payload", {}).get("run", {}).get("step") == ours
    assert states[f"{name} (2)"]["Parameters"]["Payload"]["run"]["step"] == name
