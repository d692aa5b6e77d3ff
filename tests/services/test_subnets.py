"""EC2's subnets, in the Cloud that has everything."""

from __future__ import annotations

import hashlib

from every_service import WEST

from twin.cloud import Cloud
from twin.services.ec2.subnets import Subnets


def furnish(cloud: Cloud, name: str) -> None:
    Subnets.of(cloud).subnet(WEST, f"subnet-{hashlib.sha256(name.encode()).hexdigest()[:17]}", f"vpc-{name}")
