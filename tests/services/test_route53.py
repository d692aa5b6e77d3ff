"""Route 53, in the Cloud that has everything."""

from __future__ import annotations

from every_service import EAST, WEST

from twin.cloud import Cloud
from twin.net import Net
from twin.services.arc.model import Arc
from twin.services.route53.model import Route53


def furnish(cloud: Cloud, name: str) -> None:
    """ARC's cluster of this name is there: what is furnished is so in the order of the tests' names."""
    dns, controls = Route53.of(cloud, Net.of(cloud)), Arc.of(cloud).clusters[name]
    hosts = [(f"{region}.{name}.example", dns.health_check(controls, region)) for region in (EAST, WEST)]
    dns.record(f"{name}.example", hosts)
