"""What the runbooks say, as files: derived in memory, all of it, before one is touched.

    statemachines/<machine>.asl.json    every machine
    template.yaml                       its part below the marker
    samconfig.toml                      a section a Region, for `sam deploy --config-env`
    tests/events/<step>.json            an event for `sam local invoke`, a step type
    tests/MockConfigFile.json           answers for Step Functions Local
    docs/steps.md                       every step
    docs/runbooks/<application>.svg     every runbook as a picture
    runbooks/schema.json                what editors complete runbooks from
    runbooks/topology.schema.json       the same of topologies
    functions/                          outside Farshore's own checkout, the Lambda package

Raises Mistakes, of every runbook at once, and then nothing is written.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..runbook.mistakes import Mistake, Mistakes
from ..runbook.model import Runbook
from ..runbook.registry import steps
from .docs import steps_document
from .drawing import drawing
from .function_resources import Use
from .machine import machines
from .outline import outlines
from .people import Permission
from .probing import definition as probing
from .probing import machine as probing_machine
from .refusals import refusals
from .samconfig import samconfig
from .samples import events, mocks
from .schema import json_schema, topology_schema
from .template import with_derived_part
from .vendored import left_over, vendored

TEMPLATE = "template.yaml"
OURS = {"statemachines": "*.asl.json", "tests/events": "*.json", "docs/runbooks": "*.svg"}
"""Folders in which a file whose runbook line is gone is left over."""
MACHINE_MARK = "Compiled: edit the runbook instead."
EVENT_KEYS = {"inputs", "run", "ledger", "input", "execution", "state"}


@dataclass(frozen=True)
class Difference:
    """What the derived files and those on disk do not share. Paths as seen from the root."""

    stale: tuple[str, ...]
    """Missing, or other than the runbooks say."""
    left_over: tuple[str, ...]
    """Compiled once, from lines that are gone."""


@dataclass(frozen=True)
class Compilation:
    """Every derived file by its path from the root, with its text."""

    root: Path
    files: Mapping[str, str]

    def difference(self) -> Difference:
        stale = tuple(path for path, text in self.files.items() if _text(self.root / path) != text)
        return Difference(stale, tuple(self._left_over()))

    def _left_over(self) -> Iterator[str]:
        for folder, pattern in OURS.items():
            for path in sorted((self.root / folder).glob(pattern)):
                name = path.relative_to(self.root).as_posix()
                if name not in self.files and _compiled(path):
                    yield name
        yield from left_over(self.root)

    def write(self) -> Difference:
        """Writes what is stale, removes what is left over. All texts are on disk before the first counts."""
        due = self.difference()
        drafts: list[tuple[Path, Path]] = []
        try:
            for name in due.stale:
                path = self.root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                draft = path.with_name(f".{path.name}.{os.getpid()}")
                drafts.append((draft, path))
                draft.write_text(self.files[name], encoding="utf-8", newline="\n")
            for draft, path in drafts:
                draft.replace(path)
        finally:
            for draft, _ in drafts:
                draft.unlink(missing_ok=True)
        for name in due.left_over:
            (self.root / name).unlink()
        return due


def compiled(root: Path, runbooks: Sequence[Runbook], permissions: Sequence[Permission]) -> Compilation:
    """Everything that the runbooks say, below `root`, and what people may be permitted to do with it."""
    template = _text(root / TEMPLATE)
    mistakes = [mistake for runbook in runbooks for mistake in refusals(runbook)]
    wrong = {mistake.path for mistake in mistakes}
    uses = [
        (runbook, machine)
        for runbook in runbooks
        if runbook.path not in wrong
        for machine in machines(runbook)
    ]
    if template is None:
        missing = Mistake(
            str(root / TEMPLATE),
            0,
            "no such file",
            "run farshore where it is, or begin it anew: farshore init",
        )
        raise Mistakes([*mistakes, missing])
    try:
        derived = with_derived_part(str(root / TEMPLATE), template, uses, permissions)
    except Mistakes as refused:
        mistakes += refused.mistakes
    if mistakes:
        raise Mistakes(mistakes)
    return Compilation(root, {**_files(derived, runbooks, uses), **vendored(root)})


def _files(derived: str, runbooks: Sequence[Runbook], uses: Sequence[Use]) -> dict[str, str]:
    made = [machine for _, machine in uses]
    schema = {"$comment": "Compiled: edit the steps' own files instead.", **json_schema()}
    of_topologies = {"$comment": "Compiled: it follows from this version of Farshore.", **topology_schema()}
    return {
        **{f"statemachines/{machine.name}.asl.json": _json(machine.definition) for machine in made},
        **{
            f"statemachines/{probing_machine(each)}.asl.json": _json(probing(each))
            for each in runbooks
            if each.probes
        },
        TEMPLATE: derived,
        "samconfig.toml": samconfig(uses),
        **{f"tests/events/{step}.json": _json(event) for step, event in events(made).items()},
        "tests/MockConfigFile.json": _json(mocks(made)),
        **{f"docs/runbooks/{each.application}.svg": drawing([*outlines(each)]) for each in runbooks},
        "docs/steps.md": steps_document(steps(), runbooks, made),
        "runbooks/schema.json": _json(schema),
        "runbooks/topology.schema.json": _json(of_topologies),
    }


def _compiled(path: Path) -> bool:
    """Ours to remove: a machine that says so, or an event of the step that its name says."""
    text = _text(path) or ""
    if path.suffix == ".svg":
        return f"<!-- {MACHINE_MARK} -->" in text
    try:
        content = json.loads(text)
    except ValueError:
        return False
    if not isinstance(content, dict):
        return False
    if content.keys() == EVENT_KEYS:
        return path.stem in content["state"]["Name"].split()
    return str(content.get("Comment", "")).endswith(MACHINE_MARK)


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        return None


def _json(content: Any) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
