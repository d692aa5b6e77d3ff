"""S3's website endpoints, and the heads of objects. Whether the public may read is decided here; buckets and
objects are kept behind the Cloud (twin/backing.py).

A new bucket has a whole block of public access. A block takes effect a little after it is set, as all of S3's
configuration does. Of its four settings, two act on what is already there, RestrictPublicBuckets on a public
bucket policy and IgnorePublicAcls on ACLs; the other two would refuse new ones, which nobody tries here. The
stricter of the bucket's and the account's holds. Object Ownership, which says whether a bucket takes ACLs at
all, is not modelled. Sources:
docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html,
docs.aws.amazon.com/AmazonS3/latest/userguide/WebsiteAccessPermissionsReqd.html (404 and 403),
docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html (its refusals have no body, and so no word)
"""

from __future__ import annotations

import functools
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, ClassVar

from ...cloud import Answer, AwsError, Cloud, Operation
from ...faults import Plug, Request
from ...net import HttpAnswer, HttpRequest, Net
from ...service import APART, Service
from .buckets import Bucket, Keeper, Shut

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
    """Every bucket that has a website configuration, on the network; and what is there, for whoever asks."""

    service: ClassVar = "s3"
    not_state: ClassVar = {
        **dict.fromkeys(("cloud", "_net", "_keeper"), APART),
        "_pulled": "a person blocks in a rehearsal alone",
    }

    def __init__(self, cloud: Cloud, net: Net) -> None:
        super().__init__(cloud)
        self._net = net
        self._keeper: Keeper = cloud.backing.keeper(self.service)
        self._shut: dict[str, Shut] = {}
        """What endpoints shut, by bucket: as configured a little while ago. "" is the account."""
        self._turning: Counter[str] = Counter()
        """Changes of a configuration that have not taken effect yet, by bucket."""
        self._pulled: set[str] = set()
        """Buckets whose websites a plug blocks, however they are configured."""
        cloud.watchers.append(self._watch)

    def operations(self) -> Mapping[str, Operation]:
        return {"HeadObject": self._head, "HeadBucket": self._head_bucket}

    def state(self) -> object:
        shut = sorted((bucket, shut) for bucket, shut in self._shut.items() if any(shut))
        return shut, sorted(+self._turning)

    def is_open(self, bucket: str) -> bool:
        """Its endpoint is not closed to the public: for invariants, which take no time."""
        if not any(self._now_shut(bucket)):
            return True
        there = self._bucket(bucket)
        return there.index is not None and self._lets_in(bucket, there, there.index)

    def shows(self, bucket: str, key: str) -> bool:
        """Anybody may read the object, and it is there. For who watches it, and takes time by himself."""
        there = self._keeper.bucket(bucket)
        return there is not None and there.read(key) is not None and self._lets_in(bucket, there, key)

    def unblocked(self, bucket: str) -> None:
        """Its owner has taken away, long ago, the block that a new bucket has."""
        self._keeper.unblock(bucket)

    def plugs(self) -> Sequence[Plug]:
        """Each website's bucket blocked."""
        return [
            Plug(self._bucket(name).region, f"bucket {name}", "block", "blocked", name, self._pulled)
            for name in sorted(self._shut)
            if name
        ]

    def _watch(self, request: Request, answer: Answer | None) -> None:
        if request.service not in ("s3", "s3control"):
            return
        bucket = str(request.parameters.get("Bucket", ""))
        if request.operation == "PutBucketWebsite":
            region = self._bucket(bucket).region
            host = website(bucket, region)
            self._shut[bucket] = self._bucket(bucket).shut
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
            self._shut[""] = self._keeper.accounts()
        else:
            there = self._keeper.bucket(bucket)
            self._shut[bucket] = Shut() if there is None else there.shut

    def _now_shut(self, bucket: str) -> Shut:
        own, accounts = self._shut.get(bucket), self._shut.get("", Shut())
        if own is None:  # no website, so that nobody has looked before
            there = self._keeper.bucket(bucket)
            own = Shut() if there is None else there.shut
        return Shut(own.policies or accounts.policies, own.acls or accounts.acls)

    def _lets_in(self, bucket: str, there: Bucket, key: str) -> bool:
        """The public may read the object."""
        shut, said = self._now_shut(bucket), _said(there.policy, f"arn:aws:s3:::{bucket}/{key}")
        if "Deny" in said or (shut.policies and _is_public(there.policy)):
            return False
        return "Allow" in said or (not shut.acls and there.read(key) is not None and there.public_by_acl(key))

    def _head(self, request: Request) -> Answer:
        there = self._keeper.bucket(str(request.parameters["Bucket"]))
        found = None if there is None else there.read(str(request.parameters["Key"]))
        if found is None:
            raise AwsError("404", "Not Found", 404)
        return {"ContentLength": len(found)}

    def _head_bucket(self, request: Request) -> Answer:
        there = self._keeper.bucket(str(request.parameters["Bucket"]))
        if there is None:
            raise AwsError("404", "Not Found", 404)
        return {"BucketRegion": there.region}

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
        if bucket in self._pulled or not self._lets_in(bucket, store, key):
            return 403, b"AccessDenied"
        found = store.read(key)
        if found is None:
            return 404, b"NoSuchKey"
        return 200, b"" if asked.method == "HEAD" else found


def website(bucket: str, region: str) -> str:
    """The website endpoint's host. It speaks HTTP only."""
    return f"{bucket}.s3-website{'-' if region in DASHED else '.'}{region}.amazonaws.com"


@functools.lru_cache(maxsize=256)
def _said(policy: str | bytes | None, resource: str) -> frozenset[str]:
    """The effects that the policy has on whoever reads the object."""
    return frozenset(
        statement["Effect"]
        for statement in _about_everybody(policy)
        if _matches(statement.get("Action", []), "s3:GetObject")
        and _matches(statement.get("Resource", []), resource)
    )


def _is_public(policy: str | bytes | None) -> bool:
    """It grants anything to anyone."""
    return any(statement["Effect"] == "Allow" for statement in _about_everybody(policy))


@functools.lru_cache(maxsize=64)
def _about_everybody(policy: str | bytes | None) -> tuple[dict[str, Any], ...]:
    """Its statements about anyone. Conditions are not read: a grant under one is not public."""
    statements = json.loads(policy)["Statement"] if policy is not None else []
    return tuple(
        statement
        for statement in (statements if isinstance(statements, list) else [statements])
        if statement.get("Principal") in ("*", {"AWS": "*"}, {"AWS": ["*"]}) and "Condition" not in statement
    )


def _matches(patterns: str | list[str], what: str) -> bool:
    return any(fnmatchcase(what, each) for each in ([patterns] if isinstance(patterns, str) else patterns))
