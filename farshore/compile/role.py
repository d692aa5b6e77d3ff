"""The policies of a function's role: inline as long as they fit, else as managed policies."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from .limits import INLINE_CHARACTERS, LONGEST_PREFIX, MANAGED_CHARACTERS, MANAGED_POLICIES
from .policy import Statement

LONGEST = {"{partition}": "aws-us-gov", "{account}": "123456789012", "{prefix}": "f" * LONGEST_PREFIX}
"""What an ARN's words become at most."""

Policy = tuple[Statement, ...]


def document(policy: Policy) -> Mapping[str, object]:
    """A policy as IAM has it, its ARNs' words as they stand."""
    allowed = [
        {"Effect": "Allow", "Action": list(each.actions), "Resource": list(each.resources)}
        | ({"Condition": each.condition} if each.condition else {})
        for each in policy
    ]
    return {"Version": "2012-10-17", "Statement": allowed}


def characters(policy: Policy) -> int:
    """As IAM counts them: without white space, and with the words of its ARNs filled in."""
    text = json.dumps(document(policy), separators=(",", ":"))
    for word, longest in LONGEST.items():
        text = text.replace(word, longest)
    return len("".join(text.split()))


def policies(statements: Policy) -> tuple[Policy, ...]:
    """One policy that fits a role inline; or several, each of which fits a managed policy."""
    if characters(statements) <= INLINE_CHARACTERS:
        return (statements,)
    packed: list[Policy] = []
    for statement in statements:
        packed += _split(statement)
    return tuple(_together(packed))


def _split(statement: Statement) -> Iterator[Policy]:
    """A statement's resources, as many at a time as a managed policy holds."""
    taken: list[str] = []
    for resource in statement.resources:
        if taken and characters((_of(statement, [*taken, resource]),)) > MANAGED_CHARACTERS:
            yield (_of(statement, taken),)
            taken = []
        taken.append(resource)
    yield (_of(statement, taken),)


def _of(statement: Statement, resources: Sequence[str]) -> Statement:
    return replace(statement, resources=tuple(resources))


def _together(packed: Sequence[Policy]) -> Iterator[Policy]:
    """Neighbours share a policy as long as it holds them."""
    taken: Policy = ()
    for policy in packed:
        if taken and characters((*taken, *policy)) > MANAGED_CHARACTERS:
            yield taken
            taken = ()
        taken = (*taken, *policy)
    yield taken


def split(statements: Policy) -> Iterator[Statement]:
    """The same in statements of which each fits a managed policy."""
    for statement in statements:
        for policy in _split(statement):
            yield from policy


def refusal(who: str, statements: Policy) -> str:
    """Why IAM would refuse the role of a step's function, or another; nothing where it would not."""
    packed = policies(statements)
    if len(packed) == 1:
        return ""
    if len(packed) > MANAGED_POLICIES:
        size = characters(statements)
        return (
            f"{who} may do so much that its policies have {size} characters: "
            f"{len(packed)} managed policies, of {MANAGED_POLICIES}"
        )
    longest = max(characters(policy) for policy in packed)
    if longest > MANAGED_CHARACTERS:
        return f"{who}: one ARN makes its policy {longest} characters, of {MANAGED_CHARACTERS}"
    return ""
