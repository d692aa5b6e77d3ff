"""The RDS Data API. Its caller must be allowed to read the database user's secret, too."""

from ...rows import Parameters, Row, Rows


def _secret(parameters: Parameters) -> tuple[tuple[str, str], ...]:
    return (("secretsmanager:GetSecretValue", str(parameters["secretArn"])),)


ROWS = (
    Rows(
        "rds-data",
        # A statement runs on the writer, and is never answered as things were before.
        operations={"ExecuteStatement": Row(beside=_secret)},
        resources={"resourceArn": "rds:{region}:{account}:cluster:{given}"},
    ),
)
