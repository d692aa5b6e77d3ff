"""What steps and services do not declare yet, and checkers must know of a call.

One module, so that it is replaced as a whole once calls say it themselves.
"""

from __future__ import annotations

from functions.step import Step
from twin.faults import Request

from ..compile.definition import step_type_of
from ..runbook.load import Runbook
from .events import Tick

READING = ("Get", "Describe", "List", "Invoke")
LEDGER_AND_PAGES = ("dynamodb", "sns")
OPPOSITE = {"failover": "failback", "failback": "failover"}


def changes(request: Request) -> bool:
    """It would change something of the application."""
    return request.service not in LEDGER_AND_PAGES and not request.operation.startswith(READING)


def accepts_loss(request: Request) -> bool:
    """It lets data be lost."""
    return request.operation == "FailoverGlobalCluster"


def any_endpoint(request: Request) -> bool:
    """A plan names the endpoint that is tried first; any other of the service's will do."""
    return request.service == "route53-recovery-cluster"


def pages_a_person(request: Request) -> bool:
    return request.operation == "Publish"


def step_of(tick: Tick) -> type[Step[object]] | None:
    """The step that the tick is of."""
    return step_type_of(tick.function[1])


def moves(procedure: str) -> bool:
    """The procedure moves data and customers from one Region to the other."""
    return procedure in OPPOSITE


def direction(procedure: str, runbook: Runbook) -> tuple[str, str]:
    """`$from` and `$to` of the procedure, wherever its machine may lead."""
    primary, standby = runbook.regions.primary, runbook.regions.standby
    return (standby, primary) if procedure == "failback" else (primary, standby)


def breaks(procedure: str) -> bool:
    """The procedure breaks a Region on purpose."""
    return procedure == "outage"


def mends(procedure: str) -> bool:
    """The procedure gives back what was broken on purpose."""
    return procedure == "recovery"
