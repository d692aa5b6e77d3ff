"""What an exploration asks of calls and Regions, and where that is declared."""

from __future__ import annotations

from functions.calls import HTTP_GET
from functions.ledger import is_ledgers
from twin.faults import Request

from ..checkers.events import Tick, call_of
from ..compile.definition import step_of
from ..operate.operator import START


def is_http(request: Request) -> bool:
    """It is a request as customers make it, not a call to AWS."""
    return request.service == HTTP_GET.service


def changes_the_application(request: Request, tick: Tick | None) -> bool:
    return tick is not None and not is_http(request) and tick.change(request) is not None


def notes_in_the_ledger(request: Request, table: str) -> bool:
    return call_of(request, table).written is not None


def only_reads(request: Request, tick: Tick) -> bool:
    """It is all one whether it has been done."""
    table, kind = tick.event["ledger"]["table"], step_of(tick.event)
    if is_ledgers(table, request.service, request.parameters):
        return not notes_in_the_ledger(request, table)
    made = request.service, request.operation, request.parameters
    return kind is not None and any(api.makes(*made) for api in kind.reads)


def starts_runs(region: str) -> str:
    """The service and Region without which nobody can start a run."""
    return f"{START.service}/{region}"
