"""What a failover needs is there: the real handler against the twin's subnets, ECR and CodePipeline."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from prepared import allowed, policy_of
from ticker import EAST, WEST, Ticker, ticking

from functions.steps.ready import Ready
from twin.services.codepipeline.model import Action, CodePipeline
from twin.services.ec2.subnets import Subnets
from twin.services.ecr.model import Ecr

VPC, ONE, TWO = "vpc-0123456789abcdef0", "subnet-0123456789abcdef0", "subnet-0123456789abcdef1"
STAGES = {"Source": [Action("Pull")], "Deploy": [Action("Here")], "Abroad": [Action("There", WEST)]}
INPUTS = {
    "subnets": [{"at": region, "vpc": VPC, "ids": [ONE, TWO]} for region in (EAST, WEST)],
    "repositories": ["shop/orders", "shop/likes"],
    "pipelines": [{"name": "orders", "at": EAST, "stage": "Abroad", "deploys_to": WEST}],
    "within": 300,
}


class Scene(Ticker):
    """All is well."""

    def __init__(self, cloud: Any) -> None:
        super().__init__(cloud)
        self.subnets, self.registry, pipelines = Subnets(cloud), Ecr(cloud), CodePipeline(cloud)
        for region in (EAST, WEST):
            for name in (ONE, TWO):
                self.subnets.subnet(region, name, VPC)
            for name in INPUTS["repositories"]:
                self.registry.repository(region, name)
        self.pipeline = pipelines.pipeline(EAST, "orders", STAGES)
        self.pipelines = pipelines
        self.deploy(Ready)

    def look(self, **more: Any) -> dict[str, Any]:
        return self.tick("ready", INPUTS, purpose="prepare", **more)

    def wrong(self, **more: Any) -> str:
        return self.fails("ready", INPUTS, purpose="prepare", **more)


@pytest.fixture
def scene() -> Iterator[Scene]:
    with ticking(1, Scene) as scene:
        assert isinstance(scene, Scene)
        yield scene


def test_it_holds_where_all_is_there_in_both_regions(scene: Scene) -> None:
    assert scene.look() == {"outcome": "done", "facts": {"looked_at": 7}}


def test_it_changes_nothing_and_needs_no_lease(scene: Scene) -> None:
    scene.look()
    described = {"DescribeSubnets", "DescribeRepositories", "GetPipeline", "GetPipelineState", "Query"}
    assert {request.operation for request in scene.requests} == described


TAKEN_AWAY: Mapping[str, tuple[Callable[[Scene], object], str]] = {
    "a subnet": (
        lambda scene: scene.subnets.drop(WEST, TWO),
        f"there is no {TWO} in {WEST}: create it with your infrastructure code",
    ),
    "a repository": (
        lambda scene: scene.registry.drop(WEST, "shop/likes"),
        f"there is no ECR repository shop/likes in {WEST}: aws ecr create-repository --repository-name "
        f"shop/likes --region {WEST}",
    ),
    "a stage": (
        lambda scene: scene.pipeline.stages.pop("Abroad"),
        f"pipeline orders in {EAST} has no stage Abroad: add to it a Deploy action with the Region {WEST}",
    ),
    "the action in the other Region": (
        lambda scene: scene.pipeline.stages.update(Abroad=(Action("There"),)),
        f"the stage Abroad of pipeline orders in {EAST} has no action in {WEST}",
    ),
    "the pipeline": (
        lambda scene: scene.pipelines.pipelines.pop((EAST, "orders")),
        f"there is no pipeline orders in {EAST}: create it with your infrastructure code",
    ),
}


@pytest.mark.parametrize("what", TAKEN_AWAY)
def test_what_is_taken_away_is_named_with_what_would_make_it_so(scene: Scene, what: str) -> None:
    take_away, said = TAKEN_AWAY[what]
    take_away(scene)
    assert scene.wrong().startswith(f"Refused: the state: {said}")


def test_all_that_is_missing_is_told_at_once(scene: Scene) -> None:
    scene.subnets.drop(WEST, ONE)
    scene.subnets.drop(WEST, TWO)
    scene.registry.drop(EAST, "shop/orders")
    scene.pipeline.stages.pop("Abroad")
    said = scene.wrong()
    assert all(name in said for name in (ONE, TWO, f"shop/orders in {EAST}", "no stage Abroad"))


def test_a_dry_run_refuses_it_too(scene: Scene) -> None:
    scene.registry.drop(WEST, "shop/likes")
    assert "no ECR repository shop/likes" in scene.wrong(input={"mode": "graceful", "dry_run": True})


def test_a_subnet_of_another_vpc_and_one_that_failed_are_refused(scene: Scene) -> None:
    scene.subnets.drop(WEST, ONE)
    scene.subnets.subnet(WEST, ONE, "vpc-0123456789abcdef9")
    scene.subnets.becomes(WEST, TWO, "failed-insufficient-capacity")
    said = scene.wrong()
    assert f"{ONE} in {WEST} belongs to vpc-0123456789abcdef9: correct {VPC}" in said
    assert f"{TWO} in {WEST} is failed-insufficient-capacity" in said


def test_a_subnet_that_comes_to_be_is_waited_for(scene: Scene) -> None:
    scene.subnets.becomes(WEST, TWO, "pending")
    assert scene.wrong().startswith(f"NotYet: the state: {TWO} in {WEST} is pending")
    scene.subnets.becomes(WEST, TWO, "available")
    assert scene.look()["outcome"] == "done"


def test_an_execution_that_is_under_way_is_waited_for(scene: Scene) -> None:
    scene.pipeline.run()
    scene.clock.sleep(1)
    assert scene.wrong().startswith("NotYet: the state: the last execution of pipeline orders")
    assert scene.converge("ready", INPUTS | {"within": 900}, purpose="prepare")["outcome"] == "done"


def test_a_stage_that_failed_is_refused_with_the_command_that_runs_it_anew(scene: Scene) -> None:
    scene.pipeline.run(fails_in="Abroad")
    scene.clock.sleep(600)
    said = scene.wrong()
    assert said.startswith(
        f"Refused: the state: the last execution of pipeline orders in {EAST} has not gone"
    )
    start = f"aws codepipeline start-pipeline-execution --name orders --region {EAST}"
    assert f"Abroad Failed: mend that, and {start}" in said


def test_stages_that_all_went_through_in_different_executions_are_not_one(scene: Scene) -> None:
    """The newest image has never come to the last stage."""
    scene.pipeline.run(fails_in="Deploy")
    scene.clock.sleep(600)
    scene.pipeline._last["Deploy"] = (scene.pipeline._last["Source"][0], "Succeeded")
    assert scene.wrong().startswith("Refused: the state: no one execution of pipeline orders")


def test_a_stage_that_never_ran_is_refused(scene: Scene) -> None:
    scene.pipeline.stages["More"] = (Action("Late"),)
    assert "More never ran" in scene.wrong()


def test_a_dark_region_is_waited_for_and_named_at_the_end(scene: Scene) -> None:
    scene.cloud.faults.dark.add(WEST)
    assert scene.wrong().startswith(f"NotYet: the state: subnets of {VPC} in {WEST}: ec2:DescribeSubnets in")
    entered = scene.clock.now
    scene.clock.sleep(301)
    assert scene.wrong(entered=entered).startswith(f"Refused: the state: not within 300 s: subnets of {VPC}")
    scene.cloud.faults.dark.clear()
    assert scene.look()["outcome"] == "done"


def test_what_is_missing_is_refused_though_another_region_is_silent(scene: Scene) -> None:
    scene.cloud.faults.dark.add(WEST)
    scene.registry.drop(EAST, "shop/likes")
    said = scene.wrong()
    assert said.startswith("Refused: ")
    assert f"ECR repository shop/likes in {EAST}" in said
    assert f"subnets of {VPC} in {WEST}: ec2:DescribeSubnets in {WEST}: " in said


@pytest.mark.parametrize("operation", ["DescribeSubnets", "DescribeRepositories", "GetPipelineState"])
def test_a_lost_throttled_or_hollow_answer_is_asked_for_again(scene: Scene, operation: str) -> None:
    for kind in ("lost_before", "503", "hollow"):
        scene.inject(kind, operation)  # type: ignore[arg-type]
        assert scene.wrong().startswith("NotYet: ")
        assert scene.look()["outcome"] == "done"


def test_what_may_not_be_looked_at_hides_nothing_else(scene: Scene) -> None:
    scene.inject("denied", "GetPipeline")
    scene.subnets.drop(WEST, TWO)
    said = scene.wrong()
    assert f"pipeline orders in {EAST} may not be looked at: AccessDeniedException" in said
    assert TWO in said


def test_a_further_page_is_asked_for(scene: Scene) -> None:
    """As EC2 may give any list."""
    whole: list[Any] = [{"SubnetId": name, "VpcId": VPC, "State": "available"} for name in (ONE, TWO)]

    def page(request: Any) -> Mapping[str, Any]:
        second = request.parameters.get("NextToken") == "more"
        return {"Subnets": whole[1:]} if second else {"Subnets": whole[:1], "NextToken": "more"}

    scene.cloud.serve("ec2", "DescribeSubnets", page)
    assert scene.look()["outcome"] == "done"
    scene.cloud.serve("ec2", "DescribeSubnets", lambda request: {"Subnets": [], "NextToken": "more"})
    assert "has more than 3 pages" in scene.wrong()


def test_it_must_expect_something(scene: Scene) -> None:
    assert "nothing is expected" in scene.fails("ready", {"within": 300})


def test_its_policy_names_the_repositories_and_pipelines_and_is_enough(scene: Scene, tmp_path: Path) -> None:
    policy = policy_of(tmp_path, "ready", INPUTS)
    orders = [f"codepipeline:{region}:123456789012:orders" for region in (EAST, WEST)]
    assert allowed(policy)["codepipeline:GetPipelineState"] == orders
    assert len(allowed(policy)["ecr:DescribeRepositories"]) == 4
    scene.deploy(Ready, policy=policy)
    assert scene.look()["outcome"] == "done"


def test_of_what_is_not_expected_it_may_read_nothing(tmp_path: Path) -> None:
    few = allowed(policy_of(tmp_path, "ready", {"subnets": INPUTS["subnets"]}))
    assert few == {"ec2:DescribeSubnets": ["*"]}
