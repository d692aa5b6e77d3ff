"""Buckets with a website that anybody may read: each Region's customers are shown its page first."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import boto3

from ...furnishing import Role, Room, Wanted, host_of
from .model import Websites

BUCKET, KEY, URL = "BucketName", "ObjectKey", "Url"
TAKES: Mapping[str, Role] = {BUCKET: "shows", "JsonKey": ""}
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
    if not (buckets := _buckets(room.wanted)):
        return
    websites = Websites.of(room.cloud, room.net)
    shown = {name.text for _, name in room.wanted.naming(BUCKET) if name.keyed}
    for bucket, region in buckets.items():
        objects = {
            "index.html": f"<h1>{room.wanted.application} - {region}</h1>",
            **_configs(room.wanted, bucket),
        }
        _website(websites, region, bucket, objects)
        if bucket in shown:
            room.gates.setdefault(region, []).append(Pages(websites, bucket))


def _buckets(wanted: Wanted) -> Mapping[str, str]:
    """The Region of each."""
    named = {bucket: min(regions) for bucket, regions in wanted.places(BUCKET).items()}
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
