"""What the lines of a runbook name, by its type: every topic, every alarm."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from functions.inputs import TableName, TopicArn

from .model import Line, Runbook, lines
from .registry import steps
from .typed import Key, found


def named(runbook: Runbook, wanted: Any) -> Iterator[tuple[Line, Key, Any]]:
    """Every value of a type in any procedure: its line, its place in that line's inputs, and itself."""
    for procedure in runbook.procedures.values():
        for line in lines(procedure):
            for at, value in found(steps()[line.step], line.inputs, wanted):
                yield line, at, value


def account_of(runbook: Runbook) -> str:
    """The account that its topics are in, which is the one that it is deployed to; "" where it names none."""
    accounts = Counter(arn.split(":")[4] for _, _, arn in named(runbook, TopicArn))
    return max(accounts, key=lambda account: accounts[account], default="")


def tables_of(runbook: Runbook) -> tuple[str, ...]:
    """Those of the application in Farshore's own account, by their names: the ledger is none of them."""
    names = {str(table) for line, _, table in named(runbook, TableName) if line.assume is None}
    names |= {str(sweep.table) for sweep in runbook.sweeps}
    return tuple(sorted(names - {runbook.ledger.table}))
