"""What the directives share: a person's word to the run that holds the lease, and to no other."""

from __future__ import annotations

from typing import Any

import click

from ..operate.operator import SILENT, Holder, Operator
from ..operate.runs import short
from ..operate.trouble import Trouble
from ._options import end


def running(operator: Operator) -> Holder:
    """The run that holds the lease: the one that a directive is for. Raises Trouble where there is none."""
    app, holder = operator.runbook.application, operator.holder(operator.records())
    if holder is None or holder.ended:
        why = "nobody holds the lease" if holder is None else f"{short(holder.lease.holder)} has ended"
        raise Trouble(f"no run of {app} is under way ({why}): nothing was said: farshore status {app}")
    if holder.status == SILENT:
        click.echo(
            f"{short(holder.lease.holder)} cannot be asked ({holder.why}): it may never heed this", err=True
        )
    return holder


def direct(operator: Operator, run: Holder, as_json: bool, who: str | None, why: str, **word: Any) -> None:
    """Records the word, and says so."""
    execution = run.lease.holder
    stands = operator.direct(execution, run.started, who or operator.runs.caller, why, **word)
    who, why, word = stands.get("who"), stands.get("why", ""), {key: stands.get(key) for key in word}
    words = ", ".join(f"{key} {value}" for key, value in word.items())
    end(
        as_json,
        {"execution": execution, "who": who, "why": why, **word},
        [(f"said to {short(execution)} as {who}: {words}",), ("it is heeded at the next tick",)],
    )
