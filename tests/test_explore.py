"""`farshore explore`: what it makes, prints and counts; and that a kind of fault is one record."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import exploring
import pytest
from exploring import KEYS, invoked, survey
from planted import slip

from farshore.compile import retry
from farshore.explore.exploration import Exploration
from farshore.explore.kinds import KINDS
from farshore.explore.kinds.kind import Family, FaultKind
from functions.steps.aurora_writer import AuroraWriter

surveyed, shop, known, at_home = exploring.surveyed, exploring.shop, exploring.known, exploring.at_home


def test_a_count_has_points_classes_faults_and_runs_and_makes_none(
    shop: Exploration, known: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(Exploration, "explore")
    shown = json.loads(invoked("explore", "unicorn-shop", "--count", "--json").stdout)
    assert shown.keys() == {"points", "classes", "faults", "runs"}
    assert shown["points"] > shown["classes"] > shown["faults"] > 20
    assert shown["runs"] == len(list(shop.cases())) + len(shop.baselines)
    line = invoked("explore", "unicorn-shop", "--count").stdout
    figures = [int(figure.replace(",", "")) for figure in re.findall(r"\d[\d,]*", line)]
    assert figures == [shown[key] for key in ("points", "classes", "faults", "runs")]
    words = re.sub(r"\d[\d,]*", "#", line)
    assert words == "# points in # classes, x # faults: # runs\n"


def test_what_is_explored_is_json_on_standard_output_alone() -> None:
    result = invoked("explore", "unicorn-shop", "--only", "failover,graceful,killed@failover-1/arc", "--json")
    shown = json.loads(result.stdout)
    assert shown.keys() == KEYS
    assert (result.exit_code, result.stderr) == (0, "")
    assert shown["safe"] == shown["live"] == shown["runs"] > 9
    assert shown["breaches"] == []
    assert shown["application"] == "unicorn-shop"
    assert shown["runs_per_second"] > 0


def test_shards_are_equal_parts_of_what_there_is(known: None) -> None:
    only = ("--only", "failover,graceful,killed@failover-1/a")
    whole = json.loads(invoked("explore", "unicorn-shop", *only, "--json").stdout)
    parts = [
        json.loads(invoked("explore", "unicorn-shop", *only, "--json", "--shard", f"{k}/3").stdout)
        for k in (1, 2, 3)
    ]
    baselines = (sum(part["runs"] for part in parts) - whole["runs"]) // 2
    made = [part["runs"] - baselines for part in parts]
    assert (sum(made), max(made) - min(made) <= 1) == (whole["runs"] - baselines, True)


def test_a_part_tells_whether_a_report_is_of_the_runs_that_there_are_now(known: None, tmp_path: Path) -> None:
    report = tmp_path / "matrix.md"
    part = ("explore", "unicorn-shop", "--only", "failover,graceful,killed@failover-1/arc")
    assert invoked(*part, "--report", str(report)).exit_code == 0
    assert invoked(*part, "--shard", "1/3", "--check", str(report)).exit_code == 0
    change(report, "failover graceful", of="0123456789abcdef")
    result = invoked(*part, "--shard", "1/3", "--check", str(report))
    assert result.exit_code == 1
    assert f"{report} is of other runs: write it anew with `explore unicorn-shop" in result.stderr


# What a report has counted.

KILLED = ("explore", "unicorn-shop", "--only", "graceful,killed@failover-1/arc")
"""Around two baseline runs."""


def change(report: Path, baseline: str, **members: Any) -> None:
    """What stands in the report's counts of those who were killed around that baseline run."""
    counts = report.with_suffix(".json")
    said = json.loads(counts.read_text())
    said[baseline]["killed"] |= members
    counts.write_text(json.dumps(said))


def reported(report: Path, *more: str) -> dict[str, Any]:
    """What is explored for it, and how it is written then."""
    made = json.loads(invoked(*KILLED, "--report", str(report), "--json", *more).stdout)
    files = [report.read_text(), report.with_suffix(".json").read_text()]
    return {
        "made": made["runs"],
        "files": files,
        "exit": invoked(*KILLED, "--count", "--check", str(report)).exit_code,
    }


def test_for_a_report_only_that_is_explored_around_which_something_has_changed(
    known: None, tmp_path: Path
) -> None:
    report = tmp_path / "matrix.md"
    whole = reported(report)
    again = reported(report)
    assert again == {**whole, "made": again["made"]}
    baselines = again["made"]
    change(report, "failover graceful", of="0123456789abcdef")
    one = reported(report)
    assert one == {**whole, "made": one["made"]}
    assert baselines < one["made"] < whole["made"]
    assert reported(report, "--anew") == whole
    assert whole["exit"] == 0


def test_what_was_not_safe_or_not_live_is_explored_again_for_a_report(known: None, tmp_path: Path) -> None:
    report = tmp_path / "matrix.md"
    whole = reported(report)
    change(report, "failover graceful", live=0)
    assert invoked(*KILLED, "--count", "--check", str(report)).exit_code == 1
    assert reported(report)["files"] == whole["files"]


