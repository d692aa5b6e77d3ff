"""STS's endpoints, in the Cloud that has everything."""

from __future__ import annotations

from every_service import WEST

from twin.cloud import Cloud
from twin.net import Net
from twin.services.sts.model import Sts


def furnish(cloud: Cloud, name: str) -> None:
    sts = Sts.of(cloud, Net.of(cloud))
    sts.user(name)
    sts.endpoint(WEST)
