"""Buckets in moto."""

from __future__ import annotations

from typing import Any

import xmltodict

from ...cloud import ACCOUNT, Answer, Cloud
from ...faults import Request
from .buckets import SETTINGS, Bucket, Shut

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
            _shut(found.public_access_block),
            read,
            lambda key: found.keys[key].acl.public_read,
        )

    def unblock(self, name: str) -> None:
        self._buckets.delete_public_access_block(name)

    def accounts(self) -> Shut:
        return _shut(self._account.public_access_block)


def differently(cloud: Cloud) -> None:
    """moto's new buckets have no block of public access; AWS's have a whole one. Source:
    docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html"""

    def block(request: Request, answer: Answer | None) -> None:
        if (request.service, request.operation) == (SERVICE, "CreateBucket"):
            from moto.s3.models import s3_backends

            whole = dict.fromkeys(SETTINGS, "true")
            s3_backends[ACCOUNT]["aws"].put_public_access_block(str(request.parameters["Bucket"]), whole)

    cloud.watchers.append(block)


def _shut(block: Any) -> Shut:
    return (
        Shut() if block is None else Shut(bool(block.restrict_public_buckets), bool(block.ignore_public_acls))
    )


def _index(configuration: bytes) -> str:
    return str(xmltodict.parse(configuration)["WebsiteConfiguration"]["IndexDocument"]["Suffix"])
