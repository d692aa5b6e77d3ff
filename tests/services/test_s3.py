"""S3's buckets and their websites, in the Cloud that has everything."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from every_service import EAST, WEST, client

from twin.cloud import Cloud
from twin.net import Net
from twin.services.iam.model import Statement
from twin.services.lambda_.model import FunctionError, Functions
from twin.services.s3.model import Websites
from twin.services.s3.replication import Replication


def furnish(cloud: Cloud, name: str) -> None:
    Websites.of(cloud, Net.of(cloud))
    buckets = Replication.of(cloud)
    buckets.bucket(EAST, f"{name}-east", buckets.bucket(WEST, f"{name}-west"))
    s3 = client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": WEST})
    s3.put_bucket_website(Bucket=name, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})


def close(cloud: Cloud) -> None:
    block = {"RestrictPublicBuckets": True}
    client("s3").put_public_access_block(Bucket="one", PublicAccessBlockConfiguration=block)


def upload(cloud: Cloud) -> None:
    Replication.of(cloud).buckets["one-east"].put("a", b"ann")


UNDER_WAY = {"a page that closes": close, "an object that is replicated": upload}


def test_a_page_is_open_until_its_block_has_taken_effect_and_the_state_shows_both(cloud: Cloud) -> None:
    sites = Websites.of(cloud)
    before = sites.state()
    close(cloud)
    closing = sites.state()
    cloud.clock.sleep(20)
    assert len({repr(each) for each in (before, closing, sites.state())}) == 3


def test_the_head_of_an_object_is_there_as_long_as_the_object_is(cloud: Cloud) -> None:
    s3 = client("s3")
    s3.put_object(Bucket="one", Key="a")
    assert s3.head_object(Bucket="one", Key="a")["ContentLength"] == 0
    for _ in range(2):
        s3.delete_object(Bucket="one", Key="a")
    for bucket in ("one", "none"):
        with pytest.raises(ClientError, match="404"):
            s3.head_object(Bucket=bucket, Key="a")


def test_a_bucket_tells_its_region(cloud: Cloud) -> None:
    assert client("s3").head_bucket(Bucket="one")["BucketRegion"] == WEST
    with pytest.raises(ClientError, match="404"):
        client("s3").head_bucket(Bucket="none")


def test_of_a_missing_object_only_who_may_list_the_bucket_is_told(cloud: Cloud) -> None:
    """Source: docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html"""
    named = "arn:aws:s3:::one/a"

    def look(event: Any, context: Any) -> None:
        client("s3").head_object(Bucket="one", Key="a")

    for actions, said in (({"s3:GetObject"}, "AccessDenied"), ({"s3:GetObject", "s3:ListBucket"}, "404")):
        policy = (Statement(frozenset(actions), (named,)),)
        Functions.of(cloud).deploy(WEST, f"looks-{said}", look, policy=policy)
        with pytest.raises(FunctionError, match=said):
            Functions.of(cloud).invoke(WEST, f"looks-{said}", {})


def test_an_object_is_pending_until_its_replica_is_there_under_the_same_version(cloud: Cloud) -> None:
    east, west = (client("s3", region) for region in (EAST, WEST))
    upload(cloud)
    assert east.head_object(Bucket="one-east", Key="a")["ReplicationStatus"] == "PENDING"
    with pytest.raises(ClientError, match="404"):
        west.head_object(Bucket="one-west", Key="a")
    cloud.clock.sleep(100)
    here, there = west.head_object(Bucket="one-west", Key="a"), east.head_object(Bucket="one-east", Key="a")
    assert (here["ReplicationStatus"], there["ReplicationStatus"]) == ("REPLICA", "COMPLETED")
    assert (here["VersionId"], here["ETag"]) == (there["VersionId"], there["ETag"])


def test_a_failed_replication_stays_so_and_a_delete_marker_stays_where_it_is(cloud: Cloud) -> None:
    bucket = Replication.of(cloud).buckets["one-east"]
    bucket.put("b", b"bob")
    cloud.clock.sleep(100)
    bucket.delete("b")
    bucket.failing = True
    bucket.put("c", b"carl")
    cloud.clock.sleep(1000)
    east, west = (client("s3", region) for region in (EAST, WEST))
    assert east.head_object(Bucket="one-east", Key="c")["ReplicationStatus"] == "FAILED"
    assert [each["Key"] for each in west.list_object_versions(Bucket="one-west")["Versions"]] == ["b"]
    listed = east.list_object_versions(Bucket="one-east")
    assert [(each["Key"], each["IsLatest"]) for each in listed["DeleteMarkers"]] == [("b", True)]
    assert [(each["Key"], each["IsLatest"]) for each in listed["Versions"]] == [("b", False), ("c", True)]


def test_a_listing_has_pages_of_a_thousand_versions_in_the_order_of_keys(cloud: Cloud) -> None:
    bucket = Replication.of(cloud).buckets["one-east"]
    for number in range(1500):
        bucket.put(f"{'b' if number % 2 else 'a'}/{number // 4:04}")
    pages = list(client("s3", EAST).get_paginator("list_object_versions").paginate(Bucket="one-east"))
    assert [len(page["Versions"]) for page in pages] == [1000, 500]
    keys = [each["Key"] for page in pages for each in page["Versions"]]
    assert keys == sorted(keys)
    assert len(keys) == 1500
    (page,) = (
        client("s3", EAST).get_paginator("list_object_versions").paginate(Bucket="one-east", Prefix="b/")
    )
    assert len(page["Versions"]) == 750
