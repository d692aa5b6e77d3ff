"""Step Functions. Its reads are eventually consistent."""

from ...rows import READ, WRITE, Rows

ROWS = (
    Rows(
        "stepfunctions",
        operations={
            "CreateStateMachine": WRITE,
            "DescribeStateMachine": READ,
            "DescribeStateMachineForExecution": READ,
            "StartExecution": WRITE,
            "DescribeExecution": READ,
            "GetExecutionHistory": READ,
            "ListExecutions": READ,
            "StopExecution": WRITE,
            "RedriveExecution": WRITE,
        },
        prefix="states",
        resources={"executionArn": "{given}", "stateMachineArn": "{given}"},
    ),
)
