"""S3 buckets that serve a website, or an object, and their blocks of public access."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from botocore.response import StreamingBody

from ...cloud import Answer, AwsError, Cloud, Operation
from ...doubles.forms import known, only
from ...faults import Request
from ...service import APART, Service
from .buckets import SETTINGS, Bucket, Shut


@dataclass
class _Bucket:
    region: str
    policy: str | None = None
    index: str | None = None
    block: dict[str, bool] | None = field(default_factory=lambda: dict.fromkeys(SETTINGS, True))
    objects: dict[str, bytes] = field(default_factory=dict)
    public: set[str] = field(default_factory=set)
    """Keys of objects whose ACL lets anyone read them."""


class Double(Service):
    """Buckets for websites, in the one namespace that all Regions share."""

    service: ClassVar = "s3"
    not_state: ClassVar = {"cloud": APART}

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self.kept: dict[str, _Bucket] = {}

    def operations(self) -> Mapping[str, Operation]:
        return {
            "CreateBucket": self._create,
            "PutBucketPolicy": self._put_policy,
            "PutBucketWebsite": self._put_website,
            "PutObject": self._put_object,
            "GetObject": self._get_object,
            "DeleteObject": self._delete_object,
            "GetPublicAccessBlock": self._get_block,
            "PutPublicAccessBlock": self._put_block,
            "DeletePublicAccessBlock": self._delete_block,
        }

    def state(self) -> object:
        return [
            (name, it.region, it.policy, it.index, it.block, it.objects, sorted(it.public))
            for name, it in self.kept.items()
        ]

    def bucket(self, name: str) -> Bucket | None:
        found = self.kept.get(name)
        if found is None:
            return None
        block = found.block or dict.fromkeys(SETTINGS, False)
        shut = Shut(block["RestrictPublicBuckets"], block["IgnorePublicAcls"])
        return Bucket(
            found.region, found.index, found.policy, shut, found.objects.get, found.public.__contains__
        )

    def unblock(self, name: str) -> None:
        self.kept[name].block = None

    def accounts(self) -> Shut:
        return Shut()

    def _create(self, request: Request) -> Answer:
        asked = only(request, ("Bucket",), ("CreateBucketConfiguration",))
        name, home = str(asked["Bucket"]), "us-east-1"
        wanted = asked.get("CreateBucketConfiguration", {"LocationConstraint": home})
        known(wanted == {"LocationConstraint": request.region}, request, wanted)
        known(name not in self.kept, request, f"{name}, which is there")
        self.kept[name] = _Bucket(request.region)
        return {"Location": f"/{name}"}

    def _put_policy(self, request: Request) -> Answer:
        asked = only(request, ("Bucket", "Policy"))
        self._bucket(request).policy = str(asked["Policy"])
        return {}

    def _put_website(self, request: Request) -> Answer:
        wanted = only(request, ("Bucket", "WebsiteConfiguration"))["WebsiteConfiguration"]
        known(wanted.keys() == {"IndexDocument"}, request, wanted)
        self._bucket(request).index = wanted["IndexDocument"]["Suffix"]
        return {}

    def _put_object(self, request: Request) -> Answer:
        asked = only(request, ("Bucket", "Key"), ("Body", "ACL", *_CHECKSUMS))
        acl = asked.get("ACL", "private")
        known(acl in ("private", "public-read"), request, acl)
        bucket, key = self._bucket(request), str(asked["Key"])
        body = asked.get("Body", b"")
        bucket.objects[key] = body if isinstance(body, bytes) else body.read()
        bucket.public.discard(key)
        bucket.public |= {key} if acl == "public-read" else set()
        return {}

    def _get_object(self, request: Request) -> Answer:
        """All of it, or the bytes of one range."""
        asked = only(request, ("Bucket", "Key"), ("Range", "ChecksumMode"))
        found = self._bucket(request).objects.get(str(asked["Key"]))
        if found is None:
            raise AwsError("NoSuchKey", "The specified key does not exist.", 404)
        if "Range" in asked:
            part = re.fullmatch(r"bytes=(\d+)-(\d+)", str(asked["Range"]))
            known(part is not None, request, asked["Range"])
            assert part is not None
            if int(part[1]) >= len(found):
                raise AwsError("InvalidRange", "The requested range is not satisfiable", 416)
            found = found[int(part[1]) : int(part[2]) + 1]
        return {"Body": StreamingBody(io.BytesIO(found), len(found)), "ContentLength": len(found)}

    def _delete_object(self, request: Request) -> Answer:
        """What is not there is deleted, too."""
        key = str(only(request, ("Bucket", "Key"))["Key"])
        bucket = self._bucket(request)
        bucket.objects.pop(key, None)
        bucket.public.discard(key)
        return {}

    def _get_block(self, request: Request) -> Answer:
        only(request, ("Bucket",))
        block = self._bucket(request).block
        if block is None:
            raise AwsError(
                "NoSuchPublicAccessBlockConfiguration",
                "The public access block configuration was not found",
                404,
            )
        return {"PublicAccessBlockConfiguration": dict(block)}

    def _put_block(self, request: Request) -> Answer:
        """What is not set is off."""
        asked = only(request, ("Bucket", "PublicAccessBlockConfiguration"), _CHECKSUMS)
        wanted, bucket = asked["PublicAccessBlockConfiguration"], self._bucket(request)
        if not wanted:
            raise AwsError("InvalidRequest", "Must specify at least one configuration.")
        bucket.block = {setting: wanted.get(setting, False) for setting in SETTINGS}
        return {}

    def _delete_block(self, request: Request) -> Answer:
        only(request, ("Bucket",))
        self._bucket(request).block = None
        return {}

    def _bucket(self, request: Request) -> _Bucket:
        bucket = self.kept.get(str(request.parameters["Bucket"]))
        if bucket is None:
            raise AwsError("NoSuchBucket", "The specified bucket does not exist", 404)
        return bucket


_CHECKSUMS = ("ChecksumAlgorithm",)
"""botocore adds it by itself."""
