"""A rehearsal's report: what it shows is what its JSON says, and all of it stands in one file."""

from __future__ import annotations

import base64
import copy
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from own_shop import TESTS

from farshore.report.page import page
from farshore.report.summary import summary

KINDS = ("detection", "person", "aws", "names", "polling")
DARK = ("--mode", "ungraceful", "--dark", "us-east-1")
VOID = {"meta", "br", "link", "img", "input"}


class Reading(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        assert self._open == [], "every element is closed"

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attributes}))
        self._open += [] if tag in VOID else [tag]

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attributes}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts += [" ".join(data.split())] if self._open and self._open[-1] != "style" else []

    @property
    def text(self) -> str:
        return " ".join(filter(None, self.texts))

    def drawn(self, attribute: str) -> list[dict[str, str]]:
        """What pictures show that has this attribute."""
        return [given for _, given in self.elements if attribute in given]


class Night:
    """A rehearsal, in all three forms that a person asked for at once."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        files = [folder / f"night.{ending}" for ending in ("json", "html", "md")]
        program = [sys.executable, "-c", "from farshore.cli import main; main()", "rehearse", "unicorn-shop"]
        asked = [word for file in files for word in ("--report", str(file))]
        ended = subprocess.run(
            [*program, *arguments, *asked], cwd=TESTS, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        self.json: dict[str, Any] = json.loads(files[0].read_text())
        self.html, self.markdown = files[1].read_text(), files[2].read_text()
        self.page = Reading(self.html)


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Night]:
    played: dict[str, Night] = {}

    def night(kind: str) -> Night:
        if kind not in played:
            played[kind] = Night(tmp_path_factory.mktemp(kind), *(DARK if kind == "dark" else ()))
        return played[kind]

    return night


@pytest.fixture(params=["graceful", "dark"])
def night(request: pytest.FixtureRequest, nights: Callable[[str], Night]) -> Night:
    return nights(request.param)


@pytest.fixture
def dark(nights: Callable[[str], Night]) -> Night:
    return nights("dark")


def milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


# What the RTO is made of.


def test_every_millisecond_of_the_rto_belongs_to_one_of_five(night: Night) -> None:
    rto, whole = night.json["rto"], milliseconds(night.json["clients"]["rto_seconds"])
    assert whole > 0
    assert tuple(rto["parts"]) == KINDS
    assert sum(map(milliseconds, rto["parts"].values())) == milliseconds(rto["seconds"]) == whole
    ends = [(milliseconds(s["at"]), milliseconds(s["at"]) + milliseconds(s["seconds"])) for s in rto["spans"]]
    assert (ends[0][0], ends[-1][1]) == (0, whole)
    assert all(until == at for (_, until), (at, _) in pairwise(ends))
    for kind in KINDS:
        mine = sum(milliseconds(s["seconds"]) for s in rto["spans"] if s["kind"] == kind)
        assert mine == milliseconds(rto["parts"][kind])


def test_what_a_person_took_is_the_time_from_the_plan_to_the_decision(night: Night) -> None:
    plan = night.json["plans"][0]
    took = milliseconds(plan["decisions"][-1]["at"]) - milliseconds(plan["at"])
    assert milliseconds(night.json["rto"]["parts"]["person"]) == pytest.approx(took, abs=2)


def test_the_time_until_a_run_begins_is_spent_noticing(night: Night) -> None:
    failover = next(run for run in night.json["runs"] if run["procedure"] == "failover")
    first = night.json["rto"]["spans"][0]
    assert first["kind"] == "detection"
    assert first["seconds"] == pytest.approx(failover["at"] - night.json["outage_at"], abs=0.002)


def test_names_follow_once_all_is_set_and_nothing_else_is_waited_for_then(night: Night) -> None:
    moves = (change for change in night.json["changes"] if "failover" in change["execution"])
    led = next(change["at"] for change in moves if change["what"].endswith("UpdateRoutingControlStates"))
    spans = night.json["rto"]["spans"]
    following = [span for span in spans if span["kind"] == "names"]
    assert following == spans[-len(following) :]
    assert following[0]["at"] == pytest.approx(led - night.json["outage_at"], abs=1)


def test_farshore_itself_takes_a_small_part_of_what_aws_takes_where_the_region_is_well(
    nights: Callable[[str], Night],
) -> None:
    parts = nights("graceful").json["rto"]["parts"]
    assert parts["polling"] < 0.13 * parts["aws"]


# The picture.


def test_the_numbers_of_the_picture_are_those_of_the_json(night: Night) -> None:
    failover = next(run for run in night.json["runs"] if run["procedure"] == "failover")
    steps = {
        (step["name"], milliseconds(failover["at"] + step["at"]), milliseconds(step["seconds"]))
        for step in failover["steps"]
    }
    drawn = {
        (bar["data-step"], milliseconds(float(bar["x"])), milliseconds(float(bar["width"])))
        for bar in night.page.drawn("data-step")
    }
    assert steps <= drawn
    bins = {(float(b["at"]), b["done"], b["failed"]) for b in night.json["visits"] if b["done"]}
    shown = [
        (float(bar["x"]), int(bar["data-done"]), int(bar["data-failed"]), float(bar["height"]))
        for bar in night.page.drawn("data-done")
    ]
    assert {(x, done, failed) for x, done, failed, _ in shown} >= bins
    assert all(height == pytest.approx(100 * done / (done + failed)) for _, done, failed, height in shown)
    pieces = [(p["data-kind"], float(p["x"]), float(p["width"])) for p in night.page.drawn("data-kind")]
    assert pieces == [(s["kind"], s["at"], s["seconds"]) for s in night.json["rto"]["spans"]]


def test_every_write_that_was_lost_is_named_and_marked_where_it_happened(dark: Night) -> None:
    lost = {w["name"]: w["at"] for w in dark.json["unkept"] if w["fate"] == "lost"}
    assert lost
    assert sorted(lost) == dark.json["data"]["lost"]
    marks = Counter((mark["data-name"], float(mark["x1"])) for mark in dark.page.drawn("data-name"))
    assert marks == dict.fromkeys(lost.items(), 2), "in the picture of the outage, and of the whole game day"
    assert all(name in dark.page.text for name in lost)


# The page.


def test_the_page_says_what_failed_for_how_long_what_was_lost_who_decided_and_how_to_see_it_again(
    dark: Night,
) -> None:
    rto = dark.json["clients"]["rto_seconds"]
    for said in (
        "us-east-1 went dark as a whole.",
        f"Customers were without service for {int(rto // 60)} min {round(rto % 60)} s.",
        f"{len(dark.json['data']['lost'])} of {dark.json['data']['acknowledged']:,}",
        "alarm unicorn-shop-canary in us-west-1",
        "farshore rehearse unicorn-shop --mode ungraceful --dark us-east-1 --seed 1",
        *(plan["hash"] for plan in dark.json["plans"]),
        *(change["state"] for change in dark.json["changes"]),
        *dark.json["simulated"],
        *dark.json["checked"],
    ):
        assert said in dark.page.text, said


def test_the_page_has_all_of_the_report_in_it_and_asks_nobody_for_anything(night: Night) -> None:
    links = [
        value for _, given in night.page.elements for name, value in given.items() if name in ("href", "src")
    ]
    (whole,) = links
    kind, _, encoded = whole.partition(",")
    assert kind == "data:application/json;base64"
    assert json.loads(base64.b64decode(encoded)) == night.json
    assert "script" not in {tag for tag, _ in night.page.elements}
    assert re.findall(r"url\(|@import", night.html) == []


def test_what_others_wrote_is_text(dark: Night) -> None:
    report = copy.deepcopy(dark.json)
    evil = "<img src=x onerror=alert(1)>[a](http://x)"
    report["plans"][0]["decisions"][0]["why"] = report["runs"][0]["why"] = evil
    report["runs"][0]["steps"][0]["name"] = report["unkept"][0]["name"] = evil
    report["breaches"] = [{"invariant": "S1", "at": 1.0, "story": evil}]
    read = Reading(page(report))
    assert "img" not in {tag for tag, _ in read.elements}
    assert read.text.count(evil) >= 4
    assert "<img" not in summary(report).replace("\\<", "")
    assert "[a]" not in summary(report)


def test_a_game_day_that_stopped_says_so_first(dark: Night) -> None:
    report = copy.deepcopy(dark.json)
    report["stand"] = {"stopped": "failover ended FAILED", "served": [], "led_to": [], "to_do": ["mend it"]}
    text = Reading(page(report)).text
    assert text.index("It stopped before its end") < text.index("What happened")
    assert "mend it" in text
    assert "1. mend it" in summary(report)


def test_a_rehearsal_that_broke_before_anything_was_measured_has_a_page_too(dark: Night) -> None:
    kept = ("application", "seed", "mode", "dark", "virtual_seconds", "invariants", "simulated", "debts")
    empty = {name: dark.json[name] for name in kept}
    empty |= {"runs": [], "clients": {}, "data": {}, "breaches": [], "stand": None, "broken": ["it <broke>"]}
    assert "it <broke>" in Reading(page(empty | {"moments": []})).text


def luminance(colour: str) -> float:
    """Source: www.w3.org/TR/WCAG21/#dfn-relative-luminance"""
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dim, bright = sorted((luminance(one), luminance(other)))
    return (bright + 0.05) / (dim + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_what_is_read_and_what_is_drawn_stands_out_as_wcag_aa_asks(night: Night, theme: int) -> None:
    """4.5 for text, 3 for what is drawn. Source: www.w3.org/TR/WCAG21/#contrast-minimum"""
    colours: Mapping[str, str] = dict(
        re.findall(r"--(\w[\w-]*): (#[0-9a-f]{6});", re.findall(r":root \{(.*?)\}", night.html, re.S)[theme])
    )
    for ground in ("page", "card"):
        assert all(contrast(colours[text], colours[ground]) >= 4.5 for text in ("ink", "soft", "bad", "aws"))
        assert all(contrast(colours[drawn], colours[ground]) >= 3 for drawn in (*KINDS, "served"))
    for tone in ("good", "bad"):
        assert contrast(colours[tone], colours[f"{tone}-wash"]) >= 4.5


# The summary.


def test_the_summary_is_short_and_says_the_same(dark: Night) -> None:
    assert len(dark.markdown.splitlines()) < 40
    rto = "RTO {} min {} s".format(*divmod(round(dark.json["rto"]["seconds"]), 60))
    for said in ("us-east-1 went dark as a whole", rto, "Farshore's polling", "writes lost"):
        assert said in dark.markdown
    assert dark.json["data"]["lost"][0] in dark.markdown
