"""AWS Health, in the Cloud that has everything."""

from __future__ import annotations

from every_service import EAST

from twin.cloud import Cloud
from twin.services.events.model import Bus
from twin.services.health.model import Health


def furnish(cloud: Cloud, name: str) -> None:
    Health.of(cloud, Bus.of(cloud))


UNDER_WAY = {"an impairment": lambda cloud: Health.of(cloud).impair(EAST, "RDS")}
