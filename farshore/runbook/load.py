"""A runbook: what one application's YAML says, read whole, or refused with every mistake at once.

Errors: `Mistakes`, each with file, line, what is wrong and what would be right. Nothing else is raised for
any content of any file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from .document import Entry, List, Map, Node, Scalar, found, kind, read
from .mistakes import Mistake, Mistakes, quoted
from .model import (
    ASSUME,
    BEFORE_APPROVAL,
    COMMON,
    PROCEDURES,
    Head,
    LedgerTable,
    Line,
    Objectives,
    Probe,
    Procedure,
    Regions,
    Runbook,
    Sweep,
    Together,
    Trigger,
    common,
    lines,
)
from .regions import wrong_region
from .registry import Input, Registry, broken, inputs, steps, written
from .topology import beside, misnamed, orphan
from .topology import is_one as is_topology
from .values import Reader
from .wording import did_you_mean, nearest

TOP = Scalar("", True, 1, 0)
"""Where something is missed that stands nowhere: the file's first line."""


def load(path: Path | str, registry: Registry | None = None) -> Runbook:
    """The runbook of one file. Raises Mistakes."""
    draft = _Draft(Path(path), registry or steps())
    runbook = draft.runbook()
    if runbook is None:
        raise Mistakes([*draft.mistakes, *_broken()])
    return runbook


def read_all(
    folder: Path | str, registry: Registry | None = None
) -> tuple[tuple[Runbook, ...], list[Mistake]]:
    """The runbooks of a folder that can be read, by file name, and the mistakes of the others."""
    folder = Path(folder)
    if not folder.is_dir():
        return (), [
            Mistake(
                str(folder),
                0,
                "no such folder",
                "run farshore where runbooks/ is, or begin with: farshore init",
            )
        ]
    files = sorted(folder.glob("*.yaml"))
    topologies = [path for path in files if is_topology(path)]
    paths = [path for path in files if path not in topologies]
    drafts = [_Draft(path, registry or steps()) for path in paths]
    runbooks = [draft.runbook() for draft in drafts]
    mistakes = [mistake for draft in drafts for mistake in draft.mistakes] + _broken()
    for path in folder.glob("*.yml"):
        unread = Mistake(str(path), 0, "not read as a runbook", f"name it {path.stem}.yaml")
        mistakes.append(misnamed(path) if is_topology(path) else unread)
    mistakes += [orphan(path) for path in topologies if path not in [beside(each) for each in paths]]
    first: dict[str, _Draft] = {}
    for draft in drafts:
        other = first.setdefault(draft.application, draft)
        if draft.application and other is not draft:
            what = f"application {quoted(draft.application)} stands in {other.path} already"
            line = draft.lines["application"]
            mistakes.append(Mistake(str(draft.path), line, what, "an application has one runbook"))
    return tuple(runbook for runbook in runbooks if runbook is not None), mistakes


def _broken() -> list[Mistake]:
    """Steps of one's own that cannot be read."""
    return [Mistake(path, 0, why, "mend it, or take it away") for path, why in broken().items()]


