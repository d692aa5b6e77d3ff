"""Show what each step of a procedure of APP would do now.

Nothing is changed, and no lease is taken.
Exits 1 where a step would refuse, or cannot tell because nobody answers.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console

from functions.errors import NotYet, Refused
from functions.ledger import Records
from functions.outside import Outside
from functions.planned import Planned
from functions.run import MODES, Mode

from ..compile.machine import machines
from ..operate.aws_cli import as_command, as_script
from ..operate.operator import Operator
from ..operate.plan import plan_of
from ..operate.render import plan_rows, show
from ..operate.trouble import answering
from ..runbook.find import find
from ..runbook.model import Runbook
from ._twin import as_the_twin, say_customers


@click.command()
@click.argument("app")
@click.option("--procedure", default="failover", show_default=True, help="Which of the runbook's procedures.")
@click.option("--mode", type=click.Choice(MODES), default="graceful", show_default=True)
@click.option("--twin", is_flag=True, help="Look at the healthy twin on this machine, not at the account.")
@click.option(
    "--as-cli", is_flag=True, help="Print the calls as AWS CLI commands, to paste without Farshore."
)
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON, and nothing else.")
@click.pass_obj
@answering
def command(
    given: Outside | None, app: str, procedure: str, mode: Mode, twin: bool, as_cli: bool, as_json: bool
) -> None:
    runbook = find(app)
    # A sweep changes nothing that a plan could show.
    made = {machine.procedure: machine for machine in machines(runbook) if not machine.distributes}
    if procedure not in made:
        raise click.UsageError(f"{runbook.application} has no {procedure}; it has {', '.join(made)}")
    definition = made[procedure].definition
    with _healthy_twin(runbook) if twin else _account(given) as outside:
        records = _records(Operator(runbook, outside, made[procedure].region))
        plan = list(plan_of(definition, mode, outside, records))
    if as_json:
        click.echo(json.dumps(_as_json(runbook, procedure, mode, twin, as_cli, plan), indent=2, default=str))
    elif as_cli:
        click.echo(
            f"# {definition['Comment'].split('. ')[0]}, {mode}: {'the twin' if twin else 'the account'} now"
        )
        for line in as_script(plan):
            click.echo(line)
    else:
        show(plan_rows(plan))
    sys.exit(1 if any(step.outcome in ("would refuse", "unknown") for step in plan) else 0)


def _as_json(
    runbook: Runbook, procedure: str, mode: str, twin: bool, as_cli: bool, plan: list[Planned]
) -> Mapping[str, Any]:
    steps = [
        step.as_json() | ({"cli": [as_command(call) for call in step.calls]} if as_cli else {})
        for step in plan
    ]
    return {
        "application": runbook.application,
        "procedure": procedure,
        "mode": mode,
        "twin": twin,
        "steps": steps,
    }


def _records(operator: Operator) -> Records:
    """What is remembered; a ledger that is silent, or not there yet, does not stop a plan."""
    try:
        return operator.records()
    except (NotYet, Refused) as trouble:
        click.echo(f"planned as if nothing were remembered: {trouble}", err=True)
        return Records()


@contextmanager
def _account(given: Outside | None) -> Iterator[Outside]:
    yield given or Outside()


@contextmanager
def _healthy_twin(runbook: Runbook) -> Iterator[Outside]:
    as_the_twin()
    say_customers(runbook, Console(stderr=True))
    click.echo(f"the twin of {runbook.application} is being built", err=True)
    from ..simulate.rehearsal import WARM_UP  # moto and the twin: half a second, after the first word
    from ..simulate.simulation import Simulation

    with Simulation(runbook, 1) as simulation:
        simulation.customers.come()
        simulation.clock.sleep(WARM_UP)
        yield simulation.deployment.outside
