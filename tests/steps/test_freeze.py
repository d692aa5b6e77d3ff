"""While a run moves the application nothing is deployed: the real handler, in the twin."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prepared import allowed, policy_of

from farshore.testing.ticker import EAST, OTHER, THIS, WEST, Ticker, ticking
from functions.ledger import Memory
from functions.steps.freeze import Freeze
from twin.faults import EarlierAnswers
from twin.services.codepipeline.model import Action, CodePipeline
from twin.services.events.model import Bus
from twin.services.lambda_.model import FunctionError

STAGES = {"Source": [Action("Pull")], "Deploy": [Action("Here")], "Abroad": [Action("There", WEST)]}
DEPLOY, ABROAD = (f"codepipeline:{EAST}:orders:{stage}:inbound_transition" for stage in ("Deploy", "Abroad"))
NIGHTLY = f"events:{WEST}:nightly:state"
THINGS = {
    "stages": [{"at": EAST, "pipeline": "orders", "stage": stage} for stage in ("Deploy", "Abroad")],
    "rules": [{"at": WEST, "name": "nightly"}],
}
INPUTS = THINGS | {"patience": 20, "within": 120}
WRITES = ("DisableStageTransition", "EnableStageTransition", "DisableRule", "EnableRule")


class Scene(Ticker):
    """A pipeline in the Region that is left, a nightly rule in the other."""

    def __init__(self, cloud: Any) -> None:
        super().__init__(cloud)
        self.pipeline = CodePipeline(cloud).pipeline(EAST, "orders", STAGES)
        self.bus = Bus.of(cloud)
        self.bus.schedule(WEST, "nightly", 3600, lambda event: None)
        cloud.faults.earlier = EarlierAnswers()
        self.deploy(Freeze)
        self.hold()

    def freeze(self, **more: Any) -> dict[str, Any]:
        return self.converge("freeze", INPUTS | {"held": True}, **more)

    def thaw(self, **more: Any) -> dict[str, Any]:
        return self.converge("freeze", INPUTS | {"held": "restore"}, **more)

    def refused(self, held: Any = True, **more: Any) -> str:
        with pytest.raises(FunctionError) as shown:
            self.converge("freeze", INPUTS | {"held": held}, **more)
        return str(shown.value)

    @property
    def memories(self) -> dict[str, Any]:
        return {each.resource: each.value for each in self.records().memories}

    def is_frozen(self) -> bool:
        return set(self.pipeline.held) == {"Deploy", "Abroad"} and self.bus.disabled == {(WEST, "nightly")}


@pytest.fixture
def scene() -> Iterator[Scene]:
    with ticking(1, Scene) as scene:
        assert isinstance(scene, Scene)
        yield scene


def test_all_is_held_in_both_regions_and_comes_back(scene: Scene) -> None:
    assert scene.freeze() == {"outcome": "done", "facts": {"fenced": 3}}
    assert scene.is_frozen()
    assert set(scene.pipeline.held.values()) == {"Farshore run this"}
    assert scene.memories == dict.fromkeys((DEPLOY, ABROAD, NIGHTLY), "enabled")
    assert scene.thaw()["outcome"] == "nothing to give back"
    assert (scene.pipeline.held, scene.bus.disabled, scene.memories) == ({}, set(), {})


def test_again_it_changes_nothing(scene: Scene) -> None:
    scene.freeze()
    scene.calls()
    scene.freeze()
    assert scene.calls(*WRITES) == []
    scene.thaw()
    scene.calls()
    scene.thaw()
    assert scene.calls(*WRITES, "GetPipelineState", "DescribeRule") == []


def test_what_was_disabled_before_stays_disabled(scene: Scene) -> None:
    scene.pipeline.held["Deploy"] = "wait for QA"
    scene.bus.disabled.add((WEST, "nightly"))
    scene.freeze()
    assert scene.memories == {ABROAD: "enabled"}
    scene.thaw()
    assert scene.pipeline.held == {"Deploy": "wait for QA"}
    assert scene.bus.disabled == {(WEST, "nightly")}


def test_what_somebody_has_disabled_since_for_a_reason_of_their_own_stays_so(scene: Scene) -> None:
    scene.freeze()
    scene.pipeline.held["Deploy"] = "broken, ask Jane"
    assert scene.thaw()["outcome"] == "nothing to give back"
    assert scene.pipeline.held == {"Deploy": "broken, ask Jane"}
    assert scene.memories == {}


def test_what_somebody_has_enabled_meanwhile_is_held_again_and_needs_no_restore(scene: Scene) -> None:
    scene.freeze()
    scene.pipeline.held.clear()
    scene.freeze()
    assert scene.is_frozen()
    scene.pipeline.held.clear()
    scene.thaw()
    assert (scene.pipeline.held, scene.memories) == ({}, {})


def test_what_a_run_before_has_left_held_is_this_runs(scene: Scene) -> None:
    scene.freeze()
    scene.hold(OTHER)
    scene.freeze(execution=OTHER)
    assert {each.by for each in scene.records().memories} == {OTHER}
    scene.thaw(execution=OTHER)
    assert (scene.pipeline.held, scene.memories) == ({}, {})


def test_an_execution_that_is_under_way_stops_before_the_stage_and_goes_on_after(scene: Scene) -> None:
    scene.freeze()
    before = scene.pipeline.shown()[1]["latestExecution"]
    scene.pipeline.run()
    scene.clock.sleep(600)
    assert scene.pipeline.shown()[1]["latestExecution"] == before
    scene.thaw()
    scene.clock.sleep(600)
    assert scene.pipeline.shown()[1]["latestExecution"] != before


def test_a_value_is_in_the_ledger_before_anything_is_held(scene: Scene) -> None:
    scene.inject("lost_before", "PutItem", times=9)
    assert scene.fails("freeze", INPUTS | {"held": True}).startswith("NotYet: ")
    assert scene.calls(*WRITES) == []


@pytest.mark.parametrize("operation", WRITES)
@pytest.mark.parametrize("kind", ["lost_before", "lost_after", "503", "throttled", "stale"])
def test_a_lost_answer_is_looked_for_and_made_again(scene: Scene, operation: str, kind: Any) -> None:
    scene.inject(kind, operation)
    scene.freeze()
    assert scene.is_frozen()
    scene.thaw()
    assert (scene.pipeline.held, scene.bus.disabled, scene.memories) == ({}, set(), {})


def test_a_restore_trusts_no_look_from_before_the_hold(scene: Scene) -> None:
    scene.freeze()
    scene.inject("stale", "GetPipelineState")
    scene.thaw()
    assert (scene.pipeline.held, scene.memories) == ({}, {})


def test_a_graceful_run_is_refused_where_a_region_is_silent(scene: Scene) -> None:
    scene.cloud.faults.dark.add(EAST)
    assert "not within 120 s" in scene.refused()
    scene.cloud.faults.dark.add(WEST)
    assert "may not stay open, and is silent after" in scene.refused()


def test_an_ungraceful_run_owes_what_a_dark_region_does_not_hold_and_holds_the_rest(scene: Scene) -> None:
    scene.cloud.faults.dark.add(EAST)
    answer = scene.freeze(mode="ungraceful")
    assert (answer["outcome"], answer["facts"]["unknown"]) == ("unknown", 2)
    assert scene.bus.disabled == {(WEST, "nightly")}
    assert set(scene.records().debts) == {DEPLOY, ABROAD}


def test_at_the_runs_end_what_was_never_held_is_owed_no_more(scene: Scene) -> None:
    scene.cloud.faults.dark.add(EAST)
    scene.freeze(mode="ungraceful")
    assert scene.thaw(mode="ungraceful")["outcome"] == "nothing to give back"
    assert (scene.bus.disabled, scene.memories, scene.records().debts) == (set(), {}, {})


@pytest.mark.parametrize("mode", ["graceful", "ungraceful"])
def test_what_a_region_that_went_dark_is_not_given_back_is_owed_and_given_back_on_schedule(
    scene: Scene, mode: str
) -> None:
    """The application has moved by then, and the run ends well."""
    scene.freeze(mode=mode)
    scene.cloud.faults.dark.add(EAST)
    entered = scene.clock.now
    assert scene.thaw(mode=mode)["outcome"] == "unknown"
    assert scene.clock.now - entered < 60
    assert all(debt["give_back"] for debt in scene.records().debts.values())
    assert set(scene.records().debts) == {DEPLOY, ABROAD}
    assert scene.bus.disabled == set()
    scene.cloud.faults.dark.clear()
    scene.freeze(mode=mode, purpose="settle")
    assert (scene.pipeline.held, scene.memories, scene.records().debts) == ({}, {}, {})
    assert scene.bus.disabled == set(), "what is not owed is let be"


def test_what_aws_denies_ends_a_graceful_run_in_its_words(scene: Scene) -> None:
    scene.inject("denied", "DisableRule", times=-1)
    assert "AccessDeniedException" in scene.refused()


def test_a_stage_that_is_not_there_is_refused_with_those_that_are(scene: Scene) -> None:
    scene.pipeline.stages.pop("Abroad")
    said = scene.refused()
    assert (
        f"pipeline orders in {EAST} has no stage Abroad: correct the runbook, it has Deploy, Source" in said
    )


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"State": "ENABLED", "ManagedBy": "fargate"}, "is managed by fargate: take it off"),
        ({"State": "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"}, "bring it back as ENABLED: take it off"),
    ],
)
def test_a_rule_that_could_not_come_back_as_it_was_is_refused_in_a_plan_already(
    scene: Scene, answer: dict[str, str], said: str
) -> None:
    scene.cloud.serve("events", "DescribeRule", lambda request: answer)
    for dry_run in (True, False):
        held = INPUTS | {"held": True}
        assert said in scene.fails("freeze", held, input={"mode": "graceful", "dry_run": dry_run})
    assert scene.calls(*WRITES) == []


@pytest.mark.parametrize("operation", ["GetPipelineState", "DescribeRule"])
def test_a_hollow_answer_holds_nothing_of_it(scene: Scene, operation: str) -> None:
    scene.inject("hollow", operation, times=-1)
    assert "not within 120 s" in scene.refused()
    assert (
        scene.calls({"GetPipelineState": "DisableStageTransition", "DescribeRule": "DisableRule"}[operation])
        == []
    )


def test_a_plan_says_what_it_would_hold(scene: Scene) -> None:
    plan = scene.tick("freeze", INPUTS | {"held": True}, input={"mode": "graceful", "dry_run": True})
    assert plan["outcome"] == "would change"
    assert plan["remembers"] == dict.fromkeys((DEPLOY, ABROAD, NIGHTLY), "enabled")
    assert scene.calls(*WRITES) == []


def test_a_plan_says_what_will_be_given_back_before_anything_is_held(scene: Scene) -> None:
    """A person approves it with the rest."""
    scene.bus.disabled.add((WEST, "nightly"))
    restore, dry = INPUTS | {"held": "restore"}, {"mode": "graceful", "dry_run": True}
    plan = scene.tick("freeze", restore, input=dry)
    assert plan["outcome"] == "would change"
    assert {call["operation"] for call in plan["calls"]} == {"EnableStageTransition"}
    scene.freeze()
    assert scene.tick("freeze", restore, input=dry)["calls"] == plan["calls"]
    scene.cloud.faults.dark.add(EAST)
    assert scene.tick("freeze", restore, input=dry)["outcome"] == "would wait"


def test_a_reason_says_nothing_that_codepipeline_would_refuse(scene: Scene) -> None:
    odd = THIS + "_night"
    scene.hold(odd)
    scene.freeze(execution=odd)
    assert set(scene.pipeline.held.values()) == {"Farshore run this-night"}


def test_a_memory_of_the_game_day_is_left_to_it(scene: Scene) -> None:
    scene.freeze(purpose="break")
    scene.freeze()
    scene.thaw(purpose="mend")
    assert scene.is_frozen()
    assert {Memory("run", each, "enabled", THIS) for each in (DEPLOY, ABROAD, NIGHTLY)} == set(
        scene.records().memories
    )


def test_it_must_hold_something(scene: Scene) -> None:
    assert "nothing is held" in scene.fails("freeze", {"held": True, "patience": 20, "within": 120})


def test_its_policy_names_each_stage_of_its_own_pipeline_and_is_enough(scene: Scene, tmp_path: Path) -> None:
    more = {"at": EAST, "pipeline": "likes", "stage": "Ship"}
    written = THINGS | {"stages": [*THINGS["stages"], more], "held": True}  # type: ignore[list-item]
    policy = policy_of(tmp_path, "freeze", written, "outage")
    named = allowed(policy)["codepipeline:DisableStageTransition"]
    ours = ("likes/Ship", "orders/Abroad", "orders/Deploy")
    assert named == [f"codepipeline:{region}:123456789012:{each}" for region in (EAST, WEST) for each in ours]
    scene.deploy(Freeze, policy=policy)
    scene.freeze()
    scene.thaw()
    assert (scene.pipeline.held, scene.bus.disabled) == ({}, set())
