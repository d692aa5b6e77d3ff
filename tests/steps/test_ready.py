"""What a failover needs is there: the real handler against the twin's subnets, ECR, pipelines and so on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from prepared import allowed, policy_of

from farshore.testing.ticker import EAST, WEST, Ticker, ticking
from functions.steps.ready import Ready
from twin.services.codepipeline.model import Action, CodePipeline
from twin.services.ec2.subnets import Subnets
from twin.services.ecr.model import Ecr
from twin.services.ecs.model import Ecs, Image, TaskDefinition
from twin.services.elbv2.model import LoadBalancers
from twin.services.globalaccelerator.model import EndpointGroup, GlobalAccelerator

VPC, ONE, TWO = "vpc-0123456789abcdef0", "subnet-0123456789abcdef0", "subnet-0123456789abcdef1"
FAMILIES, IMAGE = {EAST: "likes", WEST: "likes-west"}, "123456789012.dkr.ecr.{}.amazonaws.com/likes:1"
STAGES = {"Source": [Action("Pull")], "Deploy": [Action("Here")], "Abroad": [Action("There", WEST)]}
GROUP = (
    "arn:aws:globalaccelerator::123456789012:accelerator/00000001-0000-4000-8000-000000000000/listener/"
    "00000001/endpoint-group/{:012x}"
)
INPUTS: dict[str, Any] = {
    "subnets": [{"at": region, "vpc": VPC, "ids": [ONE, TWO]} for region in (EAST, WEST)],
    "repositories": ["shop/orders", "shop/likes"],
    "pipelines": [{"name": "orders", "at": EAST, "stage": "Abroad", "deploys_to": WEST}],
    "task_definitions": [{"families": FAMILIES}],
    "endpoint_groups": {EAST: GROUP.format(0), WEST: GROUP.format(1)},
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
        self.ecs = Ecs(cloud)
        for region, family in FAMILIES.items():
            self.defines(region, family)
        self.groups = self._accelerated()
        self.deploy(Ready)

    def _accelerated(self) -> dict[str, EndpointGroup]:
        """A service in each Region, behind a load balancer, behind one accelerator."""
        balancers, found = LoadBalancers.of(self.cloud, self.net), {}
        for region in (EAST, WEST):
            targets = balancers.target_group(region, "likes")
            image = Image("likes:1", lambda request: (200, b"served"))
            targets.services.append(self.ecs.create(region, "shop", "likes", image, 1, targets.arn))
            found[region] = balancers.load_balancer(region, f"{region}.elb.example", [("*", targets)])
        return GlobalAccelerator.of(self.cloud, self.net).accelerator("shop", found).groups

    def defines(self, region: str, family: str, image: str = IMAGE, **more: Any) -> None:
        environment = {"TABLE": f"{region}-likes", "CHAOS": "off", **more.pop("environment", {})}
        revision = TaskDefinition("likes", image.format(region), environment, **more)
        self.ecs.define(region, family, revision)

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
    assert scene.look() == {"outcome": "done", "facts": {"looked_at": 10}}


def test_it_changes_nothing_and_needs_no_lease(scene: Scene) -> None:
    scene.look()
    described = {
        "DescribeSubnets", "DescribeRepositories", "GetPipeline", "GetPipelineState",
        "DescribeTaskDefinition", "DescribeEndpointGroup", "Query",
    }  # fmt: skip
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
    "a family": (
        lambda scene: scene.ecs.families.pop((WEST, "likes-west")),
        f"there is no task definition likes-west in {WEST}: register it there, or correct its family",
    ),
    "an endpoint group": (
        lambda scene: scene.groups.pop(WEST),
        f"there is no 00000001/endpoint-group/000000000001 in {WEST}: create it with your infrastructure",
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


DRIFT: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "a flag": (
        {"environment": {"CHAOS": "on"}},
        f"likes's CHAOS of BOTH differs (set in {EAST}, set in {WEST})",
    ),
    "one more": (
        {"environment": {"NEW": "1"}},
        f"likes's NEW of BOTH differs (not there in {EAST}, set in {WEST})",
    ),
    "less memory": ({"memory": "256"}, f"memory of BOTH differs (512 in {EAST}, 256 in {WEST})"),
    "a placeholder": (
        {"image": "docker.io/nginx:latest"},
        f"likes's image of BOTH differs ({IMAGE.format('REGION')} in {EAST}, docker.io/nginx:latest in "
        f"{WEST})",
    ),
}


@pytest.mark.parametrize("what", DRIFT)
def test_task_definitions_that_have_drifted_apart_are_refused_by_what_differs(
    scene: Scene, what: str
) -> None:
    drift, said = DRIFT[what]
    scene.defines(WEST, "likes-west", **drift)
    both = f"likes in {EAST} and likes-west in {WEST}"
    assert scene.wrong() == (
        f"Refused: the state: {said.replace('BOTH', both)}: deploy the same to both Regions"
    )
    scene.defines(WEST, "likes-west")
    assert scene.look()["outcome"] == "done"


def test_what_the_environment_holds_is_not_told(scene: Scene) -> None:
    """A password, say: a refusal is paged, and stays in the run's history."""
    scene.defines(WEST, "likes-west", environment={"CHAOS": "hunter2"})
    assert "hunter2" not in scene.wrong()


