"""`farshore explore APP --what-if`: what an RTO hangs on."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result
from test_report import contrast

from farshore.cli import farshore
from farshore.explore import what_if

ROOT = Path(__file__).parent.parent
APP = str(ROOT / "tests" / "stand_ins" / "bookworm.yaml")


def invoked(*words: str) -> Result:
    return CliRunner(mix_stderr=False).invoke(farshore, ["explore", APP, *words])


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    """Of what takes longest alone: a person, and names. And the picture."""
    picture = tmp_path_factory.mktemp("what-if") / "rto.svg"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(what_if, "SHORT_SECONDS", 1000)
        result = invoked("--what-if", "--json", "--svg", str(picture))
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout), picture.read_text()


def test_the_longer_a_person_takes_the_longer_customers_wait(found: tuple[dict[str, Any], str]) -> None:
    person = next(each for each in found[0]["things"] if each["name"] == what_if.PERSON)
    rtos = [night["rto"] for night in person["nights"]]
    assert rtos == sorted(rtos)
    assert rtos[-1] - rtos[0] > person["seconds"]
    assert all(night["ok"] for night in person["nights"])


def test_what_makes_most_difference_is_first(found: tuple[dict[str, Any], str]) -> None:
    rtos = [[night["rto"] for night in each["nights"]] for each in found[0]["things"]]
    spans = [max(each) - min(each) for each in rtos]
    assert spans == sorted(spans, reverse=True)
    as_it_is = {each[what_if.FACTORS.index(1.0)] for each in rtos}
    assert len(as_it_is) == 1


def test_the_picture_has_a_line_for_each_and_its_numbers(found: tuple[dict[str, Any], str]) -> None:
    drawn = ET.fromstring(found[1])
    lines = [each for each in drawn.iter() if each.tag.endswith("polyline")]
    assert len(lines) == min(len(found[0]["things"]), 6)
    heights = [float(point.split(",")[1]) for point in lines[0].attrib["points"].split()]
    rtos = [night["rto"] for night in found[0]["things"][0]["nights"]]
    order = sorted(range(len(rtos)), key=lambda at: rtos[at])
    assert [heights[at] for at in order] == sorted(heights, reverse=True)


def test_the_picture_is_light_or_dark_as_its_readers_screen_is(found: tuple[dict[str, Any], str]) -> None:
    sheets = found[1].partition("</style>")[0].split("@media (prefers-color-scheme: dark)")
    grounds = [re.findall(r"\.ground { fill: (#\w{6}) }", sheet) for sheet in sheets]
    assert grounds == [["#ffffff"], ["#0d1117"]]
    for sheet, (ground,) in zip(sheets, grounds, strict=True):
        (ink,) = re.findall(r"text { fill: (#\w{6}) }", sheet)
        drawn = re.findall(r"stroke: (#\w{6}) }", sheet)
        assert len(set(drawn)) == 7, "the objective, and six things"
        assert contrast(ink, ground) >= 4.5
        assert all(contrast(colour, ground) >= 3 for colour in drawn)


def test_a_picture_of_nothing_is_refused(tmp_path: Path) -> None:
    result = invoked("--svg", str(tmp_path / "rto.svg"))
    assert result.exit_code == 2
    assert "--svg is of --what-if" in result.stderr
