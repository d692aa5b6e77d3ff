"""What the pages show is what the program prints."""

from __future__ import annotations

import pytest
from pages import PAGES, Session, printed, renewed, sessions, wrong

SESSIONS = [session for page in PAGES for session in sessions(page)]


@pytest.mark.parametrize("session", SESSIONS, ids=str)
def test_a_session_is_what_its_command_prints_line_by_line(session: Session) -> None:
    assert wrong(session.shown, printed(session.command)) == [], "renew it: python -m tests.pages"
    assert len(session.shown) > 15


LINES = ["  0:01  step  one: done", "  0:02  step  two: done (lag 3)", "  took  3 simulated minutes in 9 s"]


@pytest.mark.parametrize(
    ("shown", "found"),
    [
        (LINES, []),
        ([LINES[0], "  …", LINES[2]], []),
        ([LINES[0], LINES[2]], [LINES[2]]),
        ([LINES[1], "  …", LINES[0]], [LINES[0]]),
        (["  0:01  step  one: d…"], []),
        (["  0:01  step  one: failed"], ["  0:01  step  one: failed"]),
        (["  …", "  took  3 simulated minutes in 99 s"], []),
    ],
)
def test_a_line_that_is_not_printed_there_is_wrong(shown: list[str], found: list[str]) -> None:
    assert wrong(shown, LINES) == found


def test_a_renewed_session_says_where_it_leaves_lines_out() -> None:
    shown = ["  9:01  step  one: done", "  took  9 simulated minutes in 8 s", "  9:99  step  three: done"]
    assert renewed(shown, LINES) == [LINES[0], "  …", LINES[2]]
