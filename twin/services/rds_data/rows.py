"""The RDS Data API. Its caller must be allowed to read the database user's secret, too."""

from ...rows import Parameters, Row, Rows


def _secret(parameters: Parameters) -> tuple[tuple[str, str], ...]:
    return (("secretsmanager:GetSecretValue", str(parameters["secretArn"])),)


def _cluster(parameters: Parameters) -> tuple[str, ...]:
    """The twin has one account, whatever a runbook's ARNs call it."""
    _, _, _, region, _, kind, name = str(parameters["resourceArn"]).split(":")
    return (f"rds:{region}:{{account}}:{kind}:{name}",)


ROWS = (
    Rows(
        "rds-data",
        # A statement runs on the writer, and is never answered as things were before.
        operations={"ExecuteStatement": Row(beside=_secret, names=_cluster)},
    ),
)
