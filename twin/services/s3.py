"""S3's website endpoints. Buckets and objects are moto's; whether the public may read them is decided here.

A block of public access takes effect a little after it is set, as all of S3's configuration does. Of its
four settings, RestrictPublicBuckets is the one that acts on a bucket policy which is already there, and the
stricter of the bucket's and the account's holds. Sources:
docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html,
docs.aws.amazon.com/AmazonS3/latest/userguide/WebsiteAccessPermissionsReqd.html (404 and 403)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

import xmltodict
from moto.s3.models import FakeDeleteMarker, s3_backends
from moto.s3control.models import s3control_backends

from ..aws import ACCOUNT, Answer, Cloud
from ..faults import Request
from ..net import HttpAnswer, HttpRequest, Net

DASHED = frozenset(
    {
        "us-east-1",
        "us-west-1",
        "us-west-2",
        "us-gov-west-1",
        "eu-west-1",
        "ap-southeast-1",
        "ap-southeast-2",
        "ap-northeast-1",
        "sa-east-1",
    }
)
"""Regions whose website endpoints are spelled with a dash.
Source: docs.aws.amazon.com/general/latest/gr/s3.html#s3_website_region_endpoints"""


class Websites:
    """Every bucket that has a website configuration, on the network."""

    def __init__(self, cloud: Cloud, net: Net) -> None:
        self._cloud = cloud
        self._net = net
        self._closed: dict[str, bool] = {}
        """What the doors do, by bucket: the configuration of a little while ago. "" is the account."""
        cloud.watchers.append(self._watch)

    def is_open(self, bucket: str) -> bool:
        """Its door is not closed to the public: for invariants, which take no time."""
        return not (self._closed.get(bucket) or self._closed.get(""))

    def _watch(self, request: Request, answer: Answer | None) -> None:
        if request.service not in ("s3", "s3control"):
            return
        bucket = str(request.parameters.get("Bucket", ""))
        if request.operation == "PutBucketWebsite":
            host = website(bucket, _buckets()[bucket].region_name)
            self._net.serve(
                host, _buckets()[bucket].region_name, lambda asked: self._answer(bucket, asked), service="s3"
            )
        elif request.operation in ("PutPublicAccessBlock", "DeletePublicAccessBlock"):
            delay = self._cloud.latency.draw("s3_public_access_block")
            self._cloud.clock.after(delay, lambda: self._turn(bucket))

    def _turn(self, bucket: str) -> None:
        """A door comes to stand as the configuration now says."""
        holder = _buckets().get(bucket) if bucket else s3control_backends[ACCOUNT]["aws"]
        block = holder.public_access_block if holder is not None else None
        self._closed[bucket] = block is not None and block.restrict_public_buckets

    def _answer(self, bucket: str, asked: HttpRequest) -> HttpAnswer:
        store = _buckets().get(bucket)
        if store is None or store.website_configuration is None:
            return 404, b"NoSuchWebsiteConfiguration"
        if asked.method not in ("GET", "HEAD"):
            return 405, b"MethodNotAllowed"
        key = asked.path.partition("?")[0].removeprefix("/")
        if key == "" or key.endswith("/"):
            key += _index(store.website_configuration)
        closed = self._closed.get(bucket) or self._closed.get("")
        if closed or not _is_public(store.policy, f"arn:aws:s3:::{bucket}/{key}"):
            return 403, b"AccessDenied"
        found = store.keys.get(key)
        if found is None or isinstance(found, FakeDeleteMarker):
            return 404, b"NoSuchKey"
        return 200, b"" if asked.method == "HEAD" else bytes(found.value)


def website(bucket: str, region: str) -> str:
    """The website endpoint's host. It speaks HTTP only."""
    return f"{bucket}.s3-website{'-' if region in DASHED else '.'}{region}.amazonaws.com"


def _buckets() -> Mapping[str, Any]:
    """moto's own state: reading it takes no time, and no fault befalls it."""
    found: Mapping[str, Any] = s3_backends[ACCOUNT]["aws"].buckets
    return found


def _index(configuration: bytes) -> str:
    website = xmltodict.parse(configuration)["WebsiteConfiguration"]
    return str(website["IndexDocument"]["Suffix"])


def _is_public(policy: bytes | None, resource: str) -> bool:
    """The policy lets anyone read the object. Conditions are not read: a grant under one is not public."""
    statements = json.loads(policy)["Statement"] if policy is not None else []
    effects = {
        statement["Effect"]
        for statement in (statements if isinstance(statements, list) else [statements])
        if statement.get("Principal") in ("*", {"AWS": "*"}, {"AWS": ["*"]})
        and "Condition" not in statement
        and _matches(statement.get("Action", []), "s3:GetObject")
        and _matches(statement.get("Resource", []), resource)
    }
    return effects == {"Allow"}


def _matches(patterns: str | list[str], what: str) -> bool:
    return any(fnmatchcase(what, each) for each in ([patterns] if isinstance(patterns, str) else patterns))
