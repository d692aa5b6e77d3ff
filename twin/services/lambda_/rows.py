"""Lambda."""

from dataclasses import replace

from ...rows import READ, WRITE, Row, Rows

ROWS = (
    Rows(
        "lambda",
        operations={
            "Invoke": Row("lambda:InvokeFunction"),
            "GetFunctionConcurrency": replace(READ, empty=True),
            "PutFunctionConcurrency": WRITE,
            "DeleteFunctionConcurrency": WRITE,
        },
        resources={"FunctionName": "lambda:{region}:{account}:function:{given}"},
        qualifier="Qualifier",
    ),
)
