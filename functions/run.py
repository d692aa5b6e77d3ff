"""The run that a tick belongs to, and what the tick is for."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Literal

from .inputs import Region

Mode = Literal["graceful", "ungraceful"]
MODES: tuple[Mode, ...] = ("graceful", "ungraceful")

Purpose = Literal[
    "move", "early", "undo", "again", "settle", "beat", "look", "break", "unbreak", "mend", "prepare", "sweep"
]
"""What a state is for:

    move      it moves the application to the other Region
    early     a fence goes up before a person has spoken: a graceful run leaves it for later
    undo      the run gives up: what it took away is given back
    again     a fence that the run owes is tried once more, and nobody is waited for
    settle    debts are paid, on schedule
    beat      heartbeats are written, on schedule
    look      whether a failover could begin is looked at, on schedule
    break     the game day breaks a Region
    unbreak   the game day gives up: what it broke is given back
    mend      the recovery gives back what the game day broke
    prepare   what must be true before a disaster is made true
    sweep     two Regions' tables are compared as a whole, and nothing is changed
"""
Owner = Literal["run", "outage"]

MOVES: frozenset[Purpose] = frozenset({"move", "early"})
"""The run is on its way, and what it takes away is its own."""
SCHEDULED: frozenset[Purpose] = frozenset({"settle", "beat", "look"})
"""It is started by a schedule, beside whatever people and alarms start."""
OUTAGE: frozenset[Purpose] = frozenset({"break", "unbreak", "mend"})
GIVES_UP: frozenset[Purpose] = frozenset({"undo", "unbreak"})
"""The run has failed, and ends once this is done: no `abort` stops it."""


BEAT_SECONDS = 60.0
"""How often heartbeats are written."""
A_DAY = 86_400.0

ARN_PARTS = 8
"""Of a run's: arn, partition, service, Region, account, "execution", the machine's name, the run's name."""


def machine_name(application: str, procedure: str) -> str:
    """Of the state machine that carries the procedure out, such as some-shop-failover."""
    return f"{application}-{procedure}"


def is_about(named: str, at: float | None, execution: str, started: float) -> bool:
    """What was written at that time (seconds since 1970, by any clock) names the execution that began then,
    and none that had its name before: that is free again after 90 days.
    Source: docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html"""
    return named == execution and (at is None or at >= started - A_DAY)


def account_of(arn: str) -> str:
    return arn.split(":")[4]


SHOWN = 12
"""So many characters of a digest are shown to people."""


def loss_digest(execution: str, started: float) -> str:
    """What a person approves who lets a run go on as ungraceful whose plan was approved as graceful."""
    return hashlib.sha256(json.dumps([execution, started, "ungraceful"]).encode()).hexdigest()


@dataclass(frozen=True)
class Run:
    """The execution that this tick belongs to."""

    application: str
    procedure: str
    """For people; with the application's it names the state machine, and nothing else is decided by it."""
    step: str
    """The step type whose state is ticked."""
    purpose: Purpose
    source: Region
    target: Region
    mode: Mode
    dry_run: bool
    execution: str
    redrives: int
    state: str
    trigger: str = ""
    """The alarm that has started the run."""
    started: float = 0.0
    """When the execution began, in seconds since 1970; 0 in a plan's dry tick."""

    @property
    def owner(self) -> Owner:
        """Who takes away and gives back: a run, or the game day. Each remembers for itself."""
        return "outage" if self.purpose in OUTAGE else "run"

    @property
    def gives_up(self) -> bool:
        return self.purpose in GIVES_UP
