"""SQL that is sent to an Aurora cluster through the RDS Data API, and what it answers. Not a step itself.

The Data API runs a statement on a cluster's writer instance, reads included. A secondary cluster of a global
database has none until it is promoted, and is refused. A statement may take 45 s there, an answer be 1 MiB
long. A role that calls it needs the secret of a database user, and where that is encrypted with a key of the
customer's own, kms:Decrypt by that key's policy. Sources:
docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/data-api.limitations.html,
docs.aws.amazon.com/rdsdataservice/latest/APIReference/API_ExecuteStatement.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NewType

from .aurora_global import CLUSTERS
from .calls import Absent, Api, Call, Sight, Silence
from .inputs import FORMS, Form, Region
from .sql import WRITES, Engine

SecretArn = NewType("SecretArn", str)
DatabaseName = NewType("DatabaseName", str)
SqlName = NewType("SqlName", str)

# docs.aws.amazon.com/secretsmanager/latest/userguide/reference_iam-permissions.html
FORMS[SecretArn] = Form(
    "a secret's ARN",
    "secrets' ARNs",
    r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@!-]{1,519}",
    "the secret's whole ARN, with its six random characters",
    "arn:aws:secretsmanager:us-east-1:123456789012:secret:shop-reader-AbCdEf",
    regional=True,
)
# docs.aws.amazon.com/rdsdataservice/latest/APIReference/API_ExecuteStatement.html
FORMS[DatabaseName] = Form(
    "a database's name", "database names", r"\S(.{0,62}\S)?", "one line of at most 64 characters", "shop"
)
# www.postgresql.org/docs/current/sql-syntax-lexical.html; it is quoted where it is sent.
FORMS[SqlName] = Form(
    "a name of SQL",
    "names of SQL",
    r"[A-Za-z_][A-Za-z0-9_$]{0,62}(\.[A-Za-z_][A-Za-z0-9_$]{0,62})?",
    "letters, digits and underscores as the database keeps them, perhaps with a schema and a dot before",
    "orders",
)

Value = str | int | float | bool | None
Rows = Sequence[Sequence[Value]]


def _writes(parameters: Mapping[str, Any]) -> bool:
    return str(parameters.get("sql", "")).startswith(WRITES)


def _reads(parameters: Mapping[str, Any]) -> bool:
    return not _writes(parameters)


SECRET = ("secretsmanager:GetSecretValue",)
ON = (CLUSTERS, "{secrets}")
NO_WRITER = frozenset({"DatabaseUnavailableException"})
"""While all is well, the Region that is to take over says so: that is no silence."""
READ = Api(
    "rds-data:ExecuteStatement", resource=ON, plane="data", dependents=SECRET, of=_reads, absent=NO_WRITER
)
WRITE = Api("rds-data:ExecuteStatement", resource=ON, plane="data", dependents=SECRET, of=_writes)

BUSY = frozenset(
    {
        "BadRequestException",
        "DatabaseErrorException",
        "DatabaseNotFoundException",
        "DatabaseResumingException",
        "HttpEndpointNotEnabledException",
        "InvalidResourceStateException",
        "InvalidSecretException",
        "SecretsErrorException",
        "StatementTimeoutException",
        "UnsupportedResultException",
    }
)
"""Everything that the Data API says but that the caller may not ask. Which of these a cluster without a
writer answers is not documented, "Communications link failure" is a BadRequestException, and a secret that
could not be read in time a SecretsErrorException: so each is told in AWS's words, and waited for."""

ODD = (KeyError, TypeError, ValueError, OverflowError, AttributeError)
"""What reading an answer raises that is none."""


@dataclass(frozen=True)
class Database:
    """One database of a global database, in each Region under its own cluster and secret."""

    name: str
    members: Mapping[Region, str]
    secrets: Mapping[Region, str]
    engine: Engine

    def ask(self, region: Region, sql: str, **parameters: str) -> Call:
        """A statement as a call, with texts for its parameters."""
        secret = self.secrets[region]
        _, partition, _, _, account, *_ = secret.split(":")
        given = [{"name": name, "value": {"stringValue": text}} for name, text in parameters.items()]
        return (WRITE if sql.startswith(WRITES) else READ)(
            region,
            resourceArn=f"arn:{partition}:rds:{region}:{account}:cluster:{self.members[region]}",
            secretArn=secret,
            database=self.name,
            sql=sql,
            **({"parameters": given} if given else {}),
        )


def rows(sight: Sight) -> Rows | Silence:
    """What a statement gave, row by row; a Silence for what is no such answer."""
    if isinstance(sight, Silence):
        return sight
    if isinstance(sight, Absent):
        return Silence(f"its cluster has no writer that answers ({sight.code})")
    try:
        return [[_value(field) for field in record] for record in sight["records"]]
    except ODD as odd:
        return Silence(f"an answer of another form ({type(odd).__name__})")


def _value(field: Mapping[str, Any]) -> Value:
    """A Field is a union: exactly one of its members is there."""
    if field.get("isNull"):
        return None
    ((kind, value),) = ((kind, value) for kind, value in field.items() if kind != "isNull")
    if kind not in ("stringValue", "longValue", "doubleValue", "booleanValue"):
        raise ValueError(kind)
    return value  # type: ignore[no-any-return]


def shown(value: Value) -> str:
    """As SQL writes it."""
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)