class _Draft:
    """One file on its way to a Runbook."""

    def __init__(self, path: Path, registry: Registry) -> None:
        self.path = path
        self.all_steps, self.steps = registry, written(registry)
        self.mistakes: list[Mistake] = []
        self.reader = Reader(str(path), self.mistakes)
        self.application = ""
        self.lines: dict[str, int] = {}

    def runbook(self) -> Runbook | None:
        root = read(self.path, self.mistakes)
        if root is None:
            return None
        if not isinstance(root, Map):
            what = f"expected a mapping that begins with application, found {found(root)}"
            self.reader.wrong(root, what, "write `application: NAME`")
            return None
        self.lines = {name: entry.key.line for name, entry in root.entries.items()}
        head = self._head(root)
        procedures = {
            name: self._procedure(name, root.entries[name]) for name in PROCEDURES if name in root.entries
        }
        self._one_way(procedures)
        self._prepares(procedures)
        return None if self.mistakes else self._whole(head, procedures)

    def _head(self, root: Map) -> dict[str, Any]:
        """Everything but the procedures, as plain values."""
        procedures = [Input(name, Any, doc, required=name == "failover") for name, doc in PROCEDURES.items()]
        head = self.reader.fields(TOP, root, inputs(Head), "key", "the runbook", also=procedures)
        for name in ("triggers", "sweep"):
            for entry, node in zip(head.get(name) or (), _items(root, name), strict=False):
                if entry is not None:
                    entry["line"] = node.line
        self.application = head.get("application") or ""
        self._check_regions(root, head.get("regions") or {})
        for name, probe in (head.get("probes") or {}).items():
            self._check_probe(name, probe, root.entries["probes"].value)
        return head

    def _check_probe(self, name: str, probe: dict[str, Any] | None, written: Node) -> None:
        """It has a door in each Region of the application, and not the same."""
        if probe is None or not isinstance(written, Map):
            return
        entry = written.entries[name]
        probe |= {"name": name, "line": entry.key.line}
        door = entry.value.entries.get("url") if isinstance(entry.value, Map) else None
        if door is None or not isinstance(door.value, Map) or not self.reader.regions:
            return
        said, mine = f"probes: {name}.url", self.reader.regions[:2]
        for region, each in door.value.entries.items():
            if region not in mine and wrong_region(region, beside=mine[0]) is None:
                what = f"{said}: {quoted(region)} is no Region in which the application runs"
                self.reader.wrong(each.key, what, f"write {' and '.join(mine)}")
        missing = [region for region in mine if region not in door.value.entries]
        if missing and not door.value.partial:
            instead = "write an entry for each Region of the application"
            self.reader.wrong(door.key, f"{said} lacks {' and '.join(missing)}", instead)
        urls = [url for url in probe["url"].values() if url is not None]
        if len(set(urls)) < len(urls):
            what = f"{said} is the same in both Regions: what fails in both proves nothing"
            self.reader.wrong(door.key, what, "write each Region's own")

    def _check_regions(self, root: Map, named: Mapping[str, str | None]) -> None:
        """All different; only then can the procedures be held to them."""
        section = root.entries.get("regions")
        if section is None or not isinstance(section.value, Map):
            return
        first: dict[str | None, str] = {None: ""}
        for name in (each.name for each in inputs(Regions) if each.name in named):
            other = first.setdefault(named[name], name)
            if other not in ("", name):
                what = f"regions: {name} is the same Region as {other}"
                self.reader.wrong(section.value.entries[name].value, what, "name another Region")
        regions = [named.get(each.name) for each in inputs(Regions) if each.required or each.name in named]
        if None not in regions and len(set(regions)) == len(regions):
            self._one_partition(section.value, [region for region in regions if region is not None])

    def _one_partition(self, section: Map, regions: list[str]) -> None:
        """Whatever the procedures name is held to the Regions, once these are sound."""
        for name, region in zip((each.name for each in inputs(Regions)), regions, strict=False):
            if wrong := wrong_region(region, beside=regions[0]):
                what = f"regions: {name}{wrong[0]}"
                self.reader.wrong(section.entries[name].value, what, wrong[1])
                return
        self.reader.regions = tuple(regions)

    def _procedure(self, name: str, entry: Entry) -> Procedure:
        node = entry.value
        if node.refused and isinstance(node, Scalar):
            return ()
        blank = isinstance(node, Scalar) and kind(node) == "nothing"
        if blank or (isinstance(node, List) and not node.items):
            self.reader.wrong(entry.key, f"{name} is empty", "list at least one step")
            return ()
        if not isinstance(node, List):
            what = f"{name}: expected a list of steps, found {found(node)}"
            self.reader.wrong(node, what, 'begin each step with "- "')
            return ()
        read = [self._entry(item, within_together=False) for item in node.items]
        return tuple(item for item in read if item is not None)

    def _entry(self, node: Node, within_together: bool) -> Line | Together | None:
        if isinstance(node, Scalar):
            known = node.text in self.steps
            instead = f'write "{node.text}:" and its inputs' if known else "write NAME: and its inputs"
            self.reader.wrong(node, f"expected a step and its inputs, found {found(node)}", instead)
            return None
        if not isinstance(node, Map):
            self.reader.wrong(
                node, f"expected a step and its inputs, found {found(node)}", "write NAME: and its inputs"
            )
            return None
        if len(node.entries) != 1:
            self._not_one(node)
            return None
        ((name, entry),) = node.entries.items()
        if name != "together":
            return self._line(name, entry)
        if within_together:
            self.reader.wrong(entry.key, "together stands within together", "list its steps in the outer one")
            return None
        return self._together(entry)

    def _not_one(self, node: Map) -> None:
        names = list(node.entries)
        if not names and node.partial:
            return
        if not names:
            self.reader.wrong(node, "expected a step and its inputs, found an empty mapping", "name a step")
            return
        what = f"{len(names)} keys in one entry: {', '.join(map(quoted, names[:5]))}"
        instead = f'indent the inputs below {quoted(names[0])}, and begin each step with "- "'
        self.reader.wrong(node, what, instead)

    def _together(self, entry: Entry) -> Together | None:
        node = entry.value
        if not isinstance(node, List):
            what = f"together: expected a list of steps, found {found(node)}"
            self.reader.wrong(node, what, 'begin each step with "- "')
            return None
        if len(node.items) < 2:
            self.reader.wrong(
                entry.key, f"together holds {len(node.items)} of at least 2 steps", "list the step by itself"
            )
        read = [self._entry(item, within_together=True) for item in node.items]
        return Together(tuple(item for item in read if isinstance(item, Line)), entry.key.line)

    def _line(self, name: str, entry: Entry) -> Line | None:
        step_type = self.steps.get(name)
        if step_type is None:
            if name in self.all_steps:
                self.reader.wrong(
                    entry.key, f"{name} is not for runbooks", "remove it: compile puts it where it belongs"
                )
            else:
                known = [*self.steps, "together"]
                instead = did_you_mean(nearest(name, known), known, "the steps are")
                self.reader.wrong(entry.key, f"unknown step {quoted(name)}", instead)
            return None
        node, takes = entry.value, [*inputs(step_type), *common(step_type)]
        for each in COMMON:
            key = each.input.name
            if not each.stands(step_type) and isinstance(node, Map) and key in node.entries:
                what = f"{key} {each.otherwise.format(name)}"
                self.reader.wrong(node.entries[key].key, what, "remove it")
                node = replace(node, entries={k: value for k, value in node.entries.items() if k != key})
        values = self.reader.fields(entry.key, node, takes, "input", name)
        first, assume = bool(values.pop(BEFORE_APPROVAL.name, False)), values.pop(ASSUME.name, None)
        return Line(name, values, entry.key.line, first, assume)

    def _one_way(self, procedures: Mapping[str, Procedure]) -> None:
        """Swapping the Regions does not undo such a step, so a person must write what does."""
        if "failback" in self.lines:
            return
        for line in lines(procedures.get("failover", ())):
            if why := self.steps[line.step].one_way:
                at = Scalar(line.step, True, line.line, 0)
                self.reader.wrong(
                    at, f"{line.step} is one-way ({why}) and there is no failback", "write a failback"
                )

    def _prepares(self, procedures: Mapping[str, Procedure]) -> None:
        """What takes too long for a night is done before."""
        for name, procedure in procedures.items():
            for line in lines(procedure) if name != "prepare" else ():
                if why := self.steps[line.step].prepares:
                    at = Scalar(line.step, True, line.line, 0)
                    what = f"{line.step} belongs in prepare, and not in {name} ({why})"
                    self.reader.wrong(at, what, "move it there")

    def _whole(self, head: Mapping[str, Any], procedures: Mapping[str, Procedure]) -> Runbook:
        triggers, ledger = head.get("triggers", ()), dict(head.get("ledger", {}))
        if "regions" in ledger:
            ledger["regions"] = tuple(ledger["regions"])
        return Runbook(
            path=str(self.path),
            application=head["application"],
            regions=Regions(**head["regions"]),
            objectives=Objectives(**head["objectives"]),
            triggers=tuple(Trigger(**trigger) for trigger in triggers),
            probes=tuple(Probe(**each) for each in head.get("probes", {}).values()),
            ledger=LedgerTable(**ledger),
            sweeps=tuple(Sweep(**each) for each in head.get("sweep", ())),
            procedures=MappingProxyType(dict(procedures)),
            lines=MappingProxyType(self.lines),
        )


def _items(root: Map, name: str) -> tuple[Node, ...]:
    node = root.entries[name].value if name in root.entries else None
    return node.items if isinstance(node, List) else ()
