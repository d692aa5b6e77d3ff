"""What a global table with eventual consistency keeps: writes, what each Region has of them, what is under
way, and what its control plane says of it in one Region."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Item = Mapping[str, Any]
Key = str | tuple[str, str]
"""Its partition key; or that and its sort key, where the table has both. They are texts."""


@dataclass(frozen=True)
class Write:
    """An acknowledged write, under the name that its writer gave it."""

    name: str
    region: str
    at: float
    """When it was acknowledged, in seconds since 1970."""
    key: Key
    item: Item | None
    """None where the write deleted it."""
    number: int
    known: Mapping[str, int] = field(repr=False)
    """Of each Region, the newest write to this key that the writer's Region had when it wrote."""

    @property
    def version(self) -> tuple[float, str]:
        """The greater one wins: by time, then by the Region's name."""
        return self.at, self.region

    @functools.cached_property
    def size(self) -> int:
        """Of its item without the key, in bytes."""
        return sum(len(name.encode()) + _size(value) for name, value in (self.item or {}).items())

    def knew(self, other: Write) -> bool:
        return self.known.get(other.region, -1) >= other.number


@dataclass
class Replica:
    """What one Region has."""

    newest: dict[Key, Write] = field(default_factory=dict)
    """By key."""
    arrived: dict[Key, dict[str, int]] = field(default_factory=dict)
    """By key, then by Region: the newest write that has been here."""

    def copy(self) -> Replica:
        return Replica(dict(self.newest), {key: dict(each) for key, each in self.arrived.items()})

    def has_newer(self, write: Write) -> bool:
        """The write's own Region has replaced it since, and that has been here."""
        return self.arrived.get(write.key, {}).get(write.region, -1) > write.number


@dataclass
class Route:
    """The way from one replica to another."""

    under_way: dict[int, Write] = field(default_factory=dict)
    held: list[Write] = field(default_factory=list)
    """They could not be delivered in time: one of the Regions was dark."""


@dataclass
class Described:
    """The table in one Region, as its control plane has it. The first three are DescribeTable's own words."""

    status: str = "ACTIVE"
    indexes: dict[str, str] = field(default_factory=dict)
    """The status of each global secondary index, by its name."""
    billing: str = "PAY_PER_REQUEST"
    deletion_protected: bool = False
    stream: str = "NEW_AND_OLD_IMAGES"
    """What its stream has of each item; "" where it has no stream."""


def _size(value: Any) -> int:
    """Of one value, as a read counts it. Source: docs.aws.amazon.com/amazondynamodb/latest/developerguide,
    CapacityUnitCalculations.html"""
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, bytes | bytearray):
        return len(value)
    if value is None or isinstance(value, bool):
        return 1
    if isinstance(value, Mapping):
        return 3 + sum(1 + len(name.encode()) + _size(each) for name, each in value.items())
    if isinstance(value, list | tuple):
        return 3 + sum(1 + _size(each) for each in value)
    if isinstance(value, set | frozenset):
        return sum(map(_size, value))
    return 1 + (len(str(value).strip("-0.")) + 1) // 2


def tuple_of(key: Key) -> tuple[str, ...]:
    return (key,) if isinstance(key, str) else key
