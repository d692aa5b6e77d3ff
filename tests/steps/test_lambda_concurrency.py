"""These functions' reserved concurrency is as the runbook says: the real handler, as a Lambda of the twin."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from functions.calls import CONNECT_SECONDS
from functions.fence import ASKS, PLAN_ASKS
from functions.handler import lambda_handler
from functions.inputs import FunctionName, Region
from functions.ledger import DELETE, QUERY
from functions.ledger import PUT as PUT_ITEM
from functions.outside import Outside
from functions.steps.lambda_concurrency import LambdaConcurrency
from twin import quotas
from twin.clock import Clock, at_once
from twin.cloud import ACCOUNT, AwsError, Cloud
from twin.faults import EarlierAnswers, Kind, Request
from twin.moto.backing import Moto
from twin.services.iam.model import Policy, Statement
from twin.services.lambda_.model import FunctionError, Functions

EAST, WEST, OBSERVER = "us-east-1", "us-west-1", "us-west-2"
STEP = "farshore-lambda-concurrency"
TABLE = "farshore-ledger"
EXECUTION = "arn:aws:states:us-west-1:123456789012:execution:corner-shop-failover:night"
SETTLES = "arn:aws:states:us-west-1:123456789012:execution:corner-shop-settle:later"
SHOP = ("basket-add", "basket-get", "basket-remove")
PUT, READ = "PutFunctionConcurrency", "GetFunctionConcurrency"
LIST = "ListProvisionedConcurrencyConfigs"


class Scene:
    """The shop's functions in us-east-1, the ledger whose lease this run holds, and the step's Lambda."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.functions = Functions(cloud)
        self.requests: list[Request] = []
        self.ledger = boto3.client("dynamodb", OBSERVER)
        self.entered = cloud.clock.now
        self.execution = ""
        handler = lambda_handler(
            LambdaConcurrency,
            Outside(clock=lambda: cloud.clock.now, at_once=lambda acts: at_once(cloud.clock, list(acts))),
        )
        self.functions.deploy(WEST, STEP, handler, policy=declared())
        self._open_the_ledger()
        cloud.faults.injectors.append(self._note)

    def deploy(self, **reservations: int | None) -> None:
        """The shop's functions with what each has reserved; None draws on the common pool."""
        for name, reserved in reservations.items():
            name = name.replace("_", "-")
            self.functions.deploy(EAST, name, lambda *_: "served")
            if reserved is not None:
                self.functions.function(EAST, name).reserved = reserved

    def reserved(self, name: str) -> int | None:
        return self.functions.reserved(EAST, name)

    def tick(
        self,
        reserved: int | str,
        functions: tuple[str, ...],
        purpose: str = "move",
        leaves: str = EAST,
        **given: Any,
    ) -> dict[str, Any]:
        """One invocation: what it answers, or raises FunctionError with the error's class name."""
        event = {
            "inputs": {"functions": list(functions), "region": EAST, "reserved": reserved, "patience": 20},
            "run": {
                "application": "corner-shop",
                "procedure": "failover",
                "step": "lambda_concurrency",
                "purpose": purpose,
                "source": leaves,
                "target": WEST if leaves == EAST else EAST,
            },
            "input": {"mode": "graceful"} | given,
            "ledger": {"table": TABLE, "regions": [OBSERVER]},
            "execution": {"Id": self.execution},
            "state": {
                "Name": "fence",
                "EnteredTime": datetime.fromtimestamp(self.entered, tz=UTC).isoformat(),
            },
        }
        self.requests.clear()
        answer: dict[str, Any] = self.functions.invoke(WEST, STEP, event)
        return answer

    def converge(
        self, reserved: int | str, functions: tuple[str, ...] = SHOP, **given: Any
    ) -> dict[str, Any]:
        """Ticks as the state machine does, until the state holds or is refused."""
        self.entered = self.cloud.clock.now
        while self.cloud.clock.now < self.entered + 900:
            try:
                return self.tick(reserved, functions, **given)
            except FunctionError as error:
                if error.body["errorType"] not in ("NotYet", "Runtime.ExitError"):
                    raise
                self.cloud.clock.sleep(1)
        raise AssertionError("it never got there")

    def inject(self, operation: str, kind: Kind, times: int = 1) -> None:
        left = [times]

        def line(request: Request) -> Kind | None:
            if request.operation != operation or request.caller != STEP or not left[0]:
                return None
            left[0] -= 1
            return kind

        self.cloud.faults.injectors.append(line)

    def writes(self) -> list[str]:
        """Of the last tick."""
        return [
            r.operation for r in self.requests if r.service == "lambda" and r.operation not in (READ, LIST)
        ]

    def records(self) -> dict[str, Any]:
        """The ledger's memories and debts."""
        items = self.ledger.scan(TableName=TABLE)["Items"]
        found = {item["item"]["S"]: json.loads(item["body"]["S"]) for item in items}
        return {item: body for item, body in found.items() if item.partition("#")[0] in ("memory", "debt")}

    def _note(self, request: Request) -> Kind | None:
        if request.caller == STEP:
            self.requests.append(request)
        return None

    def _open_the_ledger(self) -> None:
        keys = {"application": "HASH", "item": "RANGE"}
        self.ledger.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
            BillingMode="PAY_PER_REQUEST",
        )
        self.begin(EXECUTION)

    def begin(self, execution: str) -> None:
        """An execution has the lease from here on, and is whose ticks come."""
        self.execution = execution
        lease = {"holder": execution, "redrives": 0, "epoch": 1, "released": False}
        row = {"application": "corner-shop", "item": "lease", "body": json.dumps(lease), "stamp": "1/False"}
        self.ledger.put_item(TableName=TABLE, Item={name: {"S": value} for name, value in row.items()})


