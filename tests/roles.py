"""What the roles of a template allow, by step, and what IAM's judge takes a call for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transform import parsed

from farshore.compile.states import logical_id
from farshore.runbook.registry import steps
from functions.ledger import QUERY
from twin.faults import Request
from twin.services.iam.model import action_of, beside_of


def granted(template: Path) -> dict[str, set[str]]:
    """IAM's actions of each step's function that the template has."""
    resources = parsed(template)["Resources"]
    functions = {name: resources.get(logical_id(name)) for name in steps()}
    return {name: _actions(each["Properties"]["Policies"]) for name, each in functions.items() if each}


def would_allow(step: str) -> set[str]:
    """Those that the template would have, were the step in a runbook and all its inputs written."""
    kind = steps()[step]
    apis = [api for api in (QUERY, *kind.reads, *kind.writes, *kind.ledger_writes()) if not api.is_http]
    return {action for api in apis for action in (api.action, *api.dependents)}


def _actions(policies: list[Any]) -> set[str]:
    statements = [statement for policy in policies for statement in policy["Statement"]]
    assert all(statement["Effect"] == "Allow" for statement in statements)
    return {action for statement in statements for action in statement["Action"]}


def needed(request: Request) -> set[str]:
    """The actions without which AWS denies the call; none of a request that is not of AWS."""
    if request.service == "http":
        return set()
    return {action_of(request), *(action for action, _ in beside_of(request))}


def dependents(step: str, called: set[str]) -> set[str]:
    """The other actions that those calls declare."""
    kind = steps()[step]
    return {each for api in (*kind.reads, *kind.writes) if api.action in called for each in api.dependents}
