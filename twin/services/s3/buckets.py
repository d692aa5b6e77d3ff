"""What a website needs to know of a bucket, whoever keeps it: moto, or the double."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

SETTINGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
"""Of a block of public access. A new bucket has all of them."""


class Shut(NamedTuple):
    """Of a block of public access, the two settings that act on what is there already."""

    policies: bool = False
    """RestrictPublicBuckets: a public policy opens the bucket to nobody, and no ACL does then."""
    acls: bool = False
    """IgnorePublicAcls: an ACL opens nothing."""


@dataclass(frozen=True)
class Bucket:
    """A bucket as it is now, for its website."""

    region: str
    index: str | None
    """The index document's suffix; None where it has no website configuration."""
    policy: str | bytes | None
    shut: Shut
    """By its own block of public access."""
    read: Callable[[str], bytes | None]
    """An object by its key."""
    public_by_acl: Callable[[str], bool]
    """The object's ACL lets anyone read it."""


class Keeper(Protocol):
    """Reading takes no time, and no fault is injected there."""

    def bucket(self, name: str) -> Bucket | None: ...

    def unblock(self, name: str) -> None:
        """Its owner has taken the block away that every new bucket has, long ago."""

    def accounts(self) -> Shut:
        """By the account's own block of public access."""
