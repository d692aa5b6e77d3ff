"""The same images stand in both Regions: the real handler against the twin's registries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prepared import allowed, policy_of

from farshore.testing.ticker import EAST, WEST, Ticker, ticking
from functions.steps.ecr_images import EcrImages
from twin.cloud import ACCOUNT
from twin.services.ecr.model import Ecr
from twin.services.lambda_.model import FunctionError

OLD, NEW = (f"sha256:{digit * 64}" for digit in "12")
INPUTS = {
    "repositories": ["shop/orders", "shop/likes"],
    "tags": ["latest"],
    "pushed_in": EAST,
    "within": 2700,
}
THERE = {"region": WEST, "registryId": ACCOUNT}
THEIRS = {
    "destinations": [{"region": "eu-west-1", "registryId": "999999999999"}],
    "repositoryFilters": [{"filter": "shop", "filterType": "PREFIX_MATCH"}],
}
MINE = {
    "destinations": [THERE],
    "repositoryFilters": [
        {"filter": name, "filterType": "PREFIX_MATCH"} for name in ("shop/orders", "shop/likes")
    ],
}
COPY = (
    f"docker buildx imagetools create --tag {ACCOUNT}.dkr.ecr.{WEST}.amazonaws.com/shop/likes:latest "
    f"{ACCOUNT}.dkr.ecr.{EAST}.amazonaws.com/shop/likes@{NEW}"
)


class Scene(Ticker):
    """Both repositories are in the primary, each with one image; somebody else replicates to elsewhere."""

    def __init__(self, cloud: Any) -> None:
        super().__init__(cloud)
        self.registry = Ecr(cloud)
        for name in INPUTS["repositories"]:  # type: ignore[attr-defined]
            self.registry.repository(EAST, name)
            self.registry.push(EAST, name, "latest", OLD)
        self.registry.rules[EAST] = [THEIRS]
        self.deploy(EcrImages)
        self.hold()

    def replicated(self) -> None:
        """As it should be."""
        self.registry.rules[EAST] = [THEIRS, MINE]
        for name in INPUTS["repositories"]:  # type: ignore[attr-defined]
            self.registry.push(EAST, name, "latest", OLD)
        self.clock.sleep(300)
        self.requests.clear()

    def run(self, **more: Any) -> dict[str, Any]:
        """At the step's pace: replication takes minutes."""
        entered = self.clock.now
        while True:
            try:
                return self.tick("ecr_images", INPUTS | more, purpose="prepare", entered=entered)
            except FunctionError as error:
                if error.body["errorType"] != "NotYet":
                    raise
                self.clock.sleep(EcrImages.every)

    def wrong(self, **more: Any) -> str:
        return self.fails("ecr_images", INPUTS, purpose="prepare", **more)

    def tags(self, name: str = "shop/likes") -> dict[str, str]:
        return self.registry.repositories[WEST, name].tags


@pytest.fixture
def scene() -> Iterator[Scene]:
    with ticking(1, Scene) as scene:
        assert isinstance(scene, Scene)
        yield scene


WRITES = ("PutReplicationConfiguration", "StartReplicationBackfill")


def test_it_replicates_from_now_on_and_copies_what_was_there(scene: Scene) -> None:
    assert scene.run() == {"outcome": "done", "facts": {"images": 2}}
    assert scene.registry.rules[EAST] == [THEIRS, MINE], "others' rules are kept"
    assert scene.tags() == scene.tags("shop/orders") == {"latest": OLD}
    assert scene.calls(*WRITES) == list(WRITES)


def test_again_it_changes_nothing(scene: Scene) -> None:
    scene.replicated()
    assert scene.run()["outcome"] == "done"
    assert scene.calls(*WRITES) == []


def test_a_rule_that_covers_a_repository_by_a_prefix_is_enough(scene: Scene) -> None:
    scene.replicated()
    scene.registry.rules[EAST] = [{"destinations": [THERE]}]
    scene.run()
    assert scene.calls(*WRITES) == []
    scene.registry.rules[EAST] = [{**MINE, "repositoryFilters": MINE["repositoryFilters"][:1]}]
    scene.run()
    added = {"destinations": [THERE], "repositoryFilters": MINE["repositoryFilters"][1:]}
    assert scene.registry.rules[EAST][1:] == [added]