def test_a_report_that_is_not_what_its_counts_are_written_as_is_stale(known: None, tmp_path: Path) -> None:
    report = tmp_path / "matrix.md"
    whole = reported(report)
    report.write_text(whole["files"][0].replace("safe", "save"))
    result = invoked(*KILLED, "--count", "--check", str(report))
    assert result.exit_code == 1
    assert f"{report} is not what its counts are written as: write it anew with" in result.stderr
    assert reported(report) == {**whole, "made": len(survey().baselines)}


def test_a_shops_counts_tell_of_the_runs_that_were_not_good(
    known: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = tmp_path / "matrix.md"
    monkeypatch.setattr(retry, "LAMBDA_FAULTS", ["Lambda.Nothing"])
    assert invoked(*KILLED, "--report", str(report)).exit_code == 1
    assert re.search(r"^\| killed \| [0-9]+ of [0-9]+ \|", report.read_text(), re.M)
    assert invoked(*KILLED, "--count", "--check", str(report)).exit_code == 0, "it tells what there is"


@pytest.mark.parametrize(
    "text", ["[]", "{", '{"failover graceful": {"killed": {}}}', '{"my": "own"}', "\u00e9"]
)
def test_a_file_beside_a_report_that_holds_no_counts_is_left_alone(
    known: None, text: str, tmp_path: Path
) -> None:
    report = tmp_path / "matrix.md"
    report.write_text("")
    beside = tmp_path / "matrix.json"
    beside.write_text(text, encoding="latin-1")
    for options in (["--report"], ["--anew", "--report"], ["--check"]):
        result = invoked(*KILLED, *options, str(report))
        assert result.exit_code == 2
        assert f"{beside} holds no counts of `explore`: remove it, or give" in result.stderr
    assert beside.read_text(encoding="latin-1") == text


def test_anew_is_of_a_report(known: None) -> None:
    result = invoked("explore", "unicorn-shop", "--anew")
    assert (result.exit_code, "name it with --report" in result.stderr) == (2, True)


@pytest.mark.parametrize("shard", ["0/3", "4/3", "1", "one/3", "1/0"])
def test_a_part_that_there_is_none_of_is_a_usage_error(known: None, shard: str) -> None:
    result = invoked("explore", "unicorn-shop", "--shard", shard)
    assert (result.exit_code, "write which part of how many, as 2/8" in result.stderr) == (2, True)


def test_what_is_let_pass_is_counted_with_its_sentence(known: None, tmp_path: Path) -> None:
    report = tmp_path / "matrix.md"
    only = ("--only", "failover,graceful,denied@failover-1/lambda_concurrency.us-east-1/1/1")
    assert invoked("explore", "unicorn-shop", *only, "--report", str(report)).exit_code == 0
    told = "| AWS says no to a call that the run needs: it ends and names the call |"
    (line,) = [line for line in report.read_text().splitlines() if line.startswith(told)]
    assert int(line.split("|")[2]) >= 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["unicorn-shop", "--only", "nonsense"], "no seed contains 'nonsense'"),
        (["no-such-shop"], "the applications here are: "),
    ],
)
def test_what_cannot_be_explored_is_a_usage_error(known: None, words: list[str], says: str) -> None:
    result = invoked("explore", *words)
    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stdout == ""


def test_a_breach_is_shown_with_its_seed_and_ends_the_exploration_with_1(
    known: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "LAMBDA_FAULTS", ["Lambda.Nothing"])
    only = ("--only", "failover,graceful,killed@failover-1/arc")
    result = invoked("explore", "unicorn-shop", *only, "--json")
    shown = json.loads(result.stdout)
    assert result.exit_code == 1
    assert shown["live"] < shown["safe"] == shown["runs"]
    assert {breach["invariant"] for breach in shown["breaches"]} == {"L1"}
    assert all("Runtime.ExitError" in breach["story"] for breach in shown["breaches"])
    assert all(only[1] in breach["seed"] for breach in shown["breaches"])
    said = invoked("explore", "unicorn-shop", *only).stdout
    assert "farshore replay --shrink 'unicorn-shop,failover,graceful,killed@failover-1/arc" in said


def test_a_baseline_run_that_goes_wrong_by_itself_is_shown_and_nothing_is_injected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slip(AuroraWriter, "decide", 'seen.mode == "ungraceful"', "True")(monkeypatch)
    result = invoked("explore", "unicorn-shop", "--only", "unicorn-shop,failover,graceful,killed@")
    assert result.exit_code == 1
    wrong = "failover graceful goes wrong by itself, and nothing was injected: mend that first"
    assert wrong in result.stdout
    assert "farshore replay --shrink 'unicorn-shop," in result.stdout
    assert "\nfarshore replay 'unicorn-shop,failover,graceful'" in result.stderr, "it is said at once, too"


