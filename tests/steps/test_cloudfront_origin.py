"""CloudFront asks the origin of the Region that takes over: the real handler, in the twin."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from farshore.lint import Judgement, judged
from farshore.runbook.load import load
from farshore.testing.ticker import EAST, OTHER, REPLICAS, TABLE, WEST, Ticker, declared, ticking
from functions.handler import step_from
from functions.step import Change
from functions.steps.cloudfront_origin import CloudfrontOrigin, Distribution, Seen
from twin.cloud import Cloud
from twin.faults import Kind
from twin.services.cloudfront.model import CloudFront
from twin.services.lambda_.model import FunctionError

STEP, UPDATE = "cloudfront_origin", "UpdateDistribution"
API = {
    "PathPattern": "/api/*",
    "TargetOriginId": "primary",
    "ViewerProtocolPolicy": "https-only",
    "Compress": True,
    "CachePolicyId": "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
}
OF_OTHERS = {
    "PathPattern": "/img/*",
    "TargetOriginId": "both",
    "ViewerProtocolPolicy": "allow-all",
    "MinTTL": 60,
}


class Scene(Ticker):
    """A distribution with all sorts of settings, whose default behaviour asks an origin group."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self.edge = CloudFront.of(cloud, self.net).distribution(
            "edge.example", "east.example", "west.example"
        )
        config = self.edge.config
        headers = {"Quantity": 1, "Items": [{"HeaderName": "x-origin-verify", "HeaderValue": "s3cret"}]}
        config["Origins"]["Items"][0] |= {"CustomHeaders": headers, "ConnectionAttempts": 2}
        config["CacheBehaviors"] = {"Quantity": 2, "Items": [dict(API), dict(OF_OTHERS)]}
        config |= {
            "Aliases": {"Quantity": 1, "Items": ["shop.example"]},
            "Logging": {"Enabled": False, "IncludeCookies": False, "Bucket": "", "Prefix": ""},
            "HttpVersion": "http2and3",
            "WebACLId": "arn:aws:wafv2:us-east-1:123456789012:global/webacl/shop/1",
        }
        self.inputs: dict[str, Any] = {
            "distribution": self.edge.id,
            "origins": {EAST: "primary", WEST: "secondary"},
            "behaviours": ["*", "/api/*"],
            "to": WEST,
        }
        for region in (EAST, WEST):
            self.deploy(CloudfrontOrigin, region, policy=declared(CloudfrontOrigin, self.inputs))
        self.hold()

    @property
    def home(self) -> dict[str, Any]:
        return {**self.inputs, "to": EAST}

    def go(self, **more: Any) -> dict[str, Any]:
        return self.arrive({**self.inputs, **more}, WEST)

    def go_home(self, **more: Any) -> dict[str, Any]:
        return self.arrive({**self.home, **more}, EAST)

    def arrive(self, inputs: dict[str, Any], region: str) -> dict[str, Any]:
        """Ticks at the step's pace: an update takes minutes to reach every edge."""
        entered = self.clock.now
        for _ in range(120):
            try:
                return self.tick(STEP, inputs, region, entered=entered)
            except FunctionError as error:
                if error.body["errorType"] != "NotYet":
                    raise
                self.clock.sleep(15)
        raise AssertionError("it never got there")

    def asks(self) -> list[str]:
        config = self.edge.config
        return [
            config["DefaultCacheBehavior"]["TargetOriginId"],
            *(each["TargetOriginId"] for each in config["CacheBehaviors"]["Items"]),
        ]


@pytest.fixture
def scene() -> Iterator[Scene]:
    with ticking(kind=Scene) as made:
        assert isinstance(made, Scene)
        yield made


def test_its_behaviours_ask_the_origin_there_and_nothing_else_of_it_changes(scene: Scene) -> None:
    expected = copy.deepcopy(scene.edge.config)
    expected["DefaultCacheBehavior"]["TargetOriginId"] = "secondary"
    expected["CacheBehaviors"]["Items"][0]["TargetOriginId"] = "secondary"
    done = scene.go()
    assert done == {"outcome": "done", "facts": {"origins": {"*": "secondary", "/api/*": "secondary"}}}
    assert scene.edge.config == expected


