"""What `sam deploy` puts into an account for one runbook: functions with their policies, and machines."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from functions.run import account_of
from twin.applications import account as accounts
from twin.cloud import ACCOUNT

from ..compile.assumed_role import roles_of
from ..compile.function_resources import homes
from ..compile.machine import Machine, machines
from ..compile.policy import Statement, of_role, statements
from ..compile.refusals import refusals
from ..compile.states import PREFIX
from ..runbook.mistakes import Mistakes
from ..runbook.model import Runbook


@dataclass(frozen=True)
class Part:
    """What one Region gets."""

    region: str
    policies: Mapping[str, accounts.Policy]
    """By step type."""
    definitions: Mapping[str, str]
    """By procedure; functions stand in them by their substitutions."""


@dataclass(frozen=True)
class Package:
    """A runbook's own, so that it is made but once for all simulations of an exploration."""

    runbook: Runbook
    machines: Mapping[str, Machine]
    """By procedure."""
    parts: tuple[Part, ...]
    roles: Mapping[str, tuple[accounts.Policy, str]]
    """Other accounts', by their ARNs: what each allows, and with which external ID it trusts this one."""


def package(runbook: Runbook) -> Package:
    """The runbook's package. It holds the runbook, so no other runbook can have its identity meanwhile.

    Raises Mistakes: what AWS would refuse is not rehearsed.
    """
    if id(runbook) not in _PACKAGES:
        if wrong := refusals(runbook):
            raise Mistakes(wrong)
        made = {machine.procedure: machine for machine in machines(runbook)}
        regions = sorted({machine.region for machine in made.values()})
        parts = tuple(_part(runbook, region, made.values()) for region in regions)
        uses = [(runbook, machine) for machine in made.values()]
        roles = {
            role: (_allowed(of_role(role, uses), account_of(role)), assume.external_id or "")
            for role, (_, assume) in roles_of(list(made.values())).items()
        }
        _PACKAGES[id(runbook)] = Package(runbook, made, parts, roles)
    return _PACKAGES[id(runbook)]


_PACKAGES: dict[int, Package] = {}
"""By the runbook's identity: a runbook is never changed, but it has no hash."""


def _part(runbook: Runbook, region: str, made: Iterable[Machine]) -> Part:
    every = [(runbook, machine) for machine in made]
    here = [machine for _, machine in every if machine.region == region]
    callers: dict[str, list[Machine]] = {}
    for _, machine in every:
        for step, regions in homes([(runbook, machine)]).items():
            if region in regions:
                callers.setdefault(step, []).append(machine)
    return Part(
        region,
        {step: _policy(runbook, step, callers[step]) for step in sorted(callers)},
        {machine.procedure: json.dumps(machine.definition) for machine in here},
    )


def _policy(runbook: Runbook, step: str, here: list[Machine]) -> accounts.Policy:
    return _allowed(statements(step, [(runbook, machine) for machine in here]), ACCOUNT)


def _allowed(found: Iterable[Statement], account: str) -> accounts.Policy:
    """As that account has it."""
    return tuple(
        accounts.Statement(
            frozenset(statement.actions),
            tuple(
                arn.replace("{partition}", "aws").replace("{account}", account).replace("{prefix}", PREFIX)
                for arn in statement.resources
            ),
            statement.only,
        )
        for statement in found
    )


@functools.lru_cache(maxsize=64)
def substituted(definition: str, arns: tuple[tuple[str, str], ...]) -> str:
    """A definition with its functions' ARNs, each given by its substitution."""
    for substitution, arn in arns:
        definition = definition.replace(substitution, arn)
    return definition
