"""A repository of one's own: `farshore init` begins it, and the verbs work there as they do here."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from pages import followed

from functions.ledger import REGION_SETS

ROOT = Path(__file__).parent.parent
PROGRAM = [sys.executable, "-c", "from farshore.cli import main; main()"]
HERE = {**os.environ, "PYTHONPATH": str(ROOT)}
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def farshore(at: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PROGRAM, *words], cwd=at, env=HERE, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Begun once: who changes it, copies it."""
    begun = tmp_path_factory.mktemp("own") / "corner-shop"
    done = farshore(begun.parent, "init", begun.name, "--primary", "eu-west-1", "--standby", "eu-central-1")
    assert done.returncode == 0, done.stderr
    return begun


@pytest.fixture
def mine(repository: Path, tmp_path: Path) -> Path:
    """One to change."""
    copied = tmp_path / "corner-shop"
    subprocess.run(["cp", "-R", repository, copied], check=True)
    return copied


def test_what_is_begun_is_compiled_and_judged_well(repository: Path) -> None:
    assert farshore(repository, "compile", "--check").returncode == 0
    judged = farshore(repository, "lint")
    assert judged.returncode == 0
    assert "nothing found" in judged.stdout
    assert "survives  the loss of the primary (eu-west-1)  by failover" in judged.stdout


