"""Lambda."""

from ...rows import READ, WRITE, Row, Rows

ROWS = (
    Rows(
        "lambda",
        operations={
            "Invoke": Row("lambda:InvokeFunction"),
            "GetFunctionConcurrency": READ,
            "PutFunctionConcurrency": WRITE,
            "DeleteFunctionConcurrency": WRITE,
        },
        resources={"FunctionName": "lambda:{region}:{account}:function:{given}"},
        qualifier="Qualifier",
    ),
)
