"""The functions of the template: one a step type, wherever a machine calls it, and what it may do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from functions.later import ITSELF

from ..runbook.model import Runbook
from ..runbook.registry import steps
from .emitter import Flow, Noted, Tag
from .machine import Machine
from .policy import Statement, statements
from .resource_names import condition
from .role import Policy, policies
from .states import function_name, logical_id

Json = dict[str, Any]
Use = tuple[Runbook, Machine]
PSEUDO = {"{partition}": "${AWS::Partition}", "{account}": "${AWS::AccountId}", "{prefix}": "${Prefix}"}
"""What CloudFormation puts where an ARN has these words."""


def functions(uses: Sequence[Use]) -> Json:
    """One function a step type, for all machines of all runbooks that call it."""
    resources: Json = {}
    for step, regions in homes(uses).items():
        mine = [use for use in uses if step in use[1].functions]
        resources |= _function(step, condition(regions), policies(statements(step, mine)))
    return resources


def _function(step: str, here: str, allowed: Sequence[Policy]) -> Json:
    """The function, and where its policy is too long to be inline the managed policies of its role."""
    name, managed = logical_id(step), len(allowed) > 1
    names = [f"{name}May{number}" for number in range(1, len(allowed) + 1)] if managed else []
    function = {
        "Type": "AWS::Serverless::Function",
        "Condition": here,
        "Metadata": Flow({"BuildMethod": "makefile"}),
        "Properties": {
            "FunctionName": Tag("Sub", function_name(step, "${Prefix}")),
            "Description": description(step),
            "Handler": f"{steps()[step].__module__}.handler",
            "Policies": [Tag("Ref", each) for each in names] if managed else [_document(allowed[0])],
        },
    }
    return {name: function} | {
        each: {
            "Type": "AWS::IAM::ManagedPolicy",
            "Condition": here,
            "Properties": {"PolicyDocument": _document(policy)},
        }
        for each, policy in zip(names, allowed, strict=False)
    }


def description(step: str) -> str:
    """What the console says of the function."""
    return (steps()[step].__doc__ or step).strip().splitlines()[0].rstrip(".")


def _document(policy: Policy) -> Json:
    return {"Version": "2012-10-17", "Statement": [_allowed(statement) for statement in policy]}


def _allowed(statement: Statement) -> Any:
    body: Json = {
        "Effect": "Allow",
        "Action": list(statement.actions),
        "Resource": [_arn(resource) for resource in statement.resources],
    }
    if statement.condition:
        body["Condition"] = {name: dict(keys) for name, keys in statement.condition.items()}
    return Noted(f"{statement.why}.", body) if statement.why else body


def _arn(text: str) -> str | Tag:
    filled = text
    for word, name in PSEUDO.items():
        filled = filled.replace(word, name)
    return filled if filled == text else Tag("Sub", filled)


def homes(uses: Sequence[Use]) -> dict[str, list[str]]:
    """The Regions of each step type that a machine calls: both of its runbook, where it asks itself."""
    called = sorted({step for _, machine in uses for step in machine.functions})
    return {step: [region for use in uses for region in _homes(step, *use)] for step in called}


def _homes(step: str, runbook: Runbook, machine: Machine) -> list[str]:
    if any(use.step == step and ITSELF in use.inputs for use in machine.uses):
        return [runbook.regions.primary, runbook.regions.standby]
    return [machine.region] if step in machine.functions else []


def allowed(policy: Policy) -> list[Any]:
    """The statements of a policy, as a template has them."""
    return [_allowed(statement) for statement in policy]
