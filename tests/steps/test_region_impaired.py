"""The step region_impaired, ticked as a state machine would, against the twin's alarms, probes and Health."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from farshore.compile.policy import arns as arns_of
from functions.errors import NotYet, Refused
from functions.handler import lambda_handler
from functions.inputs import AlarmName, HealthCheckId, HealthService, Region, Seconds, Url
from functions.outside import Outside
from functions.steps.region_impaired import CHECK, RegionImpaired, Source
from twin.clock import Clock, at_once
from twin.cloud import AwsError, Cloud, stamp
from twin.faults import Kind, Request
from twin.moto.backing import Moto
from twin.net import HttpAnswer, HttpRequest, Net
from twin.services.cloudwatch.model import Metrics
from twin.services.events.model import Bus
from twin.services.health.model import Health
from twin.services.route53.model import EndpointCheck, Route53

PRIMARY, STANDBY, OBSERVER = "us-east-1", "us-west-1", "us-west-2"
SITE = "https://shop.us-east-1.example.com/"
CANARY = {"alarm": "shop-canary", "at": OBSERVER}
LATENCY = {"alarm": "shop-latency", "at": STANDBY}
PROBE = {"probe": {PRIMARY: SITE}}
BOTH = {"probe": {PRIMARY: SITE, STANDBY: "https://shop.us-west-1.example.com/"}}
HEALTH = {"health": "RDS"}


class Night:
    """What there is to see: two alarms, the primary's own endpoint, and AWS Health."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.metrics = Metrics(cloud)
        self.health = Health(cloud, Bus(cloud))
        self.failing: set[str] = set()
        self.silent: set[str] = set()
        """Alarms whose metric has stopped."""
        self.status, self.body = 200, b""
        self.net = Net(cloud)
        self.elsewhere = 200
        """What the standby's own endpoint answers; 0 is nothing."""
        self.net.serve("shop.us-east-1.example.com", PRIMARY, lambda request: (self.status, self.body))
        self.net.serve("shop.us-west-1.example.com", STANDBY, self._answered_elsewhere)
        for source in (CANARY, LATENCY):
            self._watch(source["alarm"], source["at"])
        boto3.client("dynamodb", region_name=OBSERVER).create_table(
            TableName="farshore-ledger",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": "application", "KeyType": "HASH"},
                {"AttributeName": "item", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "application", "AttributeType": "S"},
                {"AttributeName": "item", "AttributeType": "S"},
            ],
        )
        outside = Outside(
            clock=lambda: cloud.clock.now,
            at_once=lambda thunks: at_once(cloud.clock, list(thunks)),
            http=lambda region, method, url, body, headers: self.net.request(region, method, url, body),
        )
        self.handler = lambda_handler(RegionImpaired, outside)
        self.asked: set[str] = set()
        cloud.watchers.append(lambda request, _: self.asked.add(request.operation))

    def _answered_elsewhere(self, request: HttpRequest) -> HttpAnswer:
        if not self.elsewhere:
            self.cloud.clock.sleep(60)
        return self.elsewhere, b'{"Item": {}}'

    def _watch(self, name: str, region: str) -> None:
        self.metrics.alarm(region, name, "Shop", name, {}, 1, "GreaterThanOrEqualToThreshold")

        def sample() -> None:
            if name not in self.silent:
                self.metrics.put(region, "Shop", name, {}, float(name in self.failing))

        self.cloud.clock.after(1, sample)
        self.cloud.clock.every(20, sample)

    def passes(self, seconds: float) -> None:
        self.cloud.clock.sleep(seconds)

    def enter(
        self,
        *sources: dict[str, str],
        at_least: int = 2,
        mode: str = "ungraceful",
        trigger: str = "shop-canary",
        dry_run: bool = False,
        **inputs: float,
    ) -> Callable[[], dict[str, Any]]:
        """The state is entered now; each call of what is returned is a tick."""
        event = {
            "inputs": {"region": PRIMARY, "at_least": at_least, "of": list(sources)} | inputs,
            "run": {
                "application": "corner-shop",
                "procedure": "failover",
                "step": "region_impaired",
                "purpose": "move",
                "source": PRIMARY,
                "target": STANDBY,
            },
            "input": {"mode": mode, "trigger": trigger, "dry_run": dry_run},
            "ledger": {"table": "farshore-ledger", "regions": [OBSERVER]},
            "execution": {"Id": "arn:aws:states:us-west-1:123456789012:execution:failover:one"},
            "state": {"Name": "region_impaired", "EnteredTime": stamp(self.cloud.clock.now).isoformat()},
        }
        return lambda: dict(self.handler(event, None))

    def said(self, source: dict[str, str]) -> str:
        """What one source says now."""
        facts = self.enter(source, CANARY, trigger="")()["facts"]
        name = Source(**source).about(Region(PRIMARY))  # type: ignore[arg-type]
        (says,) = (says for says, names in facts.items() if name in names)
        return str(says)


