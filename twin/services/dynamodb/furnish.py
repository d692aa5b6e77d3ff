"""Global tables with eventual consistency: customers' writes are kept in each, an item a write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...furnishing import Role, Room, Wanted
from .dataset import GlobalTableData
from .global_table import GlobalTable
from .model import DynamoDB

TABLE, ATTRIBUTE, INDEX = "TableName", "AttributeName", "IndexName"
TAKES: Mapping[str, Role] = {TABLE: "keeps", ATTRIBUTE: "", INDEX: ""}
KEY, SORT_KEY = "id", "item"
"""Of a table, what no line says of its key."""


class Written(GlobalTableData):
    """Each write is an item of its own: in the partition that a line names, if any does."""

    def __init__(self, room: Room, table: GlobalTable, partition: str) -> None:
        super().__init__(room.cloud, table, table.name)
        self._partition = partition

    def put(self, region: str, key: str, name: str) -> None:
        """Raises botocore's errors."""
        self._table.put(region, self._spot(key), {"written": key}, name)

    def has(self, region: str, key: str) -> bool:
        return self._table.get(region, self._spot(key)) is not None

    def _spot(self, key: str) -> str | tuple[str, str]:
        return key if len(self._table.keys) == 1 else (self._partition or key, key)


def refused(wanted: Wanted) -> Iterator[str]:
    for table in wanted.texts(TABLE):
        if len(keys := _keys(wanted, table)) > 2:
            yield f"{table} would have a key of {', '.join(keys)}"


def furnish(room: Room) -> None:
    of_all = DynamoDB.of(room.cloud)
    wanted = room.wanted
    for name in wanted.texts(TABLE):
        keys, partition = _keys(wanted, name), _partition(wanted, name)
        if partition and len(keys) == 1:
            keys = (*keys, SORT_KEY)
        keys = keys or (KEY,)
        indexes = dict.fromkeys(_indexes(wanted, name), keys[:1])
        table = of_all.global_table(name, wanted.regions, keys, indexes)
        room.keep(Written(room, table, partition))
    if not room.datasets:
        name = f"{wanted.application}-made-up"
        room.keep(Written(room, of_all.global_table(name, wanted.regions, (KEY,)), ""))


def _keys(wanted: Wanted, table: str) -> tuple[str, ...]:
    """The attributes by which lines find items of the table."""
    found: dict[str, None] = {}
    for line, name in wanted.naming(TABLE):
        if name.text == table:
            alone = len({each.text for each in line.of(TABLE)}) == 1
            found |= {each.text: None for each in line.of(ATTRIBUTE) if alone or table in each.at}
    return tuple(found)


def _partition(wanted: Wanted, table: str) -> str:
    """The value of the first partition that a line names."""
    for line, name in wanted.naming(TABLE):
        if name.text == table and name.at == ("table",):
            for partition in line.inputs.get("partitions", ()):
                return str(next(iter(partition.values())))
    return ""


def _indexes(wanted: Wanted, table: str) -> list[str]:
    return [
        each.text
        for line, name in wanted.naming(TABLE)
        if name.text == table
        for each in line.of(INDEX)
        if table in each.at
    ]
