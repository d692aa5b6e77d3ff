"""How a Region stands at an instant, in the words of its application."""

from __future__ import annotations

from twin.application import intended

from .report import RegionScene, Row
from .simulation import Simulation


def scene_of(simulation: Simulation, region: str) -> RegionScene:
    """Its datasets, its entry, and its share of each route."""
    application = simulation.application
    rows = [
        Row(dataset.name, region in dataset.writers(), "writer", "reader") for dataset in application.datasets
    ]
    rows += [
        Row("entry", entry.is_open(), "open", "closed")
        for entry in application.entries
        if entry.region == region
    ]
    for route in application.routes:
        share = route.intent().get(region, 0.0)
        rows.append(Row(route.name, share > 0, f"{share:.0%} of customers", "no customers"))
    dark = simulation.cloud.faults.is_dark(region)
    return RegionScene(dark, region in intended(application), rows)
