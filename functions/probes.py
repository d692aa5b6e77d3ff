"""What probes see: where customers are led, and whether a Region's own front door is answered well.

Not a step itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .calls import HTTP_GET, Absent, Call, Sight, Silence
from .evidence import Says
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


def judged(sight: Sight, control: Sight | None, search_string: str) -> tuple[Says, str, str]:
    """What the answer of a Region's own URL says of whether the Region is impaired, the answer in words, and
    why it would prove nothing; "" where it proves something.

    `control` is the answer of the other Region's own URL, at the same time: whoever asks may be refused
    everywhere.
    """
    says, why = _says(sight, search_string)
    elsewhere = "" if control is None else _elsewhere(control, search_string)
    if elsewhere and says == "yes":
        return "unknown", f"{why}; {elsewhere}", elsewhere
    return says, why, elsewhere


def _says(sight: Sight, search_string: str) -> tuple[Says, str]:
    if isinstance(sight, Silence):
        # A host that DNS does not know is a mistake of whoever wrote its name, or took it away.
        return "unknown" if sight.nameless else "yes", sight.why
    if isinstance(sight, Absent):
        return "unknown", f"it answers {sight.code}"
    return _probed(sight, search_string)


def _probed(answer: Mapping[str, Any], search_string: str) -> tuple[Says, str]:
    status = answer["status"]
    if not 200 <= status < 300:
        return "yes" if status >= 500 or status == 403 else "unknown", f"HTTP {status}"
    if search_string not in answer["body"].decode(errors="replace"):
        return "yes", f"HTTP {status}, but its body lacks {search_string}"
    return "no", f"HTTP {status}"


def _elsewhere(control: Sight, search_string: str) -> str:
    says, said = _says(control, search_string)
    return "" if says == "no" else f"the other Region's own URL is not answered well either ({said})"
