"""What must be there before a disaster, kind by kind. Not a step itself.

An `Expectation` asks AWS its calls, and says what is not as expected, each with what would make it so. What
nobody answered, or what is still under way, is `passing`: it is looked at again. A kind is a class of its
own; the step that holds them has an input of its entries. Sources:
docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSubnets.html,
docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeRepositories.html,
docs.aws.amazon.com/codepipeline/latest/APIReference/API_GetPipelineState.html,
docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTaskDefinition.html (a family: its newest),
docs.aws.amazon.com/global-accelerator/latest/api/API_DescribeEndpointGroup.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NewType

from .calls import Absent, Api, Call, Sight, Silence
from .inputs import FORMS, EndpointGroupArn, Form, Region, RepositoryName

Family = NewType("Family", str)
PipelineName = NewType("PipelineName", str)
StageName = NewType("StageName", str)
SubnetId = NewType("SubnetId", str)
VpcId = NewType("VpcId", str)


def _of_codepipeline(what: str, example: str) -> Form:
    rule = "at most 100 letters, digits and any of .@_-"
    return Form(f"a {what}'s name", f"{what} names", "[A-Za-z0-9.@_-]{1,100}", rule, example)


def _of_ec2(noun: str, several: str, prefix: str) -> Form:
    pattern, rule = f"{prefix}-([0-9a-f]{{8}}|[0-9a-f]{{17}})", f"{prefix}- and 8 or 17 hexadecimal digits"
    return Form(noun, several, pattern, rule, f"{prefix}-0123456789abcdef0")


# docs.aws.amazon.com/codepipeline/latest/APIReference/API_PipelineDeclaration.html
FORMS[PipelineName] = _of_codepipeline("pipeline", "shop-pipeline")
FORMS[StageName] = _of_codepipeline("stage", "Deploy")
# docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html
FORMS[Family] = Form(
    "a task definition's family",
    "families of task definitions",
    "[A-Za-z0-9_-]{1,255}",
    "at most 255 letters, digits, hyphens and underscores, and no revision",
    "orders",
    meant=lambda text: text.rpartition("task-definition/")[2].partition(":")[0],
)
# docs.aws.amazon.com/AWSEC2/latest/UserGuide/resource-ids.html
FORMS[SubnetId] = _of_ec2("a subnet's ID", "subnets' IDs", "subnet")
FORMS[VpcId] = _of_ec2("a VPC's ID", "VPCs' IDs", "vpc")

DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
"""What may not be read is one of the troubles, and hides no other."""

SUBNETS = Api(
    "ec2:DescribeSubnets",
    absent=DENIED,
    why="EC2 has no resources to name for its descriptions",
    only_for="subnets",
)
REPOSITORIES = Api(
    "ecr:DescribeRepositories",
    resource="ecr:{region}:{account}:repository/{repositories}",
    absent=DENIED | {"RepositoryNotFoundException"},
)
PIPELINE = "codepipeline:{region}:{account}:{pipelines.name}"
DECLARED = Api("codepipeline:GetPipeline", resource=PIPELINE, absent=DENIED | {"PipelineNotFoundException"})
LAST_RUN = Api(
    "codepipeline:GetPipelineState", resource=PIPELINE, absent=DENIED | {"PipelineNotFoundException"}
)
ACCELERATORS_HOME = "us-west-2"
ENDPOINTS = Api(
    "globalaccelerator:DescribeEndpointGroup",
    resource="{endpoint_groups}",
    home=ACCELERATORS_HOME,
    absent=DENIED | {"EndpointGroupNotFoundException"},
)
TASKS = Api(
    "ecs:DescribeTaskDefinition",
    absent=DENIED | {"ClientException"},
    why="its reads cannot be scoped to a task definition",
    only_for="task_definitions",
)


@dataclass(frozen=True)
class Trouble:
    """What is not as expected, and what would make it so."""

    what: str
    passing: bool = False
    """It may be over at the next look: nobody answered, or something is under way."""


class Expectation:
    """One thing that must be there. Its text names it."""

    def calls(self) -> tuple[Call, ...]:
        """What is asked, side by side with all others."""
        raise NotImplementedError

    def wrong(self, *answers: Mapping[str, Any]) -> Iterator[Trouble]:
        """What the answers say against it. They may lack what AWS may leave out, and nothing else."""
        raise NotImplementedError

    @property
    def missing(self) -> str:
        """What it is that is not there, where AWS says so, and what would make it so."""
        raise NotImplementedError

    def troubles(self, sights: Sequence[Sight]) -> Iterator[Trouble]:
        """All that is wrong. An answer that nobody foresaw is asked again, and hides nothing else."""
        silent = [sight.why for sight in sights if isinstance(sight, Silence)]
        absent = [
            (call, sight.code)
            for call, sight in zip(self.calls(), sights, strict=False)
            if isinstance(sight, Absent)
        ]
        if denied := [f"{call}: {code}" for call, code in absent if code in DENIED]:
            yield Trouble(f"{self} may not be looked at: {', '.join(denied)}: deploy the policy anew")
        elif absent:
            yield Trouble(self.missing)
        elif silent:
            yield Trouble(f"{self}: {'; '.join(silent)}", passing=True)
        else:
            try:
                yield from self.wrong(*(sight for sight in sights if isinstance(sight, Mapping)))
            except (KeyError, TypeError, AttributeError, IndexError, ValueError) as odd:
                yield Trouble(f"{self}: an odd answer: {type(odd).__name__}: {odd}", passing=True)


@dataclass(frozen=True)
class Subnets(Expectation):
    """These subnets are there, in their VPC, and available."""

    at: Annotated[Region, "the Region that they are in"]
    vpc: Annotated[VpcId, "the VPC that they belong to"]
    ids: Annotated[tuple[SubnetId, ...], "the subnets' IDs"]

    def __str__(self) -> str:
        return f"subnets of {self.vpc} in {self.at}"

    def calls(self) -> tuple[Call, ...]:
        # By a filter: asked for by IDs, the first that is missing hides the others.
        return (SUBNETS(self.at, Filters=[{"Name": "subnet-id", "Values": list(self.ids)}]),)

    def wrong(self, *answers: Mapping[str, Any]) -> Iterator[Trouble]:
        found = {subnet["SubnetId"]: subnet for subnet in answers[0]["Subnets"]}
        for name in self.ids:
            subnet = found.get(name)
            if subnet is None:
                what = f"there is no {name} in {self.at}"
                yield Trouble(f"{what}: create it with your infrastructure code, or correct its ID")
            elif subnet["VpcId"] != self.vpc:
                what = f"{name} in {self.at} belongs to {subnet['VpcId']}"
                yield Trouble(f"{what}: correct {self.vpc}, or name a subnet of that")
            elif (state := subnet["State"]) != "available":
                passing = state == "pending"
                yield Trouble(f"{name} in {self.at} is {state}: create it anew if it stays so", passing)


@dataclass(frozen=True)
class Repository(Expectation):
    """There is an ECR repository of this name."""

    name: RepositoryName
    at: Region

    def __str__(self) -> str:
        return f"ECR repository {self.name} in {self.at}"

    def calls(self) -> tuple[Call, ...]:
        # One by one: of several, the first that is missing hides the others.
        return (REPOSITORIES(self.at, repositoryNames=[self.name]),)

    @property
    def missing(self) -> str:
        create = f"aws ecr create-repository --repository-name {self.name} --region {self.at}"
        return f"there is no {self}: {create}, or your infrastructure code"

    def wrong(self, *answers: Mapping[str, Any]) -> Iterator[Trouble]:
        if self.name not in [each["repositoryName"] for each in answers[0]["repositories"]]:
            yield Trouble(self.missing)


@dataclass(frozen=True)
class Pipeline(Expectation):
    """A pipeline deploys to the other Region, too, and its last execution went through all stages."""

    name: Annotated[PipelineName, "the pipeline"]
    at: Annotated[Region, "the Region that it is in"]
    stage: Annotated[StageName, "the stage that deploys to the other Region"]
    deploys_to: Annotated[Region, "the Region that an action of this stage is in"]

    def __str__(self) -> str:
        return f"pipeline {self.name} in {self.at}"

    def calls(self) -> tuple[Call, ...]:
        return DECLARED(self.at, name=self.name), LAST_RUN(self.at, name=self.name)

    @property
    def missing(self) -> str:
        return f"there is no {self}: create it with your infrastructure code"

    def wrong(self, *answers: Mapping[str, Any]) -> Iterator[Trouble]:
        declared, state = answers
        stages = {stage["name"]: stage for stage in declared["pipeline"]["stages"]}
        add = f"add to it a Deploy action with the Region {self.deploys_to}, and an artifact store there"
        if self.stage not in stages:
            yield Trouble(f"{self} has no stage {self.stage}: {add}")
        # An action that names no Region is in the pipeline's own.
        elif self.deploys_to not in [each.get("region", self.at) for each in stages[self.stage]["actions"]]:
            yield Trouble(f"the stage {self.stage} of {self} has no action in {self.deploys_to}: {add}")
        yield from self._last_run(state)

    def _last_run(self, state: Mapping[str, Any]) -> Iterator[Trouble]:
        """`latestExecution` is each stage's own: only where all name one execution has that gone through."""
        last = {each["stageName"]: each.get("latestExecution") for each in state["stageStates"]}
        start = f"aws codepipeline start-pipeline-execution --name {self.name} --region {self.at}"
        said = {stage: run["status"] if run else "never ran" for stage, run in last.items()}
        if bad := [f"{stage} {status}" for stage, status in said.items() if status != "Succeeded"]:
            passing = all(status in ("Succeeded", "InProgress") for status in said.values())
            what = f"the last execution of {self} has not gone through: {', '.join(bad)}"
            yield Trouble(f"{what}: mend that, and {start}", passing)
        elif len({run["pipelineExecutionId"] for run in last.values() if run}) != 1:
            ids = ", ".join(f"{stage} {run['pipelineExecutionId'][:8]}" for stage, run in last.items() if run)
            yield Trouble(f"no one execution of {self} went through all stages ({ids}): {start}")


