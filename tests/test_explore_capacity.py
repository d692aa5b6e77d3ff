"""What exploration asks of capacity that must start, of customers led from a Region that is cut off, and of
whoever looks up though nobody was paged: played where there is such capacity."""

from __future__ import annotations

import json
from typing import Any

import pytest
from exploring import invoked
from own_shop import KIOSK
from samples import of, path_of

from functions.step import Done
from functions.steps import ecs_capacity

MYSFITS = path_of("mythical-mysfits")
GIVEN_UP = f"{KIOSK},failover,graceful,abort@failover-1/ecs_capacity.us-east-2/1/9"
CUT_OFF = (
    f"{MYSFITS},failover,ungraceful,partition:us-west-2~us-east-1@failover-1/ecs_capacity.us-west-2/1/7"
    "..failover-1/release/1/0"
)
UNHEARD = f"{MYSFITS},failback,graceful,slow@failback-1/approval/1/8"


def story_of(seed: str) -> dict[str, Any]:
    """Its replay."""
    (story,) = json.loads(invoked("replay", seed, "--json").stdout)
    assert not story["never"], "a fault that its run never met"
    return dict(story)


def breached(seed: str) -> set[str]:
    return {breach["invariant"] for breach in story_of(seed)["breaches"]}


def test_what_an_undo_has_given_back_may_take_its_time_to_start() -> None:
    story = story_of(GIVEN_UP)
    assert (story["status"], story["breaches"]) == ("FAILED", [])


def test_an_undo_that_gives_no_capacity_back_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ecs_capacity, "give_back", lambda seen: Done("nothing to give back"))
    assert "S5" in breached(GIVEN_UP)


@of(MYSFITS.stem)
def test_nobody_leads_customers_elsewhere_from_a_region_that_is_cut_off() -> None:
    story = story_of(CUT_OFF)
    assert (story["status"], story["breaches"]) == ("FAILED", [])


@of(MYSFITS.stem)
def test_who_looks_up_after_one_run_s_plan_does_not_find_the_next_run_s() -> None:
    assert breached(UNHEARD) == set()
