"""The command line as such: a verb is a file, help is fast, and what can be refused early is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from own_shop import SHOP

from farshore import commands
from farshore.cli import farshore

ROOT = Path(__file__).parent.parent
VERBS = sorted(path.stem for path in Path(commands.__file__).parent.glob("[!_]*.py"))
GREET = '''"""Greet whoever is on call.

By name.
"""

import click


@click.command()
@click.argument("name")
def command(name: str) -> None:
    click.echo(f"good night, {name}")
'''


def run(*words: str) -> Result:
    return CliRunner(mix_stderr=False).invoke(farshore, list(words))


def imported_by(*words: str) -> set[str]:
    """The packages that a run of the command line has imported when it ends."""
    names = "{name.partition('.')[0] for name in sys.modules}"
    program = (
        "import atexit, sys; from farshore.cli import main\n"
        f"atexit.register(lambda: print(*{names}, file=sys.stderr))\n"
        "main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *words], cwd=ROOT, capture_output=True, text=True, check=True
    )
    found = set(done.stderr.split())
    assert "click" in found
    return found


def test_a_new_verb_costs_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "greet.py").write_text(GREET)
    monkeypatch.setattr(commands, "__path__", [*commands.__path__, str(tmp_path)])
    assert run("greet", "Jane").stdout == "good night, Jane\n"
    assert "greet       Greet whoever is on call.\n" in run("--help").stdout
    assert "By name." in run("greet", "--help").stdout


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_a_line_in_the_list_and_help_of_its_own(verb: str) -> None:
    (line,) = (line for line in run("--help").stdout.splitlines() if line.startswith(f"  {verb} "))
    assert line.endswith("."), "a whole sentence, on one line"
    more = run(verb, "--help")
    assert more.exit_code == 0
    assert more.stdout.startswith(f"Usage: farshore {verb} [OPTIONS]")
    assert line.split(maxsplit=1)[1] in more.stdout


def test_files_that_verbs_share_are_no_verbs() -> None:
    assert run("_options").exit_code == 2
    assert "_options" not in run("--help").stdout


def test_a_misspelt_verb_is_answered_with_what_was_meant() -> None:
    assert "no verb 'aprove': did you mean \"approve\"?" in run("aprove").stderr


def test_help_asks_for_no_library_of_a_verb() -> None:
    assert imported_by("--help").isdisjoint({"boto3", "botocore", "moto", "rich", "twin", "yaml"})


def test_compile_does_not_pay_for_the_twin() -> None:
    assert imported_by("compile", "--check").isdisjoint({"moto", "greenlet", "psycopg", "twin"})


@pytest.mark.parametrize("verb", ["rehearse", "explore"])
def test_a_report_that_cannot_be_written_is_refused_before_the_work(tmp_path: Path, verb: str) -> None:
    for path, why in (
        (tmp_path / "nowhere" / "report", f"there is no folder {tmp_path / 'nowhere'}"),
        (tmp_path, f"{tmp_path} is a folder"),
    ):
        result = run(verb, str(SHOP), "--report", str(path))
        assert result.exit_code == 2
        assert why in result.stderr
        assert "is being built" not in result.stdout + result.stderr


def test_a_report_of_a_kind_that_there_is_not_is_refused_before_the_work(tmp_path: Path) -> None:
    path = tmp_path / "night.pdf"
    result = run("rehearse", str(SHOP), "--report", str(path))
    assert result.exit_code == 2
    assert f"{path} ends in none of .html, .md, .json" in result.stderr
    assert "is being built" not in result.stdout + result.stderr