def test_a_dry_run_says_what_it_would_do_and_what_a_person_must(scene: Scene) -> None:
    del scene.registry.repositories[EAST, "shop/likes"].tags["latest"]
    plan = scene.tick("ecr_images", INPUTS, purpose="prepare", input={"mode": "graceful", "dry_run": True})
    assert (plan["outcome"], plan["why"]) == ("would change", f"replicate shop/orders, shop/likes to {WEST}")
    assert plan["facts"]["doubts"] == [f"there is no shop/likes:latest in {EAST}: push it there"]
    assert scene.calls(*WRITES) == []


def test_a_plan_that_is_of_no_execution_knows_the_account_from_the_registry(scene: Scene) -> None:
    dry = {"mode": "graceful", "dry_run": True}
    plan = scene.tick("ecr_images", INPUTS, purpose="prepare", execution="plan", input=dry)
    assert THERE in plan["calls"][0]["parameters"]["replicationConfiguration"]["rules"][1]["destinations"]


def test_what_was_never_pushed_is_refused_after_what_can_be_repaired_is(scene: Scene) -> None:
    del scene.registry.repositories[EAST, "shop/likes"].tags["latest"]
    with pytest.raises(FunctionError, match=f"there is no shop/likes:latest in {EAST}: push it there"):
        scene.run()
    scene.clock.sleep(600)
    assert scene.tags("shop/orders") == {"latest": OLD}


def test_a_placeholder_is_not_ready(scene: Scene) -> None:
    scene.replicated()
    with pytest.raises(FunctionError, match=r"Refused: .* is a placeholder: push what shall run"):
        scene.run(placeholders=[OLD])


def test_an_image_that_is_on_its_way_is_waited_for(scene: Scene) -> None:
    scene.replicated()
    scene.registry.push(EAST, "shop/likes", "latest", NEW)
    assert scene.wrong() == f"NotYet: the state: shop/likes:latest is being replicated to {WEST}"
    assert scene.run()["outcome"] == "done"
    assert scene.tags() == {"latest": NEW}
    assert scene.calls(*WRITES) == []


def test_a_tag_that_cannot_move_is_refused_with_the_command_that_copies_the_image(scene: Scene) -> None:
    scene.replicated()
    scene.registry.repositories[WEST, "shop/likes"].immutable = True
    scene.registry.push(EAST, "shop/likes", "latest", NEW)
    scene.clock.sleep(300)
    assert scene.wrong() == (
        f"Refused: the state: shop/likes:latest was not replicated to {WEST}: FAILED; {COPY}"
    )


def test_a_tag_that_somebody_moved_in_the_standby_is_refused_with_both_digests(scene: Scene) -> None:
    scene.replicated()
    scene.registry.push(WEST, "shop/likes", "latest", NEW)
    said = scene.wrong()
    assert f"shop/likes:latest is {OLD} in {EAST} and {NEW} in {WEST}: if the first is right, docker" in said


def test_an_image_that_was_deleted_in_the_standby_is_copied_anew(scene: Scene) -> None:
    scene.replicated()
    del scene.tags()["latest"]
    assert scene.run()["outcome"] == "done"
    assert scene.calls(*WRITES) == ["StartReplicationBackfill"]


def test_a_repository_that_is_missing_in_the_standby_comes_with_its_image(scene: Scene) -> None:
    scene.replicated()
    scene.registry.drop(WEST, "shop/likes")
    assert scene.run()["outcome"] == "done"
    assert scene.tags() == {"latest": OLD}


def test_a_backfill_that_has_brought_nothing_is_not_started_again_and_again(scene: Scene) -> None:
    scene.registry.rules[EAST] = [MINE]
    scene.registry.repository(WEST, "shop/likes").immutable = True
    scene.tags()["latest"] = NEW
    with pytest.raises(FunctionError, match="Refused"):
        scene.run()
    assert scene.calls(*WRITES) == ["StartReplicationBackfill"]


