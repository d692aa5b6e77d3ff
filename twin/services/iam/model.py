"""IAM: what a function may do, judged on every call that it makes.

A policy is what `deploy` was given; a call needs one allowed action on *every* resource that it names.
Resource-based policies, conditions and denials are not modelled: no step of a runbook rests on them.
Sources: docs.aws.amazon.com/service-authorization/latest/reference/ (actions and resource types),
docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html (wildcards).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase

from ...aws import ACCOUNT, AwsError
from ...faults import Request

Statement = tuple[frozenset[str], tuple[str, ...]]
"""Allowed actions ("rds:DescribeGlobalClusters") and the ARN patterns that they cover; * is a wildcard."""

Policy = tuple[Statement, ...]

ACTIONS = {
    ("lambda", "Invoke"): "lambda:InvokeFunction",
    ("s3", "PutPublicAccessBlock"): "s3:PutBucketPublicAccessBlock",
    ("s3", "GetPublicAccessBlock"): "s3:GetBucketPublicAccessBlock",
    ("s3", "DeletePublicAccessBlock"): "s3:PutBucketPublicAccessBlock",
}
"""Operations whose action has another name."""

PREFIXES = {"stepfunctions": "states"}
"""Services whose actions begin with another word than boto3's name for them."""

CLUSTER = "rds:{region}:{account}:cluster:{given}"
RESOURCES: Mapping[str, Mapping[str, str]] = {
    "cloudwatch": {},
    "dynamodb": {"TableName": "dynamodb:{region}:{account}:table/{given}"},
    "lambda": {"FunctionName": "lambda:{region}:{account}:function:{given}"},
    "rds": {
        "GlobalClusterIdentifier": "rds::{account}:global-cluster:{given}",
        "TargetDbClusterIdentifier": CLUSTER,
        "DBClusterIdentifier": CLUSTER,
        "DbClusterIdentifier": CLUSTER,
    },
    "route53-recovery-cluster": {"RoutingControlArn": "{given}"},
    "s3": {"Bucket": "s3:::{given}"},
    "sns": {"TopicArn": "{given}"},
    "stepfunctions": {"executionArn": "{given}", "stateMachineArn": "{given}"},
}
"""The parameters that name resources. A call that names none is a call on "*"."""

DENIALS = {
    "cloudwatch": "AccessDenied",
    "rds": "AccessDenied",
    "s3": "AccessDenied",
    "sns": "AuthorizationError",
}
"""What services that never learned to say AccessDeniedException say."""


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
    return AwsError(DENIALS.get(request.service, "AccessDeniedException"), message, 403)


@functools.lru_cache(maxsize=4096)
def allows(policy: Policy, action: str, resource: str) -> bool:
    """Kept, since a policy is a value: what it allows depends on nothing else."""
    return any(_matches(action, actions) and _matches(resource, patterns) for actions, patterns in policy)


def action_of(request: Request) -> str:
    prefix = PREFIXES.get(request.service, request.service)
    return ACTIONS.get((request.service, request.operation), f"{prefix}:{request.operation}")


def resources_of(request: Request) -> tuple[str, ...]:
    """The ARNs of everything that the request names."""
    found: list[str] = []
    for asked in (request.parameters, *_entries(request)):
        for parameter, template in RESOURCES.get(request.service, {}).items():
            if parameter in asked:
                found.append(_arn(template, str(asked[parameter]), request.region))
    if request.service == "lambda" and "Qualifier" in request.parameters:
        found = [f"{arn}:{request.parameters['Qualifier']}" for arn in found]
    return tuple(found) or ("*",)


def _entries(request: Request) -> tuple[Mapping[str, object], ...]:
    """ARC sets several routing controls in one call."""
    entries = request.parameters.get("UpdateRoutingControlStateEntries", ())
    assert isinstance(entries, list | tuple)
    return tuple(entries)


@functools.lru_cache(maxsize=1024)
def _arn(template: str, given: str, region: str) -> str:
    if given.startswith("arn:"):
        return given
    return "arn:aws:" + template.format(region=region, account=ACCOUNT, given=given)


def _matches(text: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in patterns)
