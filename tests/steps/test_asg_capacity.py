"""Auto Scaling groups have the instances that customers need: the real handler against the twin's groups."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from farshore.testing.ticker import EAST, OTHER, WEST, Ticker, ticking
from functions.inputs import Region
from functions.steps.asg_capacity import AsgCapacity, AsgName
from twin.cloud import ACCOUNT, AwsError
from twin.services.autoscaling.model import AutoScaling
from twin.services.iam.model import Statement

GROUPS = {EAST: ["web", "jobs"], WEST: ["web", "jobs"]}
INPUTS: dict[str, Any] = {"groups": GROUPS, "region": WEST, "patience": 20}
RAISE, RESTORE = INPUTS | {"desired": 4}, INPUTS | {"desired": "restore"}
UPDATE = "UpdateAutoScalingGroup"
CALLS = ("DescribeAutoScalingGroups", "DescribeInstanceRefreshes", UPDATE)


class Shop(Ticker):
    """Two groups in each Region; the standby's are small."""

    def __init__(self, cloud: Any) -> None:
        super().__init__(cloud)
        self.deploy(AsgCapacity)
        self.scaling = AutoScaling(cloud)
        self.web = self.scaling.group(WEST, "web", 1, 1, 2)
        self.jobs = self.scaling.group(WEST, "jobs", 0, 6, 8)
        for name in GROUPS[EAST]:
            self.scaling.group(EAST, name, 2, 4, 8)
        self.hold()

    def comes_about(self, inputs: Mapping[str, Any] = RAISE, **given: Any) -> dict[str, Any]:
        return self.converge("asg_capacity", inputs, **given)

    def waits(self, inputs: Mapping[str, Any] = RAISE, **given: Any) -> str:
        return self.fails("asg_capacity", inputs, **given)

    @property
    def sizes(self) -> list[tuple[int, int, int]]:
        return [(group.least, group.desired, group.most) for group in (self.web, self.jobs)]

    def remembered(self) -> dict[str, Any]:
        return {memory.resource: memory.value for memory in self.records().memories}

    def answers(self, change: Callable[[dict[str, Any]], object]) -> None:
        """What is told of each group is changed."""
        describe = self.scaling.operations()["DescribeAutoScalingGroups"]

        def changed(request: Any) -> Mapping[str, Any]:
            answer = describe(request)
            for group in answer["AutoScalingGroups"]:
                change(group)
            return answer

        self.cloud.validates = False
        self.cloud.serve("autoscaling", "DescribeAutoScalingGroups", changed)


@pytest.fixture
def shop() -> Iterator[Shop]:
    with ticking(1, Shop) as shop:
        assert isinstance(shop, Shop)
        yield shop


def test_a_group_is_raised_and_holds_once_its_instances_are_in_service(shop: Shop) -> None:
    began = shop.clock.now
    assert shop.comes_about()["facts"] == {"in_service": 10}
    assert shop.clock.now > began + 40
    assert shop.sizes[0] == (4, 4, 4)


def test_one_that_has_more_keeps_it_and_its_least_is_raised(shop: Shop) -> None:
    shop.comes_about()
    assert shop.sizes[1] == (4, 6, 8)


def test_a_desired_capacity_is_no_capacity(shop: Shop) -> None:
    said = shop.waits()
    assert said == "NotYet: the state: autoscaling:us-west-1:web:capacity: 1 of 4 in service"


def test_all_three_sizes_go_out_in_one_call_and_nothing_else(shop: Shop) -> None:
    shop.comes_about()
    sent = [request.parameters for request in shop.requests if request.operation == UPDATE]
    assert sent[0] == {"AutoScalingGroupName": "web", "MinSize": 4, "MaxSize": 4, "DesiredCapacity": 4}
    assert [each["AutoScalingGroupName"] for each in sent] == ["web", "jobs"]


def test_what_was_before_is_remembered_first_and_given_back_exactly(shop: Shop) -> None:
    shop.comes_about()
    before = {"MinSize": 1, "MaxSize": 2, "DesiredCapacity": 1}
    assert shop.remembered()["autoscaling:us-west-1:web:capacity"] == before
    assert shop.comes_about(RESTORE)["outcome"] == "nothing to give back"
    assert shop.sizes == [(1, 1, 2), (0, 6, 8)]
    assert shop.remembered() == {}


def test_an_undo_gives_back_what_was_raised(shop: Shop) -> None:
    shop.waits()
    shop.comes_about(RESTORE, purpose="undo")
    assert shop.sizes == [(1, 1, 2), (0, 6, 8)]


