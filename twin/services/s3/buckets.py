"""What a website needs to know of a bucket, whoever keeps it: moto, or the double."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Bucket:
    """A bucket as it is now, for its website."""

    region: str
    index: str | None
    """The index document's suffix; None where it has no website configuration."""
    policy: str | bytes | None
    restricted: bool
    """Its own block of public access restricts public buckets."""
    read: Callable[[str], bytes | None]
    """An object by its key."""


class Keeper(Protocol):
    """Reading takes no time, and no fault is injected there."""

    def bucket(self, name: str) -> Bucket | None: ...

    def account_is_restricted(self) -> bool:
        """The account's own block of public access restricts public buckets."""
