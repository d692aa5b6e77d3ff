"""The README shows what the program prints."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
ELLIPSIS = "…"
"""Lines are left out where it stands."""
MEASURED = "simulated minutes in"
"""Of a line that says how long it took on somebody's machine."""


def test_the_readmes_session_is_what_a_rehearsal_prints_line_by_line() -> None:
    program = [sys.executable, "-c", "from farshore.cli import main; main()", "rehearse", "unicorn-shop"]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=True)
    printed = [line.rstrip() for line in done.stdout.splitlines() if MEASURED not in line]
    _, _, session = (ROOT / "README.md").read_text().partition("$ make rehearse\n")
    shown = session.partition("```")[0].splitlines()
    lines = [line for line in shown if ELLIPSIS not in line and MEASURED not in line]
    assert len(lines) > 15
    assert [line for line in lines if line not in printed] == [], "README.md: paste what is printed now"
    places = [printed.index(line) for line in lines if line]
    assert places == sorted(places)
