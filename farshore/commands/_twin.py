"""What the commands that run in the twin share."""

from __future__ import annotations

import os


def as_the_twin() -> None:
    """boto3 wants credentials and a Region, though nobody outside this process is asked."""
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "twin",
        "AWS_SECRET_ACCESS_KEY": "twin",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
