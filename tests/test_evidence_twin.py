"""The twin's CloudWatch, EventBridge, Synthetics and AWS Health: where evidence comes from."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectTimeoutError

from twin.clock import Clock
from twin.cloud import Cloud
from twin.faults import Kind, Request
from twin.moto.backing import Moto
from twin.net import Net
from twin.services.cloudwatch.model import Metrics
from twin.services.events.model import Bus
from twin.services.health.model import Health
from twin.services.synthetics.model import Synthetics

PRIMARY, STANDBY, OBSERVER = "us-east-1", "us-west-1", "us-west-2"
MINUTE = 60
ALARM_CHANGE = {"source": ["aws.cloudwatch"], "detail-type": ["CloudWatch Alarm State Change"]}


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with Cloud(Clock(), 1, Moto()) as cloud:
        yield cloud


@pytest.fixture
def bus(cloud: Cloud) -> Bus:
    return Bus(cloud)


@pytest.fixture
def metrics(cloud: Cloud, bus: Bus) -> Metrics:
    return Metrics(cloud, bus)


@pytest.fixture
def delivered(bus: Bus) -> Callable[..., list[Any]]:
    """Lets a rule listen; gives the list that what it hears goes to."""

    def listen(region: str, pattern: dict[str, Any], input: dict[str, Any] | None = None) -> list[Any]:
        events: list[Any] = []
        bus.rule(region, f"rule-{len(bus.rules)}", pattern, events.append, input)
        return events

    return listen


def client(service: str, region: str) -> Any:
    once = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1})
    return boto3.client(service, region_name=region, config=once)


def refusal(call: Callable[..., Any], **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return str(caught.value.response["Error"]["Code"])


def add_alarm(metrics: Metrics, name: str, region: str = OBSERVER, **more: Any) -> None:
    metrics.alarm(
        region,
        name,
        "Shop",
        name,
        {"Site": "shop"},
        threshold=1,
        comparison="GreaterThanOrEqualToThreshold",
        **more,
    )


def state_of(name: str, region: str = OBSERVER) -> str:
    types = ["MetricAlarm", "CompositeAlarm"]
    answer = client("cloudwatch", region).describe_alarms(AlarmNames=[name], AlarmTypes=types)
    (alarm,) = answer["MetricAlarms"] + answer["CompositeAlarms"]
    return str(alarm["StateValue"])


def feed(metrics: Metrics, name: str, pattern: str) -> None:
    """A sample a minute from the next one on: X is bad, 0 is good, - is none. Ends as a minute ends."""
    clock = metrics.cloud.clock
    for point in pattern.split():
        clock.run((clock.now + 10) // MINUTE * MINUTE + 10)
        if point != "-":
            metrics.put(OBSERVER, "Shop", name, {"Site": "shop"}, 1.0 if point == "X" else 0.0)
        clock.sleep(45)


KEEP = INSUFFICIENT = "INSUFFICIENT_DATA"

# docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html, its two tables
THREE_OF_THREE = {
    "0 - X - X": ("OK", "OK", "OK", "OK"),
    "0 - - - -": ("OK", "OK", "OK", "OK"),
    "- - - - -": (INSUFFICIENT, KEEP, "ALARM", "OK"),
    "0 X X - X": ("ALARM", "ALARM", "ALARM", "ALARM"),
    "- - X - -": ("ALARM", KEEP, "ALARM", "OK"),
    "- - - - X": (INSUFFICIENT, KEEP, "ALARM", "OK"),
}
TWO_OF_THREE = {
    "0 - X - X": ("ALARM", "ALARM", "ALARM", "ALARM"),
    "0 0 X 0 X": ("ALARM", "ALARM", "ALARM", "ALARM"),
    "0 - X - -": ("OK", "OK", "ALARM", "OK"),
    "- - - - 0": ("OK", "OK", "ALARM", "OK"),
    "- - - X -": ("ALARM", KEEP, "ALARM", "OK"),
}


@pytest.mark.parametrize(
    ("needed", "pattern", "states"),
    [(3, *row) for row in THREE_OF_THREE.items()] + [(2, *row) for row in TWO_OF_THREE.items()],
)
def test_alarms_treat_missing_data_as_aws_tables_say(
    metrics: Metrics, needed: int, pattern: str, states: tuple[str, ...]
) -> None:
    feed(metrics, "errors", pattern)
    treatments = ("missing", "ignore", "breaching", "notBreaching")
    for treatment in treatments:
        metrics.alarm(
            OBSERVER, treatment, "Shop", "errors", {"Site": "shop"}, 1, "GreaterThanOrEqualToThreshold",
            evaluation_periods=3, datapoints_to_alarm=needed, treat_missing=treatment,
        )  # fmt: skip
    metrics.cloud.clock.sleep(15)
    assert tuple(state_of(treatment) for treatment in treatments) == states


def test_an_alarm_that_ignores_missing_data_stays_as_it_was(metrics: Metrics) -> None:
    add_alarm(metrics, "errors", treat_missing="ignore")
    feed(metrics, "errors", "0 X - - - - -")
    assert state_of("errors") == "ALARM"


def test_an_alarm_whose_data_stop_lacks_data(metrics: Metrics) -> None:
    add_alarm(metrics, "errors")
    feed(metrics, "errors", "X - - - - -")
    assert state_of("errors") == INSUFFICIENT


def test_an_alarm_is_an_event_on_the_bus_of_its_own_region_only(
    metrics: Metrics, delivered: Callable[..., list[Any]]
) -> None:
    here = delivered(
        OBSERVER, ALARM_CHANGE | {"detail": {"alarmName": ["errors"], "state": {"value": ["ALARM"]}}}
    )
    elsewhere = delivered(STANDBY, ALARM_CHANGE)
    add_alarm(metrics, "errors")
    feed(metrics, "errors", "0 X X X 0 0")
    (event,) = here
    assert event["region"] == OBSERVER
    assert event["resources"] == [f"arn:aws:cloudwatch:{OBSERVER}:123456789012:alarm:errors"]
    assert event["detail"]["previousState"]["value"] == "OK"
    assert event["detail"]["state"]["timestamp"].startswith("2027-01-01T00:02:0")
    assert event["detail"]["configuration"]["metrics"][0]["metricStat"]["metric"]["name"] == "errors"
    assert elsewhere == []


def test_since_when_an_alarm_is_in_its_state_can_be_read(metrics: Metrics) -> None:
    add_alarm(metrics, "errors")
    feed(metrics, "errors", "0 X X X")
    (alarm,) = client("cloudwatch", OBSERVER).describe_alarms(AlarmNames=["errors"])["MetricAlarms"]
    assert 120 < alarm["StateTransitionedTimestamp"].timestamp() - metrics.cloud.clock.start < 126


def test_a_dark_region_neither_samples_nor_judges_nor_answers(metrics: Metrics) -> None:
    add_alarm(metrics, "errors")
    feed(metrics, "errors", "0 0")
    metrics.cloud.faults.dark.add(OBSERVER)
    feed(metrics, "errors", "X X X X X")
    with pytest.raises(ConnectTimeoutError):
        state_of("errors")
    metrics.cloud.faults.dark.clear()
    assert state_of("errors") == "OK"
    metrics.cloud.clock.sleep(15)
    assert state_of("errors") == INSUFFICIENT


@pytest.mark.parametrize(
    ("rule", "state"),
    [
        ("ALARM(bad)", "ALARM"),
        ('ALARM("bad") AND ALARM("good")', "OK"),
        ("ALARM(bad) AND OK(good)", "ALARM"),
        ("ALARM(good) OR NOT ALARM(bad)", "OK"),
        ("TRUE OR ALARM(bad) AND FALSE", "ALARM"),
        ("(TRUE OR ALARM(bad)) AND FALSE", "OK"),
        ("NOT (ALARM(good) OR INSUFFICIENT_DATA(good))", "ALARM"),
        (f'ALARM("arn:aws:cloudwatch:{OBSERVER}:123456789012:alarm:bad")', "ALARM"),
    ],
)
def test_a_composite_alarm_follows_its_rule(metrics: Metrics, rule: str, state: str) -> None:
    add_alarm(metrics, "bad")
    add_alarm(metrics, "good")
    metrics.composite(OBSERVER, "both", rule)
    clock = metrics.cloud.clock
    clock.every(30, lambda: metrics.put(OBSERVER, "Shop", "bad", {"Site": "shop"}, 1))
    clock.every(30, lambda: metrics.put(OBSERVER, "Shop", "good", {"Site": "shop"}, 0))
    clock.sleep(130)
    assert state_of("both") == state


@pytest.mark.parametrize(
    "rule", ["", "ALARM(bad) AND", "ALARM(bad) ALARM(bad)", "(ALARM(bad)", "bad", "ALARM(none)"]
)
def test_a_composite_alarm_with_a_wrong_rule_is_refused(metrics: Metrics, rule: str) -> None:
    add_alarm(metrics, "bad")
    with pytest.raises(ValueError, match="alarm"):
        metrics.composite(OBSERVER, "both", rule)


def test_composite_alarms_are_shown_only_where_they_are_asked_for(metrics: Metrics) -> None:
    add_alarm(metrics, "bad")
    metrics.composite(OBSERVER, "both", "ALARM(bad)")
    cloudwatch = client("cloudwatch", OBSERVER)
    assert cloudwatch.describe_alarms(AlarmNames=["both"])["CompositeAlarms"] == []
    assert len(cloudwatch.describe_alarms(AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]) == 1
    assert refusal(cloudwatch.describe_alarms, AlarmTypes=["Composite"]) == "ValidationError"


def test_an_alarm_lives_in_one_region(metrics: Metrics) -> None:
    add_alarm(metrics, "bad")
    assert client("cloudwatch", STANDBY).describe_alarms(AlarmNames=["bad"])["MetricAlarms"] == []


def lag(stat: str = "Maximum", period: int = 60, **more: Any) -> dict[str, Any]:
    metric = {
        "Namespace": "AWS/RDS",
        "MetricName": "Lag",
        "Dimensions": [{"Name": "Cluster", "Value": "unicorn"}],
    }
    return {"Id": "lag", "MetricStat": {"Metric": metric, "Period": period, "Stat": stat}} | more


@pytest.mark.parametrize(
    ("stat", "values"),
    [("Maximum", [5, 3]), ("Minimum", [5, 1]), ("Average", [5, 2]), ("Sum", [5, 4]), ("SampleCount", [1, 2])],
)
def test_metric_data_come_newest_first(metrics: Metrics, stat: str, values: list[float]) -> None:
    clock = metrics.cloud.clock
    for wait, value in ((10, 1), (10, 3), (60, 5)):
        clock.sleep(wait)
        metrics.put(STANDBY, "AWS/RDS", "Lag", {"Cluster": "unicorn"}, value)
    asked = {"MetricDataQueries": [lag(stat)], "StartTime": clock.start, "EndTime": clock.now + 1}
    (series,) = client("cloudwatch", STANDBY).get_metric_data(**asked)["MetricDataResults"]
    assert series["Values"] == values
    assert [when.timestamp() - clock.start for when in series["Timestamps"]] == [60, 0]
    assert series["Label"] == "Lag"
    (series,) = client("cloudwatch", STANDBY).get_metric_data(**asked, ScanBy="TimestampAscending")[
        "MetricDataResults"
    ]
    assert series["Values"] == values[::-1]
    (series,) = client("cloudwatch", PRIMARY).get_metric_data(**asked)["MetricDataResults"]
    assert series["Values"] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"MetricDataQueries": [lag(period=45)]},
        {"MetricDataQueries": [lag("Max")]},
        {"MetricDataQueries": [lag(), lag()]},
        {"MetricDataQueries": [lag() | {"Id": "Lag"}]},
        {"EndTime": 0},
        {"ScanBy": "Newest"},
    ],
)
def test_metric_data_that_aws_refuses(metrics: Metrics, wrong: dict[str, Any]) -> None:
    asked = {"MetricDataQueries": [lag()], "StartTime": 1, "EndTime": 1000} | wrong
    assert refusal(client("cloudwatch", STANDBY).get_metric_data, **asked) == "ValidationError"


def test_a_rule_gives_its_target_the_constant_input(bus: Bus, delivered: Callable[..., list[Any]]) -> None:
    events = delivered(STANDBY, {"source": ["shop"]}, {"mode": "ungraceful"})
    bus.emit(STANDBY, "shop", "Opened", {})
    bus.cloud.clock.sleep(5)
    assert events == [{"mode": "ungraceful"}]


@pytest.mark.parametrize(
    ("detail", "matched"),
    [
        ({"state": ["ALARM"]}, True),
        ({"state": ["OK"]}, False),
        ({"state": ["OK", "ALARM"]}, True),
        ({"state": [{"prefix": "AL"}]}, True),
        ({"state": [{"anything-but": ["ALARM"]}]}, False),
        ({"state": [{"anything-but": "OK"}]}, True),
        ({"nested": {"depth": [2]}}, True),
        ({"nested": {"depth": ["2"]}}, False),
        ({"nested": {"width": [2]}}, False),
        ({"services": ["RDS"]}, True),
        ({"state": ["ALARM"], "nested": {"depth": [1]}}, False),
        ({"state": [{"prefix": {"equals-ignore-case": "al"}}]}, True),
        ({"state": [{"suffix": "ARM"}]}, True),
        ({"state": [{"suffix": "arm"}]}, False),
        ({"state": [{"suffix": {"equals-ignore-case": "arm"}}]}, True),
        ({"state": [{"equals-ignore-case": "alarm"}]}, True),
        ({"state": [{"wildcard": "A*A*M"}]}, True),
        ({"state": [{"wildcard": "A*Z"}]}, False),
        ({"star": [{"wildcard": "a\\**"}]}, True),
        ({"state": [{"wildcard": "AL\\*"}]}, False),
        ({"state": [{"anything-but": {"prefix": "AL"}}]}, False),
        ({"state": [{"anything-but": {"prefix": ["OK", "INS"]}}]}, True),
        ({"state": [{"anything-but": {"suffix": "ARM"}}]}, False),
        ({"state": [{"anything-but": {"equals-ignore-case": ["alarm", "ok"]}}]}, False),
        ({"state": [{"anything-but": {"wildcard": "A*M"}}]}, False),
        ({"state": [{"anything-but": {"wildcard": "B*"}}]}, True),
        ({"none": [{"anything-but": "OK"}]}, False),
        ({"services": [{"anything-but": ["S3"]}]}, True),
        ({"services": [{"anything-but": ["S3", "RDS"]}]}, False),
        ({"nested": {"depth": [{"anything-but": 2}]}}, False),
        ({"nested": {"depth": [{"anything-but": [1, 3]}]}}, True),
        ({"nested": {"depth": [2.0]}}, False),
        ({"nested": {"depth": [{"numeric": ["=", 2.0]}]}}, True),
        ({"nested": {"depth": [{"numeric": [">", 0, "<=", 2]}]}}, True),
        ({"nested": {"depth": [{"numeric": [">", 2]}]}}, False),
        ({"state": [{"numeric": [">", 0]}]}, False),
        ({"true": [{"numeric": ["=", 1]}]}, False),
        ({"true": [1]}, False),
        ({"true": [True]}, True),
        ({"null": [None]}, True),
        ({"null": [{"exists": True}]}, True),
        ({"none": [None]}, False),
        ({"none": [{"exists": False}]}, True),
        ({"none": ["x", {"exists": False}]}, True),
        ({"state": [{"exists": True}]}, True),
        ({"state": [{"exists": False}]}, False),
        ({"nested": [{"exists": True}]}, False),
        ({"empty": [{"exists": True}]}, False),
        ({"none": {"depth": [{"exists": False}]}}, True),
        ({"ip": [{"cidr": "10.0.0.0/24"}]}, True),
        ({"ip": [{"cidr": "10.0.1.0/24"}]}, False),
        ({"ip": [{"cidr": "2001:db8::/32"}]}, False),
        ({"state": [{"cidr": "10.0.0.0/24"}]}, False),
        ({"$or": [{"state": ["OK"]}, {"nested": {"depth": [2]}}]}, True),
        ({"$or": [{"state": ["OK"]}, {"nested": {"depth": [3]}}]}, False),
        ({"services": ["S3"], "$or": [{"state": ["OK"]}, {"state": ["ALARM"]}]}, True),
        ({"nested": {"$or": [{"depth": [1]}, {"depth": [2]}]}}, True),
        ({"parts": {"name": ["a"], "size": [1]}}, True),
        ({"parts": {"name": ["a"], "size": [2]}}, False),
    ],
)
def test_patterns(
    bus: Bus, delivered: Callable[..., list[Any]], detail: dict[str, Any], matched: bool
) -> None:
    events = delivered(STANDBY, {"detail": detail})
    said = {
        "state": "ALARM",
        "nested": {"depth": 2},
        "services": ["S3", "RDS"],
        "star": "a*b",
        "true": True,
        "null": None,
        "empty": [],
        "ip": "10.0.0.7",
        "parts": [{"name": "a", "size": 1}, {"name": "b", "size": 2}],
    }
    bus.emit(STANDBY, "shop", "Changed", said)
    bus.cloud.clock.sleep(5)
    assert (events != []) is matched


@pytest.mark.parametrize(
    "leaf",
    [
        ["a"],
        {},
        {"prefix": "a", "suffix": "b"},
        {"prefx": "a"},
        {"prefix": 1},
        {"prefix": ["a"]},
        {"prefix": {"wildcard": "a"}},
        {"suffix": None},
        {"exists": "true"},
        {"equals-ignore-case": 1},
        {"wildcard": "a**"},
        {"wildcard": "a\\b"},
        {"wildcard": "a\\"},
        {"numeric": []},
        {"numeric": ["=", "1"]},
        {"numeric": ["=", True]},
        {"numeric": ["!=", 1]},
        {"numeric": ["<", 1, ">", 0]},
        {"numeric": [">", 2, "<", 1]},
        {"numeric": ["=", 6_000_000_000]},
        {"cidr": "10.0.0.0/33"},
        {"cidr": 10},
        {"anything-but": []},
        {"anything-but": ["a", 1]},
        {"anything-but": None},
        {"anything-but": [{"prefix": "a"}]},
        {"anything-but": {"prefix": ""}},
        {"anything-but": {"prefix": "a", "suffix": "b"}},
        {"anything-but": {"anything-but": "a"}},
        {"anything-but": {"numeric": ["=", 1]}},
        {"anything-but": {"exists": True}},
    ],
    ids=repr,
)
def test_a_match_that_eventbridge_refuses_is_refused(delivered: Callable[..., list[Any]], leaf: Any) -> None:
    with pytest.raises(ValueError, match=r"^InvalidEventPatternException: .* state"):
        delivered(STANDBY, {"detail": {"state": ["x", leaf]}})


@pytest.mark.parametrize(
    "pattern",
    [
        {},
        {"source": "shop"},
        {"source": []},
        {"detail": {}},
        {"$or": [{"source": ["a"]}]},
        {"$or": {"source": ["a"]}},
        {"$or": [{"source": ["a"]}, ["b"]]},
        {name: {"$or": [{"x": [each]} for each in range(11)]} for name in "abc"},
    ],
    ids=repr,
)
def test_a_wrong_pattern_is_refused(delivered: Callable[..., list[Any]], pattern: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^InvalidEventPatternException: Event pattern is not valid"):
        delivered(STANDBY, pattern)


def inject(cloud: Cloud, *kinds: Kind) -> None:
    """What is injected into the next deliveries."""
    left = list(kinds)

    def line(request: Request) -> Kind | None:
        return left.pop(0) if request.operation == "Deliver" and left else None

    cloud.faults.injectors.append(line)


@pytest.mark.parametrize(
    ("kinds", "times"),
    [(("lost_after",), 2), (("throttled", "500", "lost_before"), 1), (("denied",), 0), ((), 1)],
)
def test_delivery_is_at_least_once(
    bus: Bus, delivered: Callable[..., list[Any]], kinds: tuple[Kind, ...], times: int
) -> None:
    events = delivered(STANDBY, {"source": ["shop"]})
    inject(bus.cloud, *kinds)
    bus.emit(STANDBY, "shop", "Opened", {})
    bus.cloud.clock.sleep(3600)
    assert len(events) == times
    assert len(bus.dropped) == (0 if times else 1)


def test_a_dark_region_delivers_when_it_is_back(bus: Bus, delivered: Callable[..., list[Any]]) -> None:
    events = delivered(PRIMARY, {"source": ["shop"]})
    bus.cloud.faults.dark.add(PRIMARY)
    bus.emit(PRIMARY, "shop", "Opened", {})
    bus.cloud.clock.sleep(3600)
    assert events == []
    bus.cloud.faults.dark.clear()
    bus.cloud.clock.sleep(600)
    assert len(events) == 1


def test_an_event_is_given_up_after_24_hours(bus: Bus, delivered: Callable[..., list[Any]]) -> None:
    events = delivered(PRIMARY, {"source": ["shop"]})
    bus.cloud.faults.dark.add(PRIMARY)
    bus.emit(PRIMARY, "shop", "Opened", {})
    bus.cloud.clock.sleep(25 * 3600)
    bus.cloud.faults.dark.clear()
    bus.cloud.clock.sleep(3600)
    assert events == []
    assert len(bus.dropped) == 1


def test_a_target_that_aws_answers_badly_is_tried_again(bus: Bus) -> None:
    """The target calls AWS: a dark Region there is tried again, a refusal is not."""
    calls: list[str] = []
    machines = client("stepfunctions", STANDBY)

    def call(operation: str) -> Callable[[dict[str, Any]], None]:
        def target(event: dict[str, Any]) -> None:
            calls.append(operation)
            getattr(machines, operation)(executionArn="arn:aws:states:none")

        return target

    bus.rule(STANDBY, "dark", {"source": ["dark"]}, call("describe_execution"))
    bus.rule(STANDBY, "refused", {"source": ["refused"]}, call("stop_execution"))
    bus.cloud.faults.dark.add(f"stepfunctions/{STANDBY}")
    bus.emit(STANDBY, "dark", "Opened", {})
    bus.cloud.clock.sleep(20)
    assert calls.count("describe_execution") > 1
    bus.cloud.faults.dark.clear()
    bus.emit(STANDBY, "refused", "Opened", {})
    bus.cloud.clock.sleep(20)
    assert calls.count("stop_execution") == 1


def test_a_schedule_fires_at_its_pace_and_not_in_the_dark(bus: Bus) -> None:
    fired: list[Any] = []
    bus.schedule(STANDBY, "readiness", 300, fired.append)
    bus.cloud.clock.sleep(910)
    assert [event["detail-type"] for event in fired] == ["Scheduled Event"] * 3
    bus.cloud.faults.dark.add(STANDBY)
    bus.cloud.clock.sleep(900)
    bus.cloud.faults.dark.clear()
    bus.cloud.clock.sleep(60)
    assert len(fired) == 3


def test_the_same_seed_gives_the_same_events() -> None:
    def history() -> list[tuple[float, str]]:
        shown: list[tuple[float, str]] = []
        with Cloud(Clock(), 7, Moto()) as cloud:
            bus = Bus(cloud)
            bus.rule(
                OBSERVER, "all", ALARM_CHANGE, lambda event: shown.append((cloud.clock.now, event["id"]))
            )
            metrics = Metrics(cloud, bus)
            add_alarm(metrics, "errors")
            feed(metrics, "errors", "0 X 0 X 0")
        return shown

    assert len(history()) == 5 - 1
    assert history() == history()


@pytest.fixture
def net(cloud: Cloud) -> Net:
    net = Net(cloud)
    net.serve("shop.example.com", PRIMARY, lambda request: (200, b"unicorns"))
    return net


def success(cloud: Cloud, region: str = OBSERVER) -> list[float]:
    """The canary's last five minutes, newest first."""
    metric = {
        "Namespace": "CloudWatchSynthetics",
        "MetricName": "SuccessPercent",
        "Dimensions": [{"Name": "CanaryName", "Value": "shop"}],
    }
    query = {"Id": "q", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Average"}}
    now = cloud.clock.now
    answer = client("cloudwatch", region).get_metric_data(
        MetricDataQueries=[query], StartTime=now - 299, EndTime=now
    )
    return list(answer["MetricDataResults"][0]["Values"])


def test_a_canary_of_the_observer_sees_the_primary_go_dark(cloud: Cloud, net: Net, metrics: Metrics) -> None:
    Synthetics.of(cloud, net, metrics).canary(OBSERVER, "shop", "https://shop.example.com/")
    metrics.alarm(
        OBSERVER, "shop-canary", "CloudWatchSynthetics", "SuccessPercent", {"CanaryName": "shop"}, 90,
        "LessThanThreshold", evaluation_periods=2,
    )  # fmt: skip
    cloud.clock.sleep(310)
    assert set(success(cloud)) == {100}
    assert state_of("shop-canary") == "OK"
    cloud.faults.dark.add(PRIMARY)
    cloud.clock.sleep(180)
    assert success(cloud)[:2] == [0, 0]
    assert state_of("shop-canary") == "ALARM"


def broken() -> bool:
    raise RuntimeError("the page has no basket")


@pytest.mark.parametrize("journey", [broken, lambda: False])
def test_a_journey_that_fails_is_a_failed_run(
    cloud: Cloud, net: Net, metrics: Metrics, journey: Callable[[], bool]
) -> None:
    Synthetics.of(cloud, net, metrics).canary(OBSERVER, "shop", journey)
    cloud.clock.sleep(130)
    assert success(cloud) == [0, 0, 0]


def test_a_journey_that_hangs_is_a_failed_run(cloud: Cloud, net: Net, metrics: Metrics) -> None:
    def hangs() -> bool:
        cloud.clock.sleep(3600)
        return True

    canary = Synthetics.of(cloud, net, metrics).canary(OBSERVER, "shop", hangs)
    cloud.clock.sleep(130)
    assert success(cloud) == [0, 0]
    assert canary.failure == "timed out"


def test_a_canary_does_not_run_where_it_is_dark(cloud: Cloud, net: Net, metrics: Metrics) -> None:
    visits: list[float] = []

    def visit() -> bool:
        visits.append(cloud.clock.elapsed)
        return True

    Synthetics.of(cloud, net, metrics).canary(OBSERVER, "shop", visit)
    cloud.clock.sleep(70)
    cloud.faults.dark.add(OBSERVER)
    cloud.clock.sleep(180)
    cloud.faults.dark.clear()
    cloud.clock.sleep(60)
    assert visits == [0, 60, 300]


@pytest.fixture
def health(cloud: Cloud, bus: Bus) -> Health:
    return Health(cloud, bus)


@pytest.mark.parametrize(
    ("ill", "reached"), [(PRIMARY, {PRIMARY, "us-west-2"}), ("us-west-2", {"us-west-2", "us-east-1"})]
)
def test_a_public_event_reaches_the_region_and_one_other(
    health: Health, delivered: Callable[..., list[Any]], ill: str, reached: set[str]
) -> None:
    pattern = {"source": ["aws.health"], "detail": {"eventRegion": [ill], "statusCode": ["open"]}}
    events = {region: delivered(region, pattern) for region in (PRIMARY, STANDBY, OBSERVER)}
    health.impair(ill, "RDS")
    health.cloud.clock.sleep(240)
    assert not any(events.values())  # AWS takes minutes to say so
    health.cloud.clock.sleep(1320)
    assert {region for region, got in events.items() if got} == reached
    assert {event["detail"]["eventArn"] for got in events.values() for event in got} == {
        f"arn:aws:health:{ill}::event/RDS/AWS_RDS_OPERATIONAL_ISSUE/AWS_RDS_OPERATIONAL_ISSUE_1"
    }


def issues(status: str, region: str = PRIMARY) -> list[Any]:
    wanted = {
        "regions": [region],
        "services": ["RDS"],
        "eventStatusCodes": [status],
        "eventTypeCategories": ["issue"],
    }
    return list(client("health", PRIMARY).describe_events(filter=wanted)["events"])


def test_health_shows_open_and_closed_issues(health: Health) -> None:
    health.impair(PRIMARY, "RDS")
    health.cloud.clock.sleep(1600)
    assert len(issues("open")) == 1
    assert issues("open", STANDBY) == issues("closed") == []
    health.resolve(PRIMARY, "RDS")
    health.cloud.clock.sleep(1600)
    assert issues("open") == []
    (closed,) = issues("closed")
    assert closed["endTime"] > closed["startTime"]


def test_health_needs_a_support_plan(health: Health) -> None:
    health.support_plan = False
    assert refusal(client("health", PRIMARY).describe_events) == "SubscriptionRequiredException"


def test_health_refuses_a_status_that_there_is_not(health: Health) -> None:
    describe = client("health", PRIMARY).describe_events
    assert refusal(describe, filter={"eventStatusCodes": ["resolved"]}) == "ValidationException"


@pytest.mark.parametrize("region", [PRIMARY, STANDBY])
def test_health_is_silent_with_us_east_1_dark(health: Health, region: str) -> None:
    health.cloud.faults.dark.add("us-east-1")
    with pytest.raises(ConnectTimeoutError):
        client("health", region).describe_events()


# Metrics that are embedded in a log.


def embedded(value: float) -> str:
    directive = {"Namespace": "Shop", "Dimensions": [["Site"]], "Metrics": [{"Name": "ill"}]}
    return json.dumps({"_aws": {"CloudWatchMetrics": [directive]}, "Site": "shop", "ill": [value]})


def test_a_line_of_a_log_becomes_a_sample_of_its_own_time_some_seconds_later(metrics: Metrics) -> None:
    clock = metrics.cloud.clock
    add_alarm(metrics, "ill", period=10, evaluation_periods=2, treat_missing="notBreaching")
    clock.run(clock.start + 60)
    for value in (1.0, 1.0):
        metrics.embedded(OBSERVER, embedded(value))
        assert state_of("ill") == "OK"
        clock.sleep(10)
    clock.sleep(5)
    assert state_of("ill") == "ALARM"


@pytest.mark.parametrize("line", ["", "no JSON", "[]", "{}", '{"level": "INFO"}'])
def test_any_other_line_is_none(metrics: Metrics, line: str) -> None:
    metrics.embedded(OBSERVER, line)
    assert metrics.state()[0] == []  # type: ignore[index]
