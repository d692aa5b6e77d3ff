"""Show the newest run of APP, or RUN, and what is owed.

RUN is a name or an ARN. Its states, the pending plan, debts and the lease are shown.
Exits 1 where the ledger does not answer: what it holds is then not shown.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from time import sleep
from typing import Any

import click
from rich.console import Console, Group
from rich.live import Live

from functions.ledger import Records
from functions.outside import Outside

from ..operate.operator import Operator
from ..operate.proposal import Proposal, decided, is_decided
from ..operate.render import Row, lease_row, ledger_rows, line, plan_rows, run_rows, table, what_is_at_stake
from ..operate.run_tree import drawn, tree_of
from ..operate.runs import RunSnapshot
from ..runbook.find import find
from ._options import about_runs, end, records_of, snapshot_of

EVERY_SECONDS = 5.0
"""How often whoever watches looks again: a look is some five calls."""


@about_runs
@click.argument("run", required=False)
@click.option("--watch", is_flag=True, help="Look again every few seconds, until the run has ended.")
def command(outside: Outside | None, app: str, as_json: bool, run: str | None, watch: bool) -> None:
    if watch and as_json:
        raise click.UsageError("--watch is for people: leave --json out, or ask again and again")
    operator = Operator(find(app), outside)
    look = Look.at(app, operator, run)
    if watch:
        look = _watched(operator, look)
    elif as_json:
        end(as_json, look.report(), [])
    else:
        end(as_json, {}, look.rows())
    sys.exit(0 if look.answered else 1)


@dataclass(frozen=True)
class Look:
    """What there is to see at once."""

    app: str
    """As the person has named it."""
    operator: Operator
    answered: bool
    """By the ledger."""
    records: Records
    snapshot: RunSnapshot | None

    @classmethod
    def at(cls, app: str, operator: Operator, run: str | None) -> Look:
        answered, snapshot = records_of(operator), snapshot_of(operator, run)
        return cls(app, operator, answered is not None, answered or Records(), snapshot)

    @property
    def is_over(self) -> bool:
        return self.snapshot is None or self.snapshot.described["status"] != "RUNNING"

    def pending(self) -> Proposal | None:
        """The plan that this run waits for a decision on."""
        proposal = self.operator.proposal(self.records)
        if self.is_over or proposal is None or self.snapshot is None:
            return None
        mine = proposal.execution == self.snapshot.arn
        return proposal if mine and not is_decided(proposal, self.records) else None

    def report(self) -> Mapping[str, Any]:
        records, snapshot, pending = self.records, self.snapshot, self.pending()
        holder = self.operator.holder(records)
        return {
            "application": self.operator.runbook.application,
            "execution": snapshot and snapshot.arn,
            "run": snapshot and snapshot.report.as_json(),
            "lease": holder and {**vars(holder.lease), "status": holder.status},
            "proposal": dict(records.proposal) | _asked(pending) if pending else None,
            "debts": dict(records.debts),
            "directive": dict(records.word_to(snapshot.arn, snapshot.started)) if snapshot else {},
            "take_over": dict(records.take_over),
            "ledger": self.answered,
        }

    def rows(self) -> list[Row]:
        """The run, and what is around it."""
        snapshot = self.snapshot
        mine = [*run_rows(snapshot.arn, snapshot.report)] if snapshot else [("no run yet",)]
        return [*mine, ("", "", ""), *self.around()]

    def around(self) -> list[Row]:
        """The lease, people's words, debts, and the plan that waits for a decision."""
        operator, snapshot, pending = self.operator, self.snapshot, self.pending()
        silent = "unknown: the ledger does not answer"
        lease = lease_row(operator.holder(self.records)) if self.answered else silent
        rows: list[Row] = [("lease", lease, ""), *ledger_rows(self.records, snapshot)]
        if pending and snapshot:
            first = [str(word.get("who")) for word in decided(pending, self.records)]
            waits = f"approved by {first[0]}; waits for another person" if first else "waits for a decision"
            what = f"{waits}; {pending.refused}" if pending.refused else waits
            now, mode = operator.outside.clock(), snapshot.report.mode
            rows += [
                ("", "", ""),
                ("plan", pending.hash, what),
                *plan_rows(pending.plan),
                *what_is_at_stake(operator.runbook, self.records, pending, mode, now),
                ("decide", f"farshore approve {self.app} {pending.hash} --why …   (or decline)", ""),
            ]
        return rows


def _asked(pending: Proposal) -> dict[str, Any]:
    """What is decided on, where that is not the plan itself."""
    return {"hash": pending.hash, "digest": pending.digest, "mode": pending.mode}


def _lasting(row: Row) -> Row:
    """Without how long it has been so by now, which stands third where there is more to say."""
    return (*row[:2], *row[3:]) if len(row) > 3 else row


def _watched(operator: Operator, look: Look) -> Look:
    """On a terminal a tree that changes; in a pipe each line that is another than at the look before."""
    run = look.snapshot.arn if look.snapshot else None
    console, said = Console(highlight=False), set[Row]()
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while True:
            if console.is_terminal and look.snapshot:
                live.update(Group(drawn(tree_of(look.snapshot)), table(look.around())), refresh=True)
            elif not console.is_terminal:
                rows = look.rows()
                for row in rows:
                    if line(row) and _lasting(row) not in said:
                        click.echo(line(row))
                said = set(map(_lasting, rows))
            if look.is_over:
                break
            sleep(EVERY_SECONDS)
            look = Look.at(look.app, operator, run)
    if console.is_terminal:
        end(False, {}, look.rows())
    return look
