"""What every step keeps, held over the whole registry: a new step is covered by this file without a line."""

from __future__ import annotations

import ast
import dataclasses
import functools
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import botocore.session
import pytest

import functions.steps
from farshore.runbook.registry import inputs, steps
from functions.calls import Api
from functions.ledger import DELETE, PUT
from functions.step import Step

ROOT = Path(__file__).parent.parent
SHARED = {
    "calls", "errors", "handler", "inputs", "ledger", "outside", "run", "step", "telemetry", "tick", "world",
}  # fmt: skip
"""Modules that every step builds on."""
KINDS = list(steps().values())
MODULES = sorted({kind.__module__ for kind in KINDS})

BLOCKS = {
    "CustomActionLambda", "ManualApproval", "AuroraGlobalDatabase", "EC2AutoScaling", "ECSServiceScaling",
    "EKSResourceScaling", "ARCRoutingControl", "Route53HealthCheck", "ARCRegionSwitchPlan", "Parallel",
    "DocumentDb", "NeptuneGlobalDatabase", "RdsPromoteReadReplica", "RdsCreateCrossRegionReplica",
    "RdsSwitchoverReadReplica", "LambdaEventSourceMapping", "AuroraServerlessScaling",
    "AuroraProvisionedScaling", "SSMSendCommand",
}  # fmt: skip
"""Source: docs.aws.amazon.com/arc-region-switch/latest/api/API_Step.html"""

RENAMED = {"s3": "s3api", "config": "configservice", "codedeploy": "deploy"}
"""Source: docs.aws.amazon.com/cli/latest/reference"""

HEAVY = {
    "moto", "jinja2", "pydantic", "requests", "yaml", "jsonschema", "click", "rich", "greenlet", "farshore",
    "twin", "aws_xray_sdk", "responses", "werkzeug",
}  # fmt: skip
"""What a cold start must not pay for; aws_lambda_powertools' parser, idempotency and tracer bring some in."""


def named(value: Any) -> str:
    return str(getattr(value, "name", value))


each = pytest.mark.parametrize("kind", KINDS, ids=named)


@each
def test_a_step_says_in_one_line_what_holds(kind: type[Step[Any]]) -> None:
    doc = kind.__doc__ or ""
    assert doc.strip(), "no docstring"
    first = doc.splitlines()[0]
    assert first.endswith("."), f"a sentence: {first}"
    assert not doc.startswith(f"{kind.__name__}("), "the one that dataclass writes"


@each
def test_every_input_is_explained(kind: type[Step[Any]]) -> None:
    silent = [each.name for each in inputs(kind) if not each.doc]
    assert not silent, f"{kind.name}: say what these are, with Annotated: {silent}"
    assert dataclasses.fields(kind)


@each
def test_a_step_names_an_arc_block_or_none(kind: type[Step[Any]]) -> None:
    assert kind.block is None or kind.block in BLOCKS


@each
def test_the_name_is_that_of_the_file(kind: type[Step[Any]]) -> None:
    assert kind.__module__ == f"functions.steps.{kind.name}"


@each
def test_what_is_declared_is_called_and_what_is_called_is_declared(kind: type[Step[Any]]) -> None:
    module = importlib.import_module(kind.__module__)
    declared = set(kind.reads) | set(kind.writes)
    own, shared = set(calls_of(module)), set[Api]()
    for support in supports(module):
        shared |= set(calls_of(support))
    spare = {api.action for api in declared - own - shared}
    missing = {api.action for api in own - declared}
    assert not spare, f"{kind.name} declares and never calls {spare}"
    assert not missing, f"{kind.name} calls and does not declare {missing}"


@each
def test_a_step_declares_each_operation_once_and_reads_what_it_writes(kind: type[Step[Any]]) -> None:
    for apis in (kind.reads, kind.writes, kind.ledger_writes()):
        assert len(set(apis)) == len(apis)
    assert not kind.writes or kind.reads, "a 200 is no success: what is written is read back"
    assert set(kind.ledger_writes()) <= {PUT, DELETE}
    assert kind.fences is False or kind.notes, "a fence remembers"
    if kind.point_of_no_return or kind.one_way is not None:
        assert PUT in kind.ledger_writes(), "what moves data or customers notes that it begins"


def declared_apis() -> Iterator[Any]:
    for kind in KINDS:
        for api in dict.fromkeys((*kind.reads, *kind.writes, *kind.ledger_writes())):
            yield pytest.param(api, id=f"{kind.name} {api.action}")


@pytest.mark.parametrize("api", list(declared_apis()))
def test_a_declared_operation_exists_and_what_cannot_be_scoped_says_why(api: Api) -> None:
    assert api.plane in ("data", "control")
    templates = (api.resource,) if isinstance(api.resource, str) else api.resource
    assert templates
    if "*" in templates:
        assert api.why, f"{api.action}: its resource is *, so say why"
    if not api.is_http:
        assert api.operation_name in operations(api.service)
        prefix, _, action = api.action.partition(":")
        assert re.fullmatch(r"[a-z0-9-]+", prefix)
        assert action


