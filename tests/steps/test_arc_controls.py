"""Customers are routed by ARC to `on` and not to `off`: the real handler, in the twin."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from functions.errors import NotYet, Refused
from functions.handler import lambda_handler
from functions.outside import Outside
from functions.steps.arc_controls import ArcControls
from twin.clock import Clock, at_once
from twin.cloud import Cloud
from twin.faults import Kind, Request
from twin.moto.backing import Moto
from twin.services.arc.model import Arc, AtLeast
from twin.services.dynamodb.model import DynamoDB

EAST, WEST = "us-east-1", "us-west-1"
LEDGER = ("us-east-1", "us-east-2", "us-west-2")
EXECUTION = "arn:aws:states:us-west-1:123456789012:execution:corner-shop-failover:night"
UPDATE = "UpdateRoutingControlStates"
RULE = AtLeast("one-serves", (EAST, WEST))


class Scene:
    """The cluster, the ledger whose lease this run holds, and the step's Lambda."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.cluster = Arc.of(cloud).cluster("shop", {EAST: "On", WEST: "Off"}, [RULE])
        self.requests: list[Request] = []
        self.entered = cloud.clock.now
        self.handler = lambda_handler(
            ArcControls,
            Outside(clock=lambda: cloud.clock.now, at_once=lambda acts: at_once(cloud.clock, list(acts))),
        )
        DynamoDB.of(cloud).strong_table("farshore", LEDGER)
        self._hold_the_lease()
        cloud.faults.injectors.append(self._note)
        cloud.clock.after_each.append(self._someone_serves)

    def tick(
        self, on: str = WEST, off: str = EAST, execution: str = EXECUTION, **more: Any
    ) -> dict[str, Any]:
        """One invocation; raises what the Lambda raises."""
        entered = datetime.fromtimestamp(self.entered, tz=UTC).isoformat()
        event = {
            "inputs": {
                "endpoints": self.cluster.endpoints,
                "controls": self.cluster.arns,
                "on_in": on,
                "off_in": off,
                "within": 300,
            }
            | more.pop("inputs", {}),
            "run": {
                "application": "corner-shop",
                "procedure": "failover",
                "step": "arc_controls",
                "purpose": "move",
                "source": off,
                "target": on,
            },
            "input": {"mode": "graceful"} | more,
            "ledger": {"table": "farshore", "regions": list(LEDGER)},
            "execution": {"Id": execution},
            "state": {"Name": "arc_controls", "EnteredTime": entered},
        }
        answer: dict[str, Any] = self.cloud.clock.spawn(lambda: self.handler(event, None)).join()
        return answer

    def converge(self, **more: Any) -> dict[str, Any]:
        """Ticks as the state machine does, until the state holds."""
        for _ in range(10):
            try:
                return self.tick(**more)
            except NotYet:
                self.cloud.clock.sleep(1)
        return self.tick(**more)

    def updates(self) -> list[Request]:
        return [request for request in self.requests if request.operation == UPDATE]

    def inject(self, operation: str, kind: Kind, times: int = 1) -> None:
        left = [times]

        def line(request: Request) -> Kind | None:
            if request.operation != operation or not left[0]:
                return None
            left[0] -= 1
            return kind

        self.cloud.faults.injectors.append(line)

    def _note(self, request: Request) -> Kind | None:
        if request.service == "route53-recovery-cluster":
            self.requests.append(request)
        return None

    def _someone_serves(self) -> None:
        assert "On" in self.cluster.states.values(), "an instant with every control off"

    def _hold_the_lease(self) -> None:
        lease = {"holder": EXECUTION, "redrives": 0, "epoch": 1, "released": False}
        row = {"application": "corner-shop", "item": "lease", "body": json.dumps(lease), "stamp": "1/False"}
        boto3.client("dynamodb", region_name=LEDGER[0]).put_item(
            TableName="farshore", Item={name: {"S": value} for name, value in row.items()}
        )


@pytest.fixture
def scene() -> Iterator[Scene]:
    with Cloud(Clock(), 3, Moto()) as cloud:
        yield Scene(cloud)


@pytest.fixture
def first_endpoints(scene: Scene) -> Callable[[int], list[str]]:
    """The Regions of the endpoints that this run tries first."""

    def regions(count: int) -> list[str]:
        scene.tick(dry_run=True)
        first = scene.requests[0].region
        every = sorted(scene.cluster.endpoints)
        start = every.index(first)
        return [every[(start + i) % len(every)] for i in range(count)]

    return regions