@pytest.fixture
def night() -> Iterator[Night]:
    with Cloud(Clock(), 1, Moto()) as cloud:
        night = Night(cloud)
        night.passes(130)
        yield night


def test_two_of_three_sources_are_enough(night: Night) -> None:
    tick = night.enter(CANARY, LATENCY, PROBE)
    night.status = 503
    with pytest.raises(NotYet, match="1 of 3 say that us-east-1 is impaired, not 2"):
        tick()
    night.failing.add("shop-canary")
    night.passes(130)
    assert tick() == {
        "outcome": "impaired",
        "facts": {
            "yes": ["alarm shop-canary in us-west-2", f"probe {SITE}"],
            "no": ["alarm shop-latency in us-west-1"],
            "unknown": [],
        },
    }


@pytest.mark.parametrize("dark", [{PRIMARY}, {PRIMARY, f"cloudwatch/{STANDBY}"}])
def test_a_dark_primary_is_seen_from_outside(night: Night, dark: set[str]) -> None:
    night.failing |= {"shop-canary", "shop-latency"}
    night.passes(130)
    night.cloud.faults.dark |= dark
    result = night.enter(CANARY, LATENCY, PROBE, HEALTH)()
    assert result["outcome"] == "impaired"
    assert "AWS Health on RDS" in result["facts"]["unknown"]


def test_unknown_is_not_yes(night: Night) -> None:
    night.failing.add("shop-canary")
    night.silent.add("shop-latency")
    night.passes(300)
    tick = night.enter(CANARY, LATENCY, {"alarm": "none", "at": STANDBY})
    with pytest.raises(NotYet, match=r"latency in us-west-1: unknown \(INSUFFICIENT_DATA\).*no such alarm"):
        tick()


def test_an_alarm_of_a_dark_observer_is_unknown(night: Night) -> None:
    night.failing |= {"shop-canary", "shop-latency"}
    night.passes(130)
    night.cloud.faults.dark.add(f"cloudwatch/{OBSERVER}")
    tick = night.enter(CANARY, LATENCY)
    with pytest.raises(NotYet, match="shop-canary in us-west-2: unknown"):
        tick()


def test_an_alarm_that_may_not_be_read_is_unknown(night: Night) -> None:
    denied(night, "DescribeAlarms")
    assert night.said(LATENCY) == "unknown"


def test_a_source_whose_answer_is_odd_is_unknown_and_stops_no_other(night: Night) -> None:
    night.cloud.validates = False
    night.cloud.serve("cloudwatch", "DescribeAlarms", lambda request: {"MetricAlarms": [{"AlarmName": "x"}]})
    assert night.said(LATENCY) == "unknown"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"EvaluationState": "EVALUATION_ERROR"}, "OK, but EVALUATION_ERROR"),
        ({"EvaluationState": "PARTIAL_DATA"}, "OK, but PARTIAL_DATA"),
        ({"AlarmName": "another"}, "no such alarm"),
        ({"StateTransitionedTimestamp": None}, "OK since nobody knows when"),
    ],
)
def test_an_alarm_that_could_not_be_evaluated_or_is_another_is_unknown_and_a_doubt(
    night: Night, change: dict[str, Any], why: str
) -> None:
    asked = night.metrics.operations()["DescribeAlarms"]

    def changed(request: Request) -> Any:
        return {"MetricAlarms": [{**each, **change} for each in asked(request)["MetricAlarms"]]}

    night.cloud.validates = False
    night.cloud.serve("cloudwatch", "DescribeAlarms", changed)
    assert night.said(LATENCY) == "unknown"
    facts = night.enter(LATENCY, BOTH, dry_run=True)()["facts"]
    assert [doubt for doubt in facts["doubts"] if doubt.endswith(f"says unknown: {why}")]


def denied(night: Night, operation: str) -> None:
    def line(request: Request) -> Kind | None:
        return "denied" if request.operation == operation else None

    night.cloud.faults.injectors.append(line)


def test_composite_alarms_are_sources_too(night: Night) -> None:
    night.metrics.composite(STANDBY, "shop", "NOT ALARM(shop-latency)")
    night.passes(1)
    assert night.said({"alarm": "shop", "at": STANDBY}) == "yes"


