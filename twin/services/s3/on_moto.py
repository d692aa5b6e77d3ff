"""Buckets in moto."""

from __future__ import annotations

from typing import Any

import xmltodict

from ...cloud import ACCOUNT
from .buckets import Bucket

SERVICE = "s3"


class Keeper:
    """moto's buckets, under the methods of their double."""

    def __init__(self) -> None:
        # importing moto changes botocore
        from moto.s3.models import FakeDeleteMarker, s3_backends
        from moto.s3control.models import s3control_backends

        self._deleted: Any = FakeDeleteMarker
        self._buckets: Any = s3_backends[ACCOUNT]["aws"]
        self._account: Any = s3control_backends[ACCOUNT]["aws"]

    def bucket(self, name: str) -> Bucket | None:
        found = self._buckets.buckets.get(name)
        if found is None:
            return None

        def read(key: str) -> bytes | None:
            thing = found.keys.get(key)
            return None if thing is None or isinstance(thing, self._deleted) else bytes(thing.value)

        website = found.website_configuration
        return Bucket(
            found.region_name,
            None if website is None else _index(website),
            found.policy,
            _restricts(found.public_access_block),
            read,
        )

    def account_is_restricted(self) -> bool:
        return _restricts(self._account.public_access_block)


def _restricts(block: Any) -> bool:
    return block is not None and bool(block.restrict_public_buckets)


def _index(configuration: bytes) -> str:
    return str(xmltodict.parse(configuration)["WebsiteConfiguration"]["IndexDocument"]["Suffix"])
