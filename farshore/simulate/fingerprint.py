"""Where a run stands: all that the rest of it comes from, but for the time.

A run in which something went wrong, and that stands where its undisturbed run stood when the same state began
there, is as good as that one: what would follow has been checked already. What it is told apart by is
everything that a step, the engine or a checker can look at; that it happens a little later is all that is
left out. `farshore explore --all` follows every run to its end, and must come to the same.
"""

from __future__ import annotations

import re

from functions.run import SCHEDULED
from twin.application import fates

from .simulation import Simulation

LATER = tuple(
    map(
        re.compile,
        (
            r"\d\d\d\d-\d\d-\d\dT[\d:.]+(?:Z|\+00:00)?",
            r"\d\d*\.\d+",  # in a fingerprint no other figure has a fraction
            r', "RedriveCount": \d+, "RedriveTime": "[^"]+"',
            r'"redrives": \d+',
            r'"epoch": \d+',
            r'"sequence": \d+',
            r"'redrives': \d+",
            r"'stamp': '\d+",
            r'"doubts": \[[^\]]*\](?:, )?',
        ),
    )
)
"""Instants, durations, how often the lease has passed on, and how many heartbeats there were: the ledger
knows that as soon as it has; and what a plan doubted, which a person has read. One by one, each beginning
with what it is found by: as one expression they take twice as long."""


def fingerprint(simulation: Simulation, *more: object) -> str:
    """Of the whole simulation; `more` is what whoever runs it knows beside that, as what is still to come."""
    application, promises = simulation.application, simulation.customers.notebook.promises
    running = [
        (of, simulation.running(arn))
        for arn, (of, _) in simulation.executions.items()
        if simulation.purpose(of) not in SCHEDULED
    ]
    settles = any(
        simulation.running(arn)
        for arn, (of, _) in simulation.executions.items()
        if simulation.purpose(of) in SCHEDULED
    )
    known = (
        more,
        running,
        settles,
        application.settings(),
        [dataset.glance() for dataset in application.datasets],
        [(route.glance(), sorted(route.led_to().items())) for route in application.routes],
        [entry.glance() for entry in application.entries],
        sum(fate == "lost" for fate in fates(application, promises).values()),
        simulation.checkers.state(),
        simulation.tally.owes,
    )
    text = repr(known) + simulation.cloud.fingerprint()
    for later in LATER:
        text = later.sub("", text)
    return text
