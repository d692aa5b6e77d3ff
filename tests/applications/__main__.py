"""Explores the active-active application, all of it: `python -m tests.applications`."""

from __future__ import annotations

import sys
from pathlib import Path

import twin.applications
from farshore.cli import main

HERE = Path(__file__).parent

twin.applications.__path__ = [*twin.applications.__path__, str(HERE)]
sys.argv = ["farshore", "explore", str(HERE / "parcels.yaml")]
main()
