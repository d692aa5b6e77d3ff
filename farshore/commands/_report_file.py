"""`--report FILE`: whether it can be written is found out before the work, and not after it.

What a run's or a rehearsal's report is made into follows from the file's name.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

ENDINGS = (".html", ".md", ".json")


class ReportFile(click.ParamType):
    """A file that may be there or not, in a folder that is."""

    name = "file"

    def __init__(self, *endings: str) -> None:
        """Of its name; any, where none is given."""
        self._endings = endings

    def convert(self, value: str | Path, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        path = Path(value)
        if not path.parent.is_dir():
            self.fail(f"there is no folder {path.parent}: make it, or name another", param, ctx)
        if path.is_dir():
            self.fail(f"{path} is a folder: name a file in it", param, ctx)
        if self._endings and path.suffix not in self._endings:
            self.fail(f"{path} ends in none of {', '.join(self._endings)}: name it so", param, ctx)
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            self.fail(f"{path} cannot be written: name a file that you may write", param, ctx)
        return path


def save(path: Path, text: str) -> None:
    """A disk that filled up meanwhile is one clear message, too."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(
            f"{path}: {error.strerror}: the report is not saved; --json prints it"
        ) from error


report_option = click.option(
    "--report",
    "files",
    metavar="FILE",
    multiple=True,
    type=ReportFile(*ENDINGS),
    help="Write the report to a file, too: a page (.html), a summary (.md), or all of it (.json)."
    " Several, if given several times.",
)


def save_report(files: Sequence[Path], report: Mapping[str, Any]) -> None:
    """The same report in each form that is asked for."""
    for path in files:
        save(path, _text(path.suffix, report))


def documents(report: Mapping[str, Any]) -> Mapping[str, str]:
    """The report in each form, by a file's name."""
    return {f"report{ending}": _text(ending, report) for ending in ENDINGS}


def verdict_of(report: Mapping[str, Any]) -> str:
    """What the page of the report says first."""
    from ..report.page import verdict

    return " ".join(verdict(json.loads(json.dumps(report, default=str))))


def _text(ending: str, report: Mapping[str, Any]) -> str:
    from ..report.page import page  # its templates are read for a report only
    from ..report.summary import summary

    whole = json.loads(json.dumps(report, default=str))
    if ending == ".json":
        return json.dumps(whole, indent=2) + "\n"
    return page(whole) if ending == ".html" else summary(whole)
