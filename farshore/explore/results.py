"""Results in a file, a line each: what machines side by side have found, or this one before it was stopped.

They count for the very same code and runbook alone: the first line says which.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import functions
import twin

from ..checkers.checker import Breach
from ..runbook import topology
from ..runbook.model import Runbook
from .data import Figures, Outcome, Result
from .seed import Seed


class Foreign(Exception):
    """A file that holds no results, or those of other code or another runbook. Its text says what to do."""


class Results:
    """What stands in the files, by the seeds' words; what is added goes to the last of them."""

    def __init__(self, files: Sequence[Path], runbook: Runbook) -> None:
        """Raises Foreign."""
        self._files, self._of = files, _code(runbook)
        self._known: dict[str, Mapping[str, Any]] = {}
        for file in files:
            self._read(file)

    def __contains__(self, seed: object) -> bool:
        return str(seed) in self._known

    def of(self, seed: Seed) -> Outcome:
        return _outcome(seed, self._known[str(seed)])

    def add(self, result: Result) -> None:
        """At once, so that nothing is lost with this program."""
        if not self._files:
            return
        with self._files[-1].open("ab") as lines:
            if not lines.tell():
                lines.write(_bytes({"of": self._of}))
            lines.write(_bytes(_line(result.outcome)))

    def _read(self, file: Path) -> None:
        try:
            text = file.read_bytes() if file.exists() else b""
            whole = text[: text.rfind(b"\n") + 1]  # whoever wrote it may have been stopped within a line
            self._learn(file, whole, text)
            if file == self._files[-1]:
                with file.open("ab") as lines:
                    lines.truncate(len(whole))
        except OSError as why:
            raise Foreign(f"{file}: {why.strerror}: name another file") from None

    def _learn(self, file: Path, whole: bytes, text: bytes) -> None:
        if not whole and not _bytes({"of": self._of}).startswith(text):
            raise Foreign(f"{file}:1 is no result of `explore`: name another file")
        for number, line in enumerate(whole.splitlines(), 1):
            said = _said(line)
            if number == 1 and said.get("of", self._of) != self._of:
                raise Foreign(f"{file} is of another runbook or another Farshore: remove it")
            if (number == 1) != ("of" in said) or (number > 1 and not said.keys() >= MEMBERS):
                raise Foreign(f"{file}:{number} is no result of `explore`: name another file")
            if number > 1:
                self._known[said["seed"]] = said


MEMBERS = {"seed", "status", "breaches", "figures", "excused", "rejoined"}


def _said(line: bytes) -> Mapping[str, Any]:
    """{} for what is no JSON object."""
    try:
        said = json.loads(line)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _bytes(said: Mapping[str, Any]) -> bytes:
    return json.dumps(said).encode() + b"\n"


def _line(outcome: Outcome) -> Mapping[str, Any]:
    return {
        "seed": str(outcome.seed),
        "status": outcome.status,
        "breaches": [asdict(breach) for breach in outcome.breaches],
        "figures": {"": asdict(outcome.figures[""])} if "" in outcome.figures else {},
        "excused": outcome.excused,
        "rejoined": outcome.rejoined,
    }


def _outcome(seed: Seed, said: Mapping[str, Any]) -> Outcome:
    return Outcome(
        seed,
        said["status"],
        tuple(Breach(**breach) for breach in said["breaches"]),
        figures={name: Figures(**figures) for name, figures in said["figures"].items()},
        excused=tuple(said["excused"]),
        rejoined=said["rejoined"],
    )


def _code(runbook: Runbook) -> str:
    """Of all that a run depends on."""
    found = hashlib.sha256(Path(runbook.path).read_bytes())
    if (beside := topology.of(runbook.path)) is not None:
        found.update(beside.read_bytes())
    for home in map(Path, [*functions.__path__, str(Path(__file__).parent.parent), *twin.__path__]):
        for path in _sources(home):
            found.update(path.relative_to(home).as_posix().encode() + b"\0" + path.read_bytes())
    return found.hexdigest()[:16]


def _sources(home: Path) -> Iterable[Path]:
    return sorted(
        path for path in home.rglob("*") if path.suffix in (".py", ".yaml") and "bundled" not in path.parts
    )
