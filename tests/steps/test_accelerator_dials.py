"""Global Accelerator leads customers to one Region and away from the other: the real handler, in the twin."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from farshore.lint import judged
from farshore.runbook.load import load
from farshore.testing.ticker import EAST, OTHER, REPLICAS, TABLE, WEST, Ticker, declared, ticking
from functions.handler import step_from
from functions.steps.accelerator_dials import AcceleratorDials
from twin.cloud import Cloud
from twin.faults import EarlierAnswers, Kind, Request
from twin.services.cloudwatch.model import Metrics
from twin.services.ecs.model import Ecs, EcsService, Image
from twin.services.elbv2.model import LoadBalancers
from twin.services.globalaccelerator.model import GlobalAccelerator
from twin.services.lambda_.model import FunctionError

STEP, UPDATE, OREGON = "accelerator_dials", "UpdateEndpointGroup", "us-west-2"
ALARMS = {EAST: "errors", WEST: "errors"}


class Scene(Ticker):
    """An accelerator before a load balancer a Region; the primary, nearest to customers, has a dial of 70."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        balancers = LoadBalancers.of(cloud, self.net)
        made, self.services = {}, dict[str, EcsService]()
        self.metrics = Metrics.of(cloud)
        for region in (EAST, WEST):
            group = balancers.target_group(region, "shop")
            said = region.encode()
            serves = Image("shop:1", lambda request, said=said: (200, said))  # type: ignore[misc]
            service = Ecs.of(cloud).create(region, "shop", "shop", serves, 1, group.arn)
            group.services.append(service)
            self.services[region] = service
            made[region] = balancers.load_balancer(region, f"shop.{region}.elb.example", [("*", group)])
            more: Any = {"treat_missing": "ignore"}  # so that its state is what a test says
            self.metrics.alarm(region, "errors", "Shop", "Errors", {}, 1, "GreaterThanThreshold", **more)
        dials = {EAST: 70.0, WEST: 30.0}
        self.accelerator = GlobalAccelerator.of(cloud, self.net).accelerator("shop", made, dials)
        self.inputs = {
            "accelerator": self.accelerator.arn,
            "endpoint_groups": {region: it.arn for region, it in self.accelerator.groups.items()},
            "to": WEST,
            "probe": f"http://{self.accelerator.dns}/",
            "direct": {region: f"http://{balancer.host}/" for region, balancer in made.items()},
            "patience": 20,
            "within": 3600,
        }
        for region in (EAST, WEST):
            self.deploy(AcceleratorDials, region, policy=declared(AcceleratorDials, self.inputs))
        self.hold()
        self.clock.sleep(40)
        self.alarm("OK")

    def home(self, **more: Any) -> dict[str, Any]:
        """Inputs that lead customers to the primary."""
        return {**self.inputs, "to": EAST, **more}

    def dials(self) -> list[float]:
        return [self.accelerator.groups[region].dial for region in (EAST, WEST)]

    def alarm(self, state: Any, region: str = EAST) -> None:
        for (where, _), alarm in self.metrics._alarms.items():
            if where == region or state == "OK":
                alarm.state = state

    def sicken(self, region: str) -> None:
        Ecs.of(self.cloud).set_desired(self.services[region], 0)
        self.clock.sleep(40)

    def go(self, **more: Any) -> dict[str, Any]:
        mode = more.pop("mode", "graceful")
        return self.converge(STEP, {**self.inputs, **more}, mode=mode)

    def until(self, inputs: dict[str, Any], entered: float, dial: float) -> None:
        """Ticks until the primary's dial is so much."""
        for _ in range(300):
            if self.dials()[0] == dial:
                return
            self.fails(STEP, inputs, EAST, entered=entered)
            self.clock.sleep(10)
        raise AssertionError("it never got there")

    def arrives(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Ticks at the step's pace until customers are home."""
        entered = self.clock.now
        while True:
            try:
                return self.tick(STEP, inputs, EAST, entered=entered)
            except FunctionError as error:
                if error.body["errorType"] != "NotYet":
                    raise
                self.clock.sleep(10)


@pytest.fixture
def scene() -> Iterator[Scene]:
    with ticking(kind=Scene) as made:
        assert isinstance(made, Scene)
        yield made


def test_customers_are_led_there_and_that_is_seen(scene: Scene) -> None:
    assert scene.go() == {"outcome": "done", "facts": {"dials": {EAST: 0.0, WEST: 100.0}}}
    assert scene.accelerator.share() == {EAST: 0.0, WEST: 1.0}
    assert scene.accelerator.status == "DEPLOYED"


def test_the_target_is_dialled_up_before_the_other_one_is_dialled_down(scene: Scene) -> None:
    order = []
    scene.cloud.watchers.append(
        lambda request, answer: order.append(request.parameters) if request.operation == UPDATE else None
    )
    scene.go()
    arns = scene.inputs["endpoint_groups"]
    assert isinstance(arns, dict)
    assert order == [
        {"EndpointGroupArn": arns[WEST], "TrafficDialPercentage": 100.0},
        {"EndpointGroupArn": arns[EAST], "TrafficDialPercentage": 0.0},
    ]


def test_nobody_is_led_to_a_region_that_is_not_healthy(scene: Scene) -> None:
    scene.sicken(WEST)
    assert f"no endpoint of {WEST} is healthy" in scene.fails(STEP, scene.inputs)
    assert scene.dials() == [70, 30]


def test_a_tick_repeated_changes_nothing(scene: Scene) -> None:
    scene.go()
    scene.calls()
    assert scene.go()["outcome"] == "done"
    assert scene.calls(UPDATE, "PutItem") == []


def test_it_waits_until_every_edge_has_the_dials(scene: Scene) -> None:
    assert "IN_PROGRESS" in scene.fails(STEP, scene.inputs)
    assert scene.dials() == [0, 100]


# Back home.


def test_the_dials_of_before_come_back_when_customers_are_led_home(scene: Scene) -> None:
    for _ in range(2):
        scene.go(dial="restore")
        assert scene.dials() == [0, 100]
        home = scene.home(dial="restore")
        assert scene.converge(STEP, home, EAST)["outcome"] == "done"
        assert scene.dials() == [70, 30]
        assert scene.tick(STEP, home, EAST)["outcome"] == "done"
        assert scene.dials() == [70, 30]


def test_a_second_run_the_same_way_forgets_nothing(scene: Scene) -> None:
    scene.fails(STEP, scene.inputs)
    scene.hold(OTHER)
    scene.converge(STEP, scene.inputs, execution=OTHER)
    scene.converge(STEP, scene.home(dial="restore"), EAST, execution=OTHER)
    assert scene.dials() == [70, 30]


def test_without_restore_the_other_region_gets_nobody(scene: Scene) -> None:
    scene.go()
    scene.converge(STEP, scene.home(), EAST)
    assert scene.dials() == [100, 0]


def test_what_somebody_has_dialled_since_is_what_comes_back_the_next_time(scene: Scene) -> None:
    scene.go()
    scene.converge(STEP, scene.home(dial="restore"), EAST)
    scene.accelerator.groups[EAST].dial = 55
    scene.go()
    scene.converge(STEP, scene.home(dial="restore"), EAST)
    assert scene.dials() == [55, 30]


# The control plane in the dark.


def test_with_us_west_2_dark_it_is_done_by_what_probes_see(scene: Scene) -> None:
    scene.sicken(EAST)
    scene.cloud.faults.dark.add(OREGON)
    began = scene.clock.now
    answer = scene.go(mode="ungraceful")
    assert answer["facts"] == {"dials": "unknown", "led_by": "health"}
    assert scene.clock.now - began > 20
    assert scene.dials() == [70, 30]


@pytest.mark.parametrize("mode", ["graceful", "ungraceful"])
def test_in_the_dark_nothing_is_assumed(scene: Scene, mode: str) -> None:
    """A probe from the target is nearest to it, and says nothing of customers elsewhere."""
    scene.accelerator.change(scene.accelerator.groups[WEST], 100)
    scene.clock.sleep(301)
    scene.cloud.faults.dark.add(OREGON)
    entered = scene.clock.now - 60
    said = scene.fails(STEP, scene.inputs, mode=mode, entered=entered)
    assert said.startswith("NotYet")
    assert ("is answered well: customers may be led there" in said) is (mode == "ungraceful")
    scene.sicken(WEST)
    said = scene.fails(STEP, scene.inputs, mode=mode, entered=entered)
    assert (f"is not answered from {WEST} alone" in said) is (mode == "ungraceful")


def test_a_graceful_run_waits_for_the_control_plane_and_is_refused_in_the_end(scene: Scene) -> None:
    scene.sicken(EAST)
    scene.cloud.faults.dark.add(OREGON)
    entered = scene.clock.now
    assert scene.fails(STEP, scene.inputs, entered=entered - 3000).startswith("NotYet")
    assert scene.fails(STEP, scene.inputs, entered=entered - 4000).startswith("Untouched")


def test_one_lost_answer_is_no_dark_region(scene: Scene) -> None:
    scene.sicken(EAST)
    scene.inject("lost_before", "DescribeEndpointGroup")
    scene.go(mode="ungraceful")
    assert scene.dials() == [0, 100]


def test_customers_urls_are_asked_where_they_decide_and_in_a_plan(scene: Scene) -> None:
    scene.tick(STEP, scene.inputs, dry_run=True)
    assert {request.service for request in scene.requests} >= {"http"}
    scene.requests.clear()
    said = scene.fails(STEP, scene.inputs)
    assert "not every edge has its dials yet" in said
    assert "http" not in {request.service for request in scene.requests}
    scene.go()
    assert "http" in {request.service for request in scene.requests}


# In stages.

STAGES = {"stages": [10, 50, 100], "bake": 300, "alarms": ALARMS}


def led_away(scene: Scene) -> dict[str, Any]:
    """Customers are in the standby, and shall come home in stages."""
    scene.go()
    scene.calls()
    return scene.home(**STAGES)


def test_customers_come_home_in_stages_that_bake(scene: Scene) -> None:
    inputs, began = led_away(scene), scene.clock.now
    reached: list[tuple[float, float]] = []

    def note(request: Request, answer: Any) -> None:
        if request.operation == UPDATE:
            reached.append((scene.clock.now - began, scene.dials()[0]))

    scene.cloud.watchers.append(note)
    assert scene.arrives(inputs)["outcome"] == "done"
    assert [dial for _, dial in reached] == [10, 50, 100, 100]
    (first, _), (second, _), (third, _), _ = reached
    assert min(second - first, third - second) > 300
    assert scene.dials() == [100, 0]
    assert not [name for name in scene.records().kept if name.startswith("stage")]


def test_an_alarm_that_fires_dials_back_and_refuses(scene: Scene) -> None:
    inputs, entered = led_away(scene), scene.clock.now
    scene.until(inputs, entered, 50)
    scene.alarm("ALARM")
    said = ""
    for _ in range(60):
        said = scene.fails(STEP, inputs, EAST, entered=entered)
        scene.alarm("OK")  # customers are gone, and it is quiet again
        if not said.startswith("NotYet"):
            break
        scene.clock.sleep(10)
    assert said.startswith("Refused")
    assert "alarm errors in us-east-1 fired at 50 % in us-east-1: dialled back" in said
    assert scene.dials() == [0, 100]
    assert scene.accelerator.share() == {EAST: 0.0, WEST: 1.0}


def test_an_alarm_that_fires_after_a_pause_dials_back_to_where_the_run_began(scene: Scene) -> None:
    """Found by exploring: what a stage had noted before a pause was never removed either."""
    inputs = led_away(scene)
    scene.until(inputs, scene.clock.now, 50)
    scene.clock.sleep(600)
    resumed = scene.clock.now
    scene.fails(STEP, inputs, EAST, entered=resumed)
    scene.alarm("ALARM")
    said = "NotYet"
    while said.startswith("NotYet"):
        said = scene.fails(STEP, inputs, EAST, entered=resumed)
        scene.alarm("OK")
        scene.clock.sleep(10)
    assert "dialled back" in said
    assert scene.dials() == [0, 100]


@pytest.mark.parametrize("dial", [50, 100])
def test_after_a_pause_a_stage_bakes_anew_and_nothing_is_left_noted(scene: Scene, dial: float) -> None:
    inputs = led_away(scene)
    scene.until(inputs, scene.clock.now, dial)
    scene.clock.sleep(600)
    resumed = scene.clock.now
    assert scene.arrives(inputs)["outcome"] == "done"
    assert scene.dials() == [100, 0]
    assert scene.clock.now - resumed > (300 if dial == 50 else 0)
    assert not [name for name in scene.records().kept if name.startswith("stage")]


def test_an_alarm_s_answer_from_before_dials_nothing_back(scene: Scene) -> None:
    """It fired before, was waited for, and one answer still says so."""
    inputs, entered = led_away(scene), scene.clock.now
    scene.alarm("ALARM")
    scene.cloud.faults.earlier = EarlierAnswers()
    scene.fails(STEP, inputs, EAST, entered=entered)
    scene.alarm("OK")
    scene.until(inputs, entered, 50)
    scene.inject("stale", "DescribeAlarms", met=lambda request: request.region == EAST)
    assert "at 50 %" not in scene.fails(STEP, inputs, EAST, entered=entered)
    assert scene.dials()[0] == 50
    assert scene.arrives(inputs)["outcome"] == "done"


def test_a_plan_says_what_an_alarm_would_dial_back(scene: Scene) -> None:
    plan = scene.tick(STEP, led_away(scene), EAST, dry_run=True)
    assert plan["why"].endswith(f"then {WEST} to 0 %; and back, where an alarm fires meanwhile")
    turned = [
        (call["parameters"]["EndpointGroupArn"], call["parameters"]["TrafficDialPercentage"])
        for call in plan["calls"]
    ]
    groups = scene.inputs["endpoint_groups"]
    assert turned[-2:] == [(groups[WEST], 100.0), (groups[EAST], 0.0)]


def test_an_alarm_that_fires_before_is_waited_for_and_nothing_is_dialled(scene: Scene) -> None:
    inputs = led_away(scene)
    scene.alarm("ALARM")
    scene.hold(OTHER)
    said = scene.fails(STEP, inputs, EAST, execution=OTHER)
    assert said.startswith("NotYet")
    assert "no dial is turned before it is quiet" in said
    assert scene.dials() == [0, 100]


def test_an_alarm_that_says_nothing_is_not_quiet(scene: Scene) -> None:
    inputs, entered = led_away(scene), scene.clock.now
    scene.alarm("INSUFFICIENT_DATA")
    said = scene.fails(STEP, inputs, EAST, entered=entered)
    assert "no dial is turned before all is quiet: errors in us-east-1 says INSUFFICIENT_DATA" in said
    assert scene.dials() == [0, 100]
    scene.alarm("OK")
    scene.until(inputs, entered, 10)
    scene.alarm("INSUFFICIENT_DATA")
    scene.clock.sleep(900)
    scene.fails(STEP, inputs, EAST, entered=entered)
    scene.clock.sleep(301)
    said = scene.fails(STEP, inputs, EAST, entered=entered)
    assert "not quiet: errors in us-east-1 says INSUFFICIENT_DATA" in said
    scene.alarm("OK")
    scene.fails(STEP, inputs, EAST, entered=entered)
    assert scene.dials()[0] == 50


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"EvaluationState": "EVALUATION_ERROR"}, "errors in us-east-1 says OK, but EVALUATION_ERROR"),
        ({"AlarmName": "others"}, "errors in us-east-1 says nothing: there is no such alarm"),
    ],
)
def test_an_alarm_that_could_not_be_evaluated_or_is_another_is_not_quiet(
    scene: Scene, change: dict[str, str], said: str
) -> None:
    inputs = led_away(scene)
    asked = scene.cloud._operations["cloudwatch", "DescribeAlarms"]

    def changed(request: Any) -> Any:
        return {"MetricAlarms": [{**each, **change} for each in asked(request)["MetricAlarms"]]}

    scene.cloud.serve("cloudwatch", "DescribeAlarms", changed)
    assert f"no dial is turned before all is quiet: {said}" in scene.fails(STEP, inputs, EAST)
    assert scene.dials() == [0, 100]


