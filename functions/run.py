"""The run that a tick belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .inputs import Region

Mode = Literal["graceful", "ungraceful"]
MODES: tuple[Mode, ...] = ("graceful", "ungraceful")


@dataclass(frozen=True)
class Run:
    """The execution that this tick belongs to."""

    application: str
    procedure: str
    hand: Literal["run", "outage"]
    """Who takes away and gives back: a run, or the game day. Each remembers for itself."""
    source: Region
    target: Region
    mode: Mode
    dry_run: bool
    execution: str
    redrives: int
    state: str
    undoing: bool = False
    again: bool = False
    """What this run owes is tried once more, and nobody is waited for."""
    trigger: str = ""
