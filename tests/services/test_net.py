"""The network, in the Cloud that has everything."""

from __future__ import annotations

from every_service import EAST, WEST

from twin.cloud import Cloud
from twin.net import Net


def furnish(cloud: Cloud, name: str) -> None:
    for region in (EAST, WEST):
        page = f"{region} of {name}".encode()
        Net.of(cloud).serve(f"{region}.{name}.example", region, lambda request, page=page: (200, page))  # type: ignore[misc]
