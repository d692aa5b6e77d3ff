"""Let the run of APP go past STATE without holding it.

`farshore status` shows the names of states; quote one that has a space.
"""

from __future__ import annotations

import click

from functions.outside import Outside

from ..compile.definition import every_task, step_of
from ..operate.operator import Operator
from ..operate.runs import RunSnapshot, short
from ..operate.trouble import Trouble
from ..runbook.find import find
from ..runbook.wording import did_you_mean, nearest
from ._directing import direct, running
from ._options import about_runs, who_option, why_option


@about_runs
@click.argument("state")
@who_option
@why_option
def command(outside: Outside | None, app: str, as_json: bool, state: str, who: str | None, why: str) -> None:
    operator = Operator(find(app), outside)
    run = running(operator)
    snapshot = operator.runs.look(run.lease.holder)
    known, approvals = _states(snapshot)
    if state not in known:
        instead = did_you_mean(nearest(state, known), known, "its states are")
        if state in approvals:
            raise Trouble(
                f"{state} is not skipped, since nobody would have seen a plan: farshore approve {app}"
            )
        raise Trouble(f"{short(snapshot.arn)} has no state {state!r} to skip: {instead}")
    if any(step.name == state and step.ended for step in snapshot.report.steps):
        raise Trouble(f"{state} has ended already: nothing is left to skip: farshore status {app}")
    direct(operator, run, as_json, who, why, skip=[state])


def _states(snapshot: RunSnapshot) -> tuple[list[str], list[str]]:
    """Those of steps that a runbook names, without its approvals, and these; what an undo gives back is not
    skipped."""
    found: list[str] = []
    approvals: list[str] = []
    for name, task in every_task(snapshot.definition["States"]):
        payload = task["Parameters"]["Payload"]
        kind = step_of(payload)
        if (kind is None or kind.written) and payload["run"]["purpose"] != "undo":
            (approvals if kind is not None and kind.phase == "approve" else found).append(name)
    return found, approvals