def test_an_ungraceful_run_has_no_stages(scene: Scene) -> None:
    inputs = led_away(scene)
    scene.alarm("ALARM")
    assert scene.converge(STEP, inputs, EAST, mode="ungraceful")["outcome"] == "done"
    assert scene.dials() == [100, 0]


def test_stages_end_at_the_dial_of_before(scene: Scene) -> None:
    inputs = {**led_away(scene), "dial": "restore"}
    scene.arrives(inputs)
    assert scene.dials() == [70, 30]


# Whatever AWS answers.


@pytest.mark.parametrize("operation", [UPDATE, "DescribeEndpointGroup", "DescribeAccelerator", "GET"])
@pytest.mark.parametrize("kind", ["lost_before", "lost_after", "throttled", "503", "slow", "hollow"])
def test_one_call_that_goes_wrong_delays_it(scene: Scene, operation: str, kind: Kind) -> None:
    scene.inject(kind, operation)
    assert scene.go()["outcome"] == "done"
    scene.inject(kind, operation)
    assert scene.converge(STEP, scene.home(dial="restore"), EAST)["outcome"] == "done"
    assert scene.dials() == [70, 30]


def test_a_dial_that_is_denied_leaves_the_run_untouched(scene: Scene) -> None:
    scene.inject("denied", UPDATE, times=3)
    assert scene.fails(STEP, scene.inputs).startswith("Untouched")
    assert scene.dials() == [70, 30]


