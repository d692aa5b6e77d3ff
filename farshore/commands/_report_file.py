"""`--report FILE`: whether it can be written is found out before the work, and not after it."""

from __future__ import annotations

import os
from pathlib import Path

import click


class ReportFile(click.ParamType):
    """A file that may be there or not, in a folder that is."""

    name = "file"

    def convert(self, value: str | Path, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        path = Path(value)
        if not path.parent.is_dir():
            self.fail(f"there is no folder {path.parent}: make it, or name another", param, ctx)
        if path.is_dir():
            self.fail(f"{path} is a folder: name a file in it", param, ctx)
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