def test_what_a_run_before_has_left_raised_is_held_by_the_one_that_finds_it(shop: Shop) -> None:
    shop.comes_about()
    shop.hold(OTHER)
    shop.comes_about(execution=OTHER)
    assert {memory.by for memory in shop.records().memories} == {OTHER}
    assert shop.remembered()["autoscaling:us-west-1:web:capacity"]["DesiredCapacity"] == 1


def test_again_sends_nothing(shop: Shop) -> None:
    shop.comes_about()
    shop.calls()
    shop.comes_about()
    assert UPDATE not in shop.calls(*CALLS)
    shop.comes_about(RESTORE)
    shop.calls()
    shop.comes_about(RESTORE)
    assert shop.calls(*CALLS) == []


@pytest.mark.parametrize("purpose", ["again", "settle"])
def test_what_is_to_be_raised_is_no_debt(shop: Shop, purpose: str) -> None:
    assert shop.comes_about(purpose=purpose, mode="ungraceful")["outcome"] == "done"
    assert shop.sizes[0] == (1, 1, 2)


def test_instances_of_a_warm_pool_are_not_in_service(shop: Shop) -> None:
    shop.web.warmed = 3
    shop.scaling.resize(shop.web, 4, 4, 4)
    assert "web:capacity: 1 of 4 in service" in shop.waits()


@pytest.mark.parametrize(
    ("change", "count"),
    [
        (lambda instance: instance.update(HealthStatus="Unhealthy"), 0),
        (lambda instance: instance.update(LifecycleState="Standby"), 0),
        (lambda instance: instance.pop("LifecycleState"), 0),
        (lambda instance: instance.pop("HealthStatus"), 0),
        (lambda instance: instance.update(WeightedCapacity="2"), 2),
        (lambda instance: instance.update(WeightedCapacity="heavy"), 1),
    ],
)
def test_an_instance_counts_where_it_serves_and_as_it_weighs(
    shop: Shop, change: Callable[[dict[str, Any]], None], count: int
) -> None:
    shop.answers(lambda group: change(group["Instances"][0]))
    assert f"web:capacity: {count} of 4 in service" in shop.waits()


def test_a_group_that_may_not_launch_is_refused_with_the_reason(shop: Shop) -> None:
    shop.web.suspended.add("Launch")
    assert shop.waits() == (
        "Refused: the state: Auto Scaling group web in us-west-1: Launch is suspended (User suspended), and "
        "nothing would be launched: resume it"
    )
    assert UPDATE not in shop.calls(*CALLS)


def test_another_process_that_is_suspended_holds_nothing_up(shop: Shop) -> None:
    shop.web.suspended.add("AZRebalance")
    assert shop.comes_about()["outcome"] == "done"


@pytest.mark.parametrize("status", ["Pending", "InProgress", "Cancelling", "RollbackInProgress", "Baking"])
def test_a_group_that_is_being_refreshed_is_refused(shop: Shop, status: str) -> None:
    shop.web.refresh = status
    assert f"is {status}: wait for its end, or cancel it, and redrive" in shop.waits()
    assert UPDATE not in shop.calls(*CALLS)


@pytest.mark.parametrize("status", ["Successful", "Failed", "Cancelled"])
def test_a_refresh_that_is_over_holds_nothing_up(shop: Shop, status: str) -> None:
    shop.web.refresh = status
    assert shop.comes_about()["outcome"] == "done"


def test_a_group_that_has_what_it_needs_is_let_be_whatever_is_suspended(shop: Shop) -> None:
    shop.comes_about()
    shop.web.suspended.add("Launch")
    assert shop.comes_about()["outcome"] == "done"


def test_a_group_that_is_being_deleted_or_is_not_there_is_refused(shop: Shop) -> None:
    shop.web.status = "Delete in progress"
    assert "Refused: the state: Auto Scaling group web in us-west-1: Delete in progress" in shop.waits()
    missing = RAISE | {"groups": {EAST: ["web"], WEST: ["wbe"]}}
    assert "Refused: the state: autoscaling:DescribeInstanceRefreshes of wbe in us-west-1" in shop.waits(
        missing
    )


def test_a_group_that_may_stand_on_a_further_page_is_waited_for(shop: Shop) -> None:
    shop.cloud.validates = False
    page = {"AutoScalingGroups": [], "NextToken": "more"}
    shop.cloud.serve("autoscaling", "DescribeAutoScalingGroups", lambda request: page)
    said = "NotYet: the state: Auto Scaling group web in us-west-1 is not told of on the first page"
    assert shop.waits().startswith(said)


