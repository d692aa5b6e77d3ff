"""Buckets with a website that anybody may read: each Region's customers are shown its page first.

A line that compares one Region's bucket with the `other`'s names two with versions, of which the other
replicates to the one, and where a line of the way back says so, the one to the other. They have a few
objects.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import boto3

from ...furnishing import Line, Role, Room, Wanted, Way, host_of
from .model import Websites
from .replication import Bucket, Replication

BUCKET, KEY, URL = "BucketName", "ObjectKey", "Url"
TAKES: Mapping[str, Role] = {BUCKET: "shows", "JsonKey": ""}
OBJECTS = ("first", "second", "third")
HOST = re.compile(r"(?P<bucket>[a-z0-9.-]+)\.s3-website[.-](?P<region>[a-z0-9-]+)\.amazonaws\.com")


class Pages:
    """A website, as a gate."""

    def __init__(self, websites: Websites, bucket: str) -> None:
        self._websites, self._bucket = websites, bucket

    def is_open(self) -> bool:
        return self._websites.is_open(self._bucket)

    def setting(self) -> object:
        return self.is_open()


def refused(wanted: Wanted) -> Iterator[str]:
    for bucket, regions in wanted.places(BUCKET).items():
        if len(regions) > 1:
            yield f"{bucket} would be in {' and '.join(sorted(regions))}"


def furnish(room: Room) -> None:
    _websites(room)
    _replicas(room)


def _replicas(room: Room) -> None:
    made: dict[str, Bucket] = {}
    for line in _compares(room.wanted):
        of_all, here, there = Replication.of(room.cloud), line.inputs["region"], line.inputs["other"]
        pair = line.by_region(BUCKET)
        for region, name in pair.items():
            if name not in made:
                made[name] = of_all.bucket(region, name)
        made[pair[there]].target = made[pair[here]]
        if there == room.wanted.primary:
            for name in OBJECTS:
                made[pair[there]].put(f"{line.inputs.get('prefix') or ''}{name}", name.encode())


def _compares(wanted: Wanted) -> list[Line]:
    return [line for line in wanted.lines if line.compares and line.by_region(BUCKET)]


def _websites(room: Room) -> None:
    if not (buckets := _buckets(room.wanted)):
        return
    websites = Websites.of(room.cloud, room.net)
    compared = _compares(room.wanted)
    shown = {n.text for line, n in room.wanted.naming(BUCKET) if n.keyed and line not in compared}
    for bucket, region in buckets.items():
        objects = {
            "index.html": f"<h1>{room.wanted.application} - {region}</h1>",
            **_configs(room.wanted, bucket),
        }
        _website(websites, region, bucket, objects)
        if bucket in shown:
            room.add_way(region, Way(BUCKET, bucket, Pages(websites, bucket)))


def _buckets(wanted: Wanted) -> Mapping[str, str]:
    """The Region of each."""
    compared = _compares(wanted)
    named = {
        name.text: min(wanted.places(BUCKET)[name.text])
        for line, name in wanted.naming(BUCKET)
        if line not in compared
    }
    return named | {
        found["bucket"]: found["region"] for found in map(HOST.fullmatch, _hosts(wanted)) if found
    }


def _hosts(wanted: Wanted) -> list[str]:
    return [host_of(url) for url in wanted.texts(URL)]


def _configs(wanted: Wanted, bucket: str) -> Mapping[str, str]:
    """What lines look for on the website: JSON, by path."""
    websites = ((url, HOST.fullmatch(host_of(url))) for url in wanted.texts(URL))
    return {
        url.partition("://")[2].partition("/")[2]: json.dumps({**wanted.shown(), "region": website["region"]})
        for url, website in websites
        if website and website["bucket"] == bucket
    }


def _website(websites: Websites, region: str, bucket: str, objects: Mapping[str, str]) -> None:
    s3 = boto3.client("s3", region_name=region)
    where: Any = (
        {"CreateBucketConfiguration": {"LocationConstraint": region}} if region != "us-east-1" else {}
    )
    s3.create_bucket(Bucket=bucket, **where)
    websites.unblocked(bucket)
    anybody = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [anybody]}))
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})
    for key, body in objects.items():
        s3.put_object(Bucket=bucket, Key=key, Body=body.encode())
