"""docs/steps.md: every step as its own file declares it, with an example from a runbook."""

from __future__ import annotations

import dataclasses
import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import dedent
from typing import Any

from functions.calls import Api
from functions.inputs import FORMS, Seconds
from functions.ledger import QUERY

from ..runbook.model import ASSUME, Runbook, lines
from ..runbook.registry import Input, Registry, StepType, inputs
from ..runbook.typed import every_type
from ..runbook.wording import bare, duration, expected
from .fences import giving_back
from .machine import Machine
from .states import function_name

HEAD = """\
<!-- Compiled: edit the steps' own files instead. -->
# Steps

A step is a state of the world that a run brings about and holds. In a runbook, `$from` is the Region that is
left and `$to` the one that takes over; failback swaps them. Durations are written 30s, 15m or 2h.

Every step takes `within`. It is ticked until the state holds, at first after a second and then at its pace,
and is Refused when `within` has passed. A fence takes something from customers; it also takes
`before_approval: true`, which puts it up before a person has spoken, in ungraceful runs only.

Every step that asks AWS of what an application has takes `assume`: the role, in another account, as which its
calls are made (see [Another account](deploying.md#another-account)):

```yaml
assume: {role: "arn:aws:iam::222222222222:role/farshore-shop", external_id: corner-shop-7f3a}
```
"""
NAMES = "A text that names something is written as AWS takes and keeps it; anything else is refused."


def steps_document(registry: Registry, runbooks: Sequence[Runbook], made: Sequence[Machine]) -> str:
    """All of it, as Markdown."""
    examples = _examples(runbooks)
    named = [kind for kind in registry.values() if kind.written]
    placed = [kind for kind in registry.values() if not kind.written]
    text = [HEAD, *_table(["step", "holds", "ARC Region switch block"], map(_summary, (*named, *placed))), ""]
    for kind in named:
        text += [*_section(kind, made), "", *examples.get(kind.name, ["No runbook uses it."]), ""]
    for kind in placed:
        text += [*_section(kind, made), "", "The compiler places it: a runbook does not name it.", ""]
    text += ["## Names", "", NAMES, "", *_table(["what", "is written", "such as"], _names(named))]
    return "\n".join([*text, ""])


def _names(kinds: Iterable[StepType]) -> Iterator[list[str]]:
    """The form of every type of text that an input of these steps names, in an order of no import."""
    every = [*(each for kind in kinds for each in inputs(kind)), ASSUME]
    used = {declared for each in every for declared in every_type(each.type)}
    for declared, form in sorted(FORMS.items(), key=lambda each: each[1].noun):
        if declared in used:
            kept = f"; {form.keeper} keeps no other form" if form.keeper else ""
            yield [form.noun, f"{form.rule}{kept}", f"`{form.example}`"]


def _summary(kind: StepType) -> list[str]:
    return [f"[{kind.name}](#{kind.name})", _first_line(kind), kind.block or "none"]


def _section(kind: StepType, made: Sequence[Machine]) -> Iterator[str]:
    yield f"## {kind.name}\n"
    yield inspect.cleandoc(kind.__doc__ or "")
    reasons = inspect.cleandoc(sys.modules[kind.__module__].__doc__ or "").split("\n\n", 1)[1:]
    yield from ("", *reasons, "") if reasons else ("",)
    yield from _table(["input", "is", "default", "meaning"], _inputs(kind))
    yield ""
    rows = dict.fromkeys(map(tuple, _calls(kind)))  # an operation may be two Apis, by what it is given
    yield from _table(["IAM action", "for", "plane", "served by", "IAM resource"], rows)
    yield ""
    yield from (f"- {fact}" for fact in _facts(kind, made))


def _inputs(kind: StepType) -> Iterator[list[str]]:
    for each in inputs(kind):
        yield [f"`{each.name}`", expected(each.type), _default(each), each.doc]
        for inner in _within(each.type):
            yield [f"`{each.name}`: `{inner.name}`", expected(inner.type), _default(inner), inner.doc]


