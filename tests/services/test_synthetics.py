"""CloudWatch Synthetics' canaries, in the Cloud that has everything."""

from __future__ import annotations

from every_service import WEST

from twin.cloud import Cloud
from twin.net import Net
from twin.services.cloudwatch.model import Metrics
from twin.services.events.model import Bus
from twin.services.synthetics.model import Synthetics


def furnish(cloud: Cloud, name: str) -> None:
    metrics = Metrics.of(cloud, Bus.of(cloud))
    Synthetics.of(cloud, Net.of(cloud), metrics).canary(WEST, name, f"http://{name}.example/")
