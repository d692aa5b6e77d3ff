"""Explores runbooks beside this file, all of each: `python -m tests.applications [NAME …]`.

parcels.yaml is of an application that serves in two Regions at once; shop_otherwise.yaml says what a runbook
may say, and the samples do not.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

import twin.applications
from farshore.cli import farshore

HERE = Path(__file__).parent

twin.applications.__path__ = [*twin.applications.__path__, str(HERE)]
ends = []
for name in sys.argv[1:] or sorted(path.stem for path in HERE.glob("*.yaml")):
    click.echo(f"\n{name}\n")
    try:
        farshore(["explore", str(HERE / f"{name}.yaml")], standalone_mode=False)
    except SystemExit as end:
        ends.append(end.code)
sys.exit(1 if any(ends) else 0)