@pytest.mark.parametrize(
    ("status", "says"), [(200, "no"), (204, "no"), (500, "yes"), (503, "yes"), (403, "yes"), (404, "unknown")]
)
def test_what_a_probe_says(night: Night, status: int, says: str) -> None:
    night.status = status
    assert night.said(PROBE) == says


@pytest.mark.parametrize(
    ("body", "says"), [(b'{"Item": {}}', "no"), (b'{"Error": "throttled"}', "yes"), (b"", "yes")]
)
def test_a_probe_reads_the_body_of_an_application_that_answers_200_to_everything(
    night: Night, body: bytes, says: str
) -> None:
    night.body = body
    assert night.said({**BOTH, "search_string": "Item"}) == says  # type: ignore[dict-item]


def test_a_probe_whose_text_is_missing_in_the_other_region_as_well_is_unknown(night: Night) -> None:
    assert night.said({**BOTH, "search_string": "Items"}) == "unknown"  # type: ignore[dict-item]


def test_a_probe_of_one_address_for_both_regions_is_refused() -> None:
    """What fails in one Region would fail in the other as well."""
    one = {Region(PRIMARY): Url("https://shop.example/"), Region(STANDBY): Url("https://shop.example")}
    with pytest.raises(ValueError, match="can never say yes: write each Region's own URL"):
        Source(probe=one)


def test_a_text_to_search_for_is_a_probes() -> None:
    with pytest.raises(ValueError, match="leave `search_string` out"):
        Source(alarm=AlarmName("shop-canary"), at=Region(OBSERVER), search_string="Item")


def test_a_probe_of_a_host_that_does_not_exist_is_unknown_and_says_so(night: Night) -> None:
    """A slip of the pen must not be half of the evidence that a Region is gone."""
    assert night.said({"probe": {PRIMARY: "https://api.us-east-l.shop.example/"}}) == "unknown"


@pytest.mark.parametrize("elsewhere", [403, 503, 0])
def test_a_probe_that_fails_in_the_other_region_as_well_is_unknown(night: Night, elsewhere: int) -> None:
    """A firewall that refuses whoever asks refuses everywhere: that is no evidence of any Region."""
    night.status, night.elsewhere = 403, elsewhere
    assert night.said(BOTH) == "unknown"
    night.elsewhere = 200
    assert night.said(BOTH) == "yes"


def test_a_plan_doubts_a_probe_that_would_prove_nothing(night: Night) -> None:
    night.elsewhere = 403
    facts = night.enter(BOTH, CANARY, dry_run=True)()["facts"]
    assert facts["doubts"] == [
        f"probe {SITE} would prove nothing: the other Region's own URL is not answered well either (HTTP 403)"
    ]


def test_no_answer_to_a_probe_is_yes(night: Night) -> None:
    night.cloud.faults.dark.add("shop.us-east-1.example.com")
    assert night.said(PROBE) == "yes"


def test_an_open_issue_of_aws_health_is_yes(night: Night) -> None:
    assert night.said(HEALTH) == "no"
    night.health.impair(PRIMARY, "RDS")
    assert night.said(HEALTH) == "no"  # AWS has not said so yet
    night.passes(1600)
    assert night.said(HEALTH) == "yes"
    night.health.resolve(PRIMARY, "RDS")
    night.passes(1600)
    assert night.said(HEALTH) == "no"


def test_aws_health_without_a_support_plan_is_unknown(night: Night) -> None:
    night.health.support_plan = False
    assert night.said(HEALTH) == "unknown"


def test_aws_health_that_has_more_to_say_has_not_said_no(night: Night) -> None:
    night.cloud.serve("health", "DescribeEvents", lambda request: {"events": [], "nextToken": "more"})
    assert night.said(HEALTH) == "unknown"


def test_evidence_must_hold_for_the_dwell(night: Night) -> None:
    tick = night.enter(CANARY, LATENCY, dwell=180)
    night.failing |= {"shop-canary", "shop-latency"}
    night.passes(125)
    with pytest.raises(NotYet, match="0 of 2 say that us-east-1 is impaired for 180 s"):
        tick()
    night.passes(240)
    assert tick()["outcome"] == "impaired"


def test_an_alarm_that_blinks_begins_its_dwell_anew(night: Night) -> None:
    night.failing |= {"shop-canary", "shop-latency"}
    night.passes(130)
    tick = night.enter(CANARY, LATENCY, dwell=180)
    night.passes(60)
    night.failing.clear()
    night.passes(65)
    night.failing |= {"shop-canary", "shop-latency"}
    night.passes(125)
    with pytest.raises(NotYet):
        tick()


