"""docs/words.md has every word that a report, a matrix, a story or a seed says, each with a sentence.

The words are taken from what the commands print: keys of JSON, values that are words and not names (how a
state, a run or a plan ended, the kinds of events), headings of the matrix; and from the registries, whatever
a seed can say. Names of states, Regions and resources are the runbook's, and facts are their step's.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from click.testing import CliRunner
from own_shop import ROOT, TESTS

from farshore.checkers.checkers import registry
from farshore.cli import farshore as command_line
from farshore.explore.kinds import KINDS, families
from farshore.operate.render import STYLES
from farshore.simulate.report import Fence, Report, Stand
from functions import errors
from functions.planned import Outcome
from functions.run import MODES, Purpose

NAMED = frozenset({"facts", "remembers", "parameters"})
"""Keys whose values are by names of others: a step's, the runbook's, AWS's."""
WORDED = frozenset({"status", "outcome", "mode", "procedure", "kind", "invariant"})
"""Keys whose values are words of ours."""
SEED = "unicorn-shop,failover,ungraceful,dark:us-east-1@failover-1/lease/1/1..+120"


def words() -> dict[str, str]:
    """Every word of docs/words.md with its sentence; a heading of several words is one, too."""
    found = {}
    for line in (ROOT / "docs" / "words.md").read_text().splitlines():
        row = re.fullmatch(r"\| (.+?) \| (.+) \|", line)
        if row and row[1] != "word":
            heading = row[1].replace("`", "")
            found |= dict.fromkeys([heading, *heading.split(", ")], row[2])
    return found


def said_in(value: Any) -> Iterator[str]:
    """Keys, and those values that are words."""
    if isinstance(value, list):
        for each in value:
            yield from said_in(each)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            if key not in NAMED:
                yield from said_in(inner)
            if key in WORDED and inner:
                yield re.sub(r" by .*", "", inner)  # still held by the game day


def farshore(*words: str, folder: Path = TESTS) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-c", "from farshore.cli import main; main()", *words]
    return subprocess.run(program, cwd=folder, capture_output=True, text=True, check=True)


def undefined(said: Iterator[str]) -> list[str]:
    return sorted(set(said) - set(words()))


def test_a_word_has_a_sentence() -> None:
    assert len(words()) > 100
    assert [word for word, sentence in words().items() if not re.match(r"[A-Z].*\.$", sentence)] == []


def test_the_words_of_a_rehearsal_are_defined() -> None:
    done = farshore("rehearse", "unicorn-shop", "--mode", "ungraceful", "--dark", "us-east-1", "--json")
    said = set(said_in(json.loads(done.stdout)))
    kinds = set(re.findall(r"^ *\d+:\d\d  (\w+)", done.stderr, re.MULTILINE))
    assert {"alarm", "plan", "return", "settled", "end"} <= kinds
    assert undefined(iter(said | kinds)) == []


def test_the_words_of_a_rehearsal_that_stops_are_defined() -> None:
    fence = Fence("lambda:us-east-1:buy:reserved_concurrency", "run")
    stand = Stand("why", [], [], {"users": []}, [], [fence], [], "", "", ["look"])
    assert undefined(said_in(Report("shop", 1, "graceful", None, stand=stand).as_json()["stand"])) == [
        "users"
    ]


def test_the_words_of_a_plan_are_defined() -> None:
    report = json.loads(farshore("plan", "unicorn-shop", "--twin", "--as-cli", "--json").stdout)
    assert undefined(said_in(report)) == []


def test_the_words_of_a_story_are_defined() -> None:
    tales = json.loads(farshore("replay", "--json", SEED).stdout)
    assert {"fault", "tick", "change", "world"} <= {event["kind"] for event in tales[0]["events"]}
    assert undefined(said_in(tales)) == []


def test_the_words_of_an_exploration_and_the_headings_of_its_matrix_are_defined(tmp_path: Path) -> None:
    file = tmp_path / "matrix.md"
    only = ("--only", "killed@failback-1/release/", "--report", str(file), "--json")
    report = json.loads(farshore("explore", "unicorn-shop", *only).stdout)
    headings = re.findall(r"^\| \| (.*) \|$", file.read_text(), re.MULTILINE)
    assert headings
    said = {*said_in(report), *(family for line in headings for family in line.split(" | ") if family)}
    assert undefined(iter(said)) == []


def is_ours(thing: object) -> bool:
    return isinstance(thing, type) and thing.__module__ == errors.__name__


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(list(KINDS), id="a seed's"),
        pytest.param([family.name for family in families()], id="families"),
        pytest.param([checker.invariant for checker in registry()], id="invariants"),
        pytest.param([*get_args(Outcome), *STYLES], id="a plan's"),
        pytest.param([*MODES, *get_args(Purpose)], id="a run's"),
        pytest.param([name for name, thing in vars(errors).items() if is_ours(thing)], id="errors"),
    ],
)
def test_every_word_that_can_be_said_is_defined(said: list[str]) -> None:
    assert said
    assert undefined(iter(said)) == []


def test_what_follows_from_registries_is_up_to_date() -> None:
    assert "up to date" in farshore("words", "--check", folder=ROOT).stdout


def test_a_stale_part_is_said_to_be_and_written_anew_and_what_was_written_by_hand_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    whole = (ROOT / "docs" / "words.md").read_text()
    (file := tmp_path / "docs" / "words.md").parent.mkdir()
    file.write_text(whole.replace("| S1 | ", "| S1 | In short: ").replace("# The words", "# Our words"))
    assert CliRunner().invoke(command_line, ["words", "--check"]).exit_code == 1
    assert CliRunner().invoke(command_line, ["words"]).exit_code == 0
    assert file.read_text() == whole.replace("# The words", "# Our words")
