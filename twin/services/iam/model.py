"""IAM: what a function may do, judged on every call that it makes.

What each operation is called there, and which of its parameters name resources, its service's rows say. A
policy is what `deploy` was given; a call needs one allowed action on *every* resource that it names. Of
conditions there is one: that all values of a key are among some, and that there are any. Resource-based
policies, other conditions and denials are not modelled: no step of a runbook rests on them.
Sources: docs.aws.amazon.com/service-authorization/latest/reference/ (actions and resource types),
docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html (wildcards),
reference_policies_condition-single-vs-multi-valued-context-keys (ForAllValues).
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple

from ...cloud import ACCOUNT, AwsError
from ...faults import Request
from ...rows import rows_of


class Statement(NamedTuple):
    actions: frozenset[str]
    """Those that it allows, as rds:DescribeGlobalClusters."""
    resources: tuple[str, ...]
    """The ARN patterns that they cover; * is a wildcard."""
    only: tuple[str, tuple[str, ...]] | None = None
    """A condition key, and all the values that a request may have of it: ForAllValues:StringEquals, and Null
    is false."""


Policy = tuple[Statement, ...]
Keys = tuple[tuple[str, frozenset[str]], ...]
"""The condition keys of a request, and its values of each."""


def guard(policy_of: Callable[[str, str], Policy | None]) -> Callable[[Request], None]:
    """A guard for `Cloud.guards`. `policy_of` gives a policy by Region and function; None allows all. A call
    of another account's session is judged by whoever has begun that."""

    def judge_own(request: Request) -> None:
        own = request.caller and not request.session
        policy = policy_of(request.origin, request.caller) if own else None
        if policy is not None:
            judge(request, policy, own_name(request))

    return judge_own


def own_name(request: Request) -> str:
    """The ARN of the function that calls, as the session of its own role."""
    return f"arn:aws:sts::{ACCOUNT}:assumed-role/{request.caller}/{request.caller}"


def judge(request: Request, policy: Policy, who: str) -> None:
    """By what a caller of this ARN may do in its account. Raises AwsError."""
    action, keys, account = action_of(request), keys_of(request), who.split(":")[4]
    for resource in resources_of(request, account):
        if not allows(policy, action, resource, keys):
            raise denial(request, who, action, resource)
    for beside, where in beside_of(request):
        is_whole = where.startswith("arn:")
        moved = request if is_whole else dataclasses.replace(request, region=where)
        for resource in (_arn("", where, "", account),) if is_whole else resources_of(moved, account):
            if not allows(policy, beside, resource):
                raise denial(request, who, beside, resource)


def denial(request: Request, who: str, action: str, resource: str) -> AwsError:
    """As the service says it."""
    why = "because no identity-based policy allows it"
    message = f"User: {who} is not authorized to perform: {action} on resource: {resource} {why}"
    return AwsError(rows_of(request.service).denial, message, 403)


@functools.lru_cache(maxsize=4096)
def allows(policy: Policy, action: str, resource: str, keys: Keys = ()) -> bool:
    """Kept, since a policy is a value: what it allows depends on nothing else."""
    return any(
        _matches(action, each.actions)
        and _matches(resource, each.resources)
        and (each.only is None or _are_among(dict(keys), action, *each.only))
        for each in policy
    )


def _are_among(keys: Mapping[str, frozenset[str]], action: str, key: str, values: tuple[str, ...]) -> bool:
    if key not in keys:
        raise NotImplementedError(
            f"the twin does not know what {key} is of {action}: its rows.py must say so"
        )
    return bool(keys[key]) and keys[key] <= frozenset(values)


def keys_of(request: Request) -> Keys:
    """The condition keys that its service's row declares for it."""
    row = rows_of(request.service).operations[request.operation]
    return tuple((key, values(request.parameters)) for key, values in row.keys.items())


def beside_of(request: Request) -> tuple[tuple[str, str], ...]:
    """The other actions that its caller must be allowed, each with the Region where, or the ARN on which."""
    return rows_of(request.service).operations[request.operation].beside(request.parameters)


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


def resources_of(request: Request, account: str = ACCOUNT) -> tuple[str, ...]:
    """The ARNs of everything that the request names, in that account."""
    found: list[str] = []
    rows = rows_of(request.service)
    row = rows.operations.get(request.operation)
    if row is not None and row.names is not None:
        return tuple(_arn(each, "", request.region, account) for each in row.names(request.parameters))
    entries = request.parameters.get(rows.entries, ())
    assert isinstance(entries, list | tuple)
    for asked in (request.parameters, *entries):
        for parameter, template in rows.resources.items():
            if parameter in asked:
                given = asked[parameter]
                several = given if isinstance(given, list | tuple | Mapping) else (given,)
                found += [_arn(template, str(each), request.region, account) for each in several]
    if rows.below in request.parameters:
        found = [f"{arn}/{request.parameters[rows.below]}" for arn in found]
    if rows.qualifier in request.parameters:
        found = [f"{arn}:{request.parameters[rows.qualifier]}" for arn in found]
    return tuple(found) or ("*",)


@functools.lru_cache(maxsize=1024)
def _arn(template: str, given: str, region: str, account: str) -> str:
    if given.startswith("arn:"):
        return given.replace(f":{ACCOUNT}:", f":{account}:")  # so are those that the twin makes, whoever asks
    return "arn:aws:" + template.format(region=region, account=account, given=given)


def _matches(text: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in patterns)
