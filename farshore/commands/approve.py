"""Approve the plan of APP whose hash is HASH, after showing it.

The decision counts for the pending plan of that very hash, and for no other.
"""

from __future__ import annotations

import click

from functions.outside import Outside

from ._deciding import decide
from ._options import about_runs, who_option, why_option


@about_runs
@click.argument("plan", metavar="HASH")
@who_option
@why_option
def command(outside: Outside | None, app: str, as_json: bool, plan: str, who: str | None, why: str) -> None:
    decide(outside, app, as_json, "approve", plan, who, why)