def test_members_that_no_step_knows_are_sent_back_as_they_were_read() -> None:
    """As a newer botocore would read them."""
    strange = {"Sparkles": {"Quantity": 1, "Items": [{"Colour": "red"}]}}
    behaviour = {"TargetOriginId": "primary", "Glitter": 7, **strange}
    config = {
        **strange,
        "Origins": {"Quantity": 2, "Items": [{"Id": "primary", **strange}, {"Id": "secondary"}]},
        "DefaultCacheBehavior": behaviour,
        "CacheBehaviors": {"Quantity": 0, "Shine": True},
    }
    before = copy.deepcopy(config)
    step = step_from(
        CloudfrontOrigin,
        {"distribution": "E0000000000001", "origins": {EAST: "primary", WEST: "secondary"}, "to": WEST},
    )
    decision = step.decide(Seen(Distribution(config, "E1", "Deployed"), {}, {}, False))
    assert isinstance(decision, Change)
    sent = decision.calls[0].parameters
    behaviour = {**behaviour, "TargetOriginId": "secondary"}
    assert sent["DistributionConfig"] == {**before, "DefaultCacheBehavior": behaviour}
    assert sent["IfMatch"] == "E1"
    assert config == before


def test_it_waits_until_every_edge_has_it(scene: Scene) -> None:
    said = scene.fails(STEP, scene.inputs)
    assert "is InProgress: not every edge asks secondary for *, secondary for /api/* yet" in said
    assert scene.asks() == ["secondary", "secondary", "both"]


def test_again_is_the_same(scene: Scene) -> None:
    scene.go()
    scene.calls()
    assert scene.tick(STEP, scene.inputs)["outcome"] == "done"
    assert scene.calls(UPDATE, "PutItem") == []


def test_origins_that_the_runbook_does_not_name_come_back_exactly(scene: Scene) -> None:
    before = copy.deepcopy(scene.edge.config)
    assert scene.asks() == ["both", "primary", "both"]
    for _ in range(2):
        scene.go()
        scene.go_home()
        assert scene.edge.config == before
    assert scene.tick(STEP, scene.home, EAST)["outcome"] == "done"


def test_a_run_that_takes_another_up_on_its_way_forgets_nothing(scene: Scene) -> None:
    scene.fails(STEP, scene.inputs)
    scene.edge.config["CacheBehaviors"]["Items"][0]["TargetOriginId"] = "primary"  # by a person
    scene.hold(OTHER)
    scene.fails(STEP, scene.inputs, execution=OTHER)
    scene.clock.sleep(601)
    scene.hold()
    scene.go_home()
    assert scene.asks() == ["both", "primary", "both"]


def test_what_the_runbook_names_needs_no_memory(scene: Scene) -> None:
    scene.edge.config["DefaultCacheBehavior"]["TargetOriginId"] = "primary"
    scene.go()
    assert not scene.records().kept
    scene.go_home()
    assert scene.asks() == ["primary", "primary", "both"]


def test_what_somebody_has_set_since_is_what_comes_back_the_next_time(scene: Scene) -> None:
    scene.go()
    scene.go_home()
    scene.edge.config["DefaultCacheBehavior"]["TargetOriginId"] = "primary"
    scene.go()
    scene.go_home()
    assert scene.asks() == ["primary", "primary", "both"]


# Planned moves only.


def test_an_ungraceful_run_is_refused_before_anything_is_asked(scene: Scene) -> None:
    scene.calls()
    said = scene.fails(STEP, scene.inputs, mode="ungraceful")
    assert said.startswith("Untouched: the state: CloudFront's control plane lives in us-east-1 alone")
    assert "move customers by an origin group or DNS, and skip this state" in said
    assert scene.calls("GetDistribution", UPDATE) == []


def test_a_graceful_run_waits_for_the_control_plane_and_is_refused_in_the_end(scene: Scene) -> None:
    scene.cloud.faults.dark.add(EAST)
    now = scene.clock.now
    assert scene.fails(STEP, scene.inputs, entered=now - 1000).startswith("NotYet")
    assert scene.fails(STEP, scene.inputs, entered=now - 1900).startswith("Untouched")


RUNBOOK = f"""\
application: shop
regions: {{primary: us-west-2, standby: {WEST}, observer: us-east-2}}
objectives: {{rto: 4h, rpo: 30s}}
ledger: {{table: {TABLE}, regions: [{", ".join(REPLICAS)}]}}
"""
APPROVED = f"""\
  - approval:
      topics:
        us-west-2: arn:aws:sns:us-west-2:123456789012:pages
        {WEST}: arn:aws:sns:{WEST}:123456789012:pages
"""
LINE = f"""\
  - cloudfront_origin:
      distribution: EDFDVBD632BHDS5
      origins: {{us-west-2: shop-us-west-2, {WEST}: shop-us-west-1}}
      behaviours: ["*", "/api/*"]
"""
PROVED = """\
  - synthetic_write:
      url: https://shop.example
      write: /orders
      body: '{"order": "{marker}"}'
      read: /orders/{marker}
"""


