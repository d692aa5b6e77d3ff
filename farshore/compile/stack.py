"""What of the whole template CloudFormation or IAM would refuse, all runbooks taken together."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from functions.calls import LONGEST_TICK_SECONDS

from ..runbook.mistakes import Mistake
from ..runbook.model import Runbook
from .function_resources import Use, homes
from .limits import OUTPUTS, RESOURCES, TEMPLATE_BYTES
from .machine_resources import events
from .policy import statements
from .probing_resources import made_by_sam
from .resource_names import camel
from .role import refusal
from .states import function_name, logical_id

FUNCTION_BY_SAM = ("Role", "Aliaslive", "Version")
"""What SAM makes of a function besides; a version's name has a hash at its end, too."""


DERIVED = ("Parameters", "Metadata", "Conditions", "Outputs")
"""The sections that compile writes whole: a template has each but once."""


def disagreements(uses: Sequence[Use]) -> list[Mistake]:
    """Runbooks that share a ledger and have it in different Regions."""
    asked: dict[str, Runbook] = {}
    found = []
    for runbook, _ in uses:
        first = asked.setdefault(runbook.ledger.table, runbook)
        if first.ledger != runbook.ledger:
            what = f"ledger: {first.path} has {runbook.ledger.table} in {', '.join(first.ledger.regions)}"
            instead = "give both the same Regions, or this one a table of its own"
            found.append(Mistake(runbook.path, runbook.lines.get("ledger", 0), what, instead))
    return list(dict.fromkeys(found))


def refused(
    path: str,
    frame: str,
    derived: str,
    resources: Sequence[str],
    asked: Sequence[str],
    uses: Sequence[Use],
    outputs: Collection[str],
) -> Iterator[Mistake]:
    """`resources`, `outputs` and the parameters that are `asked` are those that the derived part names."""
    names = [*_keys(frame, "Resources"), *resources, *_by_sam(uses)]
    twice = sorted(name for name, count in Counter([*names, *asked]).items() if count > 1)
    if twice:
        # Two resources of one name are one resource to CloudFormation, and nobody says so.
        what = f"more than one resource would be called {', '.join(twice)}"
        yield Mistake(path, 0, what, "rename the application, the alarm, the step or the table")
    if len(names) > RESOURCES:
        what = f"the template makes {len(names)} resources, of {RESOURCES}, with those that SAM adds"
        yield Mistake(path, 0, what, "keep some of the applications in a repository of their own")
    if len(outputs) > OUTPUTS:
        what = f"the template has {len(outputs)} outputs, of {OUTPUTS}"
        yield Mistake(path, 0, what, "keep some of the applications in a repository of their own")
    for found in re.finditer(rf"(?m)^({'|'.join(DERIVED)}):", frame):
        what = f"{found[1]} stand above the marker, and compile derives them"
        instead = "remove them there: CloudFormation takes them once"
        yield Mistake(path, _line_of(frame, found.start()), what, instead)
    if (size := len(derived.encode())) > TEMPLATE_BYTES:
        what = f"the template has {size} bytes, of {TEMPLATE_BYTES}"
        yield Mistake(path, 0, what, "keep some of the applications in a repository of their own")
    timeout = re.search(r"(?m)^    Timeout: (\d+)", frame)
    if timeout and int(timeout[1]) != LONGEST_TICK_SECONDS:
        ends = f"a tick ends within {LONGEST_TICK_SECONDS} s: a run that takes over waits for so long"
        what, line = f"the functions' Timeout is {timeout[1]} s, and {ends}", _line_of(frame, timeout.start())
        yield Mistake(path, line, what, f"write Timeout: {LONGEST_TICK_SECONDS}")
    for step in homes(uses):
        what = refusal(
            function_name(step), statements(step, [use for use in uses if step in use[1].functions])
        )
        if what:
            yield Mistake(path, 0, what, "keep some of the applications in a repository of their own")


def _line_of(text: str, place: int) -> int:
    return text[:place].count("\n") + 1


def _keys(frame: str, section: str) -> list[str]:
    """The names below a top-level key of the frame, which is written by hand."""
    body = re.split(r"(?m)^(?=\w)", frame.partition(f"\n{section}:\n")[2])[0]
    return re.findall(r"(?m)^  (\w+):", body)


def _by_sam(uses: Sequence[Use]) -> Iterator[str]:
    """The names of what SAM makes besides what is written.
    Source: docs.aws.amazon.com/serverless-application-model/latest/developerguide,
    sam-specification-generated-resources.html"""
    for step in homes(uses):
        yield from (logical_id(step) + what for what in FUNCTION_BY_SAM)
    for runbook, machine in uses:
        name = camel(machine.name)
        yield f"{name}Role"
        for event in events(runbook, machine):
            yield from (f"{name}{event}", f"{name}{event}Role")
    runbooks = list({id(runbook): runbook for runbook, _ in uses}.values())
    yield from made_by_sam(runbooks, FUNCTION_BY_SAM)