@each
def test_a_call_knows_the_aws_clis_own_name_for_its_service(kind: type[Step[Any]]) -> None:
    """`farshore plan --as-cli` prints it."""
    for api in kind.writes:
        assert api.cli == RENAMED.get(api.service, ""), api.action


@functools.cache
def operations(service: str) -> frozenset[str]:
    return frozenset(botocore.session.get_session().get_service_model(service).operation_names)


@each
def test_what_a_resource_is_named_by_is_an_input(kind: type[Step[Any]]) -> None:
    """IAM's resources are filled in from the step's inputs."""
    known = {field.name for field in dataclasses.fields(kind)} | {"region", "account", "machines"}
    for field in inputs(kind):
        entries = [part for part in get_args(field.type) if dataclasses.is_dataclass(part)]
        known |= {f"{field.name}.{each.name}" for part in entries for each in inputs(part)}
    for api in (*kind.reads, *kind.writes):
        assert api.only_for in {"", *known}, f"{kind.name}: {api.action} is for {api.only_for}"
        templates = (api.resource,) if isinstance(api.resource, str) else api.resource
        words = {word for template in templates for word in re.findall(r"{([\w.]+)}", template)}
        assert words <= known, f"{kind.name}: {api.action} names {words - known}"


# A step is a file.

MENTIONED: dict[str, dict[str, str]] = {
    "lease": {
        "farshore/compile/procedure.py": "the compiler puts it first and last",
        "farshore/compile/states.py": "the names of the states that the compiler places",
        "farshore/compile/undo.py": "the compiler ends an undo with it",
        "farshore/commands/rehearse.py": "the lease, not the step",
        "farshore/commands/status.py": "the lease, not the step",
        "functions/ledger.py": "the lease, not the step",
    },
    "readiness": {
        "farshore/compile/machine.py": "the procedure, which is called so, too",
        "farshore/compile/procedure.py": "the compiler ends `prepare` with it, and looks by it",
        "farshore/compile/states.py": "the names of the states that the compiler places",
    },
    "ready": {"functions/steps/readiness.py": "its outcome, in the same word"},
}
"""Where a step may be known outside its file, and why. Everything else derives from the file."""


@each
def test_deleting_a_steps_file_leaves_no_reference_to_it(kind: type[Step[Any]]) -> None:
    own = ROOT / f"functions/steps/{kind.name}.py"
    found = set()
    for folder in ("functions", "farshore", "twin"):
        for path in (ROOT / folder).rglob("*.py"):
            if path != own and kind.name in code_words(path.read_text(), kind):
                found.add(str(path.relative_to(ROOT)))
    assert found == set(MENTIONED.get(kind.name, {})), f"{kind.name} is known in {sorted(found)}"


def code_words(text: str, kind: type[Step[Any]]) -> set[str]:
    """The step's name, if code imports its module or class, or names it in a string of its own."""
    module, name = kind.__module__.rpartition(".")[2], kind.__name__
    for node in ast.walk(ast.parse(text)):
        imported = isinstance(node, ast.ImportFrom | ast.Import) and (
            (getattr(node, "module", None) or "").rpartition(".")[2] == module
            or any(alias.name.rpartition(".")[2] in (module, name) for alias in node.names)
        )
        if imported and not isinstance(node, ast.Import) and (node.module or "").endswith("ledger"):
            imported = False
        if imported or (isinstance(node, ast.Constant) and node.value == kind.name):
            return {kind.name}
    return set()


def test_functions_steps_holds_steps_and_nothing_else() -> None:
    files = {path.stem for path in Path(functions.steps.__file__).parent.glob("*.py")} - {"__init__"}
    assert files == {module.rpartition(".")[2] for module in MODULES}


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.rpartition(".")[2])
def test_a_file_has_one_step_and_its_handler(module: str) -> None:
    found = importlib.import_module(module)
    mine = [kind for kind in KINDS if kind.__module__ == module]
    assert len(mine) == 1
    assert found.handler.step_type is mine[0]


# A cold start.


def test_a_cold_start_imports_nothing_heavy() -> None:
    look = f"import sys, {', '.join(MODULES)}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", look], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert not HEAVY & set(done.stdout.split())


# How the source is read.


def calls_of(module: ModuleType) -> Iterator[Api]:
    """The operations that a module's source makes calls of: NAME(region, ...)."""
    assert module.__file__ is not None
    for node in ast.walk(ast.parse(Path(module.__file__).read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            thing = vars(module).get(node.func.id)
            if isinstance(thing, Api):
                yield thing
        # Chosen by a condition: (A if graceful else B)(region, ...)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.IfExp):
            for name in (node.func.body, node.func.orelse):
                if isinstance(name, ast.Name) and isinstance(vars(module).get(name.id), Api):
                    yield vars(module)[name.id]


def supports(module: ModuleType) -> Iterator[ModuleType]:
    """The modules of functions/ that it imports from, and that not every step builds on."""
    names = {getattr(thing, "__module__", "") for thing in vars(module).values()}
    for name in names:
        found = sys.modules.get(name)
        package, _, last = name.rpartition(".")
        support = package == "functions" and last not in SHARED
        if support and found is not None and found is not module:
            yield found
