"""Let alarms start runs of APP, and its debts be paid on schedule.

It looks first: where the ledger does not answer, a stack is not there or its deployment has not ended well,
nothing is armed. A deployment leaves an application as armed as it was. The ledger of an armed application is
protected from deletion. It takes the permissions that deployed the stack.
"""

from __future__ import annotations

from functions.errors import NotYet, Refused
from functions.outside import Outside

from ..compile.parameters import ARMED
from ..operate.operator import Operator
from ..operate.stacks import Stacks
from ..operate.trouble import Trouble
from ..runbook.find import find
from ._arming import not_ready, set_in_each, stack_option
from ._options import about_runs


@about_runs
@stack_option
def command(outside: Outside | None, app: str, as_json: bool, stack_name: str) -> None:
    operator = Operator(find(app), outside)
    stacks = Stacks(operator.runs, stack_name)
    if wrong := [*not_ready(stacks), *_ledger(operator)]:
        raise Trouble("\n".join([f"{operator.runbook.application} is not armed:", *wrong]))
    set_in_each(stacks, ARMED, as_json)


def _ledger(operator: Operator) -> list[str]:
    """Without it every run would fail, and the schedule page every minute."""
    ledger = operator.runbook.ledger
    try:
        operator.records()
    except (NotYet, Refused) as error:
        return [f"the ledger {ledger.table} does not answer: {error}: deploy to {ledger.regions[0]} first"]
    return []
