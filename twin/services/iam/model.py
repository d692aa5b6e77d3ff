"""IAM: what a function may do, judged on every call that it makes.

What each operation is called there, and which of its parameters name resources, its service's rows say. A
policy is what `deploy` was given; a call needs one allowed action on *every* resource that it names.
Resource-based policies, conditions and denials are not modelled: no step of a runbook rests on them.
Sources: docs.aws.amazon.com/service-authorization/latest/reference/ (actions and resource types),
docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html (wildcards).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase

from ...cloud import ACCOUNT, AwsError
from ...faults import Request
from ...rows import rows_of

Statement = tuple[frozenset[str], tuple[str, ...]]
"""Allowed actions ("rds:DescribeGlobalClusters") and the ARN patterns that they cover; * is a wildcard."""

Policy = tuple[Statement, ...]


def guard(policy_of: Callable[[str, str], Policy | None]) -> Callable[[Request], None]:
    """A guard for `Cloud.guards`. `policy_of` gives a policy by Region and function; None allows all."""

    def judge(request: Request) -> None:
        policy = policy_of(request.origin, request.caller) if request.caller else None
        if policy is None:
            return
        action = action_of(request)
        for resource in resources_of(request):
            if not allows(policy, action, resource):
                raise _denial(request, action, resource)

    return judge


def _denial(request: Request, action: str, resource: str) -> AwsError:
    who = f"arn:aws:sts::{ACCOUNT}:assumed-role/{request.caller}/{request.caller}"
    why = "because no identity-based policy allows it"
    message = f"User: {who} is not authorized to perform: {action} on resource: {resource} {why}"
    return AwsError(rows_of(request.service).denial, message, 403)


@functools.lru_cache(maxsize=4096)
def allows(policy: Policy, action: str, resource: str) -> bool:
    """Kept, since a policy is a value: what it allows depends on nothing else."""
    return any(_matches(action, actions) and _matches(resource, patterns) for actions, patterns in policy)


def action_of(request: Request) -> str:
    """NotImplementedError where the twin does not know how IAM judges the call: that is no denial."""
    rows = rows_of(request.service)
    row = rows.operations.get(request.operation)
    if row is None:
        raise NotImplementedError(
            f"the twin does not know how IAM judges {request}, which {request.caller} calls: "
            "its service's rows.py must say so"
        )
    return row.action or f"{rows.prefix or rows.service}:{request.operation}"


def resources_of(request: Request) -> tuple[str, ...]:
    """The ARNs of everything that the request names."""
    found: list[str] = []
    rows = rows_of(request.service)
    entries = request.parameters.get(rows.entries, ())
    assert isinstance(entries, list | tuple)
    for asked in (request.parameters, *entries):
        for parameter, template in rows.resources.items():
            if parameter in asked:
                found.append(_arn(template, str(asked[parameter]), request.region))
    if rows.qualifier in request.parameters:
        found = [f"{arn}:{request.parameters[rows.qualifier]}" for arn in found]
    return tuple(found) or ("*",)


@functools.lru_cache(maxsize=1024)
def _arn(template: str, given: str, region: str) -> str:
    if given.startswith("arn:"):
        return given
    return "arn:aws:" + template.format(region=region, account=ACCOUNT, given=given)


def _matches(text: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in patterns)
