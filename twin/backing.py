"""What stands behind the seam where no back-end of ours answers: moto (twin/moto/backing.py), or doubles of
what steps use of it (twin/doubles/).

Both keep the same state: tables, buckets, topics. The back-ends that add rules of their own to that state
(strong tables, websites) read it here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from .faults import Request

if TYPE_CHECKING:
    from .aws import Cloud

ACCOUNT = "123456789012"
"""moto's and Step Functions Local's account."""


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


class Backing(Protocol):
    """Reading it takes no time, and no fault befalls it."""

    def start(self, cloud: Cloud) -> None: ...

    def stop(self) -> None: ...

    def take(self, request: Request) -> None:
        """Hears of every request that no back-end of ours serves. What it cannot answer either, it raises."""

    def create_table(self, region: str, name: str, key: tuple[str, str]) -> None:
        """A DynamoDB table whose partition key and sort key are texts."""

    def item(self, region: str, name: str, key: Mapping[str, str]) -> dict[str, str] | None:
        """An item of texts."""

    def bucket(self, name: str) -> Bucket | None: ...

    def account_is_restricted(self) -> bool:
        """The account's own block of public access restricts public buckets."""
