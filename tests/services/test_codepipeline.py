"""CodePipeline's pipelines, in the Cloud that has everything."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from every_service import EAST, WEST, client

from twin.cloud import Cloud
from twin.services.codepipeline.model import Action, CodePipeline

STAGES = {"Source": [Action("Pull")], "Deploy": [Action("Here")], "Abroad": [Action("There", EAST)]}


def furnish(cloud: Cloud, name: str) -> None:
    CodePipeline.of(cloud).pipeline(WEST, name, STAGES)


def run(cloud: Cloud, **fails: str) -> None:
    CodePipeline.of(cloud).pipelines[WEST, "one"].run(**fails)


def hold(cloud: Cloud, reason: str = "wait for QA") -> None:
    client("codepipeline").disable_stage_transition(
        pipelineName="two", stageName="Abroad", transitionType="Inbound", reason=reason
    )


UNDER_WAY = {"an execution of a pipeline": run, "a transition that is held": hold}


def stages() -> dict[str, Any]:
    shown = client("codepipeline").get_pipeline_state(name="one")["stageStates"]
    return {stage["stageName"]: stage["latestExecution"] for stage in shown}


def test_each_stage_has_its_own_last_execution_until_the_next_one_comes_to_it(cloud: Cloud) -> None:
    (before,) = {run["pipelineExecutionId"] for run in stages().values()}
    settled = CodePipeline.of(cloud).state()
    run(cloud)
    cloud.clock.sleep(1)
    assert [each["status"] for each in stages().values()] == ["InProgress", "Succeeded", "Succeeded"]
    assert [each["pipelineExecutionId"] == before for each in stages().values()] == [False, True, True]
    cloud.clock.sleep(600)
    (after,) = {run["pipelineExecutionId"] for run in stages().values()}
    assert after != before
    assert CodePipeline.of(cloud).state() == settled


def test_a_stage_that_fails_leaves_those_behind_it_as_they_were(cloud: Cloud) -> None:
    run(cloud, fails_in="Deploy")
    cloud.clock.sleep(600)
    assert [each["status"] for each in stages().values()] == ["Succeeded", "Failed", "Succeeded"]


def test_a_dark_region_runs_nothing(cloud: Cloud) -> None:
    cloud.faults.dark.add(WEST)
    run(cloud)
    cloud.clock.sleep(600)
    cloud.faults.dark.clear()
    assert stages()["Source"]["status"] == "InProgress"
    cloud.clock.sleep(900)
    assert {each["status"] for each in stages().values()} == {"Succeeded"}


def test_an_execution_waits_before_a_stage_that_is_held_and_goes_on_when_it_is_not(cloud: Cloud) -> None:
    hold(cloud)
    pipeline = CodePipeline.of(cloud).pipelines[WEST, "two"]
    pipeline.run()
    cloud.clock.sleep(900)
    last = [each["latestExecution"]["pipelineExecutionId"] for each in pipeline.shown()]
    assert last[0] == last[1] != last[2]
    assert pipeline.shown()[2]["inboundTransitionState"] == {
        "enabled": False,
        "disabledReason": "wait for QA",
    }
    client("codepipeline").enable_stage_transition(
        pipelineName="two", stageName="Abroad", transitionType="Inbound"
    )
    cloud.clock.sleep(300)
    assert len({each["latestExecution"]["pipelineExecutionId"] for each in pipeline.shown()}) == 1


def test_a_reason_has_no_colon(cloud: Cloud) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        hold(cloud, "because: no")