@dataclass(frozen=True)
class EndpointGroup(Expectation):
    """An accelerator's endpoint group is of its Region, and something healthy stands behind it."""

    arn: EndpointGroupArn
    at: Region

    def __str__(self) -> str:
        return f"{self.arn.rpartition('/listener/')[2]} in {self.at}"

    def calls(self) -> tuple[Call, ...]:
        return (ENDPOINTS(ACCELERATORS_HOME, EndpointGroupArn=self.arn),)

    @property
    def missing(self) -> str:
        return f"there is no {self}: create it with your infrastructure code, or correct its ARN"

    def wrong(self, *answers: Mapping[str, Any]) -> Iterator[Trouble]:
        group = answers[0]["EndpointGroup"]
        if (region := group["EndpointGroupRegion"]) != self.at:
            yield Trouble(f"{self.arn} is of {region}, not {self.at}: write each Region's own")
        described = group.get("EndpointDescriptions", ())
        endpoints = {each["EndpointId"]: each.get("HealthState") for each in described}
        if "HEALTHY" not in endpoints.values():
            said = ", ".join(f"{name} is {state}" for name, state in endpoints.items()) or "it has none"
            what = f"no endpoint of {self} is healthy ({said})"
            yield Trouble(
                f"{what}: look at its targets, and at what their tasks run", passing=bool(endpoints)
            )


