"""What nobody calls does not stand in the twin."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

from botocore import xform_name
from every_service import every_service

import farshore.explore.person
import farshore.operate
import functions.assume
import functions.ledger
from farshore.runbook.registry import steps
from functions.calls import Api
from twin.rows import declared

ROOT = Path(__file__).parents[1]
ROOMS = ("simulate", "explore", "checkers", "operate")
CALLERS = ("twin/applications", *(f"farshore/{room}" for room in ROOMS))
"""Where boto3's clients are called, beside what steps and operators declare."""


def apis() -> Iterator[Api]:
    """What steps, the operator and exploration's person declare that they call, and the ledger's own."""
    for kind in steps().values():
        yield from (*kind.reads, *kind.writes)
    modules = [each.name for each in pkgutil.iter_modules(farshore.operate.__path__, "farshore.operate.")]
    ours = functions.assume, functions.ledger, farshore.explore.person
    for module in (*ours, *map(importlib.import_module, modules)):
        yield from (value for value in vars(module).values() if isinstance(value, Api))


def called_by_name() -> set[str]:
    """Names of methods that are called where boto3's clients are."""
    found: set[str] = set()
    for room in CALLERS:
        for file in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Attribute):
                    found.add(node.attr)
    return found


def uncalled(served: list[tuple[str, str]]) -> list[tuple[str, str]]:
    declared_calls = {(api.service, api.operation_name) for api in apis()}
    by_name = called_by_name()
    return [
        (service, operation)
        for service, operation in served
        if (service, operation) not in declared_calls and xform_name(operation) not in by_name
    ]


def test_every_operation_that_the_twin_serves_has_a_caller() -> None:
    with every_service() as cloud:
        assert uncalled(cloud.served()) == []


def test_an_operation_that_nobody_calls_is_found() -> None:
    with every_service() as cloud:
        cloud.serve("rds", "DeleteGlobalCluster", lambda request: {})
        assert uncalled(cloud.served()) == [("rds", "DeleteGlobalCluster")]


def test_every_row_is_of_an_operation_that_the_twin_serves_and_every_such_operation_has_a_row() -> None:
    rows = {(rows.service, operation) for rows in declared().values() for operation in rows.operations}
    with every_service() as cloud:
        assert rows == set(cloud.served())
