"""Everything that compile refuses in one runbook; lint calls the same an error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from functions.ledger import REGION_SETS

from ..runbook.mistakes import Mistake, quoted
from ..runbook.model import Runbook, Trigger, lines
from ..runbook.regions import partitions
from . import probing
from .assumed_role import misassumed, too_much
from .fit import unfit
from .function_resources import description
from .limits import FUNCTION_DESCRIPTION, FUNCTION_NAME, LOGICAL_ID, LONGEST_PREFIX
from .machine import Machine, proved
from .nested import own
from .policy import nameless, statements
from .resource_names import camel
from .role import refusal
from .states import function_name

SUBSTITUTION = "${"
"""CloudFormation puts a function's ARN where ${Lease} stands in a definition, and names no way to escape it.
Source: docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference,
aws-resource-stepfunctions-statemachine.html"""
DYNAMIC = "{{resolve:"
"""CloudFormation puts a parameter or a secret where such a reference stands in a template.
Source: docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html"""
LONGEST_RULE = LOGICAL_ID - 80
"""Characters: a rule's name begins with its machine's, and SAM calls its role after it."""
PATH = ".$"
"""The end of a key whose value Step Functions takes for a path.
Source: docs.aws.amazon.com/step-functions/latest/dg/input-output-inputpath-params.html"""


def refusals(runbook: Runbook) -> tuple[Mistake, ...]:
    """What of a runbook by itself would not do, each once, by line."""
    made, wrong = proved(runbook)
    found = [
        Mistake(runbook.path, line.line, f"{line.step}: {said}", "correct it")
        for line, said in unfit(runbook)
    ]
    unnamed = list(nameless(runbook, made))
    found += [*wrong, *_partition(runbook), *_texts(runbook), *_triggers(runbook), *unnamed]
    found += [*own(runbook, made), *misassumed(runbook, made)]
    if not unnamed:
        found += [*_functions(runbook, made), *too_much(runbook, made)]
    return tuple(sorted(dict.fromkeys(found), key=lambda mistake: mistake.line))


def _partition(runbook: Runbook) -> Iterator[Mistake]:
    """Without its ledger no run is safe, and it cannot be in another partition than the application: nobody's
    credentials count in two. Source: docs.amazonaws.cn/en_us/aws/latest/userguide/dynamodb.html"""
    home = partitions()[runbook.regions.primary]
    if home not in {partitions()[region] for one in REGION_SETS for region in one}:
        what = f"regions: AWS has no table of multi-Region strong consistency in the partition {home}"
        instead = "the ledger must be one: until there is, run the application in another partition"
        yield Mistake(runbook.path, runbook.lines["regions"], what, instead)


def _texts(runbook: Runbook) -> Iterator[Mistake]:
    """Texts that CloudFormation or Step Functions would not leave as they are."""
    ledger = runbook.lines.get("ledger", 0)
    placed: list[tuple[int, str, Any]] = [(ledger, "ledger", runbook.ledger.table)]
    placed += [(trigger.line, "triggers", trigger.alarm) for trigger in runbook.triggers]
    placed += probing.texts(runbook)
    for procedure in runbook.procedures.values():
        placed += [(line.line, line.step, line.inputs) for line in lines(procedure)]
    for number, owner, value in placed:
        for text, key in _every_text(value):
            for theirs in (each for each in (SUBSTITUTION, DYNAMIC) if each in text):
                what = f'{owner}: {quoted(text)} has "{theirs}" in it, which is CloudFormation\'s'
                yield Mistake(runbook.path, number, what, "write the text without it")
            if key and text.endswith(PATH):
                what = f'{owner}: the key {quoted(text)} ends with "{PATH}", which is Step Functions\''
                yield Mistake(runbook.path, number, what, "give the key another name")


def _every_text(value: Any) -> Iterator[tuple[str, bool]]:
    """Every text in a value, and whether it is the key of a mapping."""
    if isinstance(value, str):
        yield value, False
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key), True
            yield from _every_text(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _every_text(item)


def _triggers(runbook: Runbook) -> Iterator[Mistake]:
    """Two rules of one name are one rule, and the other alarm starts nothing."""
    first: dict[str, Trigger] = {}
    for trigger in runbook.triggers:
        name, alarm = camel(trigger.alarm), quoted(trigger.alarm)
        other = first.setdefault(name, trigger)
        if not name or len(name) > LONGEST_RULE:
            what = f"triggers: of the alarm's name {alarm} no rule can be named"
            instead = f"name the alarm with letters and digits, at most {LONGEST_RULE}"
            yield Mistake(runbook.path, trigger.line, what, instead)
        elif other.alarm != trigger.alarm:
            what = f"triggers: {alarm} and {quoted(other.alarm)} would both be the rule {name}"
            yield Mistake(runbook.path, trigger.line, what, "give one of the alarms another name")
        elif other is not trigger:
            what = f"triggers: the alarm {alarm} stands in line {other.line} already"
            yield Mistake(runbook.path, trigger.line, what, "remove one: an alarm starts one run")


def _functions(runbook: Runbook, made: Sequence[Machine]) -> Iterator[Mistake]:
    """What Lambda or IAM would refuse of the functions that this runbook alone needs."""
    for step in sorted({step for machine in made for step in machine.functions}):
        name = function_name(step, "f" * LONGEST_PREFIX)
        used = next((use.line for machine in made for use in machine.uses if use.step == step), 0)
        line = used or runbook.lines["application"]
        if len(name) > FUNCTION_NAME:
            what = (
                f"{step}: its function's name has {len(name)} characters, of {FUNCTION_NAME}, "
                f"with a prefix of {LONGEST_PREFIX}"
            )
            yield Mistake(runbook.path, line, what, "give the step a shorter name")
        if len(said := description(step)) > FUNCTION_DESCRIPTION:
            what = f"{step}: its class begins with {len(said)} characters, of {FUNCTION_DESCRIPTION}"
            yield Mistake(runbook.path, line, what, "write a shorter first line")
        if what := refusal(function_name(step), statements(step, [(runbook, machine) for machine in made])):
            yield Mistake(runbook.path, line, what, "name fewer resources, or some with shorter names")
