"""CodePipeline: pipelines of stages, each of which has its own last execution.

An execution goes through the stages one after the other, each taking a drawn time; a stage's last execution
stays where a later one has not come yet. It waits before a stage whose inbound transition is disabled. A dark
Region runs nothing. Sources:
docs.aws.amazon.com/codepipeline/latest/userguide/concepts-how-it-works.html,
docs.aws.amazon.com/codepipeline/latest/APIReference/API_GetPipelineState.html
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from ...cloud import ACCOUNT, Answer, AwsError, Cloud, Operation
from ...faults import Request
from ...service import APART, WIRING, Service, Stateful, register

LOOK_AGAIN_SECONDS = 10.0
REASON = re.compile(r"[a-zA-Z0-9!@ ().*?-]{1,300}")
"""Source: docs.aws.amazon.com/codepipeline/latest/APIReference/API_DisableStageTransition.html"""


@dataclass(frozen=True)
class Action:
    """Of a stage. `region` is empty where it is the pipeline's own."""

    name: str
    region: str = ""

    def declared(self) -> dict[str, Any]:
        kind = {"category": "Deploy", "owner": "AWS", "provider": "ECS", "version": "1"}
        return {"name": self.name, "actionTypeId": kind, **({"region": self.region} if self.region else {})}


class Pipeline(Stateful):
    """One pipeline of a Region: its stages by name, in their order."""

    not_state: ClassVar = {"_cloud": APART, "_region": WIRING, "_name": WIRING, "_runs": "distinguishes runs"}

    def __init__(self, cloud: Cloud, region: str, name: str, stages: Mapping[str, Sequence[Action]]) -> None:
        self._cloud, self._region, self._name = cloud, region, name
        self.stages = {stage: tuple(actions) for stage, actions in stages.items()}
        self._last: dict[str, tuple[str, str]] = {}
        """Execution and status of each stage that has run."""
        self.held: dict[str, str] = {}
        """Stages whose inbound transition is disabled, and the reason that was given."""
        self._runs = 0

    def state(self) -> object:
        """Which stages ran in the same execution, and not its name."""
        order = list(dict.fromkeys(run for run, _ in self._last.values()))
        last = [(stage, order.index(run), status) for stage, (run, status) in self._last.items()]
        return list(self.stages.items()), last, sorted(self.held.items())

    def run(self, fails_in: str = "") -> None:
        """Somebody has pushed: an execution goes through the stages, but for one that fails."""
        self._runs += 1
        name = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self._region}/{self._name}/{self._runs}"))
        self._cloud.clock.spawn(lambda: self._through(name, fails_in))

    def ran(self) -> None:
        """Long ago, an execution has gone through all stages."""
        self._runs += 1
        name = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self._region}/{self._name}/{self._runs}"))
        self._last = dict.fromkeys(self.stages, (name, "Succeeded"))

    def _through(self, name: str, fails_in: str) -> None:
        for stage in list(self.stages):
            while stage in self.held:
                self._cloud.clock.sleep(LOOK_AGAIN_SECONDS)
            self._last[stage] = name, "InProgress"
            self._cloud.clock.sleep(self._cloud.latency.draw("codepipeline_stage"))
            while self._cloud.faults.is_dark(self._region, "codepipeline"):
                self._cloud.clock.sleep(self._cloud.latency.draw("codepipeline_stage"))
            self._last[stage] = name, "Failed" if stage == fails_in else "Succeeded"
            if stage == fails_in:
                return

    def declared(self) -> dict[str, Any]:
        stages = [
            {"name": name, "actions": [action.declared() for action in actions]}
            for name, actions in self.stages.items()
        ]
        role = f"arn:aws:iam::{ACCOUNT}:role/{self._name}"
        return {"name": self._name, "roleArn": role, "version": 1, "stages": stages}

    def shown(self) -> list[dict[str, Any]]:
        """Its stages, as GetPipelineState has them."""
        return [
            {"stageName": stage, "inboundTransitionState": self._into(stage), **self._last_of(stage)}
            for stage in self.stages
        ]

    def _into(self, stage: str) -> dict[str, Any]:
        reason = self.held.get(stage)
        return {"enabled": True} if reason is None else {"enabled": False, "disabledReason": reason}

    def _last_of(self, stage: str) -> dict[str, Any]:
        if stage not in self._last:
            return {}
        name, status = self._last[stage]
        return {"latestExecution": {"pipelineExecutionId": name, "status": status}}


class CodePipeline(Service):
    """Every Region's pipelines, by Region and name."""

    service: ClassVar = "codepipeline"
    not_state: ClassVar = {"cloud": APART}

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self.pipelines: dict[tuple[str, str], Pipeline] = {}

    def operations(self) -> Mapping[str, Operation]:
        return {
            "GetPipeline": self._declared,
            "GetPipelineState": self._shown,
            "DisableStageTransition": self._disable,
            "EnableStageTransition": self._enable,
        }

    def state(self) -> object:
        return [(where, pipeline.state()) for where, pipeline in self.pipelines.items()]

    def pipeline(self, region: str, name: str, stages: Mapping[str, Sequence[Action]]) -> Pipeline:
        """One more, which has gone through all its stages."""
        made = register(self.pipelines, (region, name), lambda: Pipeline(self.cloud, region, name, stages))
        made.ran()
        return made

    def _declared(self, request: Request) -> Answer:
        return {"pipeline": self._asked(request).declared()}

    def _shown(self, request: Request) -> Answer:
        pipeline = self._asked(request)
        return {"pipelineName": request.parameters["name"], "stageStates": pipeline.shown()}

    def _disable(self, request: Request) -> Answer:
        pipeline, stage = self._transition(request)
        reason = str(request.parameters["reason"])
        if REASON.fullmatch(reason) is None:
            raise AwsError("ValidationException", f"Value at 'reason' must satisfy {REASON.pattern}")
        pipeline.held[stage] = reason
        return {}

    def _enable(self, request: Request) -> Answer:
        pipeline, stage = self._transition(request)
        pipeline.held.pop(stage, None)
        return {}

    def _transition(self, request: Request) -> tuple[Pipeline, str]:
        pipeline, stage = self._asked(request, "pipelineName"), str(request.parameters["stageName"])
        if request.parameters["transitionType"] != "Inbound":
            raise NotImplementedError("the twin has inbound transitions only")
        if stage not in pipeline.stages:
            raise AwsError("StageNotFoundException", f"There is no stage {stage}")
        return pipeline, stage

    def _asked(self, request: Request, parameter: str = "name") -> Pipeline:
        name = str(request.parameters[parameter])
        if (request.region, name) not in self.pipelines:
            why = f"Account '{ACCOUNT}' does not have a pipeline with name '{name}'"
            raise AwsError("PipelineNotFoundException", why)
        return self.pipelines[request.region, name]
