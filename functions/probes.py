"""Where customers are led, as probes of their URL see it. Not a step itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .calls import HTTP_GET, Call, Sight
from .inputs import Region, Url

PROBES = 3
"""Each is a connection of its own: one that answers says little where customers are shared."""


def probes_of(url: Url, here: Region) -> list[Call]:
    """Asked from the Region `here`, each looking the name up anew."""
    return [HTTP_GET(here, url=url) for _ in range(PROBES)]


def lead_to(sights: Sequence[Sight], region: Region, other: Region) -> bool:
    """All are answered well from `region`, and none names the other Region."""
    return bool(sights) and all(
        is_well(sight) and region in text_of(sight) and other not in text_of(sight) for sight in sights
    )


def is_well(sight: Sight) -> bool:
    return isinstance(sight, Mapping) and 200 <= sight["status"] < 300


def text_of(sight: Sight) -> str:
    """The body of its answer; "" where there is none."""
    return sight["body"].decode(errors="replace") if isinstance(sight, Mapping) else ""
