"""CloudFront, in the Cloud that has everything."""

from __future__ import annotations

from every_service import EAST, WEST

from twin.cloud import Cloud
from twin.net import Net
from twin.services.cloudfront.model import CloudFront


def furnish(cloud: Cloud, name: str) -> None:
    edge = CloudFront.of(cloud, Net.of(cloud))
    edge.distribution(f"edge-{name}.example", f"{EAST}.{name}.example", f"{WEST}.{name}.example")
