"""Start a run of APP.

It runs in the Region of its machine. Before anyone is asked to approve, it tries its own permissions and
the lease.
"""

from __future__ import annotations

import click

from functions.outside import Outside
from functions.run import MODES, Mode

from ..operate.operator import SILENT, Holder, Operator
from ..operate.render import lease_row
from ..operate.runs import region_of, short
from ..operate.trouble import Trouble
from ..runbook.find import find
from ._options import about_runs, end, who_option


@about_runs
@click.option("--procedure", default="failover", show_default=True)
@click.option("--mode", type=click.Choice(MODES), required=True, help="What the run may lose.")
@click.option("--dry-run", is_flag=True, help="Look and decide, and change nothing.")
@click.option(
    "--take-over", is_flag=True, help="You know that the lease's holder, which cannot be asked, is dead."
)
@who_option
@click.option("--why", help="Why; needed, and recorded, with --take-over.")
def command(
    outside: Outside | None,
    app: str,
    as_json: bool,
    procedure: str,
    mode: Mode,
    dry_run: bool,
    take_over: bool,
    who: str | None,
    why: str | None,
) -> None:
    operator = Operator(find(app), outside)
    if procedure not in operator.runs.machines:
        raise click.UsageError(f"{app} has no {procedure}; it has {', '.join(operator.runs.machines)}")
    if take_over and (mode != "ungraceful" or not why or dry_run):
        raise click.UsageError("--take-over is for an ungraceful run that is no dry run, and needs --why")
    operator.runs.deployed(procedure)
    records = operator.records()
    holder = operator.holder(records)
    click.echo(lease_row(holder), err=True)
    _check(operator, holder, take_over, dry_run)
    if take_over and holder is not None and holder.status == SILENT:
        operator.declare_dead(records, holder.lease, who or operator.runs.caller, why or "")
        click.echo(f"take-over recorded: {short(holder.lease.holder)} is dead, says {who or 'you'}", err=True)
    execution = operator.start(procedure, mode, dry_run)
    more = {"execution": execution, "mode": mode, "dry_run": dry_run}
    end(
        as_json,
        more,
        [
            (f"started {short(execution)} in {region_of(execution)}, {mode}",),
            (f"look: farshore status {app}",),
        ],
    )


def _check(operator: Operator, holder: Holder | None, take_over: bool, dry_run: bool) -> None:
    """Refuses where the lease step would: it waits only for a run that pays a debt, and for nobody's word."""
    app = operator.runbook.application
    if holder is None or holder.ended or holder.lease.purpose == "settle":
        return
    run = short(holder.lease.holder)
    if holder.status == "RUNNING":
        raise Trouble(
            f"{run} is running and holds the lease of {app}: nothing was started. Wait for it "
            f"(farshore status {app}), or end it: farshore abort {app} --why …"
        )
    if not take_over and not dry_run:
        raise Trouble(
            f"{run} holds the lease of {app} and cannot be asked ({holder.why}): nothing was started. "
            "If you know that it is dead: --mode ungraceful --take-over --why …"
        )
