"""An object in the standby Region leads customers there, or to the primary: the real handler, in the twin."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from farshore.lint import judged
from farshore.runbook.load import load
from farshore.testing.ticker import EAST, OTHER, REPLICAS, TABLE, WEST, Ticker, declared, ticking
from functions.handler import step_from
from functions.steps.route53_standby import Route53Standby
from twin.cloud import Cloud
from twin.faults import Kind
from twin.services.lambda_.model import Functions
from twin.services.route53.model import Route53
from twin.services.s3.model import Websites

STEP, BUCKET, KEY = "route53_standby", "shop-takes-over", "take-over.html"
WRITES = ("PutObject", "DeleteObject")


class Scene(Ticker):
    """A name whose primary record follows an inverted health check of an object in the standby's bucket."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        Websites.of(cloud, self.net)
        self.s3 = boto3.client("s3", region_name=WEST)
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": WEST})
        self.s3.delete_public_access_block(Bucket=BUCKET)
        allow = '{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "%s"}'
        named = f"arn:aws:s3:::{BUCKET}/{KEY}"
        self.s3.put_bucket_policy(Bucket=BUCKET, Policy=f'{{"Statement": [{allow % named}]}}')
        self.says = {EAST: (200, EAST.encode()), WEST: (200, WEST.encode())}
        for region in (EAST, WEST):
            self.net.serve(f"shop.{region}.example", region, lambda asked, at=region: self.says[at])  # type: ignore[misc]
        dns = Route53.of(cloud, self.net)
        self.check = dns.object_check(WEST, BUCKET, KEY, interval=10)
        hosts = [(f"shop.{EAST}.example", self.check), (f"shop.{WEST}.example", lambda: True)]
        dns.record("shop.example", hosts)
        self.inputs: dict[str, Any] = {
            "standby": WEST,
            "bucket": BUCKET,
            "key": KEY,
            "health_check": self.check.id,
            "to": WEST,
            "probe": "https://shop.example/",
            "direct": f"https://shop.{WEST}.example/",
            "patience": 20,
        }
        for region in (EAST, WEST):
            self.deploy(Route53Standby, region, policy=declared(Route53Standby, self.inputs))
        self.hold()

    @property
    def home(self) -> dict[str, Any]:
        """Inputs that lead customers to the primary."""
        return {**self.inputs, "to": EAST}

    def go(self, **given: Any) -> dict[str, Any]:
        return self.converge(STEP, self.inputs, **given)

    def go_home(self, **given: Any) -> dict[str, Any]:
        return self.converge(STEP, self.home, EAST, **given)

    def is_there(self) -> bool:
        return Websites.of(self.cloud).shows(BUCKET, KEY)

    def customers(self) -> str:
        return self.net.resolve("shop.example")

    def darken(self, *places: str) -> None:
        """Long enough for the health check to have noticed."""
        self.cloud.faults.dark.update(places)
        self.clock.sleep(60)


@pytest.fixture
def scene() -> Iterator[Scene]:
    with ticking(kind=Scene) as made:
        assert isinstance(made, Scene)
        yield made


def test_the_object_leads_customers_to_the_standby_and_that_is_seen(scene: Scene) -> None:
    assert scene.customers() == f"shop.{EAST}.example"
    assert scene.go() == {"outcome": "done", "facts": {}}
    assert scene.is_there()
    assert scene.customers() == f"shop.{WEST}.example"


def test_without_it_they_are_led_home(scene: Scene) -> None:
    scene.go()
    assert scene.go_home()["outcome"] == "done"
    assert not scene.is_there()
    assert scene.customers() == f"shop.{EAST}.example"


def test_it_waits_until_customers_see_it(scene: Scene) -> None:
    said = scene.fails(STEP, scene.inputs)
    assert said.startswith("NotYet")
    assert (
        f"is there, and must be readable for everybody; https://shop.example/ is not answered from {WEST}"
        in said
    )
    assert scene.is_there()


def test_an_object_that_the_health_check_may_not_read_leads_nobody(scene: Scene) -> None:
    scene.s3.put_public_access_block(
        Bucket=BUCKET, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True}
    )
    scene.clock.sleep(60)
    scene.fails(STEP, scene.inputs)
    scene.clock.sleep(300)
    assert "must be readable for everybody" in scene.fails(STEP, scene.inputs)
    assert scene.fails(STEP, scene.inputs, entered=scene.clock.now - 901).startswith(
        "Refused: the state: not within"
    )


def test_again_is_the_same(scene: Scene) -> None:
    for go in (scene.go, scene.go_home):
        go()
        scene.calls()
        assert go()["outcome"] == "done"
        assert scene.calls(*WRITES, "PutItem") == []


def test_it_asks_nothing_of_the_primary_and_never_route_53(scene: Scene) -> None:
    scene.darken(EAST)
    began = len(scene.requests)
    assert scene.go(mode="ungraceful")["outcome"] == "done"
    asked = [request for request in scene.requests[began:] if request.service != "dynamodb"]
    aws = {(request.service, request.region) for request in asked if request.service != "http"}
    assert aws == {("s3", WEST)}
    assert {request.url for request in asked if request.service == "http"} == {"https://shop.example/"}


