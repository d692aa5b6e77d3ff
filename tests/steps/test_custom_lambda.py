"""What a function of the application's own brings about: the real handler invokes a made-up function."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from farshore.compile.definition import change_of
from farshore.testing.ticker import APP, EAST, OTHER, THIS, WEST, Ticker, ticking
from functions.steps.custom_lambda import ACT, CustomLambda
from twin.cloud import ACCOUNT, AwsError
from twin.services.iam.model import Statement

INPUTS = {"function": "warm-up", "region": WEST}


class Shop(Ticker):
    """A function that needs a minute for what it is told to bring about."""

    def __init__(self, cloud: Any) -> None:
        super().__init__(cloud)
        self.deploy(CustomLambda)
        self.told: list[Mapping[str, Any]] = []
        self.begun: float | None = None
        self.instead: Any = None
        """What it answers to everything; an exception is raised."""
        self.takes = 0.0
        for region in (EAST, WEST):
            self.functions.deploy(region, "warm-up", lambda event, context: self.answer(event))
        self.hold()

    def answer(self, event: Mapping[str, Any]) -> Any:
        self.told.append(event)
        self.clock.sleep(self.takes)
        if isinstance(self.instead, Exception):
            raise self.instead
        if self.instead is not None:
            return self.instead
        if not event["look"] and self.begun is None:
            self.begun = self.clock.now
        if self.begun is None:
            return {"status": "wait", "why": "nothing is warm"}
        left = self.begun + 60 - self.clock.now
        return {"status": "wait", "why": f"{left:.0f} s left"} if left > 0 else {"status": "done"}

    @property
    def acts(self) -> int:
        return sum(not event["look"] for event in self.told)

    def holds(self, **given: Any) -> dict[str, Any]:
        return self.tick("custom_lambda", INPUTS, **given)

    def waits(self, **given: Any) -> str:
        return self.fails("custom_lambda", INPUTS, **given)


@pytest.fixture
def shop() -> Iterator[Shop]:
    with ticking(1, Shop) as shop:
        assert isinstance(shop, Shop)
        yield shop


def test_one_that_verifies_is_asked_and_never_told_and_a_plan_does_not_change_with_what_it_says(
    shop: Shop,
) -> None:
    verifies = INPUTS | {"verifies": True}
    assert "warm-up in us-west-1: nothing is warm" in shop.fails("custom_lambda", verifies)
    planned = shop.tick("custom_lambda", verifies, dry_run=True)
    assert (planned["outcome"], planned["facts"]) == ("done", {"why": "nothing is warm"})
    shop.begun = shop.clock.now - 100
    assert shop.tick("custom_lambda", verifies)["outcome"] == "done"
    assert shop.acts == 0


def test_it_is_told_what_the_run_is_about_and_holds_once_a_look_says_so(shop: Shop) -> None:
    assert shop.converge("custom_lambda", INPUTS, mode="ungraceful")["outcome"] == "done"
    assert shop.told[1] == {
        "application": APP,
        "procedure": "failover",
        "mode": "ungraceful",
        "from": EAST,
        "to": WEST,
        "execution": THIS,
        "dry_run": False,
        "look": False,
    }
    assert shop.told[-1]["look"] is True


def test_what_holds_already_is_only_looked_at(shop: Shop) -> None:
    shop.instead = {"status": "done", "why": "all warm"}
    assert shop.holds()["facts"] == {"why": "all warm"}
    assert shop.acts == 0


def test_again_is_the_same(shop: Shop) -> None:
    shop.converge("custom_lambda", INPUTS)
    acts = shop.acts
    assert shop.holds()["outcome"] == "done"
    assert shop.acts == acts


def test_what_it_answers_when_told_counts_for_nothing(shop: Shop) -> None:
    """A function that says done, and whose look does not."""

    def boasts(event: Mapping[str, Any]) -> Any:
        shop.told.append(event)
        return {"status": "wait", "why": "cold"} if event["look"] else {"status": "done"}

    shop.functions.deploy(WEST, "warm-up", lambda event, context: boasts(event))
    assert shop.waits() == (
        "NotYet: the state: acknowledged, but not to be seen yet: invoke warm-up in us-west-1: cold"
    )


def test_what_it_refuses_is_refused_in_its_words(shop: Shop) -> None:
    shop.instead = {"status": "refused", "why": "the cache\nis gone"}
    assert shop.waits() == "Refused: the state: warm-up in us-west-1 refuses: the cache\\nis gone"
    assert shop.acts == 0


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"status": "ok"}, 'it answered {"status": "ok"}, and it must answer {"status": "done", "wait" or'),
        ({"status": "done", "why": 3}, "it must answer"),
        ({"status": ["done"]}, "it must answer"),
        ([], "it answered [], and"),
        ("done", 'it answered "done", and'),
        (0, "it answered 0, and"),
        (ValueError("no such cache"), "it failed: "),
    ],
)
def test_an_answer_that_is_none_is_waited_for_and_told(shop: Shop, answer: Any, said: str) -> None:
    shop.instead = answer
    assert said in shop.waits()
    assert shop.waits().startswith("NotYet: ")
    assert "Refused: the state: not within 900 s" in shop.waits(entered=shop.clock.now - 901)
    assert shop.acts == 0


def test_a_long_answer_is_told_short(shop: Shop) -> None:
    shop.instead = {"status": "refused", "why": "x" * 5000}
    assert len(shop.waits()) < 400


def test_one_that_takes_longer_than_it_may_is_asked_again(shop: Shop) -> None:
    shop.takes = 10
    assert "ReadTimeoutError" in shop.waits()
    shop.takes = 0
    assert shop.converge("custom_lambda", INPUTS)["outcome"] == "done"


@pytest.mark.parametrize("kind", ["lost_before", "lost_after", "throttled", "500", "503", "slow", "hollow"])
def test_an_answer_that_is_lost_delays_it(shop: Shop, kind: Any) -> None:
    shop.inject(kind, "Invoke", 2)
    assert shop.converge("custom_lambda", INPUTS)["outcome"] == "done"


@pytest.mark.parametrize("mode", ["graceful", "ungraceful"])
def test_a_dark_region_is_waited_for(shop: Shop, mode: str) -> None:
    inputs = INPUTS | {"region": EAST}
    shop.cloud.faults.dark.add(EAST)
    assert "NotYet: the state: warm-up in us-east-1: " in shop.fails("custom_lambda", inputs, mode=mode)
    shop.cloud.faults.dark.clear()
    assert shop.converge("custom_lambda", inputs, mode=mode)["outcome"] == "done"


def test_a_function_that_is_not_there_or_may_not_be_invoked_is_refused(shop: Shop) -> None:
    said = shop.fails("custom_lambda", INPUTS | {"function": "cool-down"})
    assert "Refused: the state: lambda:InvokeFunction of cool-down in us-west-1 was refused" in said
    shop.inject("denied", "Invoke")
    assert "Refused: the state: lambda:InvokeFunction of warm-up" in shop.waits()


@pytest.mark.parametrize(
    "code", ["ResourceConflictException", "SnapStartNotReadyException", "EFSMountTimeoutException"]
)
def test_a_function_that_is_being_updated_or_made_ready_is_waited_for(shop: Shop, code: str) -> None:
    def busy(request: Any) -> Any:
        raise AwsError(code, "later", 409)

    invoke = shop.functions.operations()["Invoke"]
    shop.cloud.serve("lambda", "Invoke", busy)
    assert (
        f"NotYet: the state: warm-up in us-west-1: lambda:InvokeFunction in us-west-1: {code}" in shop.waits()
    )
    shop.cloud.serve("lambda", "Invoke", invoke)
    assert shop.converge("custom_lambda", INPUTS)["outcome"] == "done"


def test_a_dry_run_looks_and_shows_how_it_would_be_told(shop: Shop) -> None:
    said = shop.holds(dry_run=True)
    assert said["outcome"] == "would change"
    (call,) = said["calls"]
    told = json.loads(call["parameters"]["Payload"])
    assert (told["look"], told["dry_run"]) == (False, False)
    assert [(event["look"], event["dry_run"]) for event in shop.told] == [(True, True)]


def test_a_dry_run_doubts_a_function_that_answers_nothing_it_understands(shop: Shop) -> None:
    shop.instead = {"status": "fine"}
    said = shop.holds(dry_run=True)
    assert said["outcome"] == "would wait"
    assert "it answered" in said["facts"]["doubts"][0]


def test_a_run_without_the_lease_tells_it_nothing(shop: Shop) -> None:
    shop.hold(OTHER)
    assert "superseded" in shop.waits()
    assert shop.acts == 0


def test_that_function_alone_is_what_its_policy_needs(shop: Shop) -> None:
    shop.functions.deploy(WEST, "other", lambda event, context: {"status": "done"})
    resource = str(ACT.resource).format(region=WEST, account=ACCOUNT, function="warm-up")
    shop.functions.function(WEST, "custom_lambda").policy = (
        Statement(frozenset({"lambda:InvokeFunction"}), (f"arn:aws:{resource}",)),
        Statement(frozenset({"dynamodb:*"}), ("*",)),
    )
    assert shop.converge("custom_lambda", INPUTS)["outcome"] == "done"
    assert "AccessDenied" in shop.fails("custom_lambda", INPUTS | {"function": "other"})


def test_to_look_changes_nothing_and_to_tell_does(shop: Shop) -> None:
    """For whoever judges a run: both are one operation."""
    event = shop.event(INPUTS, step="custom_lambda")
    shop.converge("custom_lambda", INPUTS)
    asked = [request.parameters for request in shop.requests if request.operation == "Invoke"]
    changes = [change_of(event, "lambda", "Invoke", parameters) is not None for parameters in asked]
    assert changes == [not told["look"] for told in shop.told]
    assert set(changes) == {True, False}