ABSENT = "", "not there"


@dataclass(frozen=True)
class Tasks(Expectation):
    """Two task definitions say the same, each in its Region: size, images, and environment."""

    families: Annotated[Mapping[Region, Family], "each Region's family, whose newest revision counts"]
    but_for: Annotated[tuple[str, ...], "environment variables that may differ"] = ()

    def __str__(self) -> str:
        return " and ".join(f"{family} in {region}" for region, family in self.families.items())

    def calls(self) -> tuple[Call, ...]:
        return tuple(TASKS(region, taskDefinition=family) for region, family in self.families.items())

    def troubles(self, sights: Sequence[Sight]) -> Iterator[Trouble]:
        gone = [
            f"there is no task definition {family} in {region}: register it there, or correct its family"
            for (region, family), sight in zip(self.families.items(), sights, strict=True)
            if isinstance(sight, Absent) and sight.code not in DENIED
        ]
        yield from map(Trouble, gone) if gone else super().troubles(sights)

    def wrong(self, *answers: Mapping[str, Any]) -> Iterator[Trouble]:
        said = {
            region: dict(self._said(region, answer["taskDefinition"]))
            for region, answer in zip(self.families, answers, strict=True)
        }
        for what in sorted({name for each in said.values() for name in each}):
            found = {region: each.get(what, ABSENT) for region, each in said.items()}
            if len({value for value, _ in found.values()}) > 1:
                differ = ", ".join(f"{shown} in {region}" for region, (_, shown) in found.items())
                yield Trouble(f"{what} of {self} differs ({differ}): deploy the same to both Regions")

    def _said(self, region: Region, task: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, str]]]:
        """What must be alike, by its name: its value, and how that is shown. Where a value names its own
        Region, the other's names its own; and what the environment holds is no page's to tell."""
        for size in ("cpu", "memory"):
            yield size, (str(task.get(size)), str(task.get(size, "not set")))
        for container in task["containerDefinitions"]:
            name, image = container["name"], container["image"].replace(region, "REGION")
            yield f"{name}'s image", (image, image)
            for each in container.get("environment", ()):
                variable = each.get("name", "")
                if variable not in self.but_for:
                    yield (
                        f"{name}'s {variable}",
                        (f"={each.get('value', '')}".replace(region, "REGION"), "set"),
                    )
