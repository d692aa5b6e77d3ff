"""A runbook as a tree and as a picture: its order, what each line stands on, and how long it may take."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from farshore.cli import farshore

RUNBOOK = """\
application: bookshop
regions: {primary: us-east-1, standby: us-west-1}
objectives: {rto: 30m, rpo: 30s}
ledger: {table: farshore-ledger, regions: [us-east-1, us-east-2, us-west-2]}
failover:
  - approval:
      topics:
        us-east-1: arn:aws:sns:us-east-1:123456789012:pages
        us-west-1: arn:aws:sns:us-west-1:123456789012:pages
      within: 10m
  - lambda_concurrency: {functions: [buy], region: $from, reserved: 0}
  - aurora_writer:
      cluster: bookshop
      members: {us-east-1: east, us-west-1: west}
      region: $to
      lose_at_most: 30s
      within: 8m
  - together:
      - lambda_concurrency: {functions: [buy], region: $to, reserved: restore, within: 2m}
      - custom_lambda: {function: warm, region: $to, within: 5m}
"""


@pytest.fixture
def bookshop(tmp_path: Path) -> Path:
    path = tmp_path / "bookshop.yaml"
    path.write_text(RUNBOOK)
    return path


def show(*words: str) -> Result:
    return CliRunner(mix_stderr=False).invoke(farshore, ["show", *words])


def test_the_tree_has_every_line_in_its_order_with_its_limit(bookshop: Path) -> None:
    shown = show(str(bookshop))
    assert shown.exit_code == 0, shown.stderr
    lines = shown.stdout.splitlines()
    assert lines[0] == "bookshop failover, us-east-1 to us-west-1: at most 24 min, 30 min promised"
    order = ["approval", "lambda_concurrency us-east-1", "point of no return", "aurora_writer us-west-1"]
    order += ["side by side", "lambda_concurrency us-west-1", "custom_lambda us-west-1"]
    places = [next(n for n, line in enumerate(lines) if name in line) for name in order]
    assert places == sorted(places)
    assert "asks a person, control plane, HTTP, at most 10m" in shown.stdout
    assert lines[places[1]].endswith("fences, control plane, at most 20s"), "its patience, and not its limit"


def test_of_those_side_by_side_the_longest_is_on_the_critical_path(bookshop: Path) -> None:
    """Ten minutes, twenty seconds, eight minutes and five: the two of the other branch are not added."""
    beside = [line for line in show(str(bookshop)).stdout.splitlines() if "beside the critical path" in line]
    assert len(beside) == 1
    assert "lambda_concurrency us-west-1  gives back" in beside[0]


def test_the_picture_says_what_the_tree_says(bookshop: Path, tmp_path: Path) -> None:
    picture = tmp_path / "bookshop.svg"
    shown = show(str(bookshop), "--svg", str(picture))
    root = ElementTree.fromstring(picture.read_text())
    texts = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    for line in shown.stdout.splitlines():
        name, _, says = line.lstrip("│├└─ ").replace(", beside the critical path", "").partition("  ")
        assert not name or name.strip("- ") in texts
        assert not says or says in texts
    height = float(root.attrib["height"])
    assert all(float(text.attrib["y"]) < height for text in root.iter("{http://www.w3.org/2000/svg}text"))


def test_only_what_is_on_the_critical_path_is_framed(bookshop: Path, tmp_path: Path) -> None:
    show(str(bookshop), "--svg", str(tmp_path / "bookshop.svg"))
    root = ElementTree.fromstring((tmp_path / "bookshop.svg").read_text())
    kinds = [rect.attrib["class"] for rect in root.iter("{http://www.w3.org/2000/svg}rect")]
    assert (kinds.count("box critical"), kinds.count("box")) == (4, 1)


def test_a_picture_is_named_as_one(bookshop: Path, tmp_path: Path) -> None:
    refused = show(str(bookshop), "--svg", str(tmp_path / "bookshop.png"))
    assert refused.exit_code == 2
    assert "ends in none of .svg" in refused.stderr
