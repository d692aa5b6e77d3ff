"""What people may do with an application: managed policies, for whoever looks after the account to attach.

Which calls that takes, whoever makes them declares (farshore/operate/permissions.py). Here they become
statements about this application's machines, its runs, its part of the ledger and its resources. No policy
contains another, and none lets anybody invoke a step's function: that would be all of them at once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from functions.calls import Api
from functions.later import INVOKE, ITSELF
from functions.ledger import PUT, QUERY

from ..runbook.model import Runbook
from ..runbook.named import tables_of
from ..runbook.registry import steps
from .emitter import Tag
from .function_resources import allowed
from .limits import MANAGED_CHARACTERS
from .machine import Machine
from .policy import Statement, statements
from .resource_names import camel, condition
from .role import LONGEST, split

Json = dict[str, Any]

KEYS = ("application", "item")
"""Of the ledger's table: they are attributes, too, as IAM sees a request.
Source: docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html"""


@dataclass(frozen=True)
class Permission:
    """One thing that people do, and the calls that it takes besides reading the ledger."""

    name: str
    does: str
    of_machines: tuple[Api, ...] = ()
    """Those that name a state machine."""
    of_runs: tuple[Api, ...] = ()
    """Those that name an execution."""
    of_tables: tuple[Api, ...] = ()
    """Those that name a table of the application; where the runbook names none, nobody is permitted this."""
    plans: bool = False
    """It looks at the application as its steps do."""
    writes: tuple[str, ...] = ()
    """The attributes of the ledger's items that it writes: who may write one cannot write another."""


def permitted(
    runbook: Runbook, made: Sequence[Machine], permissions: Sequence[Permission]
) -> tuple[Json, Json]:
    """The policies of an application, and the outputs that give their ARNs, by their names."""
    here = {"Condition": condition([made[0].region])}
    resources: Json = {}
    outputs: Json = {}
    for permission in permissions:
        if permission.of_tables and not tables_of(runbook):
            continue
        name = camel(f"{runbook.application}-may-{permission.name}")
        said = f"{runbook.application}: who may {permission.does}"
        names = []
        for number, document in enumerate(_documents(permission, runbook, made), 1):
            names.append(name if number == 1 else f"{name}{number}")
            properties = {"Description": said, "PolicyDocument": document}
            resources[names[-1]] = {"Type": "AWS::IAM::ManagedPolicy", **here, "Properties": properties}
        refs = [Tag("Ref", each) for each in names]
        value = refs[0] if len(refs) == 1 else Tag("Join", [",", refs])
        outputs[name] = {**here, "Description": said, "Value": value}
    return resources, outputs


def _documents(permission: Permission, runbook: Runbook, made: Sequence[Machine]) -> Iterator[Json]:
    """As few policies as hold it."""
    taken: list[Any] = []
    for statement in _statements(permission, runbook, made):
        if taken and letters([*taken, statement]) > MANAGED_CHARACTERS:
            yield _document(taken)
            taken = []
        taken.append(statement)
    yield _document(taken)


def _document(allowing: list[Any]) -> Json:
    return {"Version": "2012-10-17", "Statement": allowing}


def letters(allowing: list[Any]) -> int:
    """Characters of a policy, as IAM counts them: references as what they become."""
    text = json.dumps(_document(allowing), default=lambda each: each.value, separators=(",", ":"))
    text = text.replace("${AWS::Partition}", LONGEST["{partition}"])
    return len("".join(text.replace("${AWS::AccountId}", LONGEST["{account}"]).split()))


def _statements(permission: Permission, runbook: Runbook, made: Sequence[Machine]) -> Iterator[Any]:
    yield _of_ledger(QUERY, runbook)
    if permission.writes:
        yield _of_ledger(PUT, runbook, tuple(dict.fromkeys((*KEYS, *permission.writes))))
    for calls, resource in (
        (permission.of_machines, "states:{region}:{account}:stateMachine:{name}"),
        (permission.of_runs, "states:{region}:{account}:execution:{name}:*"),
    ):
        if calls:
            words = {"account": "${AWS::AccountId}"}
            named = [resource.format(region=each.region, name=each.name, **words) for each in made]
            yield _allow(calls, named)
    if permission.of_tables:
        regions = (runbook.regions.primary, runbook.regions.standby)
        tables = [(region, table) for table in tables_of(runbook) for region in regions]
        words = {"account": "${AWS::AccountId}"}
        shaped = {api.resource for api in permission.of_tables}
        yield _allow(
            permission.of_tables,
            [str(each).format(region=at, table=table, **words) for each in shaped for at, table in tables],
        )
    if permission.plans:
        yield from allowed(tuple(split(_reads(runbook, made))))


def _allow(calls: Sequence[Api], resources: Sequence[str]) -> Json:
    """Resources are ARNs after "arn:<partition>:"."""
    return {
        "Effect": "Allow",
        "Action": sorted(api.action for api in calls),
        "Resource": [Tag("Sub", f"arn:${{AWS::Partition}}:{resource}") for resource in resources],
    }


def _of_ledger(api: Api, runbook: Runbook, attributes: Sequence[str] = ()) -> Json:
    """On this application's items alone. That no value is another holds of a request without any, too, so
    that is excluded. Source: docs.aws.amazon.com/IAM/latest/UserGuide,
    reference_policies_condition-single-vs-multi-valued-context-keys.html"""
    words = {"account": "${AWS::AccountId}", "table": runbook.ledger.table}
    assert isinstance(api.resource, str)
    tables = [api.resource.format(region=region, **words) for region in runbook.ledger.regions]
    keys: Json = {"dynamodb:LeadingKeys": [runbook.application]}
    if attributes:
        keys["dynamodb:Attributes"] = list(attributes)
    only = {"ForAllValues:StringEquals": keys, "Null": dict.fromkeys(keys, "false")}
    return {**_allow((api,), tables), "Condition": only}


def _reads(runbook: Runbook, made: Sequence[Machine]) -> tuple[Statement, ...]:
    """What a plan looks at, as the runbook's steps do, by resources. It asks no function of ours, makes no
    call of which IAM cannot tell whether it looks or changes, and has its own way to the ledger."""
    found: dict[tuple[str, ...], dict[str, str]] = {}
    uses = [(runbook, machine) for machine in made]
    called = {step for machine in made for step in machine.functions}
    ledger = f":table/{runbook.ledger.table}"
    for step in sorted(step for step in called if steps()[step].written):
        reads = [api for api in steps()[step].reads if api.action != INVOKE.action and api.of is Api.of]
        looks = {api.action for api in reads if api.only_for != ITSELF}
        for statement in statements(step, uses):
            for action in looks.intersection(statement.actions):
                theirs = tuple(arn for arn in statement.resources if not arn.endswith(ledger))
                if theirs:
                    found.setdefault(theirs, {})[action] = statement.why
    return tuple(
        Statement(tuple(sorted(actions)), resources, _why(actions))
        for resources, actions in sorted(found.items())
    )


def _why(actions: Mapping[str, str]) -> str:
    return "; ".join(sorted({why for why in actions.values() if why}))