def test_a_probe_has_failed_since_the_state_waits(night: Night) -> None:
    night.cloud.faults.dark.add("shop.us-east-1.example.com")
    night.failing.add("shop-canary")
    night.passes(400)
    tick = night.enter(CANARY, PROBE, dwell=60)
    with pytest.raises(NotYet):
        tick()
    night.passes(60)
    assert tick()["outcome"] == "impaired"


@pytest.mark.parametrize(
    ("mode", "trigger"), [("ungraceful", ""), ("graceful", ""), ("graceful", "shop-canary")]
)
def test_for_a_person_and_for_a_graceful_run_evidence_is_advice(
    night: Night, mode: str, trigger: str
) -> None:
    night.silent.add("shop-latency")
    night.passes(300)
    assert night.enter(CANARY, LATENCY, PROBE, mode=mode, trigger=trigger, dwell=300)() == {
        "outcome": "evidence noted",
        "facts": {
            "yes": [],
            "no": ["alarm shop-canary in us-west-2", f"probe {SITE}"],
            "unknown": ["alarm shop-latency in us-west-1"],
        },
    }


def test_advice_does_not_wait_for_sources_that_are_dark_or_denied(night: Night) -> None:
    night.cloud.faults.dark |= {PRIMARY, f"cloudwatch/{OBSERVER}"}
    denied(night, "DescribeAlarms")
    assert night.enter(CANARY, LATENCY, HEALTH, trigger="")()["outcome"] == "evidence noted"


def test_too_little_evidence_is_refused_with_what_every_source_says(night: Night) -> None:
    night.silent.add("shop-latency")
    tick = night.enter(CANARY, LATENCY, PROBE, HEALTH)
    night.passes(599)
    with pytest.raises(NotYet):
        tick()
    night.passes(2)
    with pytest.raises(Refused) as caught:
        tick()
    assert str(caught.value).endswith(
        "not within 600 s: 0 of 4 say that us-east-1 is impaired, not 2: "
        "alarm shop-canary in us-west-2: no (OK); "
        "alarm shop-latency in us-west-1: unknown (INSUFFICIENT_DATA); "
        f"probe {SITE}: no (HTTP 200); "
        "AWS Health on RDS: no (no open issue)"
    )


def test_a_plan_of_a_triggered_run_says_what_it_would_wait_for(night: Night) -> None:
    assert night.enter(CANARY, LATENCY, dry_run=True)()["outcome"] == "would wait"


def test_it_only_looks(night: Night) -> None:
    night.failing |= {"shop-canary", "shop-latency"}
    night.passes(130)
    night.asked.clear()
    night.enter(CANARY, LATENCY, PROBE, HEALTH)()
    assert night.asked == {"Query", "DescribeAlarms", "DescribeEvents"}


def test_aws_health_never_decides_alone() -> None:
    with pytest.raises(ValueError, match="AWS Health could decide alone, write 2 or more"):
        RegionImpaired(at_least=1, of=(Source(health="RDS"), Source(probe={Region(PRIMARY): SITE})))


# A health check of Route 53.


def checking(night: Night) -> tuple[EndpointCheck, dict[str, str]]:
    """One of the primary's own endpoint, and it as a source."""
    check = Route53.of(night.cloud, night.net).endpoint_check("shop.us-east-1.example.com", interval=10)
    night.passes(60)
    return check, {"health_check": check.id}


def test_a_health_check_says_what_its_checkers_reach(night: Night) -> None:
    _, source = checking(night)
    assert night.said(source) == "no"
    night.status = 503
    night.passes(60)
    assert night.said(source) == "yes"


def test_a_health_check_is_one_of_several_sources(night: Night) -> None:
    _, source = checking(night)
    night.status = 503
    night.passes(60)
    assert night.enter(PROBE, source, CANARY)()["outcome"] == "impaired"


@pytest.mark.parametrize("dark", [PRIMARY, f"route53/{PRIMARY}"])
def test_with_us_east_1_dark_a_health_check_is_unknown(night: Night, dark: str) -> None:
    """Its checkers see it, and its control plane cannot tell."""
    _, source = checking(night)
    night.status = 503
    night.passes(60)
    night.cloud.faults.dark.add(dark)
    assert night.said(source) == "unknown"