def test_a_kind_of_fault_is_one_record(known: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is read in a seed, played, filed in the matrix, and described: nothing else needs to know of it."""
    hiccup = FaultKind(
        word="hiccup",
        family=Family("hiccups", "the service has to swallow first"),
        sentence="has a hiccup",
        at_a_point=True,
        at_call=lambda baseline, call: call.point.state == "release",
        to_the_call="500",
        passes=True,
    )
    monkeypatch.setitem(KINDS, "hiccup", hiccup)  # type: ignore[arg-type]
    report = tmp_path / "matrix.md"
    only = ("--only", "failover,graceful,hiccup@", "--report", str(report), "--json")
    found = json.loads(invoked("explore", "unicorn-shop", *only).stdout)
    assert found["live"] == found["runs"] > 13
    told = report.read_text()
    assert "| hiccups | the service has to swallow first |" in told
    assert re.search(r"^\| release \| [1-9] \|$", told, re.M)
    struck = found["runs"] - told.count("\n### ")
    assert re.search(rf"^\| hiccups \| {struck:,} \| [0-9,]+ s \| 0 s \| [0-9] \|$", told, re.M)
    story = invoked("replay", "unicorn-shop,failover,graceful,hiccup@failover-1/release/1/1").stdout
    assert "failover-1/release, tick 1, call 1: dynamodb:Query in us-west-2 has a hiccup" in story
    assert "hiccup happens at one point" in invoked("replay", "unicorn-shop,failover,graceful,hiccup").stderr


# Results in a file.

FEW = ["explore", "unicorn-shop", "--only", "failover,graceful,lost_after@failover-1/lease", "--json"]


def parts(tmp_path: Path) -> list[str]:
    """Two shards, each with its file; and the options that name both."""
    files = [tmp_path / "1.jsonl", tmp_path / "2.jsonl"]
    for number, file in enumerate(files, 1):
        assert invoked(*FEW, "--shard", f"{number}/2", "--results", str(file)).exit_code == 0
    return [word for file in files for word in ("--results", str(file))]


def test_shards_are_one_exploration_by_their_results(tmp_path: Path) -> None:
    known = parts(tmp_path)
    together, whole = (json.loads(invoked(*FEW, *more).stdout) for more in (known, []))
    assert {**together, "wall_seconds": 0, "runs_per_second": 0} == {
        **whole,
        "wall_seconds": 0,
        "runs_per_second": 0,
    }
    assert len((tmp_path / "2.jsonl").read_text().splitlines()) > 1


def test_a_run_whose_result_is_known_is_not_made_again(tmp_path: Path) -> None:
    known = parts(tmp_path)
    file = tmp_path / "1.jsonl"
    first, line, *others = file.read_text().splitlines()
    said = json.loads(line)
    said["breaches"] = [{"invariant": "S1", "at": 3.0, "story": "as somebody else has seen"}]
    file.write_text("\n".join([first, json.dumps(said), *others, '{"seed": "cut of']))
    result = invoked(*FEW, *known)
    assert result.exit_code == 1
    (breach,) = json.loads(result.stdout)["breaches"]
    assert (breach["seed"], breach["story"]) == (said["seed"], "as somebody else has seen")


@pytest.mark.parametrize("left", [0, 12])
def test_a_file_that_was_cut_off_before_its_first_result_is_begun_anew(left: int, tmp_path: Path) -> None:
    parts(tmp_path)
    file = tmp_path / "1.jsonl"
    whole = file.read_bytes()
    file.write_bytes(whole[:left])
    assert invoked(*FEW, "--shard", "1/2", "--results", str(file)).exit_code == 0
    assert sorted(file.read_bytes().splitlines()) == sorted(whole.splitlines())


def test_a_file_that_cannot_be_written_is_refused_before_any_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(Exploration, "survey")
    result = invoked(*FEW, "--results", str(tmp_path / "nowhere" / "1.jsonl"))
    assert result.exit_code == 2
    assert "1.jsonl: No such file or directory: name another file" in result.stderr


def test_what_was_cut_off_when_somebody_was_stopped_is_made_again(tmp_path: Path) -> None:
    parts(tmp_path)
    file = tmp_path / "1.jsonl"
    whole = file.read_bytes()
    file.write_bytes(whole[:-20])
    assert invoked(*FEW, "--shard", "1/2", "--results", str(file)).exit_code == 0
    assert sorted(file.read_bytes().splitlines()) == sorted(whole.splitlines())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"of": "another"}\n', "is of another runbook or another Farshore: remove it"),
        ("runbooks:\n", "odd.jsonl:1 is no result of `explore`: name another file"),
        ("[]\n", "odd.jsonl:1 is no result of `explore`"),
        ("my notes", "odd.jsonl:1 is no result of `explore`"),
    ],
)
def test_a_file_of_something_else_is_refused(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "odd.jsonl"
    file.write_text(text)
    result = invoked(*FEW, "--results", str(file))
    assert result.exit_code == 2
    assert said in result.stderr
    assert file.read_text() == text
