"""Who judges takes what it judges as an argument.

No file of farshore/, and none of twin/ outside an application's or a service's own folder, names an
application, a step type, an AWS operation or a service. The names are derived: applications and services from
the folders of twin/, step types from the registry, operations from botocore's models of every service that
anybody declares a call of, and what AWS calls its services from the heads of all of botocore's models. Looked
at are the words of each file, in comments and within identifiers, too, and its syntax tree.

A file declares what it calls itself: `NAME = Api(...)` at module level is a declaration, all else is naming.
And a room may name what it stands on, if STANDS_ON says why.
"""

from __future__ import annotations

import ast
import functools
import gzip
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set
from itertools import pairwise
from pathlib import Path

import botocore
import botocore.session
import pytest
from botocore import xform_name
from own_shop import FOUR, compiled

from farshore.operate import operator, preflight, runs, stacks
from farshore.runbook.registry import StepType, steps
from functions import ledger
from functions.calls import Api

ROOT = Path(__file__).parent.parent
OWN = ("twin/applications/", "twin/services/", "farshore/testing/ticker.py")
KINDS: list[StepType] = list(steps().values())
DECLARED = {
    *(api for kind in KINDS for api in (*kind.reads, *kind.writes, *kind.ledger_writes())),
    *(
        api
        for module in (ledger, operator, preflight, runs, stacks)
        for api in vars(module).values()
        if isinstance(api, Api)
    ),
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

ROOMS = {
    "applications": APPLICATIONS,
    "services": folders("twin/services"),
    "steps": [kind.__module__.rpartition(".")[2] for kind in KINDS],
}
"""Who lives in folders, or files, of their own, by the folder that has these."""

ENGLISH = frozenset({"events", "health", "states", "logs"})
"""Services whose names are words of any text: they are names before a colon only (states:StartExecution)."""

MARKETED = {
    *("Application Recovery Controller", "Athena", "Aurora", "Cognito", "Fargate", "Kinesis", "MySQL"),
    *("Postgres", "PostgreSQL", "Redshift", "VPC"),
}
"""Products that are no services to boto3, or one of a longer name."""

PLATFORM = {"cloudformation", "iam", "lambda", "states", "stepfunctions"} | {
    kind.lower()
    for kind in re.findall(r"Type: '?\"?AWS::(\w+)::", (compiled(*FOUR) / "template.yaml").read_text())
}

STANDS_ON: Mapping[str, Set[str]] = {
    "farshore/compile/": PLATFORM | {"kms", "s3"},  # what it writes is deployed: encrypted, out of a bucket
    "farshore/operate/stacks": {"cloudformation", "iam"},  # what deploys is what a stack is described by
    "farshore/operate/preflight": PLATFORM,  # it looks at what the template makes
    "farshore/operate/": {"stepfunctions"},  # a run is what Step Functions says of it, in its words
    "farshore/checkers/s3_": {"s3"},  # the third invariant has the name of a service
    "twin/": {"iam"},  # whoever answers, IAM judges each call before
}
"""The services that each room may name, and why."""

NO_NAME = re.compile(
    r"(docs\.aws\.amazon\.com|github\.com)/\S+"  # where a fact of AWS stands
    r"|ARC Region switch"  # the product whose blocks steps correspond to
    r"|lambda_handler"  # what every step makes its handler with
    r"|(def |self\.|super\(\)\.)list_commands(?=\()"  # click's, of a group of verbs
    r"|(?<![\w\"'-])lambda(?=[ :])"  # Python's
)

WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
"""One word of a name, however its words are joined."""


def spelling(name: str) -> str:
    """The same for Step Functions, StepFunctions, step_functions and step-functions."""
    return "".join(WORD.findall(name)).lower()


def is_compound(name: str) -> bool:
    """More than one word, so that no English text has it by chance."""
    return len(WORD.findall(name)) > 1


@functools.cache
def operations() -> frozenset[str]:
    """Every operation of every service that a step, the ledger or a command declares a call of."""
    session = botocore.session.get_session()
    models = [session.get_service_model(service) for service in {api.service for api in APIS}]
    return frozenset(name for model in models for name in model.operation_names)


@functools.cache
def products() -> Mapping[str, Set[str]]:
    """Services, as boto3 calls them, by the spelling of each of their names that is no plain English."""
    found: dict[str, set[str]] = defaultdict(set)
    for name in (SERVICES - ENGLISH) | MARKETED:
        found[spelling(name)].add(name)
    models = Path(botocore.__file__).parent / "data"
    for model in models.glob("*/*/service-2.json.gz"):
        with gzip.open(model, "rt") as text:
            head = text.read(3000)
        for name in re.findall(r'"service(?:Id|Abbreviation|FullName)":"(?:Amazon |AWS )?([^"]+)"', head):
            if is_compound(name) or name.isupper():
                found[spelling(name)].add(model.parent.parent.name)
    return found


@functools.cache
def names() -> Mapping[str, str]:
    """What a spelling names, wherever it stands."""
    kinds = [name for kind in KINDS for name in (kind.name, kind.__name__)]
    return {
        **dict.fromkeys(products(), "service"),
        **{spelling(name): "operation" for name in operations() if is_compound(name)},
        **{spelling(name): "step" for name in kinds if is_compound(name)},
        **{spelling(name): "application" for name in APPLICATIONS},
    }


def names_in(text: str) -> Iterator[tuple[int, str]]:
    """Where words spell a name together, and the name as it stands there."""
    words = list(WORD.finditer(text))
    for i, first in enumerate(words):
        spelled = ""
        for j in range(i, len(words)):
            spelled += words[j][0].lower()
            if spelled in names():
                yield first.start(), text[first.start() : words[j].end()]
            if j + 1 == len(words) or not joined(text, words[j], words[j + 1]):
                break


def joined(text: str, word: re.Match[str], following: re.Match[str]) -> bool:
    """They are parts of one identifier, or both capitalised, on two lines of a comment, too."""
    gap = text[word.end() : following.start()]
    capitals = word[0][0].isupper() and not following[0].islower()
    return gap in ("", "-", "_") or (capitals and re.fullmatch(r"\s+(# *)?", gap) is not None)


def named_in(path: str, text: str) -> set[tuple[int, str]]:
    """Line and name of everything that a file names."""
    allowed = {name for room, services in STANDS_ON.items() if path.startswith(room) for name in services}
    tree = ast.parse(text) if path.endswith(".py") else ast.Module([], [])
    declared = {id(node) for node in declarations(tree)}
    lines = text.splitlines()
    for node in ast.walk(tree):
        if id(node) in declared and isinstance(node, ast.Constant):
            lines[node.lineno - 1] = lines[node.lineno - 1].replace(repr(node.value)[1:-1], "")
    looked_at = NO_NAME.sub("", "\n".join(lines))
    found = {
        (looked_at.count("\n", 0, at) + 1, f"{names()[spelling(name)]} {name}")
        for at, name in names_in(looked_at)
        if not products().get(spelling(name), set()) & allowed
        and not looked_at[:at].endswith(tuple(f"{service}:" for service in allowed))
    }
    return found | {
        (node.lineno, name)
        for node in ast.walk(tree)
        if id(node) not in declared
        for name in names_of(node, allowed)
    }


def declarations(tree: ast.Module) -> Iterator[ast.AST]:
    """The parts of each `NAME = Api(...)` of a module."""
    for statement in tree.body:
        value = statement.value if isinstance(statement, ast.Assign) else None
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "Api":
            yield from ast.walk(value)


def names_of(node: ast.AST, allowed: Set[str]) -> Iterator[str]:
    """What the syntax tree names in one word: text may have such a word by chance."""
    match node:
        case ast.Call(func=ast.Attribute(attr=called)) if called in methods():
            yield f"operation .{called}()"
        case ast.Import(names=imported):
            yield from imports_of(alias.name for alias in imported)
        case ast.ImportFrom(module=module, names=imported):
            yield from imports_of(f"{module or ''}.{alias.name}" for alias in imported)
        case ast.Compare(left=left, comparators=others):
            yield from comparisons([left, *others])
        case ast.MatchValue(value=value):
            yield from comparisons([value])
        case ast.Constant(value=str(value)) if " " not in value and value.partition(":")[0] not in allowed:
            yield from (f"{name!r} in {value!r}" for name in words_of(value) - allowed)


def comparisons(sides: Iterable[ast.expr]) -> Iterator[str]:
    """Those with a step's name: as a key, lease is the ledger's word."""
    for side in sides:
        parts = side.elts if isinstance(side, ast.Tuple | ast.List | ast.Set) else [side]
        texts = {part.value for part in parts if isinstance(part, ast.Constant)}
        yield from (f"comparison with {kind.name!r}" for kind in KINDS if kind.name in texts)


def imports_of(modules: Iterable[str]) -> Iterator[str]:
    """Those of what has a folder, or as a step a file, of its own."""
    for module in modules:
        parts = module.split(".")
        if any(own in ROOMS.get(room, ()) for room, own in pairwise(parts)):
            yield f"import of {module}"


@functools.cache
def methods() -> Set[str]:
    """Operations of one word as boto3's clients spell them, unless a class of ours has such a method."""
    product = [path for house in ("functions", "farshore", "twin") for path in (ROOT / house).rglob("*.py")]
    ours = {name for path in product for name in re.findall(r"def (\w+)\(", path.read_text())}
    return {xform_name(name) for name in operations() if not is_compound(name)} - ours


def words_of(text: str) -> set[str]:
    """The services, operations and steps of a string that is no sentence."""
    kinds = {kind.name for kind in KINDS if kind.written}  # nobody writes the lease: the word is the ledger's
    found = set(re.split(r"[:/@]", text)) & ((SERVICES - ENGLISH) | operations() | kinds)
    return found | {word for word in ENGLISH if re.search(rf"\b{word}:", text)}


FILES = sorted(
    path.relative_to(ROOT).as_posix()
    for house in ("farshore", "twin")
    for suffix in ("py", "md", "yaml")
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
        ("from functions.steps.approval import Approval", "import of functions.steps.approval.Approval"),
        ("from functions.steps import approval", "import of functions.steps.approval"),
        ("import functions.steps.approval as asked", "import of functions.steps.approval"),
        ("from twin.services.arc.model import Cluster", "import of twin.services.arc.model.Cluster"),
        ("# asked Aurora to", "service Aurora"),
        ("# an EventBridge rule", "service EventBridge"),
        ("# what CloudWatch keeps", "service CloudWatch"),
        ("# as in PostgreSQL", "service PostgreSQL"),
        ("# Step Functions' own call", "service Step Functions"),
        ("# through Global\n# Accelerator", "service Global\n# Accelerator"),
        ("aurora_stuff = 1", "service aurora"),
        ("def close(rds_client): ...", "service rds"),
        ("class AuroraThing: ...", "service Aurora"),
        ("class SNSTopic: ...", "service SNS"),
        ("aurora_writer_state = 1", "step aurora_writer"),
        ("if operation == 'Publish': ...", "'Publish' in 'Publish'"),
        ("if place == 'dynamodb/us-east-1': ...", "service dynamodb"),
        ("client.failover_global_cluster()", "operation failover_global_cluster"),
        ("def mine(failover_global_cluster): ...", "operation failover_global_cluster"),
        ("client.publish(text)", "operation .publish()"),
        ("WHAT = ['states:StartExecution']", "operation StartExecution"),
        ("if phase == 'approval': ...", "'approval' in 'approval'"),
        ("if kind.name == 'lease': ...", "comparison with 'lease'"),
        ("if kind.name in ('lease', 'x'): ...", "comparison with 'lease'"),
        ("match kind.name:\n    case 'lease': ...", "comparison with 'lease'"),
    ],
)
def test_naming_is_noticed(line: str, name: str) -> None:
    assert name in {found for _, found in named_in("farshore/checkers/any.py", line)}


