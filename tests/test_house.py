"""Who judges takes what it judges as an argument.

No file of farshore/, and none of twin/ outside an application's or a service's own folder, names an
application, a step type, an AWS operation or a service. The names are derived: applications and services from
the folders of twin/, step types from the registry, operations from botocore's models of every service that
anybody declares a call of. Looked at are the text of each file, comments included, and its syntax tree.

A file declares what it calls itself: `NAME = Api(...)` at module level is a declaration, all else is naming.
And what farshore/compile/ writes is deployed: it may name what everything stands on, as the template does.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name

from farshore.operate import operator, runs
from farshore.runbook.registry import StepType, steps
from functions import ledger
from functions.calls import Api

ROOT = Path(__file__).parent.parent
OWN = ("twin/applications/", "twin/services/")
KINDS: list[StepType] = list(steps().values())
DECLARED = {
    *(api for kind in KINDS for api in (*kind.reads, *kind.writes, *kind.ledger_writes())),
    *(api for module in (ledger, operator, runs) for api in vars(module).values() if isinstance(api, Api)),
}
APIS = {api for api in DECLARED if not api.is_http}

NAMING: Mapping[str, str] = {}
"""Files that still name something, and what is to become of it. Who mends a file takes it off this list."""


def folders(where: str) -> list[str]:
    return sorted(path.parent.name for path in (ROOT / where).glob("*/__init__.py"))


APPLICATIONS = folders("twin/applications")
SERVICES = {
    *(name.rstrip("_") for name in folders("twin/services")),
    *(api.service for api in APIS),
    *(api.action.partition(":")[0] for api in APIS),
}
"""As folders, as boto3 and as IAM spell them."""

ENGLISH = frozenset({"events", "health", "states", "logs"})
"""Services whose names are words of any text: they are names before a colon only (states:StartExecution)."""

PLATFORM = {"iam", "lambda", "states", "stepfunctions"} | {
    kind.lower() for kind in re.findall(r"Type: '?\"?AWS::(\w+)::", (ROOT / "template.yaml").read_text())
}
"""What everything that is compiled stands on."""

AWS_PAGE = re.compile(r"(docs\.aws\.amazon\.com|github\.com)/\S+|ARC Region switch")
"""Where a fact of AWS stands, and the product whose blocks steps correspond to."""


@functools.cache
def operations() -> frozenset[str]:
    """Every operation of every service that a step, the ledger or a command declares a call of."""
    session = botocore.session.get_session()
    models = [session.get_service_model(service) for service in {api.service for api in APIS}]
    return frozenset(name for model in models for name in model.operation_names)


def is_compound(name: str) -> bool:
    """More than one word, so that no English text has it by chance."""
    return "_" in xform_name(name)


@functools.cache
def patterns() -> Mapping[str, re.Pattern[str]]:
    """What is a name wherever it stands, in a comment, too."""
    kinds = [name for kind in KINDS for name in (kind.name, kind.__name__) if is_compound(name)]
    kebab = [name.replace("_", "-") for name in kinds if "_" in name]
    ours = PLATFORM | ENGLISH | {"s3"}  # everything stands on it; English; an invariant
    products = [name.replace("53", " ?53") for name in sorted(SERVICES - ours)]
    return {
        "application": re.compile(
            "|".join(r"[-_ ]?".join(n.split("_")) for n in APPLICATIONS), re.IGNORECASE
        ),
        "step": re.compile(rf"\b({'|'.join([*kinds, *kebab])})\b"),
        "operation": re.compile(rf"\b({'|'.join(filter(is_compound, operations()))})\b"),
        "service": re.compile(rf"\b({'|'.join(products)}|(?-i:s3)(?=[:/]))\b", re.IGNORECASE),
    }


def named_in(path: str, text: str) -> set[tuple[int, str]]:
    """Line and name of everything that a file names."""
    platform = PLATFORM if path.startswith("farshore/compile/") else set()
    tree = ast.parse(text) if path.endswith(".py") else ast.Module([], [])
    declared = {id(node) for node in declarations(tree)}
    lines = text.splitlines()
    for node in ast.walk(tree):
        if id(node) in declared and isinstance(node, ast.Constant):
            lines[node.lineno - 1] = lines[node.lineno - 1].replace(repr(node.value)[1:-1], "")
    found = {
        (number, f"{what} {match.group()}")
        for number, line in enumerate(lines, 1)
        for what, pattern in patterns().items()
        for match in pattern.finditer(AWS_PAGE.sub("", line))
        if not any(f"{service}:{match.group()}" in line for service in platform)
    }
    return found | {
        (node.lineno, name)
        for node in ast.walk(tree)
        if id(node) not in declared
        for name in names_of(node, platform)
    }


def declarations(tree: ast.Module) -> Iterator[ast.AST]:
    """The parts of each `NAME = Api(...)` of a module."""
    for statement in tree.body:
        value = statement.value if isinstance(statement, ast.Assign) else None
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "Api":
            yield from ast.walk(value)


def names_of(node: ast.AST, platform: set[str]) -> Iterator[str]:
    if isinstance(node, ast.Attribute) and node.attr in methods():
        yield f"operation .{node.attr}"
    elif isinstance(node, ast.ImportFrom):
        parts = (node.module or "").split(".")
        if {"services", "applications", "steps"} & set(parts[:-1]):
            yield f"import of {node.module}"
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and " " not in node.value:
        if node.value.partition(":")[0] in platform:
            return
        yield from (f"{name!r} in {node.value!r}" for name in words_of(node.value) - platform)


@functools.cache
def methods() -> frozenset[str]:
    """Operations as boto3's clients spell them."""
    return frozenset(xform_name(name) for name in operations() if is_compound(name))


