"""A runbook and nothing else: the twin furnishes what it names, and its customers are a stand-in."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from farshore.cli import farshore
from farshore.runbook.load import load
from farshore.simulate.rehearsal import Rehearsal
from twin.furnishing import Line, Named, Wanted, refusals

RUNBOOKS = Path(__file__).parent / "stand_ins"
ROOT = RUNBOOKS.parent.parent
HELD = {f"S{n}": 0 for n in range(1, 9)}
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Farshore in a folder of one runbook, and nothing else: by its name, with what is changed in it."""
    monkeypatch.chdir(tmp_path)

    def run(verb: str, name: str, *options: str, change: Callable[[str], str] = str) -> Result:
        text = (RUNBOOKS / f"{name}.yaml").read_text()
        Path(f"{name}.yaml").write_text(change(text))
        return CliRunner(mix_stderr=False).invoke(farshore, [verb, f"{name}.yaml", *options])

    return run


def replaced(old: str, new: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new)

    return change


def test_a_runbook_alone_is_rehearsed_and_the_first_line_says_what_was_assumed(tmp_path: Path) -> None:
    shutil.copy(RUNBOOKS / "bookworm.yaml", tmp_path)
    program = [
        sys.executable,
        "-c",
        "from farshore.cli import main; main()",
        "rehearse",
        "bookworm.yaml",
        "--json",
    ]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(program, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[0] == (
        "farshore: the customers of bookworm are a stand-in: they POST /orders at https://api.bookworm.io, "
        "their writes are kept in books, they are let in by orders, cart, they are led by aaaa1111, bbbb2222"
    )
    report = json.loads(done.stdout)
    statuses = [(each["procedure"], each["status"]) for each in report["runs"]]
    assert statuses == [(name, "SUCCEEDED") for name in ("outage", "failover", "recovery", "failback")]
    assert {name: report["invariants"][name] for name in HELD} == HELD
    assert report["data"]["acknowledged"] > 500
    assert report["clients"]["rto_seconds"] > 100
    assert [path.name for path in tmp_path.iterdir()] == ["bookworm.yaml"]


def test_the_dark_takes_writes_of_a_stand_in_and_each_is_named(run: Run) -> None:
    done = run("rehearse", "bookworm", "--mode", "ungraceful", "--dark", "eu-west-1", "--json")
    assert done.exit_code == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["data"]["lost"]
    assert all(name.startswith("books ") for name in report["data"]["lost"])


def test_a_plan_on_the_twin_finds_all_that_the_runbook_names(run: Run) -> None:
    done = run("plan", "bookworm", "--twin", "--json")
    assert done.exit_code == 0, done.stderr
    found = {step["state"]: step["outcome"] for step in json.loads(done.stdout)["steps"]}
    assert found["aurora_writer eu-central-1"] == "would change"
    assert set(found.values()) == {"done", "would wait", "would change"}


def test_a_plan_says_nothing_of_what_there_is_none_of(run: Run) -> None:
    done = run("plan", "bookworm", "--twin")
    assert "a person's approval of this plan" in done.stdout
    assert "doubts" not in done.stdout


@pytest.mark.parametrize("name", ["kiosk", "museum", "ferry", "grand-hotel"])
def test_a_runbook_of_another_shape_comes_back_home_too(name: str) -> None:
    runbook = load(RUNBOOKS / f"{name}.yaml")
    with Rehearsal(runbook, "graceful", None, 1, lambda _: None, data="memory", backed="doubles") as game_day:
        report = game_day.play()
    assert (report.broken, report.breaches) == ([], [])
    assert [run.status for run in report.runs] == ["SUCCEEDED"] * 4


@pytest.mark.parametrize("dark", [None, "us-east-1"])
def test_the_steps_that_no_sample_has_hold_in_a_game_day_too(dark: str | None) -> None:
    """A database that is detached, queues, an API's stage, a group of instances, a bake."""
    runbook = load(RUNBOOKS / "gallery.yaml")
    with Rehearsal(
        runbook, "ungraceful", dark, 1, lambda _: None, data="memory", backed="doubles"
    ) as game_day:
        report = game_day.play()
    assert (report.broken, report.breaches) == ([], [])
    assert {run.status for run in report.runs} == {"SUCCEEDED"}


def test_runs_that_a_step_always_refuses_are_not_explored_and_that_is_said(run: Run) -> None:
    """A failback goes back from a failover in the mode in which that can be."""
    done = run("explore", "gallery", "--count")
    assert done.exit_code == 0, done.stderr
    assert "failover is explored without graceful runs: aurora_detached refuses them" in done.stderr
    assert "failback is explored without" not in done.stderr


def test_a_rehearsal_goes_in_a_mode_that_no_step_refuses(run: Run) -> None:
    done = run("rehearse", "gallery", "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["mode"] == "ungraceful"


def test_where_customers_have_nowhere_to_go_by_an_outage_a_run_that_is_refused_is_not_blamed_for_it() -> None:
    """A database is detached in ungraceful runs only; a game day's outage has closed the Region before."""
    runbook = load(RUNBOOKS / "gallery.yaml")
    with Rehearsal(runbook, "graceful", None, 1, lambda _: None, data="memory", backed="doubles") as game_day:
        report = game_day.play()
    assert [run.status for run in report.runs] == ["SUCCEEDED", "FAILED", "SUCCEEDED"]
    assert [(breach.invariant, "use aurora_writer" in breach.story) for breach in report.breaches] == [
        ("L1", True)
    ]


@pytest.mark.parametrize("verb", ["rehearse", "explore", "replay"])
def test_what_cannot_be_furnished_is_named_in_one_sentence_before_anything_starts(
    run: Run, verb: str
) -> None:
    inside = replaced("  - aurora_writer:", f"{BOTH}  - aurora_writer:")
    if verb == "replay":
        Path("bookworm.yaml").write_text(inside((RUNBOOKS / "bookworm.yaml").read_text()))
        done = CliRunner(mix_stderr=False).invoke(farshore, ["replay", "bookworm.yaml,failover,graceful"])
    else:
        done = run(verb, "bookworm", change=inside)
    assert done.exit_code == 2
    assert done.stdout == ""
    (said,) = (line for line in done.stderr.splitlines() if line.startswith("Error: "))
    assert "cannot furnish one from the runbook alone" in said
    assert "cart lets customers in, and a run asks it, too" in said


def test_what_a_type_of_ones_own_names_is_named_where_no_service_takes_it() -> None:
    line = Line("shop.yaml:7 (moon)", "failover", {"phase": "full"}, (Named("Moon", "full", ("phase",), ""),))
    wanted = Wanted("shop", "us-east-1", "us-west-1", (line,))
    assert list(refusals(wanted)) == ["nothing in it stands for full of shop.yaml:7 (moon)"]


NESTED = "  - nested_run: {activates: {eu-west-1: payments-failback, eu-central-1: payments-failover}}\n"
BOTH = "  - custom_lambda: {function: cart, region: $to}\n"


def test_what_a_run_has_others_do_is_done_there_at_once_and_that_is_said(run: Run) -> None:
    """A function of the application's own; a document, on as many nodes as are expected."""
    inside = replaced("  - synthetic_write:", f"{CUSTOM}{REMOTE}  - synthetic_write:")
    done = run("rehearse", "bookworm", "--json", change=inside)
    assert done.exit_code == 0, done.stderr
    assert "warm-up has done at once what it is told, DrainQueues ends well on each node" in done.stderr
    steps = [step for each in json.loads(done.stdout)["runs"] for step in each["steps"]]
    outcomes = {step["name"]: step["outcome"] for step in steps}
    for region in ("eu-central-1", "eu-west-1"):
        assert {outcomes[f"{step} {region}"] for step in ("custom_lambda", "ssm_command")} == {"done"}
    planned = json.loads(run("plan", "bookworm", "--twin", "--json", change=inside).stdout)["steps"]
    (told,) = (step for step in planned if step["state"] == "custom_lambda eu-central-1")
    assert told["outcome"] == "would change"
    assert "nobody has told it for eu-central-1 yet" in told["why"]


def test_another_applications_machines_are_furnished_and_take_a_minute(run: Run) -> None:
    inside = replaced("  - aurora_writer:", f"{NESTED}  - aurora_writer:")
    done = run("rehearse", "bookworm", "--json", change=inside)
    assert done.exit_code == 0, done.stderr
    assert "a run of payments-failback, payments-failover takes 60 s and succeeds" in done.stderr
    steps = [step for each in json.loads(done.stdout)["runs"] for step in each["steps"]]
    nested = {step["name"]: step for step in steps if step["name"].startswith("nested_run")}
    assert {name: step["outcome"] for name, step in nested.items()} == {
        "nested_run eu-central-1": "done",
        "nested_run eu-west-1": "done",
    }


UNGRACEFUL = (
    "failover,graceful,ungraceful@failover-1/lambda_concurrency.eu-west-1/1/7,"
    "dark:eu-west-1@failover-1/lambda_concurrency.eu-west-1/1/7"
)
AT_THE_DOOR = (
    "failback,ungraceful,dark:eu-central-1@failback-1/lambda_concurrency.eu-central-1/1/8"
    "..failback-1/synthetic_write.eu-west-1/1/0"
)


@pytest.mark.parametrize("seed", [UNGRACEFUL, AT_THE_DOOR])
def test_found_by_exploring_a_stand_in_with_another_applications_machines(tmp_path: Path, seed: str) -> None:
    """What was carried on as ungraceful starts the other run as that, though its plan was graceful (S8). A
    Region that lives again when customers have just left it accepts a write that nobody will read (S7)."""
    inside = replaced("  - aurora_writer:", f"{NESTED}  - aurora_writer:")
    path = tmp_path / "bookworm.yaml"
    path.write_text(inside((RUNBOOKS / "bookworm.yaml").read_text()))
    done = CliRunner(mix_stderr=False).invoke(farshore, ["replay", f"{path},{seed}"])
    assert done.exit_code == 0, done.stdout[-2000:]
    assert done.stdout.rstrip().endswith("SUCCEEDED: safe, live")


@pytest.mark.parametrize("behaviours", ["[/shelf/*, '*']", "['*']"])
def test_a_distribution_is_furnished_with_the_origins_and_behaviours_that_lines_name(
    run: Run, behaviours: str
) -> None:
    done = run("rehearse", "bookworm", "--json", change=back_by(EDGE % behaviours))
    assert done.exit_code == 0, done.stderr
    assert "customers do not go through EDFDVBD632BHDS5" in done.stderr
    (failback,) = (each for each in json.loads(done.stdout)["runs"] if each["procedure"] == "failback")
    outcomes = {step["name"]: step["outcome"] for step in failback["steps"]}
    assert outcomes["cloudfront_origin"] == "done"


def back_by(lines: str) -> Callable[[str], str]:
    """With a failback that is written out, and these lines in it."""

    def change(text: str) -> str:
        head, _, tail = text.partition("\nfailover:\n")
        steps, _, outage = tail.partition("outage:\n")
        back = steps.replace("  - synthetic_write:", f"{lines}  - synthetic_write:")
        return f"{head}\nfailover:\n{steps}failback:\n{back}outage:\n{outage}"

    return change


EDGE = """  - cloudfront_origin:
      distribution: EDFDVBD632BHDS5
      origins: {eu-west-1: shop-dub, eu-central-1: shop-fra}
      behaviours: %s
"""


def test_one_distribution_with_two_origins_in_a_region_is_refused(run: Run) -> None:
    edge = EDGE % "[/a/*]"
    done = run("rehearse", "bookworm", change=back_by(edge + edge.replace("shop-fra", "shelf-fra")))
    assert done.exit_code == 2
    assert "EDFDVBD632BHDS5 has one origin in one line, and another in another" in done.stderr


def test_an_alarm_that_must_stay_quiet_watches_the_region_to_which_customers_are_led(run: Run) -> None:
    """The primary's own would not be quiet: customers have been led away from there because it is ill."""
    done = run("rehearse", "kiosk", change=replaced("  - synthetic_write:", f"{BAKE}  - synthetic_write:"))
    assert done.exit_code == 0, done.stderr
    assert done.stdout.count("step      bake: done") == 2


BAKE = "  - bake: {alarms: [{alarm: errors, at: $to}], quiet_for: 2m}\n"
CUSTOM = "  - custom_lambda: {function: warm-up, region: $to}\n"
REMOTE = """  - ssm_command:
      document: DrainQueues
      targets: [{key: "tag:app", values: [books]}]
      expected: 2
      region: $to
"""


def test_exploring_finds_traffic_that_is_led_before_the_data_and_tells_the_story(run: Run) -> None:
    def early(text: str) -> str:
        begin, end = text.index("  - arc_controls:"), text.index("  - synthetic_write:")
        return text[:begin].replace("  - aurora_writer:", text[begin:end] + "  - aurora_writer:") + text[end:]

    done = run("explore", "bookworm", "--count", change=early)
    assert done.exit_code == 1
    assert "S2: customers are sent to eu-central-1, where not every dataset accepts writes" in done.stderr


def test_what_verifies_data_is_furnished_and_in_the_dark_names_what_was_lost(run: Run) -> None:
    dark = run(
        "rehearse", "bookworm", "--mode", "ungraceful", "--dark", "eu-west-1", "--json", change=verified
    )
    assert dark.exit_code == 0, dark.stderr
    report = json.loads(dark.stdout)
    failover, failback = (each for each in report["runs"] if each["procedure"] in ("failover", "failback"))
    ends = {step["name"]: step["outcome"] for step in failover["steps"]}
    assert report["data"]["lost"]
    assert ends["aurora_data_matches eu-central-1"] == "different"
    assert {step["outcome"] for step in failback["steps"] if "match" in step["name"]} == {"done"}


def test_what_verifies_data_is_explored(run: Run) -> None:
    done = run("replay", "bookworm", change=verified)  # it stands there
    done = CliRunner(mix_stderr=False).invoke(farshore, ["replay", "bookworm.yaml,failover,graceful"])
    assert done.exit_code == 0, done.stdout


def test_a_database_that_cannot_be_furnished_is_named(run: Run) -> None:
    def other(text: str) -> str:
        return verified(text).replace(
            "books-dub, eu-central-1: books-fra}\n      secrets", "x, eu-central-1: y}\n      secrets"
        )

    done = run("plan", "bookworm", "--twin", change=other)
    assert done.exit_code == 2
    assert (
        "x and y of line 49 (aurora_data_matches) are in no global database that the runbook names"
        in done.stderr
    )


def verified(text: str) -> str:
    return text.replace("outage:\n", f"{MATCHES}outage:\n")


MATCHES = """  - aurora_data_matches:
      database: books
      members: {eu-west-1: books-dub, eu-central-1: books-fra}
      secrets:
        eu-west-1: arn:aws:secretsmanager:eu-west-1:444455556666:secret:reader-AbCdEf
        eu-central-1: arn:aws:secretsmanager:eu-central-1:444455556666:secret:reader-GhIjKl
      tables: {titles: isbn}
      probe: farshore_probe
      invariants: [{name: no title is lent twice, query: SELECT count(*) FROM loans WHERE copies < 0}]
  - s3_objects_match:
      buckets: {eu-west-1: covers-dub, eu-central-1: covers-fra}
      prefix: covers/
"""


def test_what_must_come_before_a_run_and_fails_is_said_and_replayed(run: Run) -> None:
    never = replaced("within: 15m", "within: 1s")
    text = never((RUNBOOKS / "bookworm.yaml").read_text())
    Path("bookworm.yaml").write_text(text)
    done = CliRunner(mix_stderr=False).invoke(farshore, ["replay", "bookworm.yaml,failback,graceful"])
    assert done.exit_code == 1
    assert "the simulation itself broke" not in done.stdout
    assert (
        "failback never began: with nothing in its way, failover before it ended FAILED: Refused"
        in done.stdout
    )


def test_a_runbook_of_a_samples_name_in_other_regions_is_not_the_sample(run: Run) -> None:
    done = run("plan", "bookworm", "--twin", change=replaced("bookworm\n", "unicorn-shop\n"))
    assert done.exit_code == 0
    assert "the customers of unicorn-shop are a stand-in" in done.stderr