def judgement(tmp_path: Path, text: str) -> Judgement:
    path = tmp_path / "shop.yaml"
    path.write_text(RUNBOOK + text)
    return judged(load(path))


def test_in_a_failover_the_linter_refuses_it_and_says_where_it_belongs(tmp_path: Path) -> None:
    found = judgement(tmp_path, f"failover:\n{APPROVED}{LINE}{PROVED}").findings
    planes = {each.severity: (each.what, each.instead) for each in found if each.rule == "control-plane"}
    assert set(planes) == {"error"}
    what, instead = planes["error"]
    assert "a control plane that lives in us-east-1 alone, and stands in planned moves only" in what
    assert instead == "write `failback` out and do it there, and move customers by a data plane here"


def test_in_a_failback_that_is_written_out_it_may_stand_and_what_that_costs_is_said(tmp_path: Path) -> None:
    text = f"failover:\n{APPROVED}{PROVED}failback:\n{APPROVED}{LINE}{PROVED}"
    found = judgement(tmp_path, text)
    assert [each for each in found.findings if each.severity == "error"] == []
    assert any(
        "with us-east-1 dark, an ungraceful failback does not end" in each.what for each in found.findings
    )
    assert not found.survives()["us-east-1"]["survives"]
    assert found.survives()["the primary"]["survives"]


# Whatever AWS answers.


@pytest.mark.parametrize("operation", [UPDATE, "GetDistribution", "PutItem"])
@pytest.mark.parametrize("kind", ["lost_before", "lost_after", "throttled", "503", "slow", "hollow"])
def test_one_call_that_goes_wrong_delays_it(scene: Scene, operation: str, kind: Kind) -> None:
    scene.inject(kind, operation)
    assert scene.go()["outcome"] == "done"
    scene.inject(kind, operation)
    assert scene.go_home()["outcome"] == "done"
    assert scene.asks() == ["both", "primary", "both"]


def test_what_somebody_changes_at_the_same_moment_is_kept(scene: Scene) -> None:
    def change(request: Any) -> None:
        if request.operation == UPDATE and scene.edge.etag == "E000001":
            scene.edge.change({**scene.edge.config, "Comment": "of somebody"})

    scene.cloud.guards.append(change)
    scene.go()
    assert scene.edge.config["Comment"] == "of somebody"
    assert scene.asks() == ["secondary", "secondary", "both"]


def test_an_update_that_is_denied_leaves_the_run_untouched(scene: Scene) -> None:
    scene.inject("denied", UPDATE)
    assert scene.fails(STEP, scene.inputs).startswith("Untouched: the state: cloudfront:UpdateDistribution")
    assert scene.asks() == ["both", "primary", "both"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"origins": {EAST: "primary", WEST: "tertiary"}},
            "has no origin tertiary: add it, or correct its id",
        ),
        (
            {"behaviours": ["/none/*"]},
            "has no behaviour /none/*: correct the path pattern, it has /api/*, /img/*, *",
        ),
    ],
)
def test_what_the_distribution_has_not_is_refused_by_its_name(
    scene: Scene, change: dict[str, Any], said: str
) -> None:
    shown = scene.fails(STEP, {**scene.inputs, **change})
    assert shown.startswith("Untouched")
    assert said in shown


def test_a_distribution_that_is_not_there_is_refused(scene: Scene) -> None:
    CloudFront.of(scene.cloud).distributions.clear()
    assert f"there is no distribution {scene.edge.id}" in scene.fails(STEP, scene.inputs)


def test_a_dry_run_shows_the_change_and_no_secret_and_makes_none(scene: Scene) -> None:
    told = scene.tick(STEP, scene.inputs, dry_run=True)
    named = f"distribution {scene.edge.id} asks secondary for *, secondary for /api/*"
    assert (told["outcome"], told["why"]) == ("would change", named)
    assert "s3cret" not in str(told)
    assert "x-origin-verify" in str(told["calls"])
    assert scene.asks() == ["both", "primary", "both"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"behaviours": []}, "no behaviour would change"),
        ({"origins": {EAST: "primary", WEST: "primary"}}, "two Regions have the same origin"),
    ],
)
def test_inputs_that_do_not_go_together_are_refused(scene: Scene, change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        step_from(CloudfrontOrigin, {**scene.inputs, **change})
