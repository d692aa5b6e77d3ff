"""A REST API's stage lets nobody in, or whom it let in before: the real handler against the twin's stages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from farshore.testing.ticker import EAST, OTHER, WEST, Ticker, ticking
from functions.inputs import Patience, Region, Seconds
from functions.steps.api_throttle import ApiThrottle, RestApiId, StageName
from twin.cloud import ACCOUNT, AwsError
from twin.faults import Kind
from twin.services.apigateway.model import ApiGateway
from twin.services.iam.model import Statement

INPUTS: dict[str, Any] = {"apis": {EAST: "apieast", WEST: "apiwest"}, "stage": "prod", "patience": 20}
FENCE = INPUTS | {"region": EAST, "requests": 0}
RESTORE = INPUTS | {"region": EAST, "requests": "restore"}
RESOURCE = "apigateway:us-east-1:apieast:prod:throttle"
GET, UPDATE = "GetStage", "UpdateStage"
USUAL = {"throttlingRateLimit": 10_000.0, "throttlingBurstLimit": 5_000}
ORDERS = "~1orders/GET"
STAGES: Mapping[str, dict[str, dict[str, Any]]] = {
    "no settings": {},
    "a default": {"*/*": {"throttlingRateLimit": 12.5, "throttlingBurstLimit": 7, "loggingLevel": "INFO"}},
    "a default without limits": {"*/*": {"throttlingRateLimit": -1.0, "throttlingBurstLimit": -1}},
    "a method of its own": {ORDERS: {"throttlingRateLimit": 1_234_567.0, "throttlingBurstLimit": 10}},
    "both": {"*/*": dict(USUAL), ORDERS: {"throttlingRateLimit": 0.0, "throttlingBurstLimit": 0}},
}
EACH = pytest.mark.parametrize("name", STAGES)


class Shop(Ticker):
    def __init__(self, cloud: Any) -> None:
        super().__init__(cloud)
        self.deploy(ApiThrottle)
        self.gateway = ApiGateway(cloud)
        self.stage = self.gateway.stage(EAST, "apieast", "prod")
        self.gateway.stage(WEST, "apiwest", "prod")
        self.hold()

    def has(self, name: str) -> dict[str, dict[str, Any]]:
        """The stage begins with these settings."""
        self.stage.settings = {method: dict(each) for method, each in STAGES[name].items()}
        return {method: dict(each) for method, each in STAGES[name].items()}

    def comes_about(self, inputs: Mapping[str, Any] = FENCE, **given: Any) -> dict[str, Any]:
        return self.converge("api_throttle", inputs, **given)

    def waits(self, inputs: Mapping[str, Any] = FENCE, **given: Any) -> str:
        return self.fails("api_throttle", inputs, **given)

    def remembered(self) -> dict[str, Any]:
        return {memory.resource: memory.value for memory in self.records().memories}

    def answers(self, change: Callable[[dict[str, Any]], object]) -> None:
        def changed(request: Any) -> Mapping[str, Any]:
            answer: dict[str, Any] = dict(self.gateway.operations()[GET](request))
            change(answer)
            return answer

        self.cloud.serve("apigateway", GET, changed)


@pytest.fixture
def shop() -> Iterator[Shop]:
    with ticking(1, Shop) as shop:
        assert isinstance(shop, Shop)
        yield shop


@EACH
def test_no_method_lets_anybody_in(shop: Shop, name: str) -> None:
    shop.has(name)
    assert shop.comes_about()["outcome"] == "done"
    assert {shop.stage.limits(method) for method in ("*/*", ORDERS, "~1any/POST")} == {(0.0, 0)}


@EACH
def test_what_was_before_is_given_back_exactly(shop: Shop, name: str) -> None:
    before = shop.has(name)
    shop.comes_about()
    assert set(shop.remembered()) == {RESOURCE}
    assert shop.comes_about(RESTORE)["outcome"] == "nothing to give back"
    assert shop.stage.settings == before
    assert shop.remembered() == {}


def test_it_is_remembered_before_anything_is_sent(shop: Shop) -> None:
    shop.has("a default")
    shop.comes_about()
    assert shop.calls("PutItem", UPDATE) == ["PutItem", UPDATE]
    assert shop.remembered() == {RESOURCE: {"*/*": {"rate": 12.5, "burst": 7}}}


@EACH
def test_again_sends_nothing(shop: Shop, name: str) -> None:
    shop.has(name)
    shop.comes_about()
    shop.calls()
    shop.comes_about()
    assert shop.calls(GET, UPDATE) == [GET]
    shop.comes_about(RESTORE)
    shop.calls()
    shop.comes_about(RESTORE)
    assert shop.calls(GET, UPDATE) == []


def test_other_settings_of_a_method_stay_as_they_are(shop: Shop) -> None:
    shop.has("a default")
    shop.comes_about()
    assert shop.stage.settings["*/*"]["loggingLevel"] == "INFO"


def test_what_somebody_has_set_meanwhile_is_theirs(shop: Shop) -> None:
    shop.has("no settings")
    shop.comes_about()
    shop.stage.settings["~1new/PUT"] = dict(USUAL)
    shop.comes_about(RESTORE)
    assert shop.stage.settings == {"~1new/PUT": USUAL}


@EACH
@pytest.mark.parametrize("kind", ["lost_before", "lost_after", "throttled", "500", "503", "slow", "hollow"])
@pytest.mark.parametrize("operation", [GET, UPDATE])
def test_a_call_that_fails_once_delays_it(shop: Shop, name: str, kind: Kind, operation: str) -> None:
    before = shop.has(name)
    shop.inject(kind, operation)
    shop.comes_about()
    assert shop.stage.limits(ORDERS) == (0.0, 0)
    shop.inject(kind, operation)
    shop.comes_about(RESTORE)
    assert shop.stage.settings == before


def test_an_undo_gives_back_and_trusts_no_read_from_before_the_fence(shop: Shop) -> None:
    before = shop.has("no settings")
    stale = {"stageName": "prod"}
    shop.comes_about()
    left = [stale]
    get = shop.gateway.operations()[GET]
    shop.cloud.serve("apigateway", GET, lambda request: left.pop() if left else get(request))
    shop.comes_about(RESTORE, purpose="undo")
    assert shop.stage.settings == before


def test_a_fence_of_a_dark_region_is_owed_by_an_ungraceful_run_and_refuses_a_graceful_one(
    shop: Shop,
) -> None:
    shop.has("both")
    shop.cloud.faults.dark.add(EAST)
    entered = shop.clock.now - 30
    assert shop.waits(entered=entered).startswith(f"Refused: the state: {RESOURCE} may not stay open")
    assert shop.comes_about(entered=entered, mode="ungraceful")["outcome"] == "unknown"
    assert set(shop.records().debts) == {RESOURCE}
    shop.cloud.faults.dark.clear()
    assert shop.comes_about(purpose="settle", mode="ungraceful")["outcome"] == "done"
    assert shop.stage.limits(ORDERS) == shop.stage.limits("*/*") == (0.0, 0)
    assert shop.records().debts == {}


def test_a_stage_that_somebody_else_changes_is_waited_for(shop: Shop) -> None:
    def busy(request: Any) -> Any:
        raise AwsError("ConflictException", "somebody else", 409)

    shop.cloud.serve("apigateway", UPDATE, busy)
    assert "NotYet: the state: apigateway:PATCH in us-east-1: ConflictException" in shop.waits()
    shop.cloud.serve("apigateway", UPDATE, shop.gateway.operations()[UPDATE])
    assert shop.comes_about()["outcome"] == "done"


@pytest.mark.parametrize("member", ["throttlingRateLimit", "throttlingBurstLimit"])
def test_a_limit_that_is_not_told_could_not_be_given_back_so_nothing_is_sent(shop: Shop, member: str) -> None:
    shop.has("a default")
    shop.answers(lambda answer: answer["methodSettings"]["*/*"].pop(member))
    assert "the limits of */* are not told, and could not be given back" in shop.waits()
    assert UPDATE not in shop.calls(GET, UPDATE)


@pytest.mark.parametrize("limit", [float("nan"), float("inf")])
def test_a_limit_that_is_no_number_could_not_be_given_back_either(shop: Shop, limit: float) -> None:
    shop.has("a default")
    shop.answers(lambda answer: answer["methodSettings"]["*/*"].update(throttlingRateLimit=limit))
    assert "the limits of */* are not told, and could not be given back" in shop.waits()
    assert UPDATE not in shop.calls(GET, UPDATE)


def test_a_stage_that_is_not_there_is_refused(shop: Shop) -> None:
    said = shop.waits(FENCE | {"stage": "test"})
    assert said.startswith("Refused: the state: apigateway:GET of apieast in us-east-1 was refused: NotFound")


def test_a_denied_change_refuses_a_graceful_run(shop: Shop) -> None:
    shop.inject("denied", UPDATE, 99)
    assert shop.waits().startswith(
        f"Refused: the state: {RESOURCE}: apigateway:PATCH of apieast in us-east-1"
    )


def test_a_dry_run_shows_the_change_and_what_it_overwrites(shop: Shop) -> None:
    shop.has("a default")
    said = shop.tick("api_throttle", FENCE, dry_run=True)
    assert said["outcome"] == "would change"
    assert said["remembers"] == {RESOURCE: {"*/*": {"rate": 12.5, "burst": 7}}}
    (call,) = said["calls"]
    assert call["parameters"]["patchOperations"] == [
        {"op": "replace", "path": "/*/*/throttling/rateLimit", "value": "0"},
        {"op": "replace", "path": "/*/*/throttling/burstLimit", "value": "0"},
    ]


def test_a_run_without_the_lease_changes_nothing(shop: Shop) -> None:
    shop.hold(OTHER)
    assert "superseded" in shop.waits()
    assert shop.stage.settings == {}


def test_its_policy_names_the_stage(shop: Shop) -> None:
    stage = f"arn:aws:apigateway:{EAST}::/restapis/apieast/stages/"
    for name, ends in (("prod", "done"), ("test", "AccessDenied")):
        shop.functions.function(WEST, "api_throttle").policy = (
            Statement(frozenset({"apigateway:GET", "apigateway:PATCH"}), (stage + name,)),
            Statement(frozenset({"dynamodb:*"}), (f"arn:aws:dynamodb:*:{ACCOUNT}:table/*",)),
        )
        assert ends in (shop.comes_about()["outcome"] if ends == "done" else shop.waits())


def test_a_patience_that_outlasts_the_state_is_refused_before_anything_runs() -> None:
    with pytest.raises(ValueError, match="is not shorter than within"):
        ApiThrottle(
            apis={Region(EAST): RestApiId("a")},
            stage=StageName("prod"),
            region=Region(EAST),
            requests=0,
            patience=Patience(Seconds(900)),
        )