def test_what_may_differ_in_the_environment_is_left_out(scene: Scene) -> None:
    scene.defines(WEST, "likes-west", environment={"CHAOS": "on"})
    entry = {**INPUTS["task_definitions"][0], "but_for": ["CHAOS"]}
    given = INPUTS | {"task_definitions": [entry]}
    assert scene.tick("ready", given, purpose="prepare")["outcome"] == "done"


def test_an_endpoint_group_behind_which_nothing_is_healthy_is_waited_for_and_named(scene: Scene) -> None:
    """What runs there is a placeholder, say."""
    scene.ecs.services[WEST, "shop", "likes"].deploy("likes:2", Image("docker.io/nginx:latest"))
    scene.clock.sleep(180)
    said = scene.wrong()
    assert said.startswith(
        f"NotYet: the state: no endpoint of 00000001/endpoint-group/000000000001 in {WEST}"
    )
    assert "is UNHEALTHY): look at its targets, and at what their tasks run" in said


def test_an_endpoint_group_without_endpoints_or_of_another_region_is_refused(scene: Scene) -> None:
    empty = {"EndpointGroupRegion": WEST, "EndpointDescriptions": []}
    scene.cloud.serve("globalaccelerator", "DescribeEndpointGroup", lambda request: {"EndpointGroup": empty})
    said = scene.wrong()
    assert said.startswith("Refused: ")
    assert f"{GROUP.format(0)} is of {WEST}, not {EAST}: write each Region's own" in said
    assert f"no endpoint of 00000001/endpoint-group/000000000001 in {WEST} is healthy (it has none)" in said


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
    scene.clock.sleep(60)  # until the accelerator's checks have found its endpoint healthy again
    assert scene.look()["outcome"] == "done"


def test_what_is_missing_is_refused_though_another_region_is_silent(scene: Scene) -> None:
    scene.cloud.faults.dark.add(WEST)
    scene.registry.drop(EAST, "shop/likes")
    said = scene.wrong()
    assert said.startswith("Refused: ")
    assert f"ECR repository shop/likes in {EAST}" in said
    assert f"subnets of {VPC} in {WEST}: ec2:DescribeSubnets in {WEST}: " in said


ASKED = (
    "DescribeSubnets", "DescribeRepositories", "GetPipelineState", "DescribeTaskDefinition",
    "DescribeEndpointGroup",
)  # fmt: skip


@pytest.mark.parametrize("operation", ASKED)
def test_a_lost_throttled_or_hollow_answer_is_asked_for_again(scene: Scene, operation: str) -> None:
    for kind in ("lost_before", "503", "hollow"):
        scene.inject(kind, operation)  # type: ignore[arg-type]
        assert scene.wrong().startswith("NotYet: ")
        assert scene.look()["outcome"] == "done"


def test_what_may_not_be_looked_at_hides_nothing_else(scene: Scene) -> None:
    scene.inject("denied", "GetPipeline")
    scene.subnets.drop(WEST, TWO)
    said = scene.wrong()
    denied = f"codepipeline:GetPipeline in {EAST}: AccessDeniedException"
    assert f"pipeline orders in {EAST} may not be looked at: {denied}" in said
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


def test_however_much_is_missing_its_error_fits_into_a_cause(scene: Scene) -> None:
    """Of 32,768 characters, with escapes."""
    names = [f"shop/{place:03}{'x' * 200}" for place in range(200)]
    said = scene.fails("ready", {**INPUTS, "repositories": names}, purpose="prepare")
    assert len(json.dumps(said)) < 32_768
    assert said.endswith("characters more)")
    assert f"there is no ECR repository {names[0]} in {EAST}" in said


def test_it_must_expect_something(scene: Scene) -> None:
    assert "nothing is expected" in scene.fails("ready", {"within": 300})


def test_its_policy_names_the_repositories_and_pipelines_and_is_enough(scene: Scene, tmp_path: Path) -> None:
    policy = policy_of(tmp_path, "ready", INPUTS)
    orders = [f"codepipeline:{region}:123456789012:orders" for region in (EAST, WEST)]
    assert allowed(policy)["codepipeline:GetPipelineState"] == orders
    assert len(allowed(policy)["ecr:DescribeRepositories"]) == 4
    assert len(allowed(policy)["globalaccelerator:DescribeEndpointGroup"]) == 2
    scene.deploy(Ready, policy=policy)
    assert scene.look()["outcome"] == "done"


def test_of_what_is_not_expected_it_may_read_nothing(tmp_path: Path) -> None:
    few = allowed(policy_of(tmp_path, "ready", {"subnets": INPUTS["subnets"]}))
    assert few == {"ec2:DescribeSubnets": ["*"]}
    others = allowed(policy_of(tmp_path, "ready", {"task_definitions": INPUTS["task_definitions"]}))
    assert others == {"ecs:DescribeTaskDefinition": ["*"]}
