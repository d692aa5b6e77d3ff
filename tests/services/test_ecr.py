"""ECR's repositories, in the Cloud that has everything."""

from __future__ import annotations

from every_service import EAST, WEST

from twin.cloud import Cloud
from twin.services.ecr.model import Ecr


def furnish(cloud: Cloud, name: str) -> None:
    for region in (EAST, WEST):
        Ecr.of(cloud).repository(region, name)
