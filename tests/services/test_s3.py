"""S3's buckets and their websites, in the Cloud that has everything."""

from __future__ import annotations

from every_service import WEST, client

from twin.cloud import Cloud
from twin.net import Net
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
