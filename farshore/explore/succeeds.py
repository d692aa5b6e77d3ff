"""Which runs must succeed, whatever happens to them."""

from __future__ import annotations

from ..runbook.load import Runbook
from .seed import ALARM, DECLINED, HAND_KINDS, LAG, LASTING_KINDS, Fault, Seed

SHORT = 120.0
"""Seconds that a Region may be away without stopping a run that does not leave it."""
MINORITY = 2
"""Of an ARC cluster's five endpoints, so many may be dark."""


def must_succeed(seed: Seed, runbook: Runbook) -> bool:
    """Nothing in the seed may stop the run that it is about."""
    if seed.has("denied", LAG, ALARM, DECLINED, *HAND_KINDS):
        return False
    lasting = [fault for fault in seed.faults if fault.kind in LASTING_KINDS]
    endpoints = [fault for fault in lasting if "." in fault.place]
    others = [fault for fault in lasting if fault not in endpoints]
    return len(endpoints) <= MINORITY and all(_ridden_out(fault, seed, runbook) for fault in others)


def _ridden_out(fault: Fault, seed: Seed, runbook: Runbook) -> bool:
    source, target = direction(seed, runbook)
    places = {place.rpartition("/")[2] for place in fault.place.split("~")}
    if fault.kind == "cut":
        return seed.may_lose or not places <= {source, target}
    if target in places:
        return fault.kind == "dark" and isinstance(fault.until, float) and fault.until <= SHORT
    return source not in places or seed.may_lose


def direction(seed: Seed, runbook: Runbook) -> tuple[str, str]:
    """`$from` and `$to` of the seed's procedure."""
    return runbook.direction(seed.procedure)
