"""Buckets with versions, and replication from one to another: what listings and heads tell of it.

An application writes into a bucket directly, as into its tables. What a rule covers is PENDING until it has
arrived, under the same version ID, or FAILED for good; what was there before the rule has no status. Delete
markers are not replicated. Sources: docs.aws.amazon.com/AmazonS3/latest/userguide/replication.html,
replication-status.html and replication-what-is-isnot-replicated.html,
docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html.

A page goes on after the key and version that it names as markers: it names the last ones that it has. AWS's
page says "the first key not returned": who hands on what was told need not know.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, ClassVar

from ...cloud import Answer, AwsError, Cloud
from ...doubles.forms import known, only
from ...faults import Request
from ...service import APART, WIRING, Service, Stateful, register

MOST_KEYS = 1000
"""In a page: versions, and delete markers."""


@dataclass(frozen=True)
class Version:
    """Of an object; or a delete marker, where it has no body."""

    id: str
    body: bytes | None
    at: float
    """When it was written, in seconds since 1970. A replica has its object's time."""
    status: str = ""
    """Of its replication, "" for none."""


@dataclass
class Bucket(Stateful):
    """One, in one Region, with all its versions."""

    not_state: ClassVar = {
        "_cloud": APART,
        "name": WIRING,
        "region": WIRING,
        "_number": "distinguishes versions, which are in the state",
    }

    _cloud: Cloud
    name: str
    region: str
    encrypted: bool = False
    """Under a key of its Region, so that an ETag is none of the content."""
    target: Bucket | None = None
    held: bool = False
    """What is written is PENDING until `release`."""
    failing: bool = False
    """What is written is FAILED, for lack of a permission, say."""
    versions: dict[str, list[Version]] = field(default_factory=dict)
    """By key, the newest first."""
    _number: int = 0

    def state(self) -> object:
        """Times are left out: a listing tells them, and nobody reads them."""
        kept = {key: [(v.id, v.body, v.status) for v in each] for key, each in sorted(self.versions.items())}
        to = self.target.name if self.target else ""
        return self.encrypted, to, self.held, self.failing, kept

    def put(self, key: str, body: bytes = b"") -> Version:
        replicated = ("FAILED" if self.failing else "PENDING") if self.target else ""
        version = self._write(key, body, replicated)
        if replicated == "PENDING" and not self.held:
            self._send(key, version.id)
        return version

    def delete(self, key: str) -> None:
        """By a delete marker."""
        self._write(key, None, "")

    def forget(self, key: str) -> None:
        """All its versions, for good."""
        del self.versions[key]

    def release(self) -> None:
        """What was held is sent."""
        self.held = False
        for key, versions in self.versions.items():
            for version in versions:
                if version.status == "PENDING":
                    self._send(key, version.id)

    def latest(self, key: str) -> Version | None:
        """None where it is not there, or its latest is a delete marker."""
        found = self.versions.get(key)
        return found[0] if found and found[0].body is not None else None

    def etag(self, version: Version) -> str:
        salt = f"{self.region} {version.id}".encode() if self.encrypted else b""
        return f'"{hashlib.md5(salt + (version.body or b""), usedforsecurity=False).hexdigest()}"'

    def _write(self, key: str, body: bytes | None, status: str) -> Version:
        self._number += 1
        version = Version(f"{self.name}-{self._number:06}", body, self._cloud.clock.now, status)
        self.versions.setdefault(key, []).insert(0, version)
        return version

    def _send(self, key: str, number: str) -> None:
        self._cloud.clock.after(self._cloud.latency.draw("s3_replication"), lambda: self._arrive(key, number))

    def _arrive(self, key: str, number: str) -> None:
        """It waits for a Region that is dark, and finds its place by its time."""
        assert self.target is not None
        is_dark = self._cloud.faults.is_dark
        if is_dark(self.region, "s3") or is_dark(self.target.region, "s3"):
            self._send(key, number)
            return
        mine = self.versions.get(key, [])
        for place, version in enumerate(mine):
            if version.id == number and version.status == "PENDING":
                mine[place] = replace(version, status="COMPLETED")
                theirs = self.target.versions.setdefault(key, [])
                theirs.append(replace(version, status="REPLICA"))
                theirs.sort(key=lambda each: each.at, reverse=True)


