"""CodePipeline. A stage is a resource of its own, below its pipeline."""

from ...rows import READ, Rows

ROWS = (
    Rows(
        "codepipeline",
        operations={"GetPipeline": READ, "GetPipelineState": READ},
        resources={"name": "codepipeline:{region}:{account}:{given}"},
    ),
)