def declared() -> Policy:
    """What the step declares, and no more: a call that it forgot to declare is denied."""
    words = {"region": EAST, "account": ACCOUNT, "functions": "*"}
    mine = [(api, words) for api in (*LambdaConcurrency.reads, *LambdaConcurrency.writes)]
    ledger = [
        (api, {"region": OBSERVER, "account": ACCOUNT, "table": TABLE}) for api in (QUERY, PUT_ITEM, DELETE)
    ]
    statements = []
    for api, filled in mine + ledger:
        resources = (api.resource,) if isinstance(api.resource, str) else api.resource
        arns = tuple("arn:aws:" + resource.format(**filled) for resource in resources)
        statements.append(Statement(frozenset({api.action}), arns, api.only))
    return tuple(statements)


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    with Cloud(Clock(), 1, Moto()) as cloud:
        scene = Scene(cloud)
        yield scene
        scene.functions.close()


def test_a_fence_turns_customers_away_and_its_restore_lets_them_in(scene: Scene) -> None:
    scene.deploy(basket_add=None)
    assert scene.converge(0, ("basket-add",))["outcome"] == "done"
    with pytest.raises(AwsError, match="TooManyRequestsException"):
        scene.functions.invoke(EAST, "basket-add", {})
    scene.converge("restore", ("basket-add",))
    assert scene.functions.invoke(EAST, "basket-add", {}) == "served"


def test_forty_functions_are_fenced_in_one_tick(scene: Scene) -> None:
    forty = tuple(f"shop-{number:02}" for number in range(40))
    scene.deploy(**{name.replace("-", "_"): 20 for name in forty})
    before = scene.cloud.clock.elapsed
    done: list[str] = []
    scene.cloud.watchers.append(lambda request, _: done.append(request.operation))
    assert scene.tick(0, forty) == {"outcome": "done", "facts": {"fenced": 40}}
    assert [scene.reserved(name) for name in forty] == [0] * 40
    assert done.count(PUT) == 40
    assert len(scene.records()) == 40
    assert scene.cloud.clock.elapsed - before < 15


@pytest.mark.parametrize("mode", ["graceful", "ungraceful"])
@pytest.mark.parametrize("many", [20, 40, 100])
def test_a_fence_of_many_goes_up_at_the_pace_that_the_quota_allows(
    scene: Scene, many: int, mode: str
) -> None:
    """Lambda takes fifteen calls a second of its control plane, in all: each function needs three."""
    names = tuple(f"shop-{number:03}" for number in range(many))
    scene.deploy(**{name.replace("-", "_"): None for name in names})
    before = scene.cloud.clock.elapsed
    assert scene.converge(0, names, mode=mode)["facts"] == {"fenced": many}
    assert scene.cloud.clock.elapsed - before < 10 + many * 3 / 15 * 1.5
    assert [scene.reserved(name) for name in names] == [0] * many
    assert not [item for item in scene.records() if item.startswith("debt")]
    scene.converge("restore", names, mode=mode)
    assert [scene.reserved(name) for name in names] == [None] * many
    assert scene.records() == {}


@pytest.mark.parametrize("mode", ["graceful", "ungraceful"])
def test_a_fence_of_forty_goes_up_beside_others_who_use_most_of_the_quota(scene: Scene, mode: str) -> None:
    forty = tuple(f"shop-{number:02}" for number in range(40))
    scene.deploy(**{name.replace("-", "_"): None for name in forty})
    scene.cloud.quotas.crowded.add(f"lambda/{EAST}")
    scene.converge(0, forty, mode=mode)
    assert [scene.reserved(name) for name in forty] == [0] * 40