def test_where_several_regions_serve_at_once_one_comes_back_beside_the_other(scene: Scene) -> None:
    assert scene.converge(on=WEST, off="nowhere")["outcome"] == "done"
    assert scene.cluster.states == {EAST: "On", WEST: "On"}
    assert len(scene.updates()) == 1


def test_customers_are_moved_and_the_state_is_read_back(scene: Scene) -> None:
    assert scene.tick() == {"outcome": "done", "facts": {}}
    assert scene.cluster.states == {EAST: "Off", WEST: "On"}


def test_both_controls_move_in_one_call(scene: Scene) -> None:
    scene.tick()
    (update,) = scene.updates()
    states: Any = update.parameters["UpdateRoutingControlStateEntries"]
    assert {entry["RoutingControlArn"]: entry["RoutingControlState"] for entry in states} == {
        scene.cluster.arns[WEST]: "On",
        scene.cluster.arns[EAST]: "Off",
    }


def test_routing_controls_are_set_not_toggled(scene: Scene) -> None:
    scene.tick()
    assert scene.tick()["outcome"] == "done"
    assert scene.cluster.states == {EAST: "Off", WEST: "On"}
    assert len(scene.updates()) == 1


def test_half_a_move_is_completed(scene: Scene) -> None:
    scene.cluster.states[WEST] = "On"
    scene.tick()
    assert scene.cluster.states == {EAST: "Off", WEST: "On"}


def test_failback_is_the_same_with_the_regions_swapped(scene: Scene) -> None:
    scene.converge()
    scene.converge(on=EAST, off=WEST)
    assert scene.cluster.states == {EAST: "On", WEST: "Off"}


@pytest.mark.parametrize("count", [1, 2])
def test_dark_endpoints_are_passed_over(
    scene: Scene, first_endpoints: Callable[[int], list[str]], count: int
) -> None:
    scene.cloud.faults.dark |= {f"route53-recovery-cluster/{region}" for region in first_endpoints(count)}
    assert scene.tick()["outcome"] == "done"
    assert scene.cluster.states == {EAST: "Off", WEST: "On"}


def test_a_dark_region_and_a_dark_us_west_2_do_not_stop_it(scene: Scene) -> None:
    scene.cloud.faults.dark |= {EAST}
    assert scene.converge()["outcome"] == "done"
    scene.cloud.faults.dark.clear()
    scene.cloud.faults.dark |= {"us-west-2"}
    assert scene.converge(on=EAST, off=WEST)["outcome"] == "done"


def test_not_every_run_begins_at_the_same_endpoint(scene: Scene) -> None:
    for night in range(8):
        scene.tick(execution=f"{EXECUTION}-{night}", dry_run=True)
    assert len({request.region for request in scene.requests}) > 1


def test_an_endpoint_that_is_parted_from_its_cluster_is_passed_over(
    scene: Scene, first_endpoints: Callable[[int], list[str]]
) -> None:
    first, *others = first_endpoints(4)
    scene.cloud.faults.partitions |= {frozenset({first, other}) for other in others}
    assert scene.tick()["outcome"] == "done"


def test_a_sick_endpoint_is_passed_over(scene: Scene) -> None:
    scene.inject("GetRoutingControlState", "503", times=2)
    scene.inject(UPDATE, "throttled")
    assert scene.tick()["outcome"] == "done"
    assert len({request.region for request in scene.requests}) > 1


def test_with_three_endpoints_dark_it_waits_for_the_cluster(scene: Scene) -> None:
    scene.cloud.faults.dark |= {
        f"route53-recovery-cluster/{region}" for region in sorted(scene.cluster.endpoints)[:3]
    }
    with pytest.raises(NotYet, match="no endpoint of the cluster answers for us-west-1, us-east-1"):
        scene.tick()
    assert scene.updates() == []


def test_a_lost_answer_does_not_turn_them_back(scene: Scene) -> None:
    scene.inject(UPDATE, "lost_after")
    assert scene.converge()["outcome"] == "done"
    assert scene.cluster.states == {EAST: "Off", WEST: "On"}


def test_a_wait_period_is_waited_out(scene: Scene) -> None:
    scene.tick()
    with pytest.raises(
        NotYet, match=r"ConflictException: safety rule arn:.*/safetyrule/one-serves is in its wait period"
    ):
        scene.tick(on=EAST, off=WEST)
    assert scene.cluster.states == {EAST: "Off", WEST: "On"}
    scene.converge(on=EAST, off=WEST)


