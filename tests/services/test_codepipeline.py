"""CodePipeline's pipelines, in the Cloud that has everything."""

from __future__ import annotations

from typing import Any

from every_service import EAST, WEST, client

from twin.cloud import Cloud
from twin.services.codepipeline.model import Action, CodePipeline

STAGES = {"Source": [Action("Pull")], "Deploy": [Action("Here")], "Abroad": [Action("There", EAST)]}


def furnish(cloud: Cloud, name: str) -> None:
    CodePipeline.of(cloud).pipeline(WEST, name, STAGES)


def run(cloud: Cloud, **fails: str) -> None:
    CodePipeline.of(cloud).pipelines[WEST, "one"].run(**fails)


UNDER_WAY = {"an execution of a pipeline": run}


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