def test_naming_is_noticed_where_it_stands() -> None:
    text = "\n\n# through Global\n# Accelerator\nx = aurora_stuff\nx.publish()"
    assert {line for line, _ in named_in("farshore/checkers/any.py", text)} == {3, 5, 6}


@pytest.mark.parametrize(
    "line",
    [
        "START = Api('states:StartExecution', client='stepfunctions')",
        "# Source: docs.aws.amazon.com/aurora/latest/FailoverGlobalCluster",
        "said = {'lease': lease, 'events': [], 'health': 'good'}",
        "'''An approval is asked for; the lease is held by the step functions of a run.'''",
        "handler = max(table, key=lambda row: publish(row.architecture, row.snsx))",
    ],
)
def test_a_declared_call_a_source_and_plain_english_are_no_naming(line: str) -> None:
    assert not named_in("farshore/checkers/any.py", line)


@pytest.mark.parametrize(
    ("room", "line", "other"),
    [
        ("farshore/compile/", "ACTION = 'lambda:InvokeFunction'", "ACTION = 'rds:FailoverGlobalCluster'"),
        ("farshore/compile/", "# an EventBridge rule", "# a Route 53 record"),
        ("farshore/operate/", "# what Step Functions says", "# what DynamoDB says"),
        ("twin/", "# IAM judges it", "# RDS judges it"),
    ],
)
def test_a_room_may_name_what_it_stands_on_and_nothing_else(room: str, line: str, other: str) -> None:
    assert not named_in(f"{room}any.py", line)
    assert named_in("farshore/checkers/any.py", line)
    assert named_in(f"{room}any.py", other)
