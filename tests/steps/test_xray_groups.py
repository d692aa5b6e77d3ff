"""X-Ray groups are there in both Regions: the real handler against the twin's groups."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prepared import allowed, policy_of

from farshore.testing.ticker import EAST, WEST, Ticker, ticking
from functions.steps.xray_groups import XrayGroups
from twin.services.xray.model import Xray

POSTS, FAULTS = 'service("Likes") AND http.method="POST"', 'service("Likes") { error = true OR fault = true }'
INPUTS = {
    "groups": [{"name": "likes", "filter": POSTS}, {"name": "likes-faults", "filter": FAULTS}],
    "within": 120,
}
BOTH = {(region, each["name"]): each["filter"] for region in (EAST, WEST) for each in INPUTS["groups"]}  # type: ignore[attr-defined,index]


class Scene(Ticker):
    """The primary has its groups, and the standby one of another's."""

    def __init__(self, cloud: Any) -> None:
        super().__init__(cloud)
        self.xray = Xray(cloud)
        self.xray.group(EAST, "likes", POSTS)
        self.xray.group(EAST, "likes-faults", FAULTS)
        self.deploy(XrayGroups)
        self.hold()

    def run(self, **more: Any) -> dict[str, Any]:
        return self.converge("xray_groups", INPUTS | more, purpose="prepare")

    def wrong(self, **more: Any) -> str:
        return self.fails("xray_groups", INPUTS, purpose="prepare", **more)


@pytest.fixture
def scene() -> Iterator[Scene]:
    with ticking(1, Scene) as scene:
        assert isinstance(scene, Scene)
        yield scene


def test_what_is_missing_is_created(scene: Scene) -> None:
    assert scene.run() == {"outcome": "done", "facts": {"groups": 2}}
    assert scene.xray.groups == BOTH
    assert scene.calls("CreateGroup") == ["CreateGroup", "CreateGroup"]


def test_again_it_changes_nothing_and_others_groups_are_let_be(scene: Scene) -> None:
    scene.xray.group(WEST, "theirs", "error = true")
    scene.run()
    scene.calls()
    assert scene.run()["outcome"] == "done"
    assert scene.calls("CreateGroup") == []
    assert scene.xray.groups == BOTH | {(WEST, "theirs"): "error = true"}


def test_another_expression_is_refused_after_what_is_missing_is_created(scene: Scene) -> None:
    """An update would make one graph of two expressions."""
    scene.xray.group(WEST, "likes", "fault = true")
    said = scene.wrong()
    assert said == (
        f"Refused: the state: X-Ray group likes in {WEST} is of fault = true, not {POSTS}: aws xray "
        f"delete-group --group-name likes --region {WEST}, and it is created anew; or correct the runbook"
    )
    assert scene.xray.groups[WEST, "likes-faults"] == FAULTS
    assert scene.xray.groups[WEST, "likes"] == "fault = true"


def test_a_dry_run_says_what_it_would_create_and_what_it_would_refuse(scene: Scene) -> None:
    scene.xray.group(WEST, "likes", "fault = true")
    plan = scene.tick("xray_groups", INPUTS, purpose="prepare", input={"mode": "graceful", "dry_run": True})
    assert (plan["outcome"], plan["why"]) == ("would change", f"create likes-faults in {WEST}")
    assert "is of fault = true" in plan["facts"]["doubts"][0]
    assert scene.calls("CreateGroup") == []


def test_a_group_on_a_further_page_is_found(scene: Scene) -> None:
    for number in range(30):
        scene.xray.group(WEST, f"a-{number}", "")
    for name, expression in (("likes", POSTS), ("likes-faults", FAULTS)):
        scene.xray.group(WEST, name, expression)
    scene.run()
    assert scene.calls("CreateGroup") == []


@pytest.mark.parametrize("kind", ["lost_before", "lost_after", "503", "throttled", "stale"])
def test_a_lost_answer_is_looked_for_and_made_again(scene: Scene, kind: Any) -> None:
    scene.inject(kind, "CreateGroup")
    assert scene.run()["outcome"] == "done"
    assert scene.xray.groups == BOTH


def test_a_group_that_a_stale_look_does_not_show_is_no_mistake(scene: Scene) -> None:
    """X-Ray then says InvalidRequestException: it exists."""
    scene.run()
    del scene.requests[:]
    stale, groups = [None] * 3, scene.xray.operations()["GetGroups"]

    def listed(request: Any) -> Any:
        old = request.region == WEST and stale and not stale.pop()
        return {"Groups": []} if old else groups(request)

    scene.cloud.serve("xray", "GetGroups", listed)
    assert scene.run()["outcome"] == "done"
    assert scene.xray.groups == BOTH


def test_an_expression_that_is_none_is_refused_in_awss_words(scene: Scene) -> None:
    wrong = [{"name": "likes", "filter": 'service("Likes'}]
    del scene.xray.groups[EAST, "likes"]
    with pytest.raises(Exception, match=r"Refused: .*InvalidRequestException: Invalid filter expression"):
        scene.run(groups=wrong)
    assert (EAST, "likes") not in scene.xray.groups


@pytest.mark.parametrize("region", [EAST, WEST])
def test_a_dark_region_is_waited_for_and_the_other_gets_its_groups(scene: Scene, region: str) -> None:
    scene.cloud.faults.dark.add(region)
    assert scene.wrong().startswith("NotYet: the state: xray:GetGroups in " + region)
    assert ((WEST, "likes") in scene.xray.groups) == (region == EAST)
    scene.cloud.faults.dark.clear()
    assert scene.run()["outcome"] == "done"


def test_a_hollow_answer_creates_nothing(scene: Scene) -> None:
    scene.inject("hollow", "GetGroups", times=2)
    assert scene.wrong().startswith("NotYet: the state: X-Ray did not tell its groups")
    assert scene.calls("CreateGroup") == []


def test_a_denied_creation_is_refused(scene: Scene) -> None:
    scene.inject("denied", "CreateGroup")
    assert "AccessDeniedException" in scene.wrong()


def test_one_name_has_one_expression(scene: Scene) -> None:
    twice = {"groups": [{"name": "likes", "filter": each} for each in "ab"]}
    assert "likes stands here twice" in scene.fails("xray_groups", twice)


def test_its_policy_names_the_groups_and_is_enough(scene: Scene, tmp_path: Path) -> None:
    policy = policy_of(tmp_path, "xray_groups", INPUTS)
    named = allowed(policy)["xray:CreateGroup"]
    assert f"xray:{WEST}:123456789012:group/likes/*" in named
    assert len(named) == 4
    scene.deploy(XrayGroups, policy=policy)
    assert scene.run()["outcome"] == "done"
