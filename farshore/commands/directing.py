"""A person's word to the run that holds the lease: pause, resume, skip, ungraceful, abort."""

from __future__ import annotations

from typing import Any

import click

from functions.outside import Outside

from ..compile.definition import every_task
from ..operate.history import committed
from ..operate.operator import Operator
from ..operate.runs import short
from ..operate.trouble import Trouble
from ..runbook.find import find
from ..runbook.wording import did_you_mean, nearest
from .common import command, end, who_option, why_option


@command("pause")
@who_option
@why_option
def pause_command(outside: Outside | None, app: str, as_json: bool, who: str | None, why: str) -> None:
    """Hold the run of APP: nothing is changed, and no time limit ends it, until `resume`."""
    operator = Operator(find(app), outside)
    _direct(operator, _running(operator), as_json, who, why, pause=True)


@command("resume")
@who_option
@why_option
def resume_command(outside: Outside | None, app: str, as_json: bool, who: str | None, why: str) -> None:
    """Let the paused run of APP go on; its current state's time begins anew."""
    operator = Operator(find(app), outside)
    execution = _running(operator)
    if not _said(operator, execution).get("pause"):
        raise Trouble(f"{short(execution)} is not paused: farshore status {app} shows what it waits for")
    _direct(operator, execution, as_json, who, why, pause=False, resumed_at=operator.outside.clock())


@command("skip")
@click.argument("state")
@who_option
@why_option
def skip_command(
    outside: Outside | None, app: str, as_json: bool, state: str, who: str | None, why: str
) -> None:
    """Let the run of APP go past STATE without holding it. Quote the name: "aurora_writer us-west-1"."""
    operator = Operator(find(app), outside)
    execution = _running(operator)
    seen = operator.runs.look(execution)
    known = [
        name
        for name in dict(every_task(seen.definition["States"]))
        if not name.startswith(("lease", "release", "undo "))
    ]
    if state not in known:
        instead = did_you_mean(nearest(state, known), known, "its states are")
        raise Trouble(f"{short(execution)} has no state {state!r} to skip: {instead}")
    if any(step.name == state and step.ended for step in seen.report.steps):
        raise Trouble(f"{state} has ended already: nothing is left to skip: farshore status {app}")
    skipped = list(_said(operator, execution).get("skip", ()))
    _direct(
        operator, execution, as_json, who, why, skip=[*skipped, *([state] if state not in skipped else [])]
    )


@command("ungraceful")
@who_option
@why_option
def ungraceful_command(outside: Outside | None, app: str, as_json: bool, who: str | None, why: str) -> None:
    """Carry the run of APP on as ungraceful: data may be lost, within the runbook's bounds."""
    operator = Operator(find(app), outside)
    click.echo(
        "from here on, the run may lose data; a plan that waits for approval is proposed anew", err=True
    )
    _direct(operator, _running(operator), as_json, who, why, ungraceful=True)


@command("abort")
@who_option
@why_option
def abort_command(outside: Outside | None, app: str, as_json: bool, who: str | None, why: str) -> None:
    """End the run of APP. Before its point of no return, what it took from customers is given back."""
    operator = Operator(find(app), outside)
    execution = _running(operator)
    try:
        begun = operator.records().begun == execution
        past = committed(operator.runs.look(execution).report, begun)
    except Trouble as trouble:
        click.echo(f"whether it is past its point of no return is unknown: {trouble.message}", err=True)
        past = ""
    else:
        after = (
            f"past the point of no return ({past}): nothing is undone, its fences stay; redrive or fail back"
            if past
            else "before the point of no return: its fences are given back"
        )
        click.echo(f"{short(execution)} is {after}", err=True)
    # A pause would hold the undoing, too.
    _direct(operator, execution, as_json, who, why, abort=True, pause=False)


def _running(operator: Operator) -> str:
    """The run that holds the lease: the one that a directive is for."""
    app, holder = operator.runbook.application, operator.holder(operator.records())
    if holder is None or holder.ended:
        why = "nobody holds the lease" if holder is None else f"{short(holder.lease.holder)} has ended"
        raise Trouble(f"no run of {app} is under way ({why}): nothing was said: farshore status {app}")
    if holder.status == "silent":
        click.echo(
            f"{short(holder.lease.holder)} cannot be asked ({holder.why}): it may never hear this", err=True
        )
    return holder.lease.holder


def _said(operator: Operator, execution: str) -> dict[str, Any]:
    said = operator.records().directive
    return dict(said) if said.get("execution") == execution else {}


def _direct(
    operator: Operator, execution: str, as_json: bool, who: str | None, why: str, **word: Any
) -> None:
    who = who or operator.runs.caller
    operator.direct(execution, who, why, **word)
    told = ", ".join(f"{key} {value}" for key, value in word.items())
    end(
        as_json,
        {"execution": execution, "who": who, "why": why, **word},
        [(f"said to {short(execution)} as {who}: {told}",), ("it is heeded at the next tick",)],
    )
