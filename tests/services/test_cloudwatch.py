"""CloudWatch's metrics and alarms, in the Cloud that has everything."""

from __future__ import annotations

from every_service import EAST, WEST

from twin.cloud import Cloud
from twin.services.cloudwatch.model import Metrics
from twin.services.events.model import Bus


def furnish(cloud: Cloud, name: str) -> None:
    metrics, by_name = Metrics.of(cloud, Bus.of(cloud)), {"CanaryName": name}
    metrics.alarm(WEST, name, "CloudWatchSynthetics", "Failed", by_name, 0.5, "GreaterThanThreshold")
    metrics.composite(WEST, f"{name}-or-not", f"ALARM({name})")


UNDER_WAY = {
    "a sample out of the usual": lambda cloud: Metrics.of(cloud).put(
        EAST, "AWS/RDS", "AuroraGlobalDBRPOLag", {"DBClusterIdentifier": "one-east"}, 40_000
    ),
}
