"""`farshore compile`: what it derives, what it leaves alone, and what it says when a runbook is wrong."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from own_shop import ROOT, repository

from farshore.cli import main
from farshore.runbook.registry import steps

MAIN = "from farshore.cli import main; main()"

Farshore = Callable[..., tuple[int, str, str]]


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with our runbook and template, and nothing compiled."""
    monkeypatch.chdir(repository(tmp_path))
    return tmp_path


@pytest.fixture
def farshore(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Farshore:
    """The command line: its exit code, and what it printed on both outputs."""

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["farshore", *words])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return run


def _written(folder: Path) -> list[Path]:
    """Its files, but for what Python caches beside them."""
    return [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]


def everything(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in _written(folder)}


def edited(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def without(path: Path, key: str) -> None:
    """The runbook without one of its top-level keys."""
    kept, inside = [], False
    for line in path.read_text().splitlines(keepends=True):
        inside = line.startswith(f"{key}:") or (inside and line[0] in " \n#")
        if not inside:
            kept.append(line)
    path.write_text("".join(kept))


def elsewhere(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Our command line in a process of its own, with the packages that stand in `folder`."""
    return subprocess.run(
        [sys.executable, "-c", MAIN, *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_what_is_committed_is_what_the_runbooks_say(
    farshore: Farshore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    code, out, _ = farshore("compile", "--check")
    assert (code, out[:11]) == (0, "up to date:"), out


def test_compile_says_what_it_wrote_and_the_second_time_nothing_is_left_to_do(
    house: Path, farshore: Farshore
) -> None:
    code, out, _ = farshore("compile")
    assert code == 0
    assert "wrote statemachines/unicorn-shop-failover.asl.json\n" in out
    assert "wrote docs/steps.md\n" in out
    code, out, _ = farshore("compile", "--json")
    assert (code, json.loads(out)) == (0, {"written": [], "removed": [], "stale": []})
    assert not [path for path in house.rglob(".*") if path.is_file()]


def test_the_same_runbooks_compile_to_the_same_bytes_in_another_process(
    house: Path, farshore: Farshore
) -> None:
    for package in ("functions", "farshore"):
        (house / package).symlink_to(ROOT / package)
    farshore("compile")
    for seed in ("1", "2"):
        assert elsewhere(house, "compile", "--check", PYTHONHASHSEED=seed).returncode == 0


def test_check_lists_what_is_stale_and_touches_nothing(house: Path, farshore: Farshore) -> None:
    farshore("compile")
    (house / "tests/events/lease.json").unlink()
    edited(
        house / "statemachines/unicorn-shop-failover.asl.json", '"StartAt": "lease"', '"StartAt": "approval"'
    )
    edited(house / "template.yaml", "FunctionName: !Sub ${Prefix}-lease", "FunctionName: lease")
    before = everything(house)
    code, out, _ = farshore("compile", "--check")
    assert code == 1
    assert out.splitlines() == [
        "stale: statemachines/unicorn-shop-failover.asl.json",
        "stale: template.yaml",
        "stale: tests/events/lease.json",
    ]
    assert everything(house) == before
    code, out, _ = farshore("compile", "--check", "--json")
    assert (code, len(json.loads(out)["stale"])) == (1, 3)


def test_an_edited_runbook_makes_its_machines_stale(house: Path, farshore: Farshore) -> None:
    farshore("compile")
    edited(house / "runbooks/unicorn-shop.yaml", "lose_at_most: 30s", "lose_at_most: 29s")
    _, out, _ = farshore("compile", "--check")
    assert "stale: statemachines/unicorn-shop-failover.asl.json" in out.splitlines()


def test_what_stands_above_the_marker_is_left_as_it_is(house: Path, farshore: Farshore) -> None:
    farshore("compile")
    edited(house / "template.yaml", "MemorySize: 512", "MemorySize: 1024 # mine")
    assert farshore("compile", "--check")[0] == 0


def test_machines_whose_lines_are_gone_are_removed_and_files_of_ours_are_not(
    house: Path, farshore: Farshore
) -> None:
    farshore("compile")
    by_hand = ["statemachines/hand.asl.json", "tests/events/s3_public_access_ungraceful.json"]
    (house / by_hand[0]).write_text('{"Comment": "by hand", "StartAt": "x", "States": {}}')
    shutil.copy(house / "tests/events/s3_public_access.json", house / by_hand[1])
    without(house / "runbooks/unicorn-shop.yaml", "outage")
    gone = [
        "statemachines/unicorn-shop-outage.asl.json",
        "statemachines/unicorn-shop-recovery.asl.json",
        "tests/events/s3_public_access.json",
    ]
    _, out, _ = farshore("compile", "--check")
    assert [line for line in out.splitlines() if "left over" in line] == [
        f"left over: {name}" for name in gone
    ]
    _, out, _ = farshore("compile")
    assert [line for line in out.splitlines() if "removed" in line] == [f"removed {name}" for name in gone]
    assert not any((house / name).exists() for name in gone)
    assert all((house / name).exists() for name in by_hand)


def test_every_mistake_of_every_runbook_is_named_and_nothing_is_written(
    house: Path, farshore: Farshore
) -> None:
    runbook = house / "runbooks/unicorn-shop.yaml"
    edited(runbook, "- aurora_writer:", "- aurora_witer:")
    (house / "runbooks/other.yaml").write_text("application: other\n")
    before = everything(house)
    code, out, err = farshore("compile")
    assert (code, out) == (1, "")
    assert 'unknown step "aurora_witer": did you mean "aurora_writer"?' in err
    assert "runbooks/other.yaml:1: the runbook lacks" in err
    assert everything(house) == before


def test_inputs_that_do_not_go_together_are_named_with_their_line(house: Path, farshore: Farshore) -> None:
    runbook = house / "runbooks/unicorn-shop.yaml"
    edited(runbook, "at_least: 2", "at_least: 4")
    line = next(
        n for n, text in enumerate(runbook.read_text().splitlines(), 1) if "- region_impaired" in text
    )
    code, _, err = farshore("compile")
    assert code == 1
    assert err.startswith(f"runbooks/unicorn-shop.yaml:{line}: region_impaired: at_least is 4, of 3 sources")


def test_a_run_that_outgrows_its_history_is_refused(house: Path, farshore: Farshore) -> None:
    edited(house / "runbooks/unicorn-shop.yaml", "within: 15m", "within: 200h")
    code, _, err = farshore("compile")
    assert code == 1
    assert "unicorn-shop-failover: its longest run writes " in err
    assert "shorten a `within`, or the list: the longest are those of approval (200h)" in err
    assert not (house / "statemachines").exists()


def test_a_template_without_the_marker_is_refused(house: Path, farshore: Farshore) -> None:
    edited(house / "template.yaml", "# ---- derived by", "# derived by")
    code, _, err = farshore("compile")
    assert code == 1
    assert err.startswith("template.yaml: lacks the line below which compile writes")


def test_two_resources_of_one_name_are_refused(house: Path, farshore: Farshore) -> None:
    edited(house / "runbooks/unicorn-shop.yaml", "table: farshore-ledger", "table: pages")
    code, _, err = farshore("compile")
    assert code == 1
    assert err.startswith("template.yaml: more than one resource would be called Pages")


def test_runbooks_that_disagree_about_one_ledger_are_refused(house: Path, farshore: Farshore) -> None:
    second_application(house)
    edited(
        house / "runbooks/second.yaml",
        "[us-east-1, us-east-2, us-west-2]",
        "[us-east-2, us-east-1, us-west-2]",
    )
    code, _, err = farshore("compile")
    assert code == 1
    assert "farshore-ledger in " in err
    assert "a table of its own" in err


def test_two_applications_share_a_function_that_may_serve_both(house: Path, farshore: Farshore) -> None:
    second_application(house)
    assert farshore("compile")[0] == 0
    template = (house / "template.yaml").read_text()
    assert template.count("  AuroraWriter:\n    Type: AWS::Serverless::Function") == 1
    assert "global-cluster:unicorn-shop\n" in template
    assert "global-cluster:second-shop\n" in template
    assert (house / "statemachines/second-shop-failover.asl.json").exists()


def second_application(house: Path) -> None:
    text = (house / "runbooks/unicorn-shop.yaml").read_text().replace("unicorn-shop", "second-shop")
    (house / "runbooks/second.yaml").write_text(text)


def test_of_a_deleted_runbook_no_file_and_no_policy_is_left(house: Path, farshore: Farshore) -> None:
    farshore("compile")
    alone = everything(house)
    second_application(house)
    farshore("compile")
    assert everything(house).keys() > alone.keys()
    (house / "runbooks/second.yaml").unlink()
    farshore("compile")
    assert everything(house) == alone
    (house / "runbooks/unicorn-shop.yaml").unlink()
    assert farshore("compile")[0] == 0
    template = (house / "template.yaml").read_text()
    for gone in ("unicorn-shop", "AWS::Serverless::Function", "AWS::IAM::ManagedPolicy"):
        assert gone not in template
    assert not [path for folder in ("statemachines", "tests/events") for path in (house / folder).iterdir()]
    assert farshore("compile", "--check")[0] == 0


def test_where_a_folder_cannot_be_made_nothing_else_is_changed(house: Path, farshore: Farshore) -> None:
    (house / "docs").symlink_to("nowhere")
    before = everything(house)
    code, _, err = farshore("compile")
    assert code != 0
    assert "docs" in err
    assert everything(house) == before


AT_THE_END = "import atexit, sys; atexit.register(lambda: print(*sys.modules))"


def test_compile_pays_for_no_twin(house: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"{AT_THE_END}\n{MAIN}", "compile", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "farshore" in loaded
    assert not loaded & {"twin", "moto", "psycopg", "greenlet", "time_machine", "rich"}


def test_a_deleted_step_leaves_no_trace(house: Path) -> None:
    """Adding a step is adding a file; so taking its file and lines away is all that removing one takes."""
    for package in ("functions", "farshore"):
        shutil.copytree(ROOT / package, house / package, ignore=shutil.ignore_patterns("__pycache__"))
    assert elsewhere(house, "compile").returncode == 0
    assert mentioned("s3_public_access", house)
    (house / "functions/steps/s3_public_access.py").unlink()
    without(house / "runbooks/unicorn-shop.yaml", "outage")
    done = elsewhere(house, "compile")
    assert (done.returncode, done.stderr) == (0, "")
    derived = mentioned("s3_public_access", house) + mentioned("S3PublicAccess", house)
    assert derived + mentioned("PublicAccessBlock", house) == []


def mentioned(word: str, house: Path) -> list[str]:
    """Which files besides the packages name it, or are named after it."""
    files = {
        name: text
        for name, text in everything(house).items()
        if not name.startswith(("functions", "farshore"))
    }
    return [name for name, text in files.items() if word in text or word in name]


@pytest.mark.parametrize("name", steps())
def test_every_step_has_a_section_of_the_page(name: str) -> None:
    page = (ROOT / "docs/steps.md").read_text()
    section = page.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    assert "| input | is | default | meaning |" in section
    assert "| IAM action | for | plane | served by | IAM resource |" in section
    assert "- Function: `farshore-" in section
    used = any(f"- {name}:" in path.read_text() for path in ROOT.glob("runbooks/*.yaml"))
    assert (f"```yaml\n- {name}:" in section) == used
