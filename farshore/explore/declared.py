"""What an exploration asks of calls and Regions, and where that is declared."""

from __future__ import annotations

from functions.calls import HTTP
from functions.ledger import DELETE, PUT, QUERY
from twin.aws import GLOBAL_HOMES
from twin.faults import Request

from ..checkers.declarations import changes
from ..operate.operator import START

READING = ("Get", "GET", "Describe", "List", "Query", "Invoke")
HOMES = tuple(dict.fromkeys(GLOBAL_HOMES.values()))
"""Regions in which the control plane of a global service lives."""


def is_http(request: Request) -> bool:
    """It is a request as customers make it, not a call to AWS."""
    return request.service == HTTP.service


def changes_the_application(request: Request) -> bool:
    return not is_http(request) and changes(request)


def notes_in_the_ledger(request: Request) -> bool:
    return request.service == PUT.service and request.operation in (PUT.operation_name, DELETE.operation_name)


def asks_the_ledger(what: str) -> bool:
    """The call, in words."""
    return what.startswith(f"{QUERY.service}:")


def starts_runs(region: str) -> str:
    """The service and Region without which nobody can start a run."""
    return f"{START.service}/{region}"


def only_reads(request: Request) -> bool:
    """It is all one whether it has been done."""
    return request.operation.startswith(READING)