@pytest.mark.parametrize("member", ["MinSize", "MaxSize", "DesiredCapacity"])
def test_a_group_whose_sizes_are_not_told_is_waited_for(shop: Shop, member: str) -> None:
    shop.answers(lambda group: group.pop(member))
    assert shop.waits().startswith(
        "NotYet: the state: Auto Scaling group web in us-west-1: its sizes are not"
    )
    assert UPDATE not in shop.calls(*CALLS)


@pytest.mark.parametrize("code", ["ScalingActivityInProgress", "ResourceContention"])
def test_a_group_that_is_busy_is_waited_for(shop: Shop, code: str) -> None:
    def busy(request: Any) -> Any:
        raise AwsError(code, "busy", 400)

    shop.cloud.serve("autoscaling", UPDATE, busy)
    assert shop.waits().startswith("NotYet: the state: ")
    shop.cloud.serve("autoscaling", UPDATE, shop.scaling.operations()[UPDATE])
    assert shop.comes_about()["outcome"] == "done"


@pytest.mark.parametrize("kind", ["lost_before", "lost_after", "throttled", "500", "503", "slow", "hollow"])
@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize("inputs", [RAISE, RESTORE])
def test_a_call_that_fails_once_delays_it(shop: Shop, kind: Any, operation: str, inputs: Any) -> None:
    if inputs == RESTORE:
        shop.comes_about()
    shop.inject(kind, operation)
    shop.comes_about(inputs)
    assert shop.sizes == ([(4, 4, 4), (4, 6, 8)] if inputs == RAISE else [(1, 1, 2), (0, 6, 8)])


@pytest.mark.parametrize("operation", CALLS)
def test_a_denied_call_is_refused(shop: Shop, operation: str) -> None:
    shop.inject("denied", operation, 99)
    assert shop.waits().startswith("Refused: the state: autoscaling:")


@pytest.mark.parametrize("mode", ["graceful", "ungraceful"])
def test_a_dark_region_is_waited_for_and_never_owed(shop: Shop, mode: str) -> None:
    there = RAISE | {"region": EAST}
    shop.cloud.faults.dark.add(EAST)
    said = shop.waits(there, mode=mode, entered=shop.clock.now - 60)
    assert said.startswith("NotYet: the state: autoscaling:DescribeAutoScalingGroups in us-east-1: ")
    assert shop.records().debts == {}
    shop.cloud.faults.dark.clear()
    assert shop.comes_about(there, mode=mode)["outcome"] == "done"


def test_a_dry_run_shows_the_change_and_what_it_overwrites(shop: Shop) -> None:
    said = shop.tick("asg_capacity", RAISE, dry_run=True)
    assert (said["outcome"], len(said["calls"])) == ("would change", 2)
    assert said["remembers"]["autoscaling:us-west-1:jobs:capacity"]["MinSize"] == 0
    shop.web.suspended.add("Launch")
    assert "Launch is suspended" in shop.fails("asg_capacity", RAISE, dry_run=True)


def test_a_run_without_the_lease_changes_nothing(shop: Shop) -> None:
    shop.hold(OTHER)
    assert "superseded" in shop.waits()
    assert shop.sizes[0] == (1, 1, 2)


def test_its_policy_needs_no_other_group(shop: Shop) -> None:
    named = f"arn:aws:autoscaling:{WEST}:{ACCOUNT}:autoScalingGroup:*:autoScalingGroupName/"
    shop.functions.function(WEST, "asg_capacity").policy = (
        Statement(frozenset({"autoscaling:UpdateAutoScalingGroup"}), (f"{named}web",)),
        Statement(frozenset({"autoscaling:DescribeAutoScalingGroups"}), ("*",)),
        Statement(frozenset({"autoscaling:DescribeInstanceRefreshes"}), ("*",)),
        Statement(frozenset({"dynamodb:*"}), ("*",)),
    )
    alone = {"groups": {EAST: ["web"], WEST: ["web"]}}
    assert shop.comes_about(RAISE | alone)["outcome"] == "done"
    assert "AccessDenied" in shop.waits()


def test_a_capacity_of_none_is_refused_before_anything_runs() -> None:
    with pytest.raises(ValueError, match="write how many instances customers need"):
        AsgCapacity(groups={Region(WEST): (AsgName("web"),)}, desired=0)