def _within(declared: Any) -> Sequence[Input]:
    """The keys of the mappings that it holds, however deep."""
    parts = [part for part in every_type(bare(declared)) if dataclasses.is_dataclass(part)]
    return [each for part in parts if isinstance(part, type) for each in inputs(part)]


def _default(field: Input) -> str:
    if field.required:
        return "required"
    if bare(field.type) is Seconds:
        return duration(field.default)
    if isinstance(field.default, bool):
        return str(field.default).lower()
    return f"`{field.default}`" if field.default not in ("", (), None) else "none"


def _calls(kind: StepType) -> Iterator[list[str]]:
    for use, apis in (("looks", kind.reads), ("changes", kind.writes)):
        for api in apis:
            if api.is_http:
                yield [
                    f"an HTTP {api.operation_name}",
                    use,
                    api.plane,
                    "the network",
                    "none: as customers do",
                ]
            else:
                where = f"{api.home} alone" if api.home else "each Region"
                yield [_action(api), use, api.plane, where, _resources(api)]
    ledger = ", ".join(_action(api) for api in (QUERY, *kind.ledger_writes()))
    yield [ledger, "remembers", QUERY.plane, "any of three Regions", _resources(QUERY)]


def _action(api: Api) -> str:
    """IAM's name, the operation's where that is another, and what else a caller must be allowed."""
    same = api.action.partition(":")[2].startswith(api.operation_name)
    named = f"`{api.action}`" if same else f"`{api.action}` ({api.operation_name})"
    return ", ".join((named, *(f"`{action}`" for action in api.dependents)))


def _resources(api: Api) -> str:
    templates = (api.resource,) if isinstance(api.resource, str) else api.resource
    said = ", ".join(f"`{template}`" for template in templates)
    return f"{said} ({api.why})" if api.why else said


def _facts(kind: StepType, made: Sequence[Machine]) -> Iterator[str]:
    yield f"Pace: every {duration(kind.every)}."
    if kind.block:
        yield f"ARC Region switch block: {kind.block}."
    if kind.for_the_run:
        yield f"Held while a run lasts: `{giving_back(kind)}: restore` gives it back at its end."
    elif kind.fences:
        yield f"A fence: it takes something from customers, and `{giving_back(kind)}: restore` gives it back."
    if kind.one_way:
        yield f"One-way, so a failback must be written out: {kind.one_way}."
    if kind.prepares:
        yield f"It stands in `prepare` alone: {kind.prepares}."
    if kind.point_of_no_return:
        yield "The point of no return: a failure after it no longer undoes the fences."
    if kind.busy:
        yield f"Tried again on {', '.join(sorted(kind.busy))}, as on every throttle, 5xx and silence."
    if not kind.needs_lease:
        yield "It needs no lease."
    machines = ", ".join(machine.name for machine in made if kind.name in machine.functions)
    yield f"Function: `{function_name(kind.name)}`, called by {machines or 'no machine'}."


def _examples(runbooks: Sequence[Runbook]) -> Mapping[str, list[str]]:
    """By step type: the first line of a runbook that names it, as its author wrote it."""
    found: dict[str, list[str]] = {}
    for runbook in runbooks:
        text = Path(runbook.path).read_text(encoding="utf-8").splitlines()
        for procedure in runbook.procedures.values():
            for line in lines(procedure):
                yaml = ["```yaml", *_entry(text, line.line), "```"]
                found.setdefault(line.step, [f"In {runbook.application}:", "", *yaml])
    return found


def _entry(text: Sequence[str], number: int) -> list[str]:
    """The entry that begins on a line, to the next that stands no deeper."""
    first, *rest = text[number - 1 :]
    taken = [first]
    for line in rest:
        if line.strip() and _depth(line) <= _depth(first):
            break
        taken.append(line)
    return dedent("\n".join(taken)).rstrip().splitlines()


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


def _table(head: Sequence[str], rows: Any) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|" + " --- |" * len(head)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |"


def _first_line(kind: StepType) -> str:
    return inspect.cleandoc(kind.__doc__ or kind.name).split("\n\n")[0].replace("\n", " ")
