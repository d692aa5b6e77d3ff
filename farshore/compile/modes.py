"""Modes in which a procedure can be carried out: those that no step of it refuses before it asks anybody."""

from __future__ import annotations

from collections.abc import Mapping

from functions.run import MODES, Mode

from ..runbook.model import Runbook, lines
from .states import type_of


def modes_of(runbook: Runbook, procedure: str) -> tuple[Mode, ...]:
    """The first is the one to be taken where nobody says which. Both, where each is refused: whoever runs it
    is told why."""
    return tuple(mode for mode in MODES if mode not in refused(runbook, procedure)) or MODES


def refused(runbook: Runbook, procedure: str) -> Mapping[Mode, str]:
    """By mode, the step that refuses it, and why."""
    found: dict[Mode, str] = {}
    for line in lines(runbook.entries(procedure)):
        kind = type_of(line)
        refusals: dict[Mode, str | None] = {"graceful": kind.unplanned_only, "ungraceful": kind.planned_only}
        for mode, why in refusals.items():
            if why is not None:
                found.setdefault(mode, f"{line.step} refuses them: {why}")
    return found