@pytest.mark.parametrize("operation", WRITES)
@pytest.mark.parametrize("kind", ["lost_before", "lost_after", "503", "throttled"])
def test_a_change_whose_answer_is_lost_is_looked_for_and_made_again(
    scene: Scene, operation: str, kind: Any
) -> None:
    scene.inject(kind, operation)
    assert scene.run()["outcome"] == "done"
    assert scene.registry.rules[EAST] == [THEIRS, MINE]


def test_rules_are_not_written_upon_a_stale_answer(scene: Scene) -> None:
    """Who writes replaces all: another's new rule would be gone."""
    rules = iter(([], [THEIRS]))

    def registry(request: Any) -> dict[str, Any]:
        return {"registryId": ACCOUNT, "replicationConfiguration": {"rules": next(rules)}}

    scene.cloud.serve("ecr", "DescribeRegistry", registry)
    assert scene.wrong() == "NotYet: the state: the registry's replication rules change while they are read"
    assert scene.calls(*WRITES) == []


def test_ten_rules_are_the_most(scene: Scene) -> None:
    scene.registry.rules[EAST] = [THEIRS] * 10
    assert f"add shop/orders, shop/likes to one that leads to {WEST}" in scene.wrong()


@pytest.mark.parametrize("region", [EAST, WEST])
def test_a_dark_region_is_waited_for(scene: Scene, region: str) -> None:
    scene.cloud.faults.dark.add(region)
    assert scene.wrong().startswith("NotYet: ")
    scene.cloud.faults.dark.clear()
    assert scene.run()["outcome"] == "done"


@pytest.mark.parametrize(
    "operation",
    ["DescribeRegistry", "DescribeImages", "ListReplicationBackfills", "DescribeImageReplicationStatus"],
)
def test_a_hollow_answer_changes_nothing(scene: Scene, operation: str) -> None:
    scene.inject("hollow", operation, times=9)
    assert scene.wrong().startswith("NotYet: ")
    assert scene.calls("PutReplicationConfiguration") == [] or operation != "DescribeRegistry"


@pytest.mark.parametrize(
    ("operation", "answer", "said"),
    [
        (
            "DescribeRegistry",
            {"replicationConfiguration": {"rules": [{"repositoryFilters": []}]}, "registryId": "1"},
            "ECR did not tell the registry's replication rules",
        ),
        (
            "DescribeRegistry",
            {
                "replicationConfiguration": {
                    "rules": [
                        {"destinations": [{"region": WEST, "registryId": "1"}], "repositoryFilters": [{}]}
                    ]
                },
                "registryId": "1",
            },
            "ECR did not tell the registry's replication rules",
        ),
        ("ListReplicationBackfills", {"backfills": [{"status": "COMPLETE"}]}, "registry's backfills"),
        (
            "DescribeImageReplicationStatus",
            {"replicationStatuses": [{"region": WEST}]},
            "ECR did not tell how it is replicated",
        ),
    ],
)
def test_what_tells_only_a_part_changes_nothing(scene: Scene, operation: str, answer: Any, said: str) -> None:
    """Who writes a rule writes all of them: one that is told in part would be lost."""
    scene.cloud.validates = False
    scene.cloud.serve("ecr", operation, lambda request: answer)
    assert said in scene.wrong()
    assert operation == "DescribeImageReplicationStatus" or not scene.calls(
        "PutReplicationConfiguration", "StartReplicationBackfill"
    )


def test_a_denied_change_is_refused_in_awss_words(scene: Scene) -> None:
    scene.inject("denied", "PutReplicationConfiguration")
    assert "ecr:PutReplicationConfiguration in us-east-1: AccessDeniedException" in scene.wrong()


def test_another_run_that_holds_the_lease_is_not_disturbed(scene: Scene) -> None:
    scene.hold("another")
    assert "superseded" in scene.wrong()
    assert scene.calls(*WRITES) == []


def test_its_policy_names_the_repositories_and_is_enough(scene: Scene, tmp_path: Path) -> None:
    policy = policy_of(tmp_path, "ecr_images", INPUTS)
    assert len(allowed(policy)["ecr:DescribeImages"]) == 4
    scene.deploy(EcrImages, policy=policy)
    assert scene.run()["outcome"] == "done"
