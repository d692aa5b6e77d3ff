"""A step in the `prepare` of a runbook, and what the policy that is derived of it allows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from own_shop import SHOP

from farshore.runbook.load import load
from farshore.simulate.package import package
from farshore.testing.ticker import TABLE
from twin.services.iam.model import Policy


def policy_of(folder: Path, step: str, inputs: Mapping[str, Any], procedure: str = "prepare") -> Policy:
    """The statements for its function in the standby, us-west-1. `within` is left to the step."""
    written = yaml.safe_load(SHOP.read_text())
    written["ledger"]["table"] = TABLE
    entry = {step: {name: value for name, value in inputs.items() if name != "within"}}
    written[procedure] = [*written.get(procedure, ()), entry]
    path = folder / f"{written['application']}.yaml"
    path.write_text(yaml.safe_dump(written, sort_keys=False))
    (part,) = (part for part in package(load(path)).parts if part.region == "us-west-1")
    return part.policies[step]


def allowed(policy: Policy) -> dict[str, list[str]]:
    """By action the resources' names, without the ledger's."""
    return {
        action: sorted(arn.split(":", 2)[2] for arn in each.resources if arn != "*") or ["*"]
        for each in policy
        for action in sorted(each.actions)
        if not action.startswith("dynamodb:")
    }