def words_of(text: str) -> set[str]:
    """The services, operations and steps of a string that is no sentence."""
    kinds = {kind.name for kind in KINDS if kind.written}  # nobody writes the lease: the word is the ledger's
    found = set(re.split(r"[:/@]", text)) & ((SERVICES - ENGLISH) | operations() | kinds)
    return found | {word for word in ENGLISH if re.search(rf"\b{word}:", text)}


FILES = sorted(
    path.relative_to(ROOT).as_posix()
    for house in ("farshore", "twin")
    for suffix in ("py", "md")
    for path in (ROOT / house).rglob(f"*.{suffix}")
    if not path.relative_to(ROOT).as_posix().startswith(OWN)
)


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, marks=[pytest.mark.xfail(reason=NAMING[path])] if path in NAMING else [])
        for path in FILES
    ],
)
def test_a_file_names_no_application_step_type_operation_or_service(path: str) -> None:
    found = sorted(named_in(path, (ROOT / path).read_text()))
    assert not found, "".join(f"\n{path}:{line}: {name}" for line, name in found)


def test_the_list_of_those_that_still_name_something_is_no_longer_than_they_are() -> None:
    assert set(NAMING) <= set(FILES)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("# as the unicorn-shop has it", "application unicorn-shop"),
        ('"""Of aurora_writer."""', "step aurora_writer"),
        ("kind = AuroraWriter", "step AuroraWriter"),
        ("from functions.steps.approval import Approval", "import of functions.steps.approval"),
        ("from twin.services.arc.model import Cluster", "import of twin.services.arc.model"),
        ("# asked Aurora to", "service Aurora"),
        ("if operation == 'Publish': ...", "'Publish' in 'Publish'"),
        ("if place == 'dynamodb/us-east-1': ...", "'dynamodb' in 'dynamodb/us-east-1'"),
        ("client.failover_global_cluster()", "operation .failover_global_cluster"),
        ("WHAT = ['states:StartExecution']", "operation StartExecution"),
        ("if phase == 'approval': ...", "'approval' in 'approval'"),
    ],
)
def test_naming_is_noticed(line: str, name: str) -> None:
    assert (1, name) in named_in("farshore/checkers/any.py", line)


@pytest.mark.parametrize(
    "line",
    [
        "START = Api('states:StartExecution', client='stepfunctions')",
        "# Source: docs.aws.amazon.com/aurora/latest/FailoverGlobalCluster",
        "said = {'lease': lease, 'events': [], 'health': 'good'}",
        "'''An approval is asked for; the lease is held.'''",
    ],
)
def test_a_declared_call_a_source_and_plain_english_are_no_naming(line: str) -> None:
    assert not named_in("farshore/checkers/any.py", line)


def test_the_compiler_may_name_what_everything_stands_on() -> None:
    line = "ACTION = 'lambda:InvokeFunction'"
    assert named_in("farshore/checkers/any.py", line)
    assert not named_in("farshore/compile/any.py", line)
    assert named_in("farshore/compile/any.py", "ACTION = 'rds:FailoverGlobalCluster'")
