"""CodePipeline. A stage is a resource of its own, below its pipeline."""

from ...rows import READ, WRITE, Rows

ROWS = (
    Rows(
        "codepipeline",
        operations={
            "GetPipeline": READ,
            "GetPipelineState": READ,
            "DisableStageTransition": WRITE,
            "EnableStageTransition": WRITE,
        },
        resources={
            "name": "codepipeline:{region}:{account}:{given}",
            "pipelineName": "codepipeline:{region}:{account}:{given}",
        },
        below="stageName",
    ),
)
