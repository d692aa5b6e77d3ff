"""DynamoDB's global tables, of both kinds of consistency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from ...cloud import Cloud
from ...service import APART, Service, register
from .global_table import SERVICE, GlobalTable
from .strong_table import StrongTable


class DynamoDB(Service):
    """Every global table. What keeps the items of strong ones answers boto3: moto, or the double."""

    service: ClassVar = SERVICE
    not_state: ClassVar = {"cloud": APART}

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self.global_tables: dict[str, GlobalTable] = {}
        self.strong_tables: dict[str, StrongTable] = {}

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

    def _not_the_other(self, name: str, others: Mapping[str, GlobalTable | StrongTable]) -> None:
        """Tables of both kinds share their names."""
        if name in others:
            raise ValueError(f"there is a {type(others[name]).__name__} {name} already, of the other kind")

    def state(self) -> object:
        tables = (*self.global_tables.values(), *self.strong_tables.values())
        return [table.state() for table in tables]
