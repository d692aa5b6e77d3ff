"""Hold the run of APP until `resume`, for an hour at most.

Meanwhile nothing is changed, and no `within` ends it. A pause that nobody ends ends the run.
"""

from __future__ import annotations

from functions.outside import Outside

from ..operate.operator import Operator
from ..runbook.find import find
from ._directing import direct, running
from ._options import about_runs, who_option, why_option


@about_runs
@who_option
@why_option
def command(outside: Outside | None, app: str, as_json: bool, who: str | None, why: str) -> None:
    operator = Operator(find(app), outside)
    direct(operator, running(operator), as_json, who, why, pause=True)