@pytest.mark.parametrize(
    "words", [[], ["--mode", "ungraceful"], ["--mode", "ungraceful", "--dark", "eu-west-1"]]
)
def test_it_is_rehearsed_as_it_stands(repository: Path, words: list[str]) -> None:
    done = farshore(repository, "rehearse", "corner-shop", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "invariants" in done.stdout


def test_what_it_needs_is_the_farshore_that_began_it(repository: Path) -> None:
    assert re.search(r"^farshore(==| @ )\S+$", (repository / "requirements.txt").read_text(), re.M)


def test_it_is_explored_as_it_stands(repository: Path) -> None:
    done = farshore(repository, "explore", "corner-shop", "--shard", "7/400")
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_there_already_is_kept_and_said(mine: Path) -> None:
    runbook = mine / "runbooks" / "corner-shop.yaml"
    runbook.write_text(runbook.read_text() + "# mine\n")
    (mine / "Makefile").unlink()
    done = farshore(mine.parent, "init", mine.name)
    assert done.returncode == 0, done.stderr
    assert "kept corner-shop/runbooks/corner-shop.yaml, which was there" in done.stdout
    assert runbook.read_text().endswith("# mine\n")
    assert (mine / "Makefile").is_file()


def test_where_files_of_somebodys_are_in_the_way_all_are_named_and_nothing_is_written(tmp_path: Path) -> None:
    mine = ("samconfig.toml", "functions/requirements.txt", "functions/steps/freeze.py")
    for name in mine:
        (tmp_path / "shop" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "shop" / name).write_text("mine")
    done = farshore(tmp_path, "init", "shop")
    assert done.returncode == 2
    assert all(f"shop/{name} is there" in done.stderr for name in mine)
    assert {path for path in (tmp_path / "shop").rglob("*") if path.is_file()} == {
        tmp_path / "shop" / name for name in mine
    }


def test_the_next_command_works_as_it_is_printed(tmp_path: Path) -> None:
    done = farshore(tmp_path, "init", "My Shop")
    assert "now: cd 'My Shop' && farshore rehearse my-shop" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--application", "null"], "is no text in YAML"),
        (["--application", "1shop"], "a small letter first"),
        (["--application", "Corner Shop"], "is no application's name"),
        (["--primary", "us-east-7"], "us-east-7 is no Region"),
        (["--primary", "cn-north-1"], "cn-north-1 is no Region of the partition aws"),
        (["--primary", "us-west-2", "--standby", "us-west-2"], "cannot stand by for itself"),
    ],
)
def test_what_no_runbook_could_say_is_refused_before_anything_is_written(
    words: list[str], said: str, tmp_path: Path
) -> None:
    done = farshore(tmp_path, "init", "shop", *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert not (tmp_path / "shop").exists()


@pytest.mark.parametrize(
    ("primary", "standby"),
    [("ap-northeast-1", "ap-northeast-3"), ("sa-east-1", "us-east-1"), ("us-west-1", "eu-west-3")],
)
def test_the_ledger_stands_where_it_can_and_the_observer_where_neither_region_is(
    primary: str, standby: str, tmp_path: Path
) -> None:
    done = farshore(tmp_path, "init", "shop", "--primary", primary, "--standby", standby)
    assert done.returncode == 0, done.stderr
    runbook = yaml.safe_load((tmp_path / "shop" / "runbooks" / "shop.yaml").read_text())
    assert any(set(runbook["ledger"]["regions"]) <= one for one in REGION_SETS)
    assert runbook["regions"]["observer"] not in (primary, standby)


# Steps of one's own, and what belongs to Farshore.

OWN = '''"""The shutters are down where customers are no longer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from ..calls import Api, Silence
from ..handler import lambda_handler
from ..inputs import Region
from ..step import Decision, Done, Step, Wait
from ..world import World

READ = Api("dynamodb:DescribeTable", resource="dynamodb:{region}:{account}:table/shutters")


@dataclass(frozen=True, kw_only=True)
class Shutters(Step[Any]):
    """The shutters are down."""

    region: Annotated[Region, "where"] = Region("$from")

    name: ClassVar = "shutters"
    reads: ClassVar = (READ,)
    phase: ClassVar = "verify"
    tolerates: ClassVar = {READ: "it only looks"}

    def observe(self, world: World) -> Any:
        return world.ask(READ(self.region, TableName="shutters"))[0]

    def decide(self, seen: Any) -> Decision:
        return Wait(seen.why) if isinstance(seen, Silence) else Done()


handler = lambda_handler(Shutters)
'''


def test_a_step_of_ones_own_is_found_compiled_and_documented(mine: Path) -> None:
    (mine / "functions" / "steps" / "shutters.py").write_text(OWN)
    runbook = mine / "runbooks" / "corner-shop.yaml"
    runbook.write_text(
        runbook.read_text().replace("  # A customer's write", "  - shutters: {}\n  # A customer's write")
    )
    done = farshore(mine, "compile")
    assert done.returncode == 0, done.stderr
    template = (mine / "template.yaml").read_text()
    assert "Handler: functions.steps.shutters.handler" in template
    assert "dynamodb:DescribeTable" in template
    assert "## shutters" in (mine / "docs" / "steps.md").read_text()
    assert (mine / "tests" / "events" / "shutters.json").is_file()
    assert farshore(mine, "compile", "--check").returncode == 0
    assert (mine / "functions" / "steps" / "shutters.py").read_text() == OWN


def test_the_documented_step_is_compiled_tested_and_rehearsed_as_the_page_says(tmp_path: Path) -> None:
    begun = farshore(tmp_path, "init", "bakery", "--primary", "eu-west-1", "--standby", "eu-central-1")
    assert begun.returncode == 0, begun.stderr
    mine = tmp_path / "bakery"
    assert list(followed(ROOT / "docs" / "extending.md", mine)) == []  # it shows no session
    assert (mine / "functions" / "steps" / "table_active.py").is_file()
    done = farshore(mine, "compile")
    assert done.returncode == 0, done.stderr
    assert farshore(mine, "lint").stdout.endswith("nothing found\n")
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_table_active.py"]
    tested = subprocess.run(words, cwd=mine, env=HERE, capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stdout
    rehearsed = farshore(mine, "rehearse", "bakery").stdout
    assert "step      table_active eu-central-1: done" in rehearsed
    assert "invariants             all held" in rehearsed


def test_a_file_of_farshores_that_was_changed_is_seen_and_brought_back(mine: Path) -> None:
    tick = mine / "functions" / "tick.py"
    ours = tick.read_text()
    tick.write_text(ours + "# mine\n")
    seen = farshore(mine, "compile", "--check")
    assert seen.returncode == 1
    assert "stale: functions/tick.py" in seen.stdout
    assert farshore(mine, "compile").returncode == 0
    assert tick.read_text() == ours


def test_a_file_that_this_version_no_longer_has_is_removed_and_nothing_else_is(mine: Path) -> None:
    listed, old = mine / "functions" / "farshore.json", mine / "functions" / "old.py"
    outside = mine.parent / "outside.py"
    for path in (old, outside):
        path.write_text("")
    names = '"functions/old.py",\n    "functions/../../outside.py",\n    "functions/tick.py"'
    listed.write_text(listed.read_text().replace('"functions/tick.py"', names))
    seen = farshore(mine, "compile", "--check")
    assert "left over: functions/old.py" in seen.stdout
    assert farshore(mine, "compile").returncode == 0
    assert not old.exists()
    assert outside.exists()


@pytest.mark.parametrize("listed", [True, False])
def test_a_step_of_ones_own_is_not_written_over_where_farshore_has_one_of_its_name(
    mine: Path, listed: bool
) -> None:
    """A newer version may bring one of a name that was free before."""
    step, list_of = mine / "functions" / "steps" / "freeze.py", mine / "functions" / "farshore.json"
    step.write_text(OWN)
    if listed:
        text = list_of.read_text()
        list_of.write_text(text.replace('    "functions/steps/freeze.py",\n', ""))
    else:
        list_of.unlink()
    done = farshore(mine, "compile")
    assert done.returncode == 1
    assert (
        "functions/steps/freeze.py: Farshore has a file of this name, and this one is not its" in done.stderr
    )
    assert step.read_text() == OWN


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def x(:", "SyntaxError: invalid syntax"),
        ("import nowhere_at_all", "ModuleNotFoundError: No module named 'nowhere_at_all'"),
        ("1 / 0", "ZeroDivisionError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        (OWN.replace('"shutters"', '"freeze"'), "freeze is a step of functions.steps.freeze already"),
    ],
)
def test_a_step_that_cannot_be_read_is_named_and_takes_no_verb_away_that_does_without(
    mine: Path, text: str, said: str
) -> None:
    (mine / "functions" / "steps" / "mine.py").write_text(text)
    for verb in ("compile", "lint"):
        done = farshore(mine, verb)
        assert done.returncode == 1
        assert "functions/steps/mine.py: " in done.stdout + done.stderr
        assert said in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
    assert farshore(mine, "show", "corner-shop").returncode == 0


def test_tests_import_a_step_of_ones_own_and_need_no_path(mine: Path) -> None:
    (mine / "functions" / "steps" / "shutters.py").write_text(OWN)
    (mine / "tests" / "test_mine.py").write_text(
        "from functions.steps.shutters import Shutters\n\n\n"
        "def test_it_is_deployed(ticker):\n    ticker.deploy(Shutters)\n"
    )
    where = {**HERE, "PATH": "/usr/bin:/bin"}
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    done = subprocess.run(words, cwd=mine, env=where, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "8 passed" in done.stdout


def test_in_farshores_own_repository_nothing_is_copied() -> None:
    assert not (ROOT / "functions" / "farshore.json").exists()


# What is installed.


def test_an_installed_farshore_is_one_name_among_everybodys_packages(tmp_path: Path) -> None:
    source = tmp_path / "source"
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in tracked.stdout.splitlines():
        if name.startswith(("farshore/", "functions/", "twin/")) or "/" not in name:
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["cp", "-P", ROOT / name, source / name], check=True)
    words = [
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "-w",
        str(tmp_path),
        str(source),
    ]
    subprocess.run([sys.executable, "-m", "pip", *words], check=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        names = wheel.namelist()
        wheel.extractall(tmp_path / "site")
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {"farshore"}
    program = "from farshore.cli import main; import sys; sys.argv[1:] = ['init', 'shop']; main()"
    where = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=where, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    ours = {path.name for path in (ROOT / "functions").glob("*.py")}
    assert {path.name for path in (tmp_path / "shop" / "functions").glob("*.py")} == ours
    assert (tmp_path / "shop" / "functions" / "tick.py").read_text() == (
        ROOT / "functions" / "tick.py"
    ).read_text()
