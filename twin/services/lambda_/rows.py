"""Lambda."""

from dataclasses import replace

from ...rows import READ, WRITE, Quota, Row, Rows

ROWS = (
    Rows(
        "lambda",
        operations={
            "Invoke": Row("lambda:InvokeFunction"),
            "GetFunctionConcurrency": replace(READ, empty=True),
            "PutFunctionConcurrency": WRITE,
            "DeleteFunctionConcurrency": WRITE,
            "ListProvisionedConcurrencyConfigs": READ,
            "GetEventSourceMapping": READ,
            "UpdateEventSourceMapping": WRITE,
        },
        resources={
            "FunctionName": "lambda:{region}:{account}:function:{given}",
            "UUID": "lambda:{region}:{account}:event-source-mapping:{given}",
        },
        qualifier="Qualifier",
        # The control plane's, of all its operations together but GetFunction and GetPolicy.
        # docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
        quotas=(
            Quota(
                frozenset(
                    {
                        "GetFunctionConcurrency",
                        "PutFunctionConcurrency",
                        "DeleteFunctionConcurrency",
                        "ListProvisionedConcurrencyConfigs",
                        "GetEventSourceMapping",
                        "UpdateEventSourceMapping",
                    }
                ),
                per_second=15,
                at_once=15,
            ),
        ),
    ),
)
