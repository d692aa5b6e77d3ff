"""S3's buckets and their websites, in the Cloud that has everything."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from every_service import WEST, client

from twin.cloud import Cloud
from twin.net import Net
from twin.services.iam.model import Statement
from twin.services.lambda_.model import FunctionError, Functions
from twin.services.s3.model import Websites


def furnish(cloud: Cloud, name: str) -> None:
    Websites.of(cloud, Net.of(cloud))
    s3 = client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": WEST})
    s3.put_bucket_website(Bucket=name, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})


def close(cloud: Cloud) -> None:
    block = {"RestrictPublicBuckets": True}
    client("s3").put_public_access_block(Bucket="one", PublicAccessBlockConfiguration=block)


UNDER_WAY = {"a page that closes": close}


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