def test_a_health_check_that_is_not_there_or_has_no_status_is_unknown(night: Night) -> None:
    assert night.said({"health_check": "abcdef11-2222-3333-4444-555555fedcba"}) == "unknown"
    _, source = checking(night)

    def refused(request: Request) -> Any:
        raise AwsError("InvalidInput", "a calculated health check", 400)

    night.cloud.serve("route53", "GetHealthCheckStatus", refused)
    assert night.said(source) == "unknown"


WELL, ILL, ODD = "Success: HTTP Status Code 200, OK", "Failure: The endpoint did not respond", "Pondering"


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ([WELL] * 2 + [ILL] * 8, "no"),
        ([WELL] * 1 + [ILL] * 9, "yes"),
        ([WELL] * 2 + [ILL] * 8 + [ODD] * 90, "no"),
        ([ODD] * 8, "unknown"),
        ([], "unknown"),
        (None, "unknown"),
    ],
)
def test_more_than_18_percent_of_the_checkers_make_it_healthy(
    night: Night, told: list[str] | None, says: str
) -> None:
    _, source = checking(night)
    now = stamp(night.cloud.clock.now)
    seen = [{"StatusReport": {"Status": status, "CheckedTime": now}} for status in told or ()]
    answer: Any = {"HealthCheckObservations": seen} if told is not None else {"HealthCheckObservations": [{}]}
    night.cloud.serve("route53", "GetHealthCheckStatus", lambda request: answer)
    assert night.said(source) == says


def test_what_checkers_have_seen_long_ago_is_unknown(night: Night) -> None:
    _, source = checking(night)
    seen = [{"StatusReport": {"Status": ILL, "CheckedTime": stamp(night.cloud.clock.now - 200)}}]
    night.cloud.serve("route53", "GetHealthCheckStatus", lambda request: {"HealthCheckObservations": seen})
    assert night.said(source) == "unknown"


def test_a_health_check_that_is_ill_while_all_is_well_is_a_doubt(night: Night) -> None:
    night.status = 503
    check, source = checking(night)
    doubts = night.enter(CANARY, LATENCY, source, dry_run=True)()["facts"]["doubts"]
    assert doubts == [f"health check {check.id} says yes: 8 of 8 checkers do not reach it"]


def test_route_53_never_decides_alone_nor_with_aws_health() -> None:
    checked = Source(health_check=HealthCheckId("abcdef11-2222-3333-4444-555555fedcba"))
    with pytest.raises(ValueError, match="Route 53 could decide alone, write 2 or more"):
        RegionImpaired(at_least=1, of=(checked, Source(probe={Region(PRIMARY): SITE})))
    of = (checked, Source(health=HealthService("RDS")), Source(probe={Region(PRIMARY): SITE}))
    with pytest.raises(ValueError, match="AWS Health and Route 53 could decide alone, write 3 or more"):
        RegionImpaired(at_least=2, of=of)


def test_its_policy_names_the_health_checks_that_are_written_and_no_other() -> None:
    checked = {"health_check": "abcdef11-2222-3333-4444-555555fedcba"}
    for sources, arns in (
        ([CANARY, PROBE], []),
        ([CANARY, checked], [f"arn:{{partition}}:route53:::healthcheck/{checked['health_check']}"]),
    ):
        assert list(arns_of(CHECK, (PRIMARY, STANDBY), {"of": sources})) == arns


@pytest.mark.parametrize("at_least", [0, 3])
def test_as_many_sources_as_there_are(at_least: int) -> None:
    with pytest.raises(ValueError, match="write 1 to 2"):
        RegionImpaired(at_least=at_least, of=(Source(health="RDS"), Source(probe={Region(PRIMARY): SITE})))


def test_a_dwell_that_can_never_pass() -> None:
    with pytest.raises(ValueError, match="longer than within"):
        RegionImpaired(at_least=1, of=(Source(probe={Region(PRIMARY): SITE}),), dwell=Seconds(601))


@pytest.mark.parametrize("kinds", [{}, {"alarm": "shop-canary", "probe": {Region("us-east-1"): SITE}}])
def test_a_source_is_of_one_kind(kinds: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="one of alarm, probe, health and health_check"):
        Source(**kinds)  # type: ignore[arg-type]


def test_an_alarm_without_its_region() -> None:
    with pytest.raises(ValueError, match="write `at`"):
        Source(alarm="shop-canary")


def test_a_probe_goes_out_from_where_the_step_runs() -> None:
    with pytest.raises(ValueError, match="leave `at` out"):
        Source(probe={Region(PRIMARY): SITE}, at=Region(OBSERVER))
