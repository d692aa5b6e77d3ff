"""Explores a runbook beside this file: `python -m tests.applications NAME`, and `explore`'s options.

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
name, *options = sys.argv[1:]
click.echo(f"\n{name}\n")
farshore(["explore", str(HERE / f"{name}.yaml"), *options])
