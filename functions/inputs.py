"""What a step's inputs can say, besides texts, numbers and truths."""

from __future__ import annotations

import re
from typing import NewType

Region = NewType("Region", str)
"""One of the runbook's own: `$from`, `$to` or a name under `regions:`; in an event always a name."""
AwsRegion = NewType("AwsRegion", str)
"""Any Region of AWS, the application's or not: where ARC's cluster endpoints are."""
Seconds = NewType("Seconds", float)
"""A duration: "30s", "15m" or "2h" in a runbook, a number of seconds in an event."""


def seconds(text: str | int | float) -> float:
    """A duration as runbooks write it ("30s", "15m", "2h"), in seconds."""
    if isinstance(text, int | float):
        return float(text)
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m|h)", text)
    if match is None:
        raise ValueError(f"{text!r} is not a duration: write 30s, 15m or 2h")
    return float(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]]
