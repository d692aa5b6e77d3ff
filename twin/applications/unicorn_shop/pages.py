"""The Unicorn Shop's pages: a website a Region, each with the config.json that names the API, and one CDN."""

from __future__ import annotations

import json
from typing import Any, Literal

import boto3

from ...cloud import Cloud
from ...net import Net
from ...services.cloudfront.model import CloudFront
from ...services.s3.model import Websites, website
from .names import API, BUCKETS, PAGES, REGIONS, api_host

Wiring = Literal["arc", "workshop"]
Public = Literal["policy", "acl"]
"""By what the pages are public: the bucket's policy, or each object's ACL."""


class Pages:
    """Open to the public in each Region, until somebody blocks them."""

    def __init__(self, cloud: Cloud, net: Net, wiring: Wiring, public: Public = "policy") -> None:
        self._wiring = wiring
        self._websites = Websites(cloud, net)
        for region in REGIONS:
            config = json.dumps({"host": self._api(region), "region": region})
            self._bucket(region, BUCKETS[region], config, public)
        primary, standby = (website(BUCKETS[region], region) for region in REGIONS)
        # The workshop's own settings are 3 attempts of 10 seconds, which no customer waits for.
        CloudFront.of(cloud, net).distribution(PAGES, primary, standby, attempts=1, timeout=2)

    def is_open(self, region: str) -> bool:
        """The Region's website lets the public in."""
        return self._websites.is_open(BUCKETS[region])

    def named_hosts(self) -> set[str]:
        """Those that the pages lead customers to."""
        return {self._api(region).split("/")[2] for region in REGIONS if self.is_open(region)}

    def _api(self, region: str) -> str:
        return f"https://{API if self._wiring == 'arc' else api_host(region)}"

    def _bucket(self, region: str, name: str, config: str, public: Public) -> None:
        s3 = boto3.client("s3", region_name=region)
        where: Any = (
            {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        )
        s3.create_bucket(Bucket=name, **where)
        policy = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": "*",
                    "Action": "s3:GetObject",
                    "Resource": f"arn:aws:s3:::{name}/*",
                }
            ],
        }
        self._websites.unblocked(name)
        if public == "policy":
            s3.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))
        acl: Any = {} if public == "policy" else {"ACL": "public-read"}
        s3.put_bucket_website(Bucket=name, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})
        s3.put_object(
            Bucket=name, Key="index.html", Body=f"<h1>The Unicorn Shop - {region}</h1>".encode(), **acl
        )
        s3.put_object(Bucket=name, Key="config.json", Body=config.encode(), **acl)
