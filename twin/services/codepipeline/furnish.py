"""Pipelines that have run, of the stages that lines name: each deploys where a line says, or at home."""

from __future__ import annotations

from collections.abc import Mapping

from ...furnishing import Role, Room
from .model import Action, CodePipeline

PIPELINE, STAGE = "PipelineName", "StageName"
TAKES: Mapping[str, Role] = {PIPELINE: "", STAGE: ""}
SOURCE = "Source"


def furnish(room: Room) -> None:
    stages: dict[tuple[str, str], dict[str, list[Action]]] = {}
    for line, pipeline in room.wanted.naming(PIPELINE):
        entry = line.entry(pipeline)
        for stage in line.of(STAGE):
            if stage.at[:2] == pipeline.at[:2]:
                where = str(entry["at"])
                target = str(entry.get("deploys_to", where))
                of = stages.setdefault((where, pipeline.text), {SOURCE: [Action("Pull")]})
                if stage.text not in of or target != where:  # another line may say no more than its name
                    of[stage.text] = [Action("Deploy", target) if target != where else Action("Deploy")]
    for (region, name), of in stages.items():
        CodePipeline.of(room.cloud).pipeline(region, name, of)
