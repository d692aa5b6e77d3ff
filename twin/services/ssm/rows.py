"""Systems Manager's Run Command. To send one needs a right on its document, and one on each of its nodes."""

from ...rows import READ, WRITE, Parameters, Row, Rows


def _sent(parameters: Parameters) -> tuple[str, ...]:
    """Which nodes a tag has nobody knows beforehand: whoever sends by tags must be allowed all."""
    name = str(parameters["DocumentName"])
    owner = "" if name.startswith("AWS") else "{account}"
    return f"ssm:{{region}}:{owner}:document/{name}", "ec2:{region}:{account}:instance/*"


ROWS = (
    Rows(
        "ssm",
        operations={
            "SendCommand": Row(names=_sent),
            "ListCommands": READ,
            "ListCommandInvocations": READ,
            "DescribeDocument": WRITE,
            "DescribeInstanceInformation": READ,
        },
        resources={"Name": "ssm:{region}:{account}:document/{given}"},
    ),
)
