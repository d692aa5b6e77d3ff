"""How one runbook is deployed: the commands, in the one order in which nothing can go wrong.

They are a script of any shell, joined by &&, so that what is pasted stops where something fails.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from ..runbook.model import Runbook
from ..runbook.named import account_of
from .machine import machines
from .parameters import FIXED, PAGE_ADDRESS
from .probing import lookers
from .probing import machine as probing
from .samconfig import STACK, stack_regions

DEPLOYABLE = {parameter.name: parameter for parameter in FIXED}
"""What may be said when deploying. What arms an application is not among them."""


def mistakes(given: Sequence[str]) -> Iterator[str]:
    """What CloudFormation would refuse of parameters that are written NAME=VALUE."""
    for word in given:
        name, equals, value = word.partition("=")
        if not equals or name not in DEPLOYABLE:
            yield f"{word}: write NAME=VALUE; the names are {', '.join(DEPLOYABLE)}"
        elif not DEPLOYABLE[name].takes(value):
            yield f"{word}: {name} {DEPLOYABLE[name].otherwise_says}"


def script(
    app: str, runbook: Runbook, stack: str, parameters: Sequence[str], tags: Sequence[str]
) -> Iterator[str]:
    """The lines of it. `app` is the runbook as whoever deploys has named it."""
    account = account_of(runbook)
    named = [] if stack == STACK else ["--stack-name", stack]
    yield _said(f"{runbook.application}, in the account {account or 'that you are logged in to'}")
    if not any(each.startswith(f"{PAGE_ADDRESS.name}=") for each in parameters):
        yield _said(f"The first time, say who is paged: --parameter {PAGE_ADDRESS.name}=…")
    yield _joined(["farshore", "compile", "--check"])
    yield _joined(["farshore", "preflight", app, *named])
    yield _joined(["sam", "build"])
    for region in stack_regions(runbook):
        yield _said(f"{region}: {_here(runbook, region)}")
        mine = [each for each in parameters if _region_of(each) in ("", region)]
        words = ["sam", "deploy", "--config-env", region, *named]
        words += ["--parameter-overrides", *mine] if mine else []
        words += ["--tags", *tags] if tags else []
        yield _joined(words)
    yield _said("Whoever is paged confirms the subscription of each Region now")
    yield _joined(["farshore", "preflight", app, *named])
    yield shlex.join(["farshore", "arm", app, *named])


def _here(runbook: Runbook, region: str) -> str:
    """What is made in the Region."""
    made = [machine.name for machine in machines(runbook) if machine.region == region]
    ledger = [f"the ledger {runbook.ledger.table}"] if region == runbook.ledger.regions[0] else []
    probes = [probing(runbook)] if region in lookers(runbook) else []
    return ", ".join([*ledger, *made, *probes]) or "functions only"


def _region_of(parameter: str) -> str:
    """Of an ARN the Region, if it has one: a key of one Region is given to that Region's stack."""
    parts = parameter.partition("=")[2].split(":")
    return parts[3] if parts[0] == "arn" and len(parts) > 4 else ""


def _said(text: str) -> str:
    """No comment: an interactive zsh knows none."""
    return _joined(["echo", text])


def _joined(words: Sequence[str]) -> str:
    return f"{shlex.join(words)} &&"