def test_what_is_confirmed_is_kept_where_no_tick_can_read_all(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a call a second a tick reads a few of forty: each tick goes on where the last one was."""
    monkeypatch.setattr(quotas, "LEFT", 1.0)
    names = tuple(f"shop-{number:02}" for number in range(40))
    scene.deploy(**{name.replace("-", "_"): 7 for name in names})
    scene.cloud.quotas.crowded.add(f"lambda/{EAST}")
    scene.converge(0, names)
    assert [scene.reserved(name) for name in names] == [0] * 40
    monkeypatch.setattr(quotas, "LEFT", 3.0)
    scene.converge("restore", names)
    assert [scene.reserved(name) for name in names] == [7] * 40


def test_patience_that_the_quota_makes_too_short_is_refused() -> None:
    many = tuple(FunctionName(f"shop-{number}") for number in range(200))
    with pytest.raises(ValueError, match="20 s is shorter than the 40 s that 200 functions take"):
        LambdaConcurrency(functions=many, region=Region(EAST), reserved=0)


def test_a_restore_for_forty_gives_forty_and_for_none_gives_none(scene: Scene) -> None:
    """A restore that deletes every reservation gives a function back without the capacity it had."""
    scene.deploy(basket_add=40, basket_get=None, basket_remove=1)
    scene.converge(0)
    scene.converge("restore")
    assert [scene.reserved(name) for name in SHOP] == [40, None, 1]
    assert scene.records() == {}


def test_a_tick_repeated_changes_nothing_and_does_not_remember_its_own_fence(scene: Scene) -> None:
    scene.deploy(basket_add=40, basket_get=None, basket_remove=1)
    scene.converge(0)
    remembered = scene.records()
    assert scene.tick(0, SHOP)["outcome"] == "done"
    assert scene.writes() == []
    assert scene.records() == remembered
    assert sorted(str(memory["value"]) for memory in remembered.values()) == ["1", "40", "unreserved"]


def test_a_function_that_was_already_at_zero_is_left_at_zero(scene: Scene) -> None:
    """Somebody had switched it off: no fence of ours, so nothing of ours to give back."""
    scene.deploy(basket_add=0, basket_get=40, basket_remove=None)
    scene.converge(0)
    scene.converge("restore")
    assert [scene.reserved(name) for name in SHOP] == [0, 40, None]


def test_a_restore_is_done_at_once_where_nothing_is_remembered_even_in_the_dark(scene: Scene) -> None:
    scene.deploy(basket_add=40, basket_get=None, basket_remove=1)
    scene.cloud.faults.dark.add(EAST)
    before = scene.cloud.clock.elapsed
    assert scene.tick("restore", SHOP)["outcome"] == "nothing to give back"
    assert scene.cloud.clock.elapsed - before < 1


@pytest.mark.parametrize("operation", [READ, PUT])
@pytest.mark.parametrize("kind", ["lost_before", "lost_after", "throttled", "503", "slow"])
def test_one_call_that_goes_wrong_delays_the_fence_and_its_restore(
    scene: Scene, operation: str, kind: Kind
) -> None:
    scene.deploy(basket_add=40, basket_get=None, basket_remove=1)
    scene.inject(operation, kind)
    scene.converge(0)
    assert [scene.reserved(name) for name in SHOP] == [0, 0, 0]
    scene.inject(operation, kind)
    scene.converge("restore")
    assert [scene.reserved(name) for name in SHOP] == [40, None, 1]
    assert scene.records() == {}


def test_one_call_in_five_throttled_does_not_stop_ten(scene: Scene) -> None:
    """Dice, not every fifth call: a tick of fifty calls would meet its fault at the same place for ever."""
    ten = tuple(f"shop-{number}" for number in range(10))
    scene.deploy(**{name.replace("-", "_"): 20 for name in ten})
    dice = random.Random(1)
    scene.cloud.faults.injectors.append(
        lambda request: "throttled" if request.caller == STEP and dice.random() < 0.2 else None
    )
    scene.converge(0, ten)
    scene.converge("restore", ten)
    scene.cloud.faults.injectors.clear()
    assert [scene.reserved(name) for name in ten] == [20] * 10


def test_a_graceful_run_waits_for_one_throttled_function_while_the_others_answer(scene: Scene) -> None:
    """Patience is for a Region that is silent: a throttle says that it lives."""
    scene.deploy(basket_add=40, basket_get=None, basket_remove=1)
    until = scene.cloud.clock.now + 60

    def one_is_throttled(request: Request) -> Kind | None:
        throttled = request.parameters.get("FunctionName") == "basket-get" and scene.cloud.clock.now < until
        return "throttled" if throttled else None

    scene.cloud.faults.injectors.append(one_is_throttled)
    assert scene.converge(0)["outcome"] == "done"
    assert [scene.reserved(name) for name in SHOP] == [0, 0, 0]


@pytest.mark.parametrize("nth", range(1, 13))
def test_a_lambda_killed_at_any_call_ends_the_same(scene: Scene, nth: int) -> None:
    scene.deploy(basket_add=40, basket_get=None, basket_remove=1)
    calls = [0]

    def kill(request: Request) -> Kind | None:
        if request.caller == STEP:
            calls[0] += 1
            if calls[0] == nth:
                scene.functions.running[0].kill()
        return None

    scene.cloud.faults.injectors.append(kill)
    scene.converge(0)
    assert [scene.reserved(name) for name in SHOP] == [0, 0, 0]
    calls[0] = 0
    scene.converge("restore")
    assert [scene.reserved(name) for name in SHOP] == [40, None, 1]
    assert scene.records() == {}


def test_a_conflict_with_another_change_of_the_function_is_waited_out(scene: Scene) -> None:
    scene.deploy(basket_add=40, basket_get=None, basket_remove=1)
    conflicts = [0]

    def busy(request: Request) -> None:
        if request.operation == PUT and conflicts[0] < 4:
            conflicts[0] += 1
            raise AwsError("ResourceConflictException", "An update is in progress for resource", 409)

    scene.cloud.guards.append(busy)
    assert scene.converge(0)["outcome"] == "done"
    assert [scene.reserved(name) for name in SHOP] == [0, 0, 0]


def test_a_function_that_is_not_there_is_refused_by_name(scene: Scene) -> None:
    scene.deploy(basket_add=40)
    with pytest.raises(FunctionError, match=r"Refused: .*Function not found: .*basket-get"):
        scene.converge(0)


def test_a_graceful_run_is_refused_by_a_silent_region_once_its_patience_ends(scene: Scene) -> None:
    scene.deploy(basket_add=40, basket_get=None, basket_remove=1)
    scene.cloud.faults.dark.add(EAST)
    before = scene.cloud.clock.elapsed
    with pytest.raises(FunctionError, match=r"Refused: .*basket-add.* is silent"):
        scene.converge(0)
    last_look = ASKS * CONNECT_SECONDS
    assert 20 < scene.cloud.clock.elapsed - before < 20 + last_look + 2
    assert scene.records() == {}


def test_a_first_look_that_comes_late_does_not_take_two_lost_answers_for_a_dark_region(scene: Scene) -> None:
    """Lambda's own answers were lost until then: patience has passed without anybody having looked."""
    scene.deploy(basket_add=40)
    scene.inject("GetFunctionConcurrency", "503", times=2)
    scene.entered = scene.cloud.clock.now - 60
    assert scene.tick(0, ("basket-add",))["outcome"] == "done"


def test_a_region_that_has_just_done_what_it_was_told_is_not_dark_for_one_lost_look(scene: Scene) -> None:
    """Lambda's own answers get lost too, so that the first tick may come when patience has ended."""
    scene.deploy(buy=40)
    scene.cloud.clock.sleep(60)
    reads: list[Request] = []

    def the_second_is_lost(request: Request) -> Kind | None:
        reads.extend([request] if request.operation == READ else [])
        return "lost_before" if request.operation == READ and len(reads) == 2 else None

    scene.cloud.faults.injectors.append(the_second_is_lost)
    with pytest.raises(FunctionError) as error:
        scene.tick(0, ("buy",))
    assert error.value.body["errorType"] == "NotYet"
    assert scene.tick(0, ("buy",))["outcome"] == "done"


def test_an_ungraceful_run_goes_on_past_a_silent_region_and_owes_the_fence(scene: Scene) -> None:
    scene.deploy(basket_add=40, basket_get=None, basket_remove=1)
    scene.cloud.faults.dark.add(EAST)
    before = scene.cloud.clock.elapsed
    answer = scene.converge(0, mode="ungraceful")
    assert answer["outcome"] == "unknown"
    assert (answer["facts"]["fenced"], answer["facts"]["unknown"]) == (0, 3)
    assert 20 < scene.cloud.clock.elapsed - before < 30
    assert sorted(item.partition("#")[0] for item in scene.records()) == ["debt"] * 3


def test_the_debt_is_paid_when_the_region_returns_and_what_was_there_can_be_given_back(scene: Scene) -> None:
    scene.deploy(basket_add=40, basket_get=None, basket_remove=1)
    scene.cloud.faults.dark.add(EAST)
    scene.converge(0, mode="ungraceful")
    scene.cloud.clock.sleep(3600)
    scene.cloud.faults.dark.clear()
    assert scene.converge(0, mode="ungraceful")["outcome"] == "done"
    assert [scene.reserved(name) for name in SHOP] == [0, 0, 0]
    assert sorted(item.partition("#")[0] for item in scene.records()) == ["memory"] * 3
    scene.converge("restore")
    assert [scene.reserved(name) for name in SHOP] == [40, None, 1]
    assert scene.records() == {}


def test_a_debt_does_not_hide_the_functions_that_did_answer(scene: Scene) -> None:
    scene.deploy(basket_add=40, basket_get=None, basket_remove=1)

    def one_is_silent(request: Request) -> Kind | None:
        return "503" if request.parameters.get("FunctionName") == "basket-get" else None

    scene.cloud.faults.injectors.append(one_is_silent)
    answer = scene.converge(0, mode="ungraceful")
    assert (answer["outcome"], answer["facts"]["fenced"], answer["facts"]["unknown"]) == ("unknown", 2, 1)
    scene.cloud.faults.injectors.clear()
    assert [scene.reserved(name) for name in SHOP] == [0, None, 0]


def test_the_game_days_fence_is_not_opened_under_the_runs_feet(scene: Scene) -> None:
    scene.deploy(basket_add=40, basket_get=None, basket_remove=1)
    scene.converge(0, purpose="break")
    scene.converge(0, purpose="move")
    scene.converge("restore", purpose="break")
    assert [scene.reserved(name) for name in SHOP] == [0, 0, 0]
    scene.converge("restore", purpose="move")
    assert [scene.reserved(name) for name in SHOP] == [40, None, 1]


def test_a_dry_run_names_the_calls_and_makes_none(scene: Scene) -> None:
    scene.deploy(basket_add=40, basket_get=None, basket_remove=1)
    answer = scene.tick(0, SHOP, dry_run=True)
    assert answer["outcome"] == "would change"
    assert answer["calls"][0] == {
        "action": "lambda:PutFunctionConcurrency",
        "service": "lambda",
        "operation": "PutFunctionConcurrency",
        "region": EAST,
        "parameters": {"FunctionName": "basket-add", "ReservedConcurrentExecutions": 0},
    }
    assert scene.writes() == []
    assert scene.records() == {}


def test_a_game_day_that_gives_up_gives_back_its_own_and_leaves_the_runs(scene: Scene) -> None:
    scene.deploy(basket_add=40, basket_get=None, basket_remove=1)
    scene.converge(0, purpose="move")
    scene.converge(0, purpose="break")
    scene.converge("restore", purpose="unbreak")
    assert [scene.reserved(name) for name in SHOP] == [0, 0, 0], "the run's fence stands"
    scene.converge("restore", purpose="undo")
    assert [scene.reserved(name) for name in SHOP] == [40, None, 1]


def test_a_restore_does_not_trust_a_read_from_before_the_fence(scene: Scene) -> None:
    """It would forget what it has not given back, and nobody would ever open again."""
    scene.deploy(basket_add=40, basket_get=None, basket_remove=1)
    scene.cloud.faults.earlier = EarlierAnswers()
    scene.converge(0)
    scene.inject(READ, "stale", times=len(SHOP))
    scene.converge("restore", purpose="undo")
    assert [scene.reserved(name) for name in SHOP] == [40, None, 1]


@pytest.mark.parametrize("operation", [READ, PUT, "Query", "DeleteItem"])
def test_an_undo_that_is_denied_a_call_makes_it_again(scene: Scene, operation: str) -> None:
    scene.deploy(basket_add=40, basket_get=None, basket_remove=1)
    scene.converge(0)
    scene.inject(operation, "denied")
    assert scene.converge("restore", purpose="undo")["outcome"] == "nothing to give back"
    assert [scene.reserved(name) for name in SHOP] == [40, None, 1]


def test_what_an_undo_is_denied_for_good_it_owes_and_gives_back_the_rest(scene: Scene) -> None:
    scene.deploy(basket_add=40, basket_get=None, basket_remove=1)
    scene.converge(0)

    def denied(request: Request) -> Kind | None:
        mine = request.operation == READ and request.caller == STEP
        return "denied" if mine and request.parameters["FunctionName"] == "basket-get" else None

    scene.cloud.faults.injectors.append(denied)
    answer = scene.converge("restore", purpose="undo")
    assert answer["outcome"] == "unknown"
    assert "AccessDenied" in answer["facts"]["why"]
    assert [scene.reserved(name) for name in SHOP] == [40, 0, 1]
    owed = {item: body for item, body in scene.records().items() if item.startswith("debt#")}
    assert [*owed] == ["debt#lambda:us-east-1:basket-get:reserved_concurrency"]


def test_what_an_undo_may_not_give_back_it_owes_and_the_rest_is_given_back(scene: Scene) -> None:
    scene.deploy(basket_add=40, basket_get=1, basket_remove=1)
    scene.converge(0)

    def denied(request: Request) -> Kind | None:
        mine = request.operation == PUT and request.caller == STEP
        return "denied" if mine and request.parameters["FunctionName"] == "basket-get" else None

    scene.cloud.faults.injectors.append(denied)
    assert scene.converge("restore", purpose="undo")["outcome"] == "unknown"
    assert [scene.reserved(name) for name in SHOP] == [40, 0, 1]
    owed = {item: body for item, body in scene.records().items() if item.startswith("debt#")}
    assert [*owed] == ["debt#lambda:us-east-1:basket-get:reserved_concurrency"]
    (why,) = (body["why"] for body in owed.values())
    assert "lambda:PutFunctionConcurrency in us-east-1: AccessDenied" in why, (
        "a person reads there why it is owed"
    )


@pytest.mark.parametrize("purpose", ["undo", "unbreak"])
def test_what_an_undo_cannot_give_back_it_owes(scene: Scene, purpose: str) -> None:
    scene.deploy(basket_add=40, basket_get=None, basket_remove=1)
    scene.converge(0, purpose="move" if purpose == "undo" else "break")
    scene.cloud.faults.dark.add(EAST)
    assert scene.converge("restore", purpose=purpose)["outcome"] == "unknown"
    owed = [body for item, body in scene.records().items() if item.startswith("debt#")]
    assert len(owed) == len(SHOP)


def refuse(scene: Scene, operation: str, name: str) -> Callable[[], None]:
    """From now on IAM denies the operation on that function. Gives what ends that."""

    def denied(request: Request) -> Kind | None:
        mine = request.operation == operation and request.caller == STEP
        return "denied" if mine and request.parameters["FunctionName"] == name else None

    scene.cloud.faults.injectors.append(denied)
    return lambda: scene.cloud.faults.injectors.remove(denied)


def debts(scene: Scene) -> dict[str, dict[str, Any]]:
    """By the function's name."""
    return {i.split(":")[2]: body for i, body in scene.records().items() if i.startswith("debt#")}


def memories(scene: Scene) -> list[str]:
    return sorted(item.split(":")[2] for item in scene.records() if item.startswith("memory#"))


def provision(scene: Scene, **wanted: int) -> None:
    for name, many in wanted.items():
        scene.functions.provision(EAST, name.replace("_", "-"), "1", many)


# What is provisioned keeps a function from being reserved below it.


def test_a_plan_names_each_function_that_cannot_be_fenced_and_what_to_do(scene: Scene) -> None:
    scene.deploy(basket_add=40, basket_get=None, basket_remove=1)
    provision(scene, basket_add=7, basket_get=2)
    with pytest.raises(FunctionError) as refused:
        scene.tick(0, SHOP, dry_run=True)
    assert str(refused.value).startswith("Refused: ")
    for words in ("basket-add in us-east-1 has 7 provisioned", "basket-get in us-east-1 has 2 provisioned"):
        assert words in str(refused.value)
    assert "basket-remove" not in str(refused.value)
    assert "delete" in str(refused.value)
    assert scene.writes() == []
    answer = scene.tick(0, SHOP, dry_run=True, mode="ungraceful")
    assert answer["outcome"] == "would change"
    assert [doubt.split()[0] for doubt in answer["facts"]["doubts"]] == ["basket-add", "basket-get"]


def test_a_plan_that_cannot_read_what_is_provisioned_says_so(scene: Scene) -> None:
    scene.deploy(basket_add=40)
    faults: tuple[tuple[Kind, int], ...] = ("503", PLAN_ASKS), ("hollow", 1), ("denied", 1)
    for kind, times in faults:
        scene.inject(LIST, kind, times)
        (doubt,) = set(scene.tick(0, ("basket-add",), dry_run=True)["facts"]["doubts"])
        assert "rovisionedConcurrency" in doubt
    assert "doubts" not in scene.tick(0, ("basket-add",), dry_run=True)["facts"]


def test_only_a_plan_reads_what_is_provisioned(scene: Scene) -> None:
    scene.deploy(basket_add=40)
    scene.tick(0, ("basket-add",))
    scene.tick("restore", ("basket-add",), dry_run=True)
    assert LIST not in [request.operation for request in scene.requests]


def test_a_plan_does_not_mind_what_is_provisioned_where_as_much_stays_reserved(scene: Scene) -> None:
    scene.deploy(basket_add=40)
    provision(scene, basket_add=7)
    assert scene.tick(7, ("basket-add",), dry_run=True)["outcome"] == "would change"


def test_a_graceful_run_is_refused_by_the_one_that_cannot_be_fenced_and_gives_the_others_back(
    scene: Scene,
) -> None:
    scene.deploy(basket_add=40, basket_get=2, basket_remove=1)
    provision(scene, basket_get=2)
    with pytest.raises(FunctionError, match=r"Refused: .*basket-get.*total provisioned concurrency \[2\]"):
        scene.tick(0, SHOP)
    scene.converge("restore", purpose="undo")
    assert [scene.reserved(name) for name in SHOP] == [40, 2, 1]
    assert scene.records() == {}


def test_an_ungraceful_run_owes_the_one_that_cannot_be_fenced_fences_the_others_and_goes_on(
    scene: Scene,
) -> None:
    scene.deploy(basket_add=40, basket_get=None, basket_remove=1)
    provision(scene, basket_get=2)
    before = scene.cloud.clock.elapsed
    answer = scene.converge(0, mode="ungraceful")
    assert (answer["outcome"], answer["facts"]["fenced"], answer["facts"]["unknown"]) == ("unknown", 2, 1)
    assert "basket-get" in answer["facts"]["why"]
    assert 20 < scene.cloud.clock.elapsed - before < 30
    assert [scene.reserved(name) for name in SHOP] == [0, None, 0]
    assert [*debts(scene)] == ["basket-get"]
    assert "total provisioned concurrency [2]" in debts(scene)["basket-get"]["why"]


def test_a_fence_that_is_owed_goes_up_again_or_on_schedule_once_nothing_is_provisioned(scene: Scene) -> None:
    for purpose in ("again", "settle"):
        scene.deploy(basket_add=40, basket_get=None, basket_remove=1)
        provision(scene, basket_get=2)
        scene.converge(0, mode="ungraceful")
        provision(scene, basket_get=0)
        assert scene.converge(0, mode="ungraceful", purpose=purpose)["outcome"] == "done"
        assert [scene.reserved(name) for name in SHOP] == [0, 0, 0]
        assert debts(scene) == {}
        scene.converge("restore")
        assert [scene.reserved(name) for name in SHOP] == [40, None, 1]
        assert scene.records() == {}


def test_what_is_owed_and_still_denied_is_tried_once_again_and_on_schedule_pages(scene: Scene) -> None:
    scene.deploy(basket_add=40, basket_get=None, basket_remove=1)
    provision(scene, basket_get=2)
    scene.converge(0, mode="ungraceful")
    assert scene.tick(0, SHOP, mode="ungraceful", purpose="again")["outcome"] == "unknown"
    assert scene.writes() == [PUT]
    with pytest.raises(FunctionError, match=r"Refused: .*basket-get.*total provisioned concurrency"):
        scene.tick(0, SHOP, mode="graceful", purpose="settle")


def test_a_refusal_of_one_of_forty_names_it(scene: Scene) -> None:
    forty = tuple(f"shop-{number:02}" for number in range(40))
    scene.deploy(**{name.replace("-", "_"): 7 for name in forty})
    for operation in (READ, PUT):
        end = refuse(scene, operation, "shop-23")
        with pytest.raises(FunctionError, match=rf"Refused: .*shop-23.*{operation}|{operation} of shop-23"):
            scene.tick(0, forty)
        end()


# What cannot be given back is owed, and the rest is given back.


def crowded(scene: Scene) -> None:
    """Others reserve what is left of the account: nothing that the fence set free can be reserved again."""
    scene.functions.deploy(EAST, "others", lambda *_: None)
    scene.functions.function(EAST, "others").reserved = 900


@pytest.mark.parametrize("mode", ["graceful", "ungraceful"])
def test_an_undo_gives_back_what_the_account_has_room_for_and_owes_the_rest_in_awss_words(
    scene: Scene, mode: str
) -> None:
    scene.deploy(basket_add=40, basket_get=None, basket_remove=30)
    scene.converge(0)
    crowded(scene)
    assert scene.converge("restore", purpose="undo", mode=mode)["outcome"] == "unknown"
    assert [scene.reserved(name) for name in SHOP] == [0, None, 0]
    assert sorted(debts(scene)) == memories(scene) == ["basket-add", "basket-remove"]
    for debt in debts(scene).values():
        assert debt["give_back"]
        assert "below its minimum value of [100]" in debt["why"]


def test_what_is_owed_is_given_back_on_schedule_as_far_as_there_is_room(scene: Scene) -> None:
    scene.deploy(basket_add=40, basket_get=None, basket_remove=30)
    scene.converge(0)
    crowded(scene)
    scene.converge("restore", purpose="undo")
    scene.begin(SETTLES)
    with pytest.raises(
        FunctionError, match=r"Refused: .*basket-add.*basket-remove.*minimum value of \[100\]"
    ):
        scene.tick(0, SHOP, purpose="settle")
    scene.functions.function(EAST, "others").reserved = 870
    with pytest.raises(FunctionError, match=r"Refused: .*basket-add"):
        scene.converge(0, purpose="settle")
    assert [scene.reserved(name) for name in SHOP] == [0, None, 30]
    assert [*debts(scene)] == memories(scene) == ["basket-add"]
    scene.functions.function(EAST, "others").reserved = 800
    assert scene.converge(0, purpose="settle")["outcome"] == "done"
    assert [scene.reserved(name) for name in SHOP] == [40, None, 30]
    assert scene.records() == {}


def test_what_is_told_as_fenced_was_read_as_fenced(scene: Scene) -> None:
    """On schedule nothing that is not owed is fenced."""
    scene.deploy(basket_add=40, basket_get=None, basket_remove=0)
    assert scene.converge(0, purpose="settle") == {"outcome": "done", "facts": {"fenced": 1}}
    assert [scene.reserved(name) for name in SHOP] == [40, None, 0]


def test_a_graceful_run_that_cannot_give_back_what_customers_need_stops_and_names_it(scene: Scene) -> None:
    scene.deploy(basket_add=40, basket_get=None, basket_remove=30)
    scene.converge(0)
    crowded(scene)
    with pytest.raises(FunctionError, match=r"Refused: .*basket-add.*minimum value of \[100\].*redrive"):
        scene.converge("restore", leaves=WEST)
    assert [scene.reserved(name) for name in SHOP] == [0, None, 0]
    assert sorted(debts(scene)) == memories(scene) == ["basket-add", "basket-remove"]
    scene.functions.function(EAST, "others").reserved = 0
    assert scene.converge("restore", leaves=WEST)["outcome"] == "nothing to give back", "a redrive goes on"
    assert [scene.reserved(name) for name in SHOP] == [40, None, 30]
    assert scene.records() == {}


def test_an_ungraceful_run_that_cannot_give_back_what_customers_need_owes_it_and_goes_on(
    scene: Scene,
) -> None:
    scene.deploy(basket_add=40, basket_get=None, basket_remove=30)
    scene.converge(0)
    crowded(scene)
    answer = scene.converge("restore", mode="ungraceful")
    assert (answer["outcome"], answer["facts"]["unknown"]) == ("unknown", 2)
    assert "minimum value of [100]" in answer["facts"]["why"]
    assert sorted(debts(scene)) == memories(scene) == ["basket-add", "basket-remove"]


def test_a_restore_that_is_denied_once_is_made_again(scene: Scene) -> None:
    scene.deploy(basket_add=40, basket_get=None, basket_remove=30)
    scene.converge(0)
    scene.inject(PUT, "denied")
    assert scene.converge("restore")["outcome"] == "nothing to give back"
    assert [scene.reserved(name) for name in SHOP] == [40, None, 30]
    assert scene.records() == {}


def test_a_recovery_gives_back_what_it_can_and_names_the_rest(scene: Scene) -> None:
    scene.deploy(basket_add=40, basket_get=None, basket_remove=30)
    scene.converge(0, purpose="break")
    crowded(scene)
    with pytest.raises(FunctionError, match=r"Refused: .*basket-add.*minimum value of \[100\]"):
        scene.converge("restore", purpose="mend")
    assert memories(scene) == ["basket-add", "basket-remove"]
    scene.functions.function(EAST, "others").reserved = 0
    scene.converge("restore", purpose="mend")
    assert [scene.reserved(name) for name in SHOP] == [40, None, 30]
    assert scene.records() == {}


def test_what_a_game_day_owes_is_given_back_on_schedule(scene: Scene) -> None:
    scene.deploy(basket_add=40, basket_get=None, basket_remove=30)
    scene.converge(0, purpose="break")
    crowded(scene)
    assert scene.converge("restore", purpose="unbreak")["outcome"] == "unknown"
    scene.functions.function(EAST, "others").reserved = 0
    scene.begin(SETTLES)
    scene.converge(0, purpose="settle")
    assert [scene.reserved(name) for name in SHOP] == [40, None, 30]
    assert scene.records() == {}


def test_a_run_that_comes_and_goes_does_not_forgive_what_a_game_day_owes(scene: Scene) -> None:
    scene.deploy(basket_add=40, basket_get=None, basket_remove=30)
    scene.converge(0, purpose="break")
    crowded(scene)
    scene.converge("restore", purpose="unbreak")
    scene.begin(f"{EXECUTION}-after-that")
    scene.converge(0)
    scene.converge("restore", purpose="undo")
    assert [*debts(scene)] == ["basket-add", "basket-remove"]
    scene.functions.function(EAST, "others").reserved = 0
    scene.begin(SETTLES)
    scene.converge(0, purpose="settle")
    assert [scene.reserved(name) for name in SHOP] == [40, None, 30]
    assert scene.records() == {}
