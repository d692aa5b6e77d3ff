"""samconfig.toml: what `sam deploy --config-env REGION` deploys where, a section a Region.

Source: docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-sam-cli-config.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from ..runbook.model import Runbook
from .function_resources import Use, homes
from .machine import Machine, machines
from .probing import lookers
from .states import PREFIX

STACK = PREFIX
"""The stack's name in every Region, where whoever deploys says nothing else."""
HEAD = (
    "# Compiled: edit the runbooks instead. `farshore deploy APP --print` prints the commands, in order.",
    "# What is your own (who is paged, tags, another name of the stack) stands in those commands, not here.",
    "version = 0.1",
)


def stack_regions(runbook: Runbook, made: Iterable[Machine] = ()) -> tuple[str, ...]:
    """Where something of the application is deployed, in order: the ledger is made in the first."""
    uses = [(runbook, machine) for machine in made or machines(runbook)]
    needed = {machine.region for _, machine in uses}.union(*homes(uses).values(), lookers(runbook))
    regions = runbook.regions
    ordered = (
        runbook.ledger.regions[0],
        regions.primary,
        regions.standby,
        *filter(None, [regions.observer]),
    )
    return tuple(dict.fromkeys((ordered[0], *(region for region in ordered if region in needed))))


def samconfig(uses: Sequence[Use]) -> str:
    """The file's text. sam takes each value from here that its own options do not say."""
    runbooks = {id(runbook): runbook for runbook, _ in uses}.values()
    regions = dict.fromkeys(
        region
        for runbook in runbooks
        for region in stack_regions(runbook, [machine for of, machine in uses if of is runbook])
    )
    return "\n".join([*HEAD, *(line for region in regions for line in _section(region))]) + "\n"


def _section(region: str) -> Iterable[str]:
    deploy: dict[str, object] = {
        "stack_name": STACK,
        "region": region,
        "capabilities": "CAPABILITY_IAM",
        "resolve_s3": True,
        "s3_prefix": STACK,
        "fail_on_empty_changeset": False,
    }
    yield ""
    yield f"[{region}.deploy.parameters]"
    yield from (f"{name} = {json.dumps(value)}" for name, value in deploy.items())