class Replication(Service):
    """Every bucket with versions. About others replies whoever did before."""

    service: ClassVar = "s3"
    not_state: ClassVar = {"cloud": APART}

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self.buckets: dict[str, Bucket] = {}
        for operation, answer in (("ListObjectVersions", self._list), ("HeadObject", self._head)):
            cloud.share("s3", operation, lambda request: request.parameters["Bucket"] in self.buckets, answer)

    def bucket(self, region: str, name: str, target: Bucket | None = None, encrypted: bool = False) -> Bucket:
        """One more; what is written there from now on is replicated to the target."""
        return register(self.buckets, name, lambda: Bucket(self.cloud, name, region, encrypted, target))

    def state(self) -> object:
        return [bucket.state() for bucket in self.buckets.values()]

    def _list(self, request: Request) -> Answer:
        asked = only(request, ("Bucket",), ("Prefix", "KeyMarker", "VersionIdMarker", "EncodingType"))
        known(("KeyMarker" in asked) == ("VersionIdMarker" in asked), request, "one marker without the other")
        bucket, prefix = self._bucket(request), asked.get("Prefix", "")
        every = [
            (key, version)
            for key in sorted(bucket.versions, key=str.encode)
            if key.startswith(prefix)
            for version in bucket.versions[key]
        ]
        mark = asked.get("KeyMarker"), asked.get("VersionIdMarker")
        first = next((i + 1 for i, (key, version) in enumerate(every) if (key, version.id) == mark), 0)
        if mark[0] and not first:  # its version is gone meanwhile
            first = next((i for i, (key, _) in enumerate(every) if key > mark[0]), len(every))
        page, rest = every[first : first + MOST_KEYS], every[first + MOST_KEYS :]
        answer: dict[str, Any] = {"Name": bucket.name, "Prefix": prefix, "IsTruncated": bool(rest)}
        listed = [(_about(bucket, key, version), version) for key, version in page]
        objects = [
            {**about, "ETag": bucket.etag(version), "Size": len(version.body), "StorageClass": "STANDARD"}
            for about, version in listed
            if version.body is not None
        ]
        markers = [about for about, version in listed if version.body is None]
        answer |= {"Versions": objects} if objects else {}
        answer |= {"DeleteMarkers": markers} if markers else {}
        last = {"NextKeyMarker": page[-1][0], "NextVersionIdMarker": page[-1][1].id} if rest else {}
        return {**answer, **last, "MaxKeys": MOST_KEYS}

    def _head(self, request: Request) -> Answer:
        asked: Mapping[str, Any] = only(request, ("Bucket", "Key"))
        bucket = self._bucket(request)
        version = bucket.latest(asked["Key"])
        if version is None or version.body is None:
            raise AwsError("404", "Not Found", 404)
        status = {"ReplicationStatus": version.status} if version.status else {}
        return {
            "ContentLength": len(version.body),
            "ETag": bucket.etag(version),
            "VersionId": version.id,
            "LastModified": datetime.fromtimestamp(version.at, UTC),
            **status,
        }

    def _bucket(self, request: Request) -> Bucket:
        """Asked in another Region, S3 names the right one, and boto3 follows; no step of ours asks so."""
        bucket = self.buckets[str(request.parameters["Bucket"])]
        known(bucket.region == request.region, request, f"a bucket of {bucket.region}")
        return bucket


def _about(bucket: Bucket, key: str, version: Version) -> dict[str, Any]:
    return {
        "Key": key,
        "VersionId": version.id,
        "IsLatest": bucket.versions[key][0] is version,
        "LastModified": datetime.fromtimestamp(version.at, UTC),
    }
