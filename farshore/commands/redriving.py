"""`farshore redrive`: a failed run goes on, by a new hand."""

from __future__ import annotations

import click

from functions.ledger import Records
from functions.outside import Outside
from functions.run import Mode

from ..operate.operator import Operator
from ..operate.plan import Planned, plan_of
from ..operate.render import plan_rows, show
from ..operate.runs import Seen, short
from ..operate.trouble import Trouble
from ..runbook.find import find
from .common import command, end


@command("redrive")
@click.argument("run")
@click.option("--yes", is_flag=True, help="You have seen what it would do now.")
def redrive_command(outside: Outside | None, app: str, as_json: bool, run: str, yes: bool) -> None:
    """Let RUN of APP go on from where it failed: take the lease, show the plan again, redrive.

    Without --yes it shows the plan, and does nothing.
    """
    operator = Operator(find(app), outside)
    seen = operator.runs.look(operator.runs.find(run))
    records = operator.records()
    operator.must_be_redrivable(seen, operator.holder(records))
    plan = list(_remaining(operator, seen, records))
    if not as_json:
        show(plan_rows(step.as_json() for step in plan))
    if refusing := [step.state for step in plan if step.outcome == "would refuse"]:
        click.echo(f"would refuse: {', '.join(refusing)}", err=True)
    if not yes:
        raise Trouble(f"nothing was done: if that is what you want: farshore redrive {app} {run} --yes")
    lease = operator.go_on(seen, records)
    told = {
        "execution": seen.arn,
        "redrives": lease.redrives,
        "epoch": lease.epoch,
        "plan": [step.as_json() for step in plan],
    }
    end(as_json, told, [(f"redriven: {short(seen.arn)}, for the {lease.redrives}. time",)])


def _remaining(operator: Operator, seen: Seen, records: Records) -> list[Planned]:
    """What the redriven run would do now: its own machine's states, without those that have ended."""
    ended = {step.name for step in seen.report.steps if step.ended}
    mode: Mode = "ungraceful" if seen.report.mode == "ungraceful" else "graceful"
    plan = plan_of(seen.definition, mode, operator.outside, records, seen.arn)
    return [step for step in plan if step.state not in ended]
