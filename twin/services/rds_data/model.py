"""The RDS Data API: SQL over HTTP, on the writer instance of an Aurora cluster.

A secondary of a global database has no writer, so it answers nothing, not even to read. An old writer that a
failover has left behind has one until its volume is rebuilt, fenced or not; which error tells that there is
none is not documented. A statement is answered by what the database stands on: PostgreSQL itself, or in an
exploration a model of the few statements that are sent (journal.py). Transactions and batches are not
modelled. Sources: docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/data-api.limitations.html,
docs.aws.amazon.com/rdsdataservice/latest/APIReference/API_ExecuteStatement.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ...cloud import Answer, AwsError, Cloud, Operation
from ...faults import Request
from ...service import APART, WIRING, Service, register
from ..aurora.database import GlobalDatabase
from ..aurora.journal import Journal
from . import journal, postgres

LONGEST_ANSWER = 1 << 20
SENT = {"resourceArn", "secretArn", "database", "sql", "parameters"}
"""The parameters that steps send."""


@dataclass(frozen=True)
class Enabled:
    """A global database whose clusters have their Data API enabled."""

    database: GlobalDatabase
    name: str
    secrets: Mapping[str, str]
    """By Region, the ARN of the one secret that opens it."""
    tables: Mapping[str, journal.Key] = field(default_factory=dict)
    """What an exploration must be told of a journal's tables: their keys."""
    queries: Mapping[str, Callable[[journal.Tables], journal.Value]] = field(default_factory=dict)
    """And of what else the application's runbook asks: the one value that each query gives."""
    gives: Mapping[str, journal.Value] = field(default_factory=dict)
    """What queries give of which nobody knows the tables, wherever they are asked."""

    def answer(self, region: str, sql: str, parameters: Mapping[str, str]) -> journal.Records:
        store, connection = self.database.store, self.database.connect(region)
        if (query := journal.brought(sql)) in self.gives:
            return [[self.gives[query]]]
        status = [(each, self.database.store.log(each)) for each in self.database.listed()]
        if isinstance(store, Journal):
            asked = journal.Asked(connection, store.writable(region), status, self.tables, self.queries)
            return journal.answered(asked, sql, parameters)
        return postgres.answered(connection, status, sql, parameters)


class RdsData(Service):
    """Every database that can be asked."""

    service: ClassVar = "rds-data"
    not_state: ClassVar = {"cloud": APART, "enabled": WIRING}

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self.enabled: dict[str, Enabled] = {}

    def enable(self, enabled: Enabled) -> None:
        """One more."""
        register(self.enabled, enabled.database.identifier, lambda: enabled)

    def operations(self) -> Mapping[str, Operation]:
        return {"ExecuteStatement": self._execute}

    def _execute(self, request: Request) -> Answer:
        asked: Mapping[str, Any] = request.parameters
        if strange := set(asked) - SENT:
            raise NotImplementedError(f"the twin knows no {', '.join(sorted(strange))} of a statement")
        region = request.region
        enabled = self._of(str(asked["resourceArn"]), region)
        if asked["secretArn"] != enabled.secrets[region]:
            raise AwsError("SecretsErrorException", f"The secret {asked['secretArn']} can't be read.")
        if not enabled.database.has_writer(region):
            raise AwsError("DatabaseUnavailableException", "The writer instance isn't available.", 504)
        if asked.get("database") != enabled.name:
            raise AwsError("DatabaseErrorException", f'database "{asked.get("database")}" does not exist')
        given: Sequence[Any] = asked.get("parameters", ())
        parameters = {each["name"]: str(each["value"]["stringValue"]) for each in given}
        records = enabled.answer(region, str(asked["sql"]), parameters)
        if len(repr(records)) > LONGEST_ANSWER:
            raise AwsError("UnsupportedResultException", "The size of the result is too large.")
        if records is None:
            return {"numberOfRecordsUpdated": 1, "generatedFields": []}
        return {"records": [[_field(value) for value in row] for row in records], "numberOfRecordsUpdated": 0}

    def _of(self, arn: str, region: str) -> Enabled:
        """In whatever account: the twin has one."""
        for enabled in self.enabled.values():
            if region in enabled.database.members and _place(enabled.database.arn(region)) == _place(arn):
                return enabled
        raise AwsError("HttpEndpointNotEnabledException", f"HttpEndpoint is not enabled for cluster {arn}.")


def _place(arn: str) -> list[str]:
    """An ARN without its account."""
    parts = arn.split(":")
    return parts[:4] + parts[5:]


def _field(value: Any) -> dict[str, Any]:
    """A value as the API's union has it."""
    if value is None:
        return {"isNull": True}
    if isinstance(value, bool):
        return {"booleanValue": value}
    if isinstance(value, int):
        return {"longValue": value}
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"stringValue": str(value)}
