"""Consumers poll where the data is, and nowhere else: the real handler against the twin's mappings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from farshore.testing.ticker import EAST, OTHER, WEST, Ticker, ticking
from functions.inputs import Patience, Region, Seconds
from functions.steps.event_sources import EventSources as Step
from functions.steps.event_sources import MappingId
from twin.cloud import AwsError
from twin.faults import Request
from twin.services.lambda_.event_source_mappings import EventSourceMappings

ORDERS, STOCK = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
MAPPINGS = {EAST: [ORDERS, STOCK], WEST: [ORDERS, STOCK]}
INPUTS: dict[str, Any] = {"mappings": MAPPINGS, "patience": 20}
FENCE = INPUTS | {"region": EAST, "enabled": False}
RESTORE = INPUTS | {"region": EAST, "enabled": "restore"}
ENABLE = INPUTS | {"region": WEST, "enabled": True}
BOTH = {"GetEventSourceMapping", "UpdateEventSourceMapping"}


def resource(mapping: str, region: str = EAST) -> str:
    return f"lambda:{region}:{mapping}:event_source"


class Shop(Ticker):
    """Two mappings in each Region; those of the standby do not poll."""

    def __init__(self, cloud: Any) -> None:
        super().__init__(cloud)
        for region in (EAST, WEST):
            self.deploy(Step, region)
        sources = EventSourceMappings(cloud)
        self.mapping = {
            (region, uuid): sources.mapping(region, uuid, name, enabled=region == EAST)
            for region in (EAST, WEST)
            for uuid, name in ((ORDERS, "orders"), (STOCK, "stock"))
        }
        self.hold()

    def polls(self, region: str = EAST) -> list[str]:
        now = self.clock.now
        return [self.mapping[region, uuid].shown(now) for uuid in (ORDERS, STOCK)]

    def comes_about(self, inputs: Mapping[str, Any], target: str = WEST, **given: Any) -> dict[str, Any]:
        return self.converge("event_sources", inputs, target, **given)

    def waits(self, inputs: Mapping[str, Any], **given: Any) -> str:
        return self.fails("event_sources", inputs, **given)

    def remembered(self) -> dict[str, Any]:
        return {memory.resource: memory.value for memory in self.records().memories}

    def answers(self, change: Callable[[dict[str, Any]], None]) -> None:
        """What is told of each mapping is changed."""
        get = EventSourceMappings.of(self.cloud).operations()["GetEventSourceMapping"]

        def changed(request: Any) -> Mapping[str, Any]:
            answer = dict(get(request))
            change(answer)
            return answer

        self.cloud.serve("lambda", "GetEventSourceMapping", changed)


@pytest.fixture
def shop() -> Iterator[Shop]:
    with ticking(1, Shop) as shop:
        assert isinstance(shop, Shop)
        yield shop


# A fence.


def test_mappings_that_are_disabled_are_remembered_first_and_read_back_as_disabled(shop: Shop) -> None:
    assert shop.comes_about(FENCE)["outcome"] == "done"
    assert shop.polls() == ["Disabled", "Disabled"]
    assert shop.remembered() == {resource(ORDERS): True, resource(STOCK): True}


def test_what_is_disabling_is_no_fence_yet(shop: Shop) -> None:
    said = shop.waits(FENCE)
    assert shop.polls() == ["Disabling", "Disabling"]
    assert "fenced, but customers do not feel it yet" in said


def test_a_fence_is_given_back_exactly(shop: Shop) -> None:
    """One was disabled by somebody, who wants it to stay so."""
    shop.mapping[EAST, STOCK].enabled = False
    shop.comes_about(FENCE)
    assert shop.comes_about(RESTORE)["outcome"] == "nothing to give back"
    assert shop.polls() == ["Enabled", "Disabled"]
    assert shop.remembered() == {}


def test_again_sends_nothing(shop: Shop) -> None:
    shop.comes_about(FENCE)
    shop.calls()
    shop.comes_about(FENCE)
    assert set(shop.calls(*BOTH)) == {"GetEventSourceMapping"}
    shop.comes_about(RESTORE)
    shop.calls()
    shop.comes_about(RESTORE)
    assert shop.calls(*BOTH) == []


def test_a_fence_of_a_dark_region_is_owed_by_an_ungraceful_run_and_refuses_a_graceful_one(
    shop: Shop,
) -> None:
    shop.cloud.faults.dark.add(EAST)
    entered = shop.clock.now - 30
    assert "Refused: the state: lambda:us-east-1" in shop.waits(FENCE, entered=entered)
    said = shop.comes_about(FENCE, entered=entered, mode="ungraceful")
    assert (said["outcome"], said["facts"]["unknown"]) == ("unknown", 2)
    assert set(shop.records().debts) == {resource(ORDERS), resource(STOCK)}
    shop.cloud.faults.dark.clear()
    assert shop.comes_about(FENCE, purpose="settle", mode="ungraceful")["outcome"] == "done"
    assert shop.polls() == ["Disabled", "Disabled"]
    assert shop.records().debts == {}


def test_a_read_from_before_the_fence_is_not_taken_for_the_restore(shop: Shop) -> None:
    stale = EventSourceMappings.of(shop.cloud).operations()["GetEventSourceMapping"](
        Request("lambda", "GetEventSourceMapping", EAST, {"UUID": ORDERS}, "", "")
    )
    shop.comes_about(FENCE)
    shop.clock.sleep(60)
    get, left = EventSourceMappings.of(shop.cloud).operations()["GetEventSourceMapping"], [stale, stale]
    shop.cloud.serve("lambda", "GetEventSourceMapping", lambda request: left.pop() if left else get(request))
    shop.comes_about(RESTORE)
    assert shop.polls() == ["Enabled", "Enabled"]


def test_an_undo_gives_back_what_the_fence_took(shop: Shop) -> None:
    shop.comes_about(FENCE)
    shop.comes_about(RESTORE, purpose="undo")
    assert shop.polls() == ["Enabled", "Enabled"]


# Consumers.


def test_mappings_are_enabled_and_read_back_as_enabled(shop: Shop) -> None:
    assert shop.comes_about(ENABLE)["facts"] == {"enabled": 2}
    assert shop.polls(WEST) == ["Enabled", "Enabled"]


def test_what_is_enabling_is_waited_for(shop: Shop) -> None:
    said = shop.waits(ENABLE)
    assert said == (
        f"NotYet: the state: {resource(ORDERS, WEST)} is not enabled yet; "
        f"{resource(STOCK, WEST)} is not enabled yet"
    )


def test_what_polls_already_is_only_read(shop: Shop) -> None:
    shop.comes_about(ENABLE | {"region": EAST})
    assert set(shop.calls(*BOTH)) == {"GetEventSourceMapping"}
    assert shop.remembered() == {}


def test_an_undo_disables_what_did_not_poll_before(shop: Shop) -> None:
    shop.mapping[WEST, STOCK].enabled = True
    shop.comes_about(ENABLE)
    shop.comes_about(ENABLE | {"enabled": "restore"}, purpose="undo")
    assert shop.polls(WEST) == ["Disabled", "Enabled"]


def test_failing_back_leaves_both_regions_as_they_were(shop: Shop) -> None:
    shop.comes_about(FENCE)
    shop.comes_about(ENABLE | {"enabled": "restore"})
    shop.comes_about(ENABLE)
    back = FENCE | {"region": WEST}
    shop.comes_about(back, EAST)
    shop.comes_about(RESTORE, EAST)
    shop.comes_about(ENABLE | {"region": EAST}, EAST)
    assert (shop.polls(EAST), shop.polls(WEST)) == (["Enabled"] * 2, ["Disabled"] * 2)


@pytest.mark.parametrize("purpose", ["again", "settle"])
def test_what_is_to_poll_is_no_debt(shop: Shop, purpose: str) -> None:
    assert shop.comes_about(ENABLE, purpose=purpose, mode="ungraceful")["outcome"] == "done"
    assert shop.polls(WEST) == ["Disabled", "Disabled"]


@pytest.mark.parametrize("mode", ["graceful", "ungraceful"])
def test_no_run_goes_on_without_its_consumers(shop: Shop, mode: str) -> None:
    shop.cloud.faults.dark.add(WEST)
    said = shop.fails("event_sources", ENABLE, EAST, entered=shop.clock.now - 30, mode=mode)
    assert said.startswith("NotYet: the state: lambda:GetEventSourceMapping in us-west-1: ")
    assert shop.records().debts == {}


# What AWS may answer.


@pytest.mark.parametrize("code", ["ResourceInUseException", "ResourceConflictException"])
@pytest.mark.parametrize("inputs", [FENCE, ENABLE])
def test_a_mapping_that_somebody_else_changes_is_waited_for(
    shop: Shop, code: str, inputs: dict[str, Any]
) -> None:
    update = EventSourceMappings.of(shop.cloud).operations()["UpdateEventSourceMapping"]

    def busy(request: Any) -> Any:
        raise AwsError(code, "in use", 409)

    shop.cloud.serve("lambda", "UpdateEventSourceMapping", busy)
    assert shop.waits(inputs).startswith("NotYet: the state: ")
    shop.cloud.serve("lambda", "UpdateEventSourceMapping", update)
    assert shop.comes_about(inputs)["outcome"] == "done"


@pytest.mark.parametrize("kind", ["lost_before", "lost_after", "throttled", "500", "503", "hollow", "slow"])
@pytest.mark.parametrize("operation", sorted(BOTH))
@pytest.mark.parametrize("inputs", [FENCE, ENABLE])
def test_a_call_that_fails_once_delays_it(shop: Shop, kind: Any, operation: str, inputs: Any) -> None:
    shop.inject(kind, operation)
    entered = shop.clock.now
    assert shop.comes_about(inputs)["outcome"] == "done"
    assert shop.clock.now < entered + 120
    assert shop.polls(inputs["region"]) == ["Enabled" if inputs["enabled"] else "Disabled"] * 2


@pytest.mark.parametrize("state", ["Creating", "Updating", "Deleting", "Mellow", None])
@pytest.mark.parametrize("inputs", [FENCE, ENABLE])
def test_a_state_that_says_neither_is_unknown_and_nothing_is_sent(
    shop: Shop, state: str | None, inputs: Any
) -> None:
    shop.answers(lambda answer: answer.pop("State") if state is None else answer.update(State=state))
    said = shop.waits(inputs)
    assert f"mapping {ORDERS} is {state or 'in no state that is told'}" in said
    assert said.startswith("NotYet: ")
    assert "UpdateEventSourceMapping" not in shop.calls(*BOTH)


def test_a_mapping_that_is_not_there_is_refused_by_its_uuid(shop: Shop) -> None:
    other = "00000000-0000-4000-8000-000000000009"
    said = shop.waits(ENABLE | {"mappings": {EAST: [ORDERS], WEST: [other]}})
    assert said.startswith(
        f"Refused: the state: lambda:GetEventSourceMapping of {other} in us-west-1 was refu"
    )


@pytest.mark.parametrize("operation", sorted(BOTH))
def test_a_denied_call_is_refused(shop: Shop, operation: str) -> None:
    shop.inject("denied", operation, 99)
    assert shop.waits(ENABLE).startswith("Refused: the state: lambda:")


def test_nothing_but_enabled_is_sent(shop: Shop) -> None:
    shop.comes_about(FENCE)
    sent = [
        request.parameters for request in shop.requests if request.operation == "UpdateEventSourceMapping"
    ]
    assert sent == [{"UUID": uuid, "Enabled": False} for uuid in (ORDERS, STOCK)]


def test_a_run_without_the_lease_changes_nothing(shop: Shop) -> None:
    shop.hold(OTHER)
    for inputs in (FENCE, ENABLE):
        assert "superseded" in shop.waits(inputs)
    assert "UpdateEventSourceMapping" not in shop.calls(*BOTH)


def test_a_dry_run_shows_each_change_and_doubts_what_went_wrong_before(shop: Shop) -> None:
    shop.mapping[WEST, STOCK].result = "PROBLEM: Function call failed"
    said = shop.tick("event_sources", ENABLE, dry_run=True)
    assert said["outcome"] == "would change"
    assert [call["parameters"]["UUID"] for call in said["calls"]] == [ORDERS, STOCK]
    assert said["facts"]["doubts"] == [f"mapping {STOCK}: PROBLEM: Function call failed"]
    assert "doubts" not in shop.comes_about(ENABLE)["facts"]


def test_a_patience_that_outlasts_the_state_is_refused_before_anything_runs() -> None:
    mappings = {Region(WEST): (MappingId(ORDERS),)}
    with pytest.raises(ValueError, match="is not shorter than within"):
        Step(mappings=mappings, region=Region(WEST), enabled=False, patience=Patience(Seconds(900)))


def test_patience_that_lambdas_quota_makes_too_short_is_refused() -> None:
    many = tuple(MappingId(f"14e0db71-5d35-4eb5-b481-{place:012}") for place in range(200))
    with pytest.raises(ValueError, match="20 s is shorter than the 40 s that 200 mappings take"):
        Step(mappings={Region(WEST): many}, region=Region(WEST), enabled=False)
