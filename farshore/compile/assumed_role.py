"""The role of another account that lines are carried out as: a template for whoever looks after that account.

Its permissions are derived as those of steps' functions are. It trusts the account that Farshore is deployed
to, with the runbook's external ID; there, only those steps' functions are allowed to assume it. Source:
docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_common-scenarios_third-party.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from functions.assume import BEGIN, EXTERNAL_ID, TRUST_POLICY, Assume
from functions.run import account_of

from ..runbook.mistakes import Mistake
from ..runbook.model import Runbook
from ..runbook.registry import steps
from ..runbook.typed import texts
from .emitter import Tag, comment, emit
from .function_resources import allowed
from .machine import Machine
from .policy import of_role
from .role import policies, refusal
from .states import Use

Json = dict[str, Any]
HOME = "FarshoreAccount"
OUR_OWN = "Farshore's own account"


def roles_of(made: Sequence[Machine]) -> dict[str, tuple[Use, Assume]]:
    """Every role that a runbook names, with the first of its lines that does, and what that says of it."""
    found: dict[str, tuple[Use, Assume]] = {}
    for use, assume in _assuming(made):
        for role in assume.roles:
            found.setdefault(role, (use, assume))
    return found


def role_template(runbook: Runbook, made: Sequence[Machine], role: str) -> str:
    """A template of CloudFormation. Raises KeyError where the runbook names no such role."""
    _, assume = roles_of(made)[role]
    packed = policies(of_role(role, [(runbook, machine) for machine in made]))
    path, _, name = role.partition(":role")[2].rpartition("/")
    trusted: Json = {
        "Effect": "Allow",
        "Principal": {"AWS": Tag("Sub", f"arn:${{AWS::Partition}}:iam::${{{HOME}}}:root")},
        "Action": BEGIN.action,
    }
    if assume.external_id is not None:
        trusted["Condition"] = {"StringEquals": {EXTERNAL_ID: assume.external_id}}
    documents = [_document(allowed(policy)) for policy in packed]
    properties: Json = {
        "RoleName": name,
        "Path": f"{path}/",
        "Description": f"What Farshore does in this account for {runbook.application}",
        TRUST_POLICY: _document([trusted]),
    }
    resources: Json = {"Role": {"Type": "AWS::IAM::Role", "Properties": properties}}
    if len(documents) == 1:
        properties["Policies"] = [{"PolicyName": runbook.application, "PolicyDocument": documents[0]}]
    else:
        names = [f"May{number}" for number in range(1, len(documents) + 1)]
        properties["ManagedPolicyArns"] = [Tag("Ref", each) for each in names]
        for each, document in zip(names, documents, strict=True):
            resources[each] = {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": document}}
    whole: Json = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"{name}: what Farshore may do in this account for {runbook.application}",
        "Parameters": {
            HOME: {
                "Type": "String",
                "AllowedPattern": "[0-9]{12}",
                "Description": "The account that Farshore is deployed to",
            }
        },
        "Resources": resources,
        "Outputs": {"Arn": {"Value": Tag("GetAtt", "Role.Arn")}},
    }
    said = f"Deploy it to account {account_of(role)}, in any one Region, since roles are in all of them: aws "
    said += f"cloudformation deploy --template-file FILE --stack-name {name} --capabilities "
    said += f"CAPABILITY_NAMED_IAM --parameter-overrides {HOME}=ACCOUNT"
    return "\n".join([*comment(said), *emit(whole)]) + "\n"


def _document(statements: Sequence[Any]) -> Json:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def misassumed(runbook: Runbook, made: Sequence[Machine]) -> Iterator[Mistake]:
    """Lines that name roles otherwise than others do: a role has one trust policy, and what is remembered of
    a thing does not say in which account it is."""
    first = roles_of(made)
    for use, assume in _assuming(made):
        for other, before in (first[role] for role in assume.roles):
            if before.external_id != assume.external_id:
                roles = ", ".join(assume.roles)
                what = f"{use.step}: {roles} is assumed with another external_id than in line {other.line}"
                yield Mistake(runbook.path, use.line, what, "write the same in both")
    yield from _in_two_accounts(runbook, made)


def _in_two_accounts(runbook: Runbook, made: Sequence[Machine]) -> Iterator[Mistake]:
    first: dict[tuple[str, str, str, str], Use] = {}
    for use in (use for machine in made for use in machine.uses if steps()[use.step].notes):
        for text in texts(steps()[use.step], use.inputs):
            other = first.setdefault((use.step, text.type, text.text, text.region), use)
            here, there = _account(use, text.region), _account(other, text.region)
            if here != there:
                what = f"{use.step}: {text.text} is in {here}, and in {there} by line {other.line}"
                instead = "name one role in both lines, or each Region's own; or give one thing another name"
                yield Mistake(runbook.path, use.line, what, instead)


def _account(use: Use, region: str) -> str:
    if use.assume is None:
        return OUR_OWN
    role = use.assume.role_in(region)
    roles = use.assume.roles if role is None else (role,)
    return f"account {' and '.join(sorted({account_of(each) for each in roles}))}"


def too_much(runbook: Runbook, made: Sequence[Machine]) -> Iterator[Mistake]:
    """What IAM would refuse of such a role."""
    for role, (use, _) in roles_of(made).items():
        name = role.rpartition("/")[2]
        if what := refusal(name, of_role(role, [(runbook, machine) for machine in made])):
            yield Mistake(runbook.path, use.line, what, "name fewer resources, or share them among roles")


def _assuming(made: Sequence[Machine]) -> Iterator[tuple[Use, Assume]]:
    for use in (use for machine in made for use in machine.uses):
        if use.assume is not None:
            yield use, use.assume
