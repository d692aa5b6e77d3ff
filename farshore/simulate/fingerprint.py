"""Where a run stands: all that the rest of it comes from, but for the time.

A run in which something went wrong, and that stands where its undisturbed run stood when the same state began
there, is as good as that one: what would follow has been checked already. What it is told apart by is
everything that a step, the engine or a checker can look at; that it happens a little later is all that is
left out. `farshore explore --all` follows every run to its end, and must come to the same.
"""

from __future__ import annotations

import re
from typing import cast

from twin.application import fates
from twin.doubles import Doubles

from .simulation import Simulation

LATER = re.compile(
    r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)?|\b\d+\.\d+\b"  # in a fingerprint no other figure has a fraction
    r'|, "RedriveCount": \d+, "RedriveTime": "[^"]+"|"(redrives|epoch)": \d+|\'stamp\': \'\d+'
)
"""Instants, durations, and how often the lease has passed on: the ledger knows that as soon as it has."""


def fingerprint(simulation: Simulation, *more: object) -> str:
    """Of the whole simulation; `more` is what whoever runs it knows beside that, as what is still to come."""
    cloud, application = simulation.cloud, simulation.application
    doubles, weather = cast(Doubles, cloud.backing), cloud.weather
    promises = simulation.customers.notebook.promises
    running = [
        (of, simulation.running(arn))
        for arn, (of, _) in simulation.executions.items()
        if simulation.purpose(of) != "settle"
    ]
    settles = any(
        simulation.running(arn)
        for arn, (of, _) in simulation.executions.items()
        if simulation.purpose(of) == "settle"
    )
    stands = (
        more,
        running,
        settles,
        len(simulation.clock.tasks),
        {name: sorted(table.items.items()) for name, table in doubles.tables.kept.items()},
        {name: bucket.block for name, bucket in doubles.buckets.kept.items()},
        application.settings(),
        [(dataset.glance(), dataset.state()) for dataset in application.datasets],
        [(route.glance(), sorted(route.led_to().items())) for route in application.routes],
        [entry.glance() for entry in application.entries],
        sum(fate == "lost" for fate in fates(application, promises).values()),
        simulation.metrics.states(),
        (sorted(weather.dark), sorted(map(sorted, weather.cut))),
        simulation.checkers.state(),
        simulation.tally.owes,
    )
    return LATER.sub("", repr(stands))