def test_a_dry_run_tells_the_dial_and_turns_none(scene: Scene) -> None:
    plan = scene.tick(STEP, scene.inputs, dry_run=True)
    assert (plan["outcome"], plan["why"]) == (
        "would change",
        "dial us-west-1 to 100 %, then us-east-1 to 0 %",
    )
    told = [call["parameters"]["TrafficDialPercentage"] for call in plan["calls"]]
    assert told == [100, 0], "a person approves all that is to come"
    assert scene.dials() == [70, 30]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"dial": 0}, "dial 0 leads nobody"),
        ({"stages": [50, 10], "alarms": ALARMS}, "rising percentages"),
        ({"stages": [10]}, "watch nothing"),
        ({"stages": [10, 50], "alarms": ALARMS, "bake": 1800}, "no longer than the stages bake"),
        ({"accelerator": "arn:aws:globalaccelerator::123456789012:accelerator/other"}, "groups of one"),
    ],
)
def test_inputs_that_do_not_go_together_are_refused(scene: Scene, change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        step_from(AcceleratorDials, {**scene.inputs, **change})


ARN = "arn:aws:globalaccelerator::123456789012:accelerator/1234abcd-abcd-1234-abcd-1234abcdefgh"
RUNBOOK = f"""\
application: shop
regions: {{primary: {EAST}, standby: {WEST}, observer: us-east-2}}
objectives: {{rto: 4h, rpo: 30s}}
ledger: {{table: {TABLE}, regions: [{", ".join(REPLICAS)}]}}
failover:
  - approval:
      topics:
        {EAST}: arn:aws:sns:{EAST}:123456789012:pages
        {WEST}: arn:aws:sns:{WEST}:123456789012:pages
  - accelerator_dials:
      accelerator: {ARN}
      endpoint_groups:
        {EAST}: {ARN}/listener/0123vxyz/endpoint-group/098765zyxwvu
        {WEST}: {ARN}/listener/0123vxyz/endpoint-group/abcdef123456
      dial: restore
      stages: [10, 50, 100]
      bake: 5m
      alarms: {{{EAST}: errors, {WEST}: errors}}
      probe: http://a1234567890abcdef.awsglobalaccelerator.com/
      direct:
        {EAST}: http://shop.{EAST}.elb.amazonaws.com/
        {WEST}: http://shop.{WEST}.elb.amazonaws.com/
      within: 30m
  - synthetic_write:
      url: https://shop.example
      write: /orders
      body: '{{"order": "{{marker}}"}}'
      read: /orders/{{marker}}
"""


def test_a_runbook_with_it_survives_the_loss_of_its_control_plane(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(RUNBOOK)
    found = judged(load(path))
    assert [each.what for each in found.findings] == []
