"""What checkers are fed with: calls, with the ticks that made them."""

from __future__ import annotations

import contextvars
import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from functions.calls import Api
from functions.ledger import DELETE, PUT, is_ledgers, written_in
from functions.run import Purpose
from twin.faults import Request

from ..compile.definition import change_of, declared_write


@dataclass
class Tick:
    """One invocation of a step's function, on behalf of an execution."""

    execution: str
    """Its ARN."""
    label: str
    """The execution's name and the state's, in letters that no shell minds; a plan's dry tick says so."""
    number: int
    """Of this label's ticks, from 1."""
    function: tuple[str, str]
    """Its Region and name."""
    event: Mapping[str, Any]
    invocation: Any
    began: float = 0.0
    """In seconds since 1970."""
    ended: float = 0.0
    """0 where it died."""
    answer: str = ""
    """What it answered, or the error that it raised, once it has ended."""
    calls: int = 0
    """For whoever counts them."""
    raises: bool = False
    """Its own code makes a mistake once its next call is made."""

    @property
    def purpose(self) -> Purpose:
        """What its state is for."""
        purpose: Purpose = self.event["run"]["purpose"]
        return purpose

    def change(self, request: Request) -> Api | None:
        """The step's declared write that the request is, where that changes something of the application."""
        return change_of(self.event, request.service, request.operation, request.parameters)

    def pages(self, request: Request) -> bool:
        """The request is the step's declared page to a person."""
        api = declared_write(self.event, request.service, request.operation, request.parameters)
        return api is not None and api.pages


TICK: contextvars.ContextVar[Tick | None] = contextvars.ContextVar("tick", default=None)
"""The tick that is running; None outside."""


def invokes(request: Request) -> bool:
    """A machine asks for a tick: nobody else's calls have a payload and no caller, but for those that ask for
    a look at probes, which belongs to no run."""
    return not request.caller and "Payload" in request.parameters and "run" in invoked(request)


def invoked(request: Request) -> Mapping[str, Any]:
    """The event with which a machine invokes a function."""
    payload = request.parameters["Payload"]
    assert isinstance(payload, bytes)
    return _event(payload)


@functools.lru_cache(maxsize=16)
def _event(payload: bytes) -> Mapping[str, Any]:
    """Whatever happens at the call reads it once more."""
    event: Mapping[str, Any] = json.loads(payload)
    return event


@dataclass(frozen=True)
class LedgerWrite:
    """What a call has written into the ledger."""

    item: str
    """As debt# and a resource, or lease."""
    body: Mapping[str, Any] | None
    """None where the item was deleted."""


@dataclass(frozen=True)
class Call:
    """A request that AWS has done."""

    request: Request
    tick: Tick | None
    """Which made it; None where a person, a customer or the machine did."""
    change: Api | None
    """The declared write that it is, where a run has changed something of the application by it."""
    written: LedgerWrite | None
    """What it has written into the ledger, if anything."""


def call_of(request: Request, table: str) -> Call:
    """As it is known while it is being answered; the ledger is in this table."""
    tick = TICK.get()
    if is_ledgers(table, request.service, request.parameters):
        return Call(request, tick, None, _written(request))
    return Call(request, tick, None if tick is None else tick.change(request), None)


def _written(request: Request) -> LedgerWrite | None:
    given: Any = request.parameters
    if request.operation == PUT.operation_name:
        return LedgerWrite(given["Item"]["item"]["S"], json.loads(written_in(given["Item"]) or "{}"))
    if request.operation == DELETE.operation_name:
        return LedgerWrite(given["Key"]["item"]["S"], None)
    return None
