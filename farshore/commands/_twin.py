"""What the commands that run in the twin share."""

from __future__ import annotations

import os

from rich.console import Console

from ..runbook.model import Runbook


def as_the_twin() -> None:
    """boto3 wants credentials and a Region, though nobody outside this process is asked."""
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "twin",
        "AWS_SECRET_ACCESS_KEY": "twin",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def say_customers(runbook: Runbook, console: Console) -> None:
    """Who they are where they are a stand-in, and what is assumed. Raises a usage error where the twin has no
    such application, and cannot furnish one."""
    from ..simulate.furnishing import customers_of

    if said := customers_of(runbook):
        console.print(f"farshore: {said}", soft_wrap=True, markup=False, highlight=False)