def test_one_probe_from_the_other_region_is_too_many(scene: Scene) -> None:
    scene.go()
    scene.says[WEST] = (200, f"{WEST}, as {EAST} said".encode())
    assert "is not answered from us-west-1 alone yet" in scene.fails(STEP, scene.inputs)


# The standby in the dark.


def led_away(scene: Scene) -> None:
    """Customers are in the standby, which goes dark: its health check leads them home by itself."""
    scene.go()
    scene.darken(WEST)
    assert scene.customers() == f"shop.{EAST}.example"


def test_with_the_standby_dark_an_ungraceful_run_home_is_done_by_what_probes_see_and_owes_it(
    scene: Scene,
) -> None:
    led_away(scene)
    began = scene.clock.now
    answer = scene.go_home(mode="ungraceful")
    assert answer == {"outcome": "unknown", "facts": {"object": "unknown", "led_by": "health"}}
    assert scene.clock.now - began > 20
    assert list(scene.records().debts) == [f"s3:{WEST}:{BUCKET}/{KEY}:removal"]
    assert scene.is_there()


def test_what_is_owed_is_removed_once_the_standby_answers(scene: Scene) -> None:
    led_away(scene)
    scene.go_home(mode="ungraceful")
    said = scene.fails(STEP, scene.home, EAST, purpose="settle", entered=scene.clock.now - 30)
    assert said.startswith(f"Refused: the state: the removal of {KEY} of {BUCKET} in {WEST} is owed")
    scene.cloud.faults.dark.clear()
    assert scene.tick(STEP, scene.inputs, purpose="settle")["outcome"] == "nothing owed"
    scene.go_home(purpose="settle")
    assert not scene.is_there()
    assert not scene.records().debts
    assert scene.tick(STEP, scene.home, EAST, purpose="settle")["outcome"] == "nothing owed"


def test_a_removal_is_owed_no_more_once_customers_shall_be_there_again(scene: Scene) -> None:
    led_away(scene)
    scene.go_home(mode="ungraceful")
    scene.cloud.faults.dark.clear()
    scene.go(mode="ungraceful")
    assert scene.is_there()
    assert not scene.records().debts


def test_a_standby_that_is_answered_well_may_get_customers_again(scene: Scene) -> None:
    """Its bucket alone is silent."""
    scene.go()
    scene.darken(f"s3/{WEST}")
    said = scene.fails(STEP, scene.home, EAST, mode="ungraceful", entered=scene.clock.now - 30)
    assert f"https://shop.{WEST}.example/ is answered well: customers may be led there again" in said
    assert not scene.records().debts


def test_customers_who_are_still_led_to_a_silent_standby_are_waited_for(scene: Scene) -> None:
    scene.go()
    scene.cloud.faults.dark.add(WEST)
    said = scene.fails(STEP, scene.home, EAST, mode="ungraceful", entered=scene.clock.now - 30)
    assert f"is not answered from {EAST} alone" in said


def test_a_graceful_run_home_waits_for_the_standby_and_is_refused_in_the_end(scene: Scene) -> None:
    led_away(scene)
    scene.hold(OTHER)
    for waited, said in ((300, "NotYet"), (901, "Untouched")):
        given = {"execution": OTHER, "entered": scene.clock.now - waited}
        assert scene.fails(STEP, scene.home, EAST, **given).startswith(said)


def test_nobody_is_led_to_a_standby_that_is_silent(scene: Scene) -> None:
    scene.darken(WEST)
    said = scene.fails(STEP, scene.inputs, mode="ungraceful", entered=scene.clock.now - 30)
    assert said.startswith("NotYet")
    assert not scene.records().debts


# Whatever AWS answers.


@pytest.mark.parametrize("operation", [*WRITES, "HeadObject", "GET"])
@pytest.mark.parametrize("kind", ["lost_before", "lost_after", "throttled", "503", "slow", "hollow"])
def test_one_call_that_goes_wrong_delays_it(scene: Scene, operation: str, kind: Kind) -> None:
    scene.inject(kind, operation)
    assert scene.go()["outcome"] == "done"
    scene.inject(kind, operation)
    assert scene.go_home()["outcome"] == "done"
    assert not scene.is_there()


def test_an_object_that_may_not_be_put_leaves_the_run_untouched(scene: Scene) -> None:
    scene.inject("denied", "PutObject")
    assert scene.fails(STEP, scene.inputs).startswith("Untouched: the state: s3:PutObject of")


def test_a_bucket_that_is_not_there_is_refused(scene: Scene) -> None:
    inputs = {**scene.inputs, "bucket": "shop-that-never-was"}
    Functions.of(scene.cloud).function(WEST, STEP).policy = None
    assert "NoSuchBucket" in scene.fails(STEP, inputs)


