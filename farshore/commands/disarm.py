"""Let nothing but people start runs of APP.

Its debts are then paid by nobody's schedule, and its ledger can be deleted. A Region that does not answer
keeps none of the others from it; it is named, and the exit code is 1.
"""

from __future__ import annotations

from functions.outside import Outside

from ..compile.parameters import DISARMED
from ..operate.operator import Operator
from ..operate.stacks import Stacks
from ..runbook.find import find
from ._arming import set_in_each, stack_option
from ._options import about_runs


@about_runs
@stack_option
def command(outside: Outside | None, app: str, as_json: bool, stack_name: str) -> None:
    set_in_each(Stacks(Operator(find(app), outside).runs, stack_name), DISARMED, as_json)
