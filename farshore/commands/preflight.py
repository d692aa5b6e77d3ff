"""Look whether the account, and what stands in it, is ready for APP.

Before a Region has its stack that is the account, its Regions, names that must be free and concurrency; from
then on also who is paged, the code in each Region, and each replica of the ledger. Nothing is changed.
Exits 1 where something is wrong, or nobody says.
"""

from __future__ import annotations

import dataclasses
import sys

from functions.outside import Outside

from ..operate.operator import Operator
from ..operate.preflight import RIGHT, Preflight
from ..operate.stacks import Stacks
from ..runbook.find import find
from ._arming import stack_option
from ._options import about_runs, end


@about_runs
@stack_option
def command(outside: Outside | None, app: str, as_json: bool, stack_name: str) -> None:
    operator = Operator(find(app), outside)
    found = list(Preflight(operator, Stacks(operator.runs, stack_name)).findings())
    report = {
        "application": operator.runbook.application,
        "findings": [dataclasses.asdict(finding) for finding in found],
    }
    end(as_json, report, [(each.verdict, each.region, each.what, each.why) for each in found])
    sys.exit(0 if all(each.verdict == RIGHT for each in found) else 1)