def test_without_the_right_to_list_a_missing_object_is_a_refusal_and_not_taken_for_missing(
    scene: Scene,
) -> None:
    held = declared(Route53Standby, scene.inputs)
    policy = tuple(each for each in held if "s3:ListBucket" not in each.actions)
    Functions.of(scene.cloud).function(WEST, STEP).policy = policy
    assert "s3:GetObject of shop-takes-over in us-west-1 was refused" in scene.fails(STEP, scene.inputs)


# In peace.


def plan(scene: Scene, **more: Any) -> dict[str, Any]:
    return scene.tick(STEP, {**scene.inputs, **more}, dry_run=True)


def test_a_dry_run_tells_what_it_would_do_and_does_it_not(scene: Scene) -> None:
    told = plan(scene)
    assert (told["outcome"], told["why"]) == ("would change", f"put {KEY} of {BUCKET} in {WEST}")
    assert [(call["operation"], call["region"]) for call in told["calls"]] == [("PutObject", WEST)]
    assert told["facts"] == {}, "all is well, so nothing is in doubt"
    assert not scene.is_there()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"inverted": False}, "is not inverted: it leads customers away while the object is missing"),
        ({"disabled": True}, "is disabled, and so always healthy"),
        (
            {"path": "/another.html"},
            f"asks for {BUCKET}.s3.{WEST}.amazonaws.com/another.html, and not for {KEY}",
        ),
    ],
)
def test_a_dry_run_doubts_a_health_check_that_would_not_follow(
    scene: Scene, change: dict[str, Any], said: str
) -> None:
    for name, value in change.items():
        setattr(scene.check, name, value)
    (doubt,) = plan(scene)["facts"]["doubts"]
    assert doubt.startswith(f"health check {scene.check.id} {said}")


def test_a_dry_run_doubts_a_check_and_a_bucket_that_are_not_there(scene: Scene) -> None:
    Functions.of(scene.cloud).function(WEST, STEP).policy = None
    none = {"health_check": "abcdef11-2222-3333-4444-555555fedcba", "bucket": "shop-that-never-was"}
    bucket, check = plan(scene, **none)["facts"]["doubts"]
    assert bucket.startswith("bucket shop-that-never-was: S3 answers 404: create it")
    assert check.startswith(
        "health check abcdef11-2222-3333-4444-555555fedcba: Route 53 answers NoSuchHealthCheck"
    )


def test_a_dry_run_doubts_a_bucket_in_another_region(scene: Scene) -> None:
    boto3.client("s3", region_name=EAST).create_bucket(Bucket="shop-elsewhere")
    Functions.of(scene.cloud).function(WEST, STEP).policy = None
    doubts = plan(scene, bucket="shop-elsewhere")["facts"]["doubts"]
    assert f"bucket shop-elsewhere is in {EAST}, and may be dark while {WEST} is not" in doubts[0]


def test_a_dry_run_doubts_an_object_that_is_there_already(scene: Scene) -> None:
    scene.go()
    told = plan(scene)
    assert told["outcome"] == "done"
    assert told["facts"]["doubts"] == [
        f"{KEY} of {BUCKET} in {WEST} is there already: a failover would change nothing; remove it"
    ]
    assert scene.tick(STEP, scene.home, EAST, dry_run=True)["facts"] == {}


def test_a_dry_run_doubts_a_probe_that_names_no_region(scene: Scene) -> None:
    scene.says[EAST] = (200, b"welcome")
    (doubt,) = plan(scene)["facts"]["doubts"]
    assert doubt.startswith("https://shop.example/ is answered without naming us-west-1 or us-east-1")


def test_a_dry_run_in_the_dark_of_us_east_1_doubts_what_it_could_not_ask(scene: Scene) -> None:
    scene.cloud.faults.dark.add("route53/us-east-1")
    told = plan(scene)
    assert told["outcome"] == "would change"
    assert any("route53:GetHealthCheck" in doubt for doubt in told["facts"]["doubts"])


def test_a_standby_that_is_no_region_of_the_application_is_refused(scene: Scene) -> None:
    said = scene.fails(STEP, {**scene.inputs, "standby": "eu-west-1"})
    assert "standby eu-west-1 is neither us-east-1 nor us-west-1" in said


def test_a_patience_that_does_not_end_before_the_state_does_is_refused(scene: Scene) -> None:
    with pytest.raises(ValueError, match="is not shorter than within"):
        step_from(Route53Standby, {**scene.inputs, "patience": 900})


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
  - route53_standby:
      standby: {WEST}
      bucket: {BUCKET}
      key: {KEY}
      health_check: abcdef11-2222-3333-4444-555555fedcba
      probe: https://shop.example/where
      direct: https://shop.{WEST}.example/where
  - synthetic_write:
      url: https://shop.example
      write: /orders
      body: '{{"order": "{{marker}}"}}'
      read: /orders/{{marker}}
"""


def test_a_runbook_with_it_survives_the_loss_of_either_region(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(RUNBOOK)
    found = judged(load(path))
    assert [each.what for each in found.findings] == []
    assert all(survival["survives"] for survival in found.survives().values())
