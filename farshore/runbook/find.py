"""From an application's name, or a runbook's path, to its runbook."""

from __future__ import annotations

from pathlib import Path

import click

from .load import load
from .model import Runbook
from .topology import is_one

RUNBOOKS = Path("runbooks")


def find(app: str) -> Runbook:
    """Raises Mistakes where the runbook is wrong, and a usage error where there is none."""
    path = Path(app)
    if is_one(path):
        raise click.UsageError(f"{path} is a topology: name the runbook beside it, which finds it by itself")
    if path.suffix in (".yaml", ".yml"):
        return load(path)
    here = RUNBOOKS / f"{app}.yaml"
    if here.is_file():
        return load(here)
    known = ", ".join(sorted(each.stem for each in RUNBOOKS.glob("*.yaml") if not is_one(each))) or "none"
    raise click.UsageError(
        f"no runbook {here}: run this where the repository is; the applications here are: {known}"
    )
