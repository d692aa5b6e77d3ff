"""Override safety rules in the run of APP.

It then changes its routing controls though these rules refuse it. The refusal names a rule's ARN. The last
word counts: give every rule that shall not stand against the run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import click

from functions.inputs import FORMS, RoutingControlArn, SafetyRuleArn
from functions.outside import Outside

from ..compile.definition import every_task, step_of
from ..operate.operator import Operator
from ..operate.runs import RunSnapshot, short
from ..operate.trouble import Trouble
from ..runbook.find import find
from ..runbook.typed import found
from ._directing import direct, running
from ._options import about_runs, who_option, why_option


@about_runs
@click.option("--rule", "rules", multiple=True, required=True, help="The rule's ARN; one or several.")
@who_option
@why_option
def command(
    outside: Outside | None, app: str, as_json: bool, rules: tuple[str, ...], who: str | None, why: str
) -> None:
    for rule in rules:
        if wrong := FORMS[SafetyRuleArn].wrong(rule):
            raise Trouble(f"{rule}{wrong[0]}: {wrong[1]}")
    operator = Operator(find(app), outside)
    run = running(operator)
    snapshot = operator.runs.look(run.lease.holder)
    _must_concern(rules, snapshot)
    who = who or operator.runs.caller
    direct(operator, run, as_json, who, why, override=dict.fromkeys(rules, f"{who}: {why}"))


def _must_concern(rules: Iterable[str], snapshot: RunSnapshot) -> None:
    """A rule is of the control panel of its controls. Raises Trouble where the run sets none of that."""
    panels = set(_panels(snapshot))
    if not panels:
        raise Trouble(f"{short(snapshot.arn)} sets no routing control any more: no rule stands against it")
    for rule in rules:
        if _panel(rule) not in panels:
            raise Trouble(
                f"{rule} is of none of the control panels whose controls {short(snapshot.arn)} sets "
                f"({', '.join(sorted(panels))}): write the ARN that AWS's refusal names"
            )


def _panels(snapshot: RunSnapshot) -> Iterator[str]:
    """Those whose controls are still to be set."""
    ended = {step.name for step in snapshot.report.steps if step.ended}
    for name, task in every_task(snapshot.definition["States"]):
        event = task["Parameters"]["Payload"]
        kind = step_of(event)
        if kind is not None and kind.overrides is not None and name not in ended:
            yield from (_panel(arn) for _, arn in found(kind, event["inputs"], RoutingControlArn))


def _panel(arn: str) -> str:
    """The control panel of a routing control or a safety rule, by ARN."""
    return arn.rsplit("/", 2)[0]
