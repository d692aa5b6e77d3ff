"""S3's website endpoints. Whether the public may read them is decided here; buckets and objects are kept
behind the Cloud (twin/backing.py).

A block of public access takes effect a little after it is set, as all of S3's configuration does. Of its
four settings, RestrictPublicBuckets is the one that acts on a bucket policy which is already there, and the
stricter of the bucket's and the account's holds. Sources:
docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html,
docs.aws.amazon.com/AmazonS3/latest/userguide/WebsiteAccessPermissionsReqd.html (404 and 403)
"""

from __future__ import annotations

import functools
import json
from collections import Counter
from fnmatch import fnmatchcase
from typing import ClassVar

from ...cloud import Answer, Cloud
from ...faults import Request
from ...net import HttpAnswer, HttpRequest, Net
from ...service import APART, Service
from .buckets import Bucket, Keeper

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


class Websites(Service):
    """Every bucket that has a website configuration, on the network."""

    service: ClassVar = "s3"
    not_state: ClassVar = {"cloud": APART, "_net": APART, "_keeper": APART}

    def __init__(self, cloud: Cloud, net: Net) -> None:
        super().__init__(cloud)
        self._net = net
        self._keeper: Keeper = cloud.backing.keeper(self.service)
        self._closed: dict[str, bool] = {}
        """What the endpoints do, by bucket: the configuration of a little while ago. "" is the account."""
        self._turning: Counter[str] = Counter()
        """Changes of a configuration that have not taken effect yet, by bucket."""
        cloud.watchers.append(self._watch)

    def state(self) -> object:
        closed = sorted(bucket for bucket, closed in self._closed.items() if closed)
        return closed, sorted(+self._turning)

    def is_open(self, bucket: str) -> bool:
        """Its endpoint is not closed to the public: for invariants, which take no time."""
        return not (self._closed.get(bucket) or self._closed.get(""))

    def _watch(self, request: Request, answer: Answer | None) -> None:
        if request.service not in ("s3", "s3control"):
            return
        bucket = str(request.parameters.get("Bucket", ""))
        if request.operation == "PutBucketWebsite":
            region = self._bucket(bucket).region
            host = website(bucket, region)
            if not self._net.serves(host):  # configured again, it is the same host
                self._net.serve(host, region, lambda asked: self._answer(bucket, asked), service="s3")
        elif request.operation in ("PutPublicAccessBlock", "DeletePublicAccessBlock"):
            delay = self.cloud.latency.draw("s3_public_access_block")
            self._turning[bucket] += 1
            self.cloud.clock.after(delay, lambda: self._turn(bucket))

    def _turn(self, bucket: str) -> None:
        """An endpoint comes to do what the configuration now says."""
        self._turning[bucket] -= 1
        if bucket == "":
            self._closed[""] = self._keeper.account_is_restricted()
        else:
            there = self._keeper.bucket(bucket)
            self._closed[bucket] = there is not None and there.restricted

    def _bucket(self, name: str) -> Bucket:
        there = self._keeper.bucket(name)
        assert there is not None, f"a website in no bucket: {name}"
        return there

    def _answer(self, bucket: str, asked: HttpRequest) -> HttpAnswer:
        store = self._keeper.bucket(bucket)
        if store is None or store.index is None:
            return 404, b"NoSuchWebsiteConfiguration"
        if asked.method not in ("GET", "HEAD"):
            return 405, b"MethodNotAllowed"
        key = asked.path.partition("?")[0].removeprefix("/")
        if key == "" or key.endswith("/"):
            key += store.index
        closed = self._closed.get(bucket) or self._closed.get("")
        if closed or not _is_public(store.policy, f"arn:aws:s3:::{bucket}/{key}"):
            return 403, b"AccessDenied"
        found = store.read(key)
        if found is None:
            return 404, b"NoSuchKey"
        return 200, b"" if asked.method == "HEAD" else found


def website(bucket: str, region: str) -> str:
    """The website endpoint's host. It speaks HTTP only."""
    return f"{bucket}.s3-website{'-' if region in DASHED else '.'}{region}.amazonaws.com"


@functools.lru_cache(maxsize=256)
def _is_public(policy: str | bytes | None, resource: str) -> bool:
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
