"""Let RUN of APP go on from where it failed.

It shows the plan again, takes the lease as a new holder, and redrives.
Without --yes it shows the plan, and does nothing.
"""

from __future__ import annotations

import click

from functions.ledger import Records
from functions.outside import Outside
from functions.planned import Planned
from functions.run import Mode

from ..operate.operator import Operator
from ..operate.plan import plan_of
from ..operate.render import plan_rows, show
from ..operate.runs import RunSnapshot, short
from ..operate.trouble import Trouble
from ..runbook.find import find
from ._options import about_runs, end


@about_runs
@click.argument("run")
@click.option("--yes", is_flag=True, help="You have seen what it would do now.")
def command(outside: Outside | None, app: str, as_json: bool, run: str, yes: bool) -> None:
    operator = Operator(find(app), outside)
    snapshot = operator.runs.look(operator.runs.find(run))
    records = operator.records()
    operator.must_be_redrivable(snapshot, records)
    plan = _remaining(operator, snapshot, records)
    if not as_json:
        show(plan_rows(plan))
    if refusing := [step.state for step in plan if step.outcome == "would refuse"]:
        click.echo(f"would refuse: {', '.join(refusing)}", err=True)
    if not yes:
        raise Trouble(f"nothing was done: if that is what you want: farshore redrive {app} {run} --yes")
    lease = operator.go_on(snapshot, records)
    report = {
        "execution": snapshot.arn,
        "redrives": lease.redrives,
        "epoch": lease.epoch,
        "plan": [step.as_json() for step in plan],
    }
    end(as_json, report, [(f"redriven: {short(snapshot.arn)}, for the {lease.redrives}. time",)])


def _remaining(operator: Operator, snapshot: RunSnapshot, records: Records) -> list[Planned]:
    """What the redriven run would do now: its own machine's states, without those that have ended."""
    ended = {step.name for step in snapshot.report.steps if step.ended}
    mode: Mode = "ungraceful" if snapshot.report.mode == "ungraceful" else "graceful"
    plan = plan_of(snapshot.definition, mode, operator.outside, records, snapshot.arn)
    return [step for step in plan if step.state not in ended]