def forbid(scene: Scene, *names: str) -> list[str]:
    """Rules that keep the East on, by ARN."""
    third = "us-west-2"
    rules = [AtLeast(name, (EAST, third), threshold=2) for name in names]
    scene.cluster = Arc.of(scene.cloud).cluster("of-three", {EAST: "On", WEST: "Off", third: "On"}, rules)
    return list(scene.cluster.rule_arns.values())


def say(scene: Scene, **word: Any) -> None:
    """A person's directive to this run."""
    body = {"execution": EXECUTION, "at": scene.cloud.clock.now, "who": "jane", "why": "she knows", **word}
    row = {"application": "corner-shop", "item": "directive", "directive": json.dumps(body)}
    boto3.client("dynamodb", region_name=LEDGER[0]).put_item(
        TableName="farshore", Item={name: {"S": value} for name, value in row.items()}
    )


def test_a_rule_that_stands_against_it_ends_at_within_and_the_end_names_the_call_and_the_rule(
    scene: Scene,
) -> None:
    """The last tick only looks: a person needs to read none of those before it."""
    (rule,) = forbid(scene, "two-serve")
    said = rf"{UPDATE} in [a-z0-9-]+: ConflictException: safety rule {rule} needs 2 of"
    with pytest.raises(NotYet, match=said):
        scene.tick()
    scene.cloud.clock.sleep(200)
    with pytest.raises(NotYet, match=said):
        scene.tick()
    scene.cloud.clock.sleep(101)
    with pytest.raises(Refused, match=rf"not within 300 s: {UPDATE}: .*; AWS last answered \S*{said}"):
        scene.tick()
    assert scene.cluster.states[EAST] == "On"


def test_a_person_overrides_a_rule_in_this_run_and_the_report_says_who(scene: Scene) -> None:
    one, two = forbid(scene, "two-serve", "nobody-moves")
    say(scene, override={one: "jane: the East is gone"})
    with pytest.raises(NotYet, match=f"safety rule {two} needs"):
        scene.tick()
    say(scene, override={one: "jane: the East is gone", two: "joe: this one, too"})
    facts = scene.tick()["facts"]
    assert facts == {"overridden": [f"{one} by jane: the East is gone", f"{two} by joe: this one, too"]}
    assert scene.cluster.states[EAST] == "Off"


def test_no_rule_is_overridden_by_a_word_to_another_run_or_in_a_plan(scene: Scene) -> None:
    (rule,) = forbid(scene, "two-serve")
    say(scene, override={rule: "jane: gone"}, execution=f"{EXECUTION}-before")
    with pytest.raises(NotYet, match="ConflictException"):
        scene.tick()
    say(scene, override={rule: "jane: gone"})
    (call,) = scene.tick(dry_run=True)["calls"]
    assert "SafetyRulesToOverride" not in call["parameters"]


def test_a_rule_that_arc_does_not_know_needs_a_person(scene: Scene) -> None:
    (rule,) = forbid(scene, "two-serve")
    say(scene, override={f"{rule}-not": "jane: gone"})
    with pytest.raises(Refused, match=f"ResourceNotFoundException: no safety rule {rule}-not"):
        scene.tick()
    assert scene.cluster.states[EAST] == "On"


def test_a_dry_run_changes_nothing_and_names_the_call(scene: Scene) -> None:
    preview = scene.tick(dry_run=True)
    assert preview["outcome"] == "would change"
    assert [call["action"] for call in preview["calls"]] == [f"route53-recovery-cluster:{UPDATE}"]
    assert scene.updates() == []


def test_an_unknown_control_needs_a_person(scene: Scene) -> None:
    wrong = {"controls": scene.cluster.arns | {WEST: "arn:aws:route53-recovery-control::1:nothing"}}
    with pytest.raises(Refused, match=r"GetRoutingControlState of .* was refused: ResourceNotFoundException"):
        scene.tick(inputs=wrong)


def test_a_region_without_a_control_needs_a_person(scene: Scene) -> None:
    with pytest.raises(Refused, match="no routing control for eu-west-1: add its ARN to controls"):
        scene.tick(on="eu-west-1")


def test_a_region_cannot_be_on_and_off(scene: Scene) -> None:
    with pytest.raises(Refused, match="us-east-1 is both on_in and off_in"):
        scene.tick(on=EAST, off=EAST)
    assert scene.cluster.states == {EAST: "On", WEST: "Off"}


def test_two_regions_cannot_share_a_control(scene: Scene) -> None:
    one = dict.fromkeys(scene.cluster.arns, next(iter(scene.cluster.arns.values())))
    with pytest.raises(Refused, match="two Regions have the same routing control"):
        scene.tick(inputs={"controls": one})
    assert scene.cluster.states == {EAST: "On", WEST: "Off"}
