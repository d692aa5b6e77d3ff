"""DynamoDB's global tables, of both kinds of consistency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ...cloud import Answer, AwsError, Cloud
from ...doubles.forms import known
from ...faults import Request
from ...service import APART, Service, register
from . import answers, conditions
from .global_table import SERVICE, GlobalTable
from .scans import scan
from .strong_table import StrongTable

OPERATIONS = {
    **answers.OPERATIONS,
    "Scan": scan,
    "PutItem": conditions.put,
    "DeleteItem": conditions.delete,
}


class DynamoDB(Service):
    """Every global table. About eventual ones boto3 is answered here, about strong ones by what keeps their
    items: moto, or the double."""

    service: ClassVar = SERVICE
    not_state: ClassVar = {"cloud": APART}

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self.global_tables: dict[str, GlobalTable] = {}
        self.strong_tables: dict[str, StrongTable] = {}
        for operation in OPERATIONS:
            cloud.share(SERVICE, operation, self._is_about_a_global_table, self._answer)

    def global_table(
        self,
        name: str,
        regions: Sequence[str],
        keys: Sequence[str] = ("id",),
        indexes: Mapping[str, Sequence[str]] | None = None,
    ) -> GlobalTable:
        """One more with eventual consistency (MREC), on demand. `keys` names its partition key and, if it has
        one, its sort key; `indexes` the keys of each global secondary index."""
        self._not_the_other(name, self.strong_tables)
        return register(
            self.global_tables, name, lambda: GlobalTable(self.cloud, name, regions, keys, indexes or {})
        )

    def strong_table(
        self, name: str, regions: Sequence[str], key: tuple[str, str] = ("application", "item")
    ) -> StrongTable:
        """One more with strong consistency (MRSC); `key` names its partition key and its sort key."""
        self._not_the_other(name, self.global_tables)
        keeper = self.cloud.backing.keeper(SERVICE)
        return register(self.strong_tables, name, lambda: StrongTable(self.cloud, keeper, name, regions, key))

    def _is_about_a_global_table(self, request: Request) -> bool:
        """Of those with eventual consistency: all others are kept behind the Cloud."""
        return any(table in self.global_tables for table in _tables(request))

    def _answer(self, request: Request) -> Answer:
        names = _tables(request)
        known(len(names) == 1, request, "a batch of several tables")
        table = self.global_tables[names[0]]
        if request.region not in table.described:
            named = f": Table: {table.name} not found" if request.operation.endswith("Table") else ""
            raise AwsError("ResourceNotFoundException", f"Requested resource not found{named}")
        return OPERATIONS[request.operation](table, request)

    def _not_the_other(self, name: str, others: Mapping[str, GlobalTable | StrongTable]) -> None:
        """Tables of both kinds share their names."""
        if name in others:
            raise ValueError(f"there is a {type(others[name]).__name__} {name} already, of the other kind")

    def state(self) -> object:
        tables = (*self.global_tables.values(), *self.strong_tables.values())
        return [table.state() for table in tables]


def _tables(request: Request) -> list[str]:
    """What the request names: one, or those of a batch."""
    asked: Mapping[str, Any] = request.parameters
    return list(asked["RequestItems"]) if "RequestItems" in asked else [str(asked.get("TableName"))]
