"""What the pages show is what the program prints."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import samples
from pages import MADE, PAGES, ROOT, TUTORIAL, Session, films, followed, printed, renewed, sessions, wrong

SESSIONS = [session for page in PAGES for session in sessions(page)]


def case(command: str, *values: Any) -> Any:
    """What is made of a sample goes with it."""
    words = re.split(r"[ ,]", MADE.get(command, command))
    named = [samples.of(name) for name in samples.NAMES if name in words]
    return pytest.param(*values, marks=named, id=str(values[0]))


@pytest.mark.parametrize("session", [case(each.command, each) for each in SESSIONS])
def test_a_session_is_what_its_command_prints_line_by_line(session: Session) -> None:
    assert wrong(session.shown, printed(session.command)) == [], "renew it: python -m tests.pages"
    assert len(session.shown) > 15


def test_who_follows_the_tutorial_sees_what_it_shows(tmp_path: Path) -> None:
    steps = list(followed(TUTORIAL, tmp_path))
    assert len(steps) > 8
    for _, session, lines in steps:
        assert wrong(session.shown, lines) == [], f"{session}: renew it: python -m tests.pages"


@pytest.mark.parametrize(("command", "film"), [case(*each[:1], *each) for each in films()])
def test_a_film_is_what_its_command_makes(command: str, film: Path, tmp_path: Path) -> None:
    printed(command.replace(str(film.relative_to(ROOT)), str(tmp_path / film.name)))
    same = (tmp_path / film.name).read_bytes() == film.read_bytes()
    assert same, "renew it: python -m tests.pages"


def test_a_film_shows_one_frame_after_another_and_asks_for_nothing_from_outside() -> None:
    for _, film in films():
        text = film.read_text()
        assert re.findall(r'(?:https?://|url\(|href="(?!#))[^"]*', text) == ["http://www.w3.org/2000/svg"]
        rows = {each.get("id") for each in ET.fromstring(text).iter("{http://www.w3.org/2000/svg}g")}
        used = re.findall(r'<use href="#(\w+)"', text)
        assert set(used) <= rows
        starts = [float(each) for each in re.findall(r"([0-9.]+)%\{transform", text)]
        assert len(starts) > 20
        assert all(0 <= before < after < 100 for before, after in pairwise(starts))


def test_a_rehearsal_that_is_recorded_goes_as_one_that_is_not(tmp_path: Path) -> None:
    """To look does not move anything: neither customers nor the ledger."""
    command = "farshore rehearse tests/stand_ins/bookworm.yaml --json"
    told = [re.sub(r'"wall_seconds": [0-9.]+', "", line) for line in printed(command)]
    film = tmp_path / "film.svg"
    again = [re.sub(r'"wall_seconds": [0-9.]+', "", line) for line in printed(f"{command} --record {film}")]
    assert told == again
    assert "SUCCEEDED" in film.read_text()


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
