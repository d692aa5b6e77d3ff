"""Distributions with an origin in each Region, which their behaviours ask as a group. Customers do not meet
them: which of the runbook's hosts such a one serves, no line says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...furnishing import Role, Room, Wanted
from .model import CloudFront, Names

DISTRIBUTION, ORIGIN, PATTERN = "DistributionId", "OriginId", "PathPattern"
TAKES: Mapping[str, Role] = {DISTRIBUTION: "", ORIGIN: "", PATTERN: ""}
DEFAULT = "*"


def refused(wanted: Wanted) -> Iterator[str]:
    for distribution in wanted.texts(DISTRIBUTION):
        if len(_origins(wanted, distribution)) > 1:
            yield f"{distribution} has one origin in one line, and another in another"


def assumed(wanted: Wanted) -> Iterator[str]:
    if distributions := wanted.texts(DISTRIBUTION):
        yield f"customers do not go through {', '.join(distributions)}"


def furnish(room: Room) -> None:
    wanted, (primary, standby) = room.wanted, (room.addresses[region] for region in room.regions)
    for distribution in wanted.texts(DISTRIBUTION):
        ((first, second),) = _origins(wanted, distribution)
        patterns = {
            name.text
            for line in wanted.lines
            if any(of.text == distribution for of in line.of(DISTRIBUTION))
            for name in line.of(PATTERN)
        }
        CloudFront.of(room.cloud, room.net).distribution(
            wanted.made_up(f"{distribution.lower()}.cloudfront.net"),
            primary,
            standby,
            named=Names(distribution, (first, second), tuple(sorted(patterns - {DEFAULT}))),
        )


def _origins(wanted: Wanted, distribution: str) -> set[tuple[str, str]]:
    """Those of the primary and of the standby, as each line of the distribution has them."""
    lines = (line for line, name in wanted.naming(DISTRIBUTION) if name.text == distribution)
    here = (line.by_region(ORIGIN) for line in lines)
    return {(origins[wanted.primary], origins[wanted.standby]) for origins in here}
