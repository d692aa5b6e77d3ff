"""How Globalflix's resources are called, and where they are."""

from __future__ import annotations

PRIMARY, STANDBY = "us-west-2", "eu-west-1"
REGIONS = (PRIMARY, STANDBY)
TABLE, KEYS = "global-serverless", ("PK", "SK")
FUNCTION = "global-serverless-dev"
RESERVED = 40
"""The function's reserved concurrency in the primary: what a restore must bring back."""
API = "api.globalflix.example"


def api_host(region: str) -> str:
    return f"api.{region}.globalflix.example"


HOSTS = {api_host(region): region for region in REGIONS}
