"""What is wrong is found: planted bugs, wrong runbooks, and what lint says about the dark."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import exploring
import pytest
from exploring import SHOP, invoked, made, recorded
from planted import DARK, PLANTED, slip
from test_lint import DATA, ONE_ENDPOINT, RESTORE, Edit, ordered, replaced, step

from farshore.compile import procedure
from farshore.explore.exploration import Exploration, played

surveyed, at_home = exploring.surveyed, exploring.at_home


def replayed(*seeds: str) -> list[dict[str, Any]]:
    result = invoked("replay", "--json", *seeds)
    stories: list[dict[str, Any]] = json.loads(result.stdout)
    assert result.exit_code == any(each["breaches"] for each in stories)
    return stories


@pytest.mark.parametrize("wrong", PLANTED)
def test_a_planted_bug_is_found(wrong: str, surveyed: Exploration, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the runs that explore makes where it is planted: classes are made of what the code answers then."""
    plant, text, operation, invariant, words = PLANTED[wrong]
    baselines = {str(baseline.seed): baseline.seed for baseline in surveyed.baselines}
    if f"unicorn-shop,{text}" in baselines:
        plant(monkeypatch)
        seeds = [f"unicorn-shop,{text}"]
    else:
        pattern = f"^unicorn-shop,{text}"
        met = {case.baseline for case in made(surveyed.baselines, pattern, operation, every=True)}
        plant(monkeypatch)
        again = [recorded(each.seed) for each in surveyed.baselines if each.name in met]
        seeds = [str(case.seed) for case in made(again, pattern, operation)][:6]
    assert seeds
    found = [each for story in replayed(*seeds) for each in story["breaches"]]
    assert any(each["invariant"] == invariant and words in each["story"] for each in found), found


def test_where_nothing_is_planted_nothing_is_found(surveyed: Exploration) -> None:
    asked = {(f"^unicorn-shop,{text}", operation) for _, text, operation, _, _ in PLANTED.values()}
    for pattern, operation in sorted(asked):
        for case in made(surveyed.baselines, pattern, operation)[:1]:
            assert played(case.seed).breaches == (), case.seed


OTHERWISE = Path(__file__).parent / "applications" / "shop_otherwise.yaml"

DETECT, APPROVE, FENCING, PROMOTE, GIVING, TURNING, PROVING = range(7)

WRONG_RUNBOOKS: dict[str, tuple[Edit, str, str, str]] = {
    "customers before their data": (
        ordered(DETECT, APPROVE, FENCING, TURNING, PROMOTE, GIVING, PROVING),
        "failover,graceful",
        "S2",
        "customers are sent to us-west-1, where not every dataset",
    ),
    "a fence that nothing gives back": (
        ordered(DETECT, APPROVE, FENCING, PROMOTE, TURNING, PROVING),
        "failback,graceful",
        "L1",
        "no customer is served anywhere, long after the end",
    ),
    "a fence of some functions": (
        step(FENCING, "[unicorn-shop-users, ", "["),
        "failover,graceful",
        "S5",
        "us-east-1 still lets requests in, and was to be fenced",
    ),
    "nobody is asked": (
        ordered(DETECT, FENCING, PROMOTE, GIVING, TURNING, PROVING),
        "failover,graceful",
        "S8",
        "but the approved plan says nothing for it",
    ),
    "a promotion that asks the Region that is left": (
        step(DATA, "region: $to", "region: $from"),
        DARK,
        "S7",
        "failover ended FAILED: Untouched: aurora_writer us-east-1",
    ),
    "a restore of the Region that is left": (
        step(RESTORE, "region: $to", "region: $from"),
        "failover,graceful",
        "S6",
        "lambda_concurrency us-east-1 would change again: fence",
    ),
    "customers who stay": (
        replaced("on_in: $to\n      off_in: $from", "on_in: $from\n      off_in: $to"),
        "failover,graceful",
        "L1",
        "failover ended FAILED: Refused: synthetic_write us-west-1",
    ),
    "an objective that nobody can keep": (
        replaced("rto: 20m", "rto: 1m"),
        DARK,
        "L1",
        "failover left customers unserved for",
    ),
    "a single endpoint of ARC": (
        lambda text: ONE_ENDPOINT.sub("", text),
        DARK,
        "S7",
        "no endpoint of the cluster answers",
    ),
}


@pytest.mark.parametrize("wrong", WRONG_RUNBOOKS)
def test_a_runbook_that_is_wrong_is_found(wrong: str, tmp_path: Path) -> None:
    edit, text, invariant, words = WRONG_RUNBOOKS[wrong]
    path = tmp_path / "shop.yaml"
    path.write_text(edit(SHOP))
    (story,) = replayed(f"{path},{text}")
    assert story["seed"] == f"{path},{text}"
    found = story["breaches"]
    assert any(each["invariant"] == invariant and words in each["story"] for each in found), found


def test_a_fence_that_is_left_for_later_and_never_comes_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a runbook with one: `before_approval` is in no sample."""
    drops_it = slip(procedure, "spoken", "(*entries[:asked], *again, *rest)", "(*entries[:asked], *rest)")
    drops_it(monkeypatch)
    (story,) = replayed(f"{OTHERWISE},failover,graceful")
    assert (
        "S5",
        "failover SUCCEEDED, but s3_public_access us-east-1 early was left for later, and never came",
    ) in [(each["invariant"], each["story"]) for each in story["breaches"]]


# What lint says about the dark, explore finds.

ENDPOINT = re.compile(r"\n +([a-z0-9-]+): https://\w+\.route53-recovery-cluster.*")


def endpoints(*regions: str) -> Edit:
    """Of ARC's five endpoints the runbook names only these."""
    return lambda text: ENDPOINT.sub(lambda line: line[0] if line[1] in regions else "", text)


DARKNESS: dict[str, tuple[Edit, set[str]]] = {
    "the shop that ships": (lambda text: text, set()),
    "an endpoint in us-east-1": (endpoints("us-east-1"), {"us-east-1", "the primary"}),
    "an endpoint in us-west-2": (endpoints("us-west-2"), {"us-west-2"}),
    "two endpoints": (endpoints("us-east-1", "us-west-2"), set()),
}


@pytest.mark.parametrize("which", DARKNESS)
def test_lint_and_explore_agree_on_the_dark(which: str, tmp_path: Path) -> None:
    edit, lost = DARKNESS[which]
    path = tmp_path / "shop.yaml"
    path.write_text(edit(SHOP))
    survivals: Mapping[str, Any] = json.loads(invoked("lint", str(path), "--json").stdout)["survives"][
        "unicorn-shop"
    ]
    assert {loss for loss, survival in survivals.items() if not survival["survives"]} == lost
    ends: dict[str, str] = {}
    for survival in survivals.values():
        for run in survival["runs"]:
            seed = f"{path},{run},ungraceful,dark:{survival['region']}"
            if seed not in ends:
                (story,) = replayed(seed)
                ends[seed] = story["status"]
    for loss, survival in survivals.items():
        ended = {ends[f"{path},{run},ungraceful,dark:{survival['region']}"] for run in survival["runs"]}
        assert (ended == {"SUCCEEDED"}) == survival["survives"], (loss, ended)
