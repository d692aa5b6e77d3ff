"""Machines that a run starts and waits for. One of its own application finds the lease taken, and so does one
that another started in turn: the run would fail once its fences are up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from functions.inputs import MachineName
from functions.run import machine_name

from ..runbook.mistakes import Mistake
from ..runbook.model import Runbook
from ..runbook.registry import steps
from ..runbook.typed import found
from .machine import PROCEDURES, Machine
from .states import Use

Started = Mapping[str, Mapping[str, tuple[Runbook, Use]]]
"""By machine, those that it starts, and where its runbook says so."""


def own(runbook: Runbook, made: Sequence[Machine]) -> Iterator[Mistake]:
    """A run that starts a machine of its own application."""
    mine = {machine_name(runbook.application, procedure) for procedure in PROCEDURES}
    for use in (use for machine in made for use in machine.uses if use.assume is None):
        for _, text in found(steps()[use.step], use.inputs, MachineName):
            if text in mine:
                what = f"{use.step}: {text} is a machine of this application: its run has the lease"
                yield Mistake(runbook.path, use.line, what, "name one of another application")


def circles(uses: Sequence[tuple[Runbook, Machine]]) -> Iterator[Mistake]:
    """Runs that would wait for themselves, over other applications."""
    started: Started = {
        machine.name: {text: (runbook, use) for use, text in _starts(machine)} for runbook, machine in uses
    }
    of = {machine.name: runbook.application for runbook, machine in uses}
    for name in started:
        for first, (runbook, use) in started[name].items():
            way = _way_to(of[name], first, started, of)
            if way and of.get(first) != of[name]:
                what = f"{use.step}: {name} starts {', which starts '.join(way)}: its own run has the lease"
                yield Mistake(runbook.path, use.line, what, "start one of them by hand")


def _way_to(application: str, first: str, started: Started, of: Mapping[str, str]) -> list[str]:
    """From the machine to one of the application, by who starts whom; empty where there is none."""
    ways, seen = [[first]], {first}
    while ways:
        way = ways.pop()
        if of.get(way[-1]) == application:
            return way
        further = [name for name in started.get(way[-1], {}) if name not in seen]
        seen.update(further)
        ways += [[*way, name] for name in further]
    return []


def _starts(machine: Machine) -> Iterator[tuple[Use, str]]:
    """Those that it names for its own Region and account, which a run of it activates."""
    for use in (use for use in machine.uses if use.assume is None):
        for at, text in found(steps()[use.step], use.inputs, MachineName):
            if at[-1] == machine.region:
                yield use, text
