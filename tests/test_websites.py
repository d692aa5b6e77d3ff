"""What customers meet: closed websites, dark Regions, stale addresses, an edge that moves by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import boto3
import pytest
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, ReadTimeoutError

from twin.clock import Clock
from twin.cloud import ACCOUNT, Cloud
from twin.customers import LONGEST_KEPT_TTL
from twin.faults import Kind, Request
from twin.moto.backing import Moto
from twin.net import HttpAnswer, HttpRequest, Net, Resolver
from twin.services.cloudfront.model import CloudFront
from twin.services.s3.model import Websites, website

EAST, WEST, OHIO = "us-east-1", "us-west-1", "us-east-2"
EDGE, SHOP = "d111111abcdef8.cloudfront.net", "api.shop.example"
OTHER_EDGE = "d222222abcdef8.cloudfront.net"
FOUR = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


@dataclass
class Scene:
    clock: Clock
    cloud: Cloud
    net: Net

    def get(self, url: str, method: str = "GET") -> int:
        """What a patient customer on the Internet gets."""
        return self.net.request("", method, url, read_timeout=120)[0]

    def block(self, bucket: str, **settings: bool) -> None:
        boto3.client("s3", EAST).put_public_access_block(
            Bucket=bucket, PublicAccessBlockConfiguration=settings
        )


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    with Cloud(Clock(), 7, Moto()) as cloud:
        net = Net(cloud)
        Websites(cloud, net)
        yield Scene(cloud.clock, cloud, net)


@pytest.fixture
def shop(scene: Scene) -> str:
    return a_website("shop", EAST)


@pytest.fixture
def edge(scene: Scene, shop: str) -> str:
    standby = a_website("shop-standby", WEST)
    CloudFront.of(scene.cloud, scene.net).distribution(EDGE, host(shop), host(standby))
    return f"https://{EDGE}/"


def a_website(bucket: str, region: str, *, public: bool = True, acl: str = "private") -> str:
    """A bucket whose index names its Region; gives its URL."""
    s3 = boto3.client("s3", region)
    where = {} if region == EAST else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s3.create_bucket(Bucket=bucket, **where)
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})
    s3.put_object(Bucket=bucket, Key="index.html", Body=region.encode(), ACL=acl)
    if public:
        grant = {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{bucket}/*",
        }
        s3.put_bucket_policy(
            Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [grant]})
        )
    return f"http://{website(bucket, region)}/"


def host(url: str) -> str:
    return url.split("/")[2]


def inject(scene: Scene, kind: Kind) -> None:
    scene.cloud.faults.injectors.append(lambda request: kind if request.service == "http" else None)


def serve(scene: Scene, at: str, region: str, seconds: float = 0.0) -> list[HttpRequest]:
    """A host that takes its time; gives what it has received."""
    received: list[HttpRequest] = []

    def answer(request: HttpRequest) -> HttpAnswer:
        scene.clock.sleep(seconds)
        received.append(request)
        return 200, region.encode()

    scene.net.serve(at, region, answer)
    return received


def test_a_website_gives_its_index_and_404_for_what_it_has_not(scene: Scene, shop: str) -> None:
    assert scene.net.request("", "GET", shop) == (200, EAST.encode())
    assert scene.net.request("", "GET", shop + "index.html?v=2") == (200, EAST.encode())
    assert scene.get(shop + "cart.html") == 404


def test_an_object_that_was_deleted_is_404(scene: Scene, shop: str) -> None:
    s3 = boto3.client("s3", EAST)
    s3.put_bucket_versioning(Bucket="shop", VersioningConfiguration={"Status": "Enabled"})
    s3.delete_object(Bucket="shop", Key="index.html")
    assert scene.get(shop) == 404


def test_older_regions_spell_a_website_with_a_dash_and_younger_ones_with_a_dot(scene: Scene) -> None:
    assert a_website("old", WEST) == "http://old.s3-website-us-west-1.amazonaws.com/"
    assert a_website("young", OHIO) == "http://young.s3-website.us-east-2.amazonaws.com/"
    assert scene.get("http://young.s3-website.us-east-2.amazonaws.com/") == 200


def test_a_bucket_without_a_public_policy_is_closed(scene: Scene) -> None:
    assert scene.get(a_website("private", EAST, public=False)) == 403


def test_a_block_closes_the_website_a_while_after_it_is_configured(scene: Scene, shop: str) -> None:
    scene.block("shop", **dict.fromkeys(FOUR, True))
    configured = boto3.client("s3", EAST).get_public_access_block(Bucket="shop")
    assert configured["PublicAccessBlockConfiguration"]["RestrictPublicBuckets"]
    assert scene.get(shop) == 200
    scene.clock.sleep(10)
    assert scene.get(shop) == 403
    boto3.client("s3", EAST).delete_public_access_block(Bucket="shop")
    scene.clock.sleep(10)
    assert scene.get(shop) == 200


def test_a_new_bucket_is_blocked_whole_and_its_website_closed_until_that_is_taken_away(scene: Scene) -> None:
    s3 = boto3.client("s3", EAST)
    s3.create_bucket(Bucket="new")
    blocked = s3.get_public_access_block(Bucket="new")["PublicAccessBlockConfiguration"]
    assert blocked == dict.fromkeys(FOUR, True)
    s3.put_bucket_website(Bucket="new", WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})
    s3.put_object(Bucket="new", Key="index.html", Body=b"", ACL="public-read")
    url = f"http://{website('new', EAST)}/"
    assert scene.get(url) == 403
    s3.delete_public_access_block(Bucket="new")
    scene.clock.sleep(10)
    assert scene.get(url) == 200


@pytest.mark.parametrize(
    ("acl", "setting", "status"),
    [
        ("public-read", {}, 200),
        ("private", {}, 403),
        ("public-read", {"IgnorePublicAcls": True}, 403),
        ("public-read", {"RestrictPublicBuckets": True, "BlockPublicAcls": True}, 200),
    ],
)
def test_a_website_is_public_by_its_objects_acls_until_those_are_ignored(
    scene: Scene, acl: str, setting: dict[str, bool], status: int
) -> None:
    url = a_website("pages", EAST, public=False, acl=acl)
    scene.block("pages", **dict.fromkeys(FOUR, False) | setting)
    scene.clock.sleep(10)
    assert scene.get(url) == status
    assert scene.get(f"{url}none.html") == 403
    assert Websites.of(scene.cloud).is_open("pages") is (status == 200) or not any(setting.values())


def test_a_restricted_bucket_with_a_public_policy_lets_nobody_in_by_an_acl(scene: Scene) -> None:
    url = a_website("pages", EAST, acl="public-read")
    scene.block("pages", RestrictPublicBuckets=True)
    scene.clock.sleep(10)
    assert scene.get(url) == 403


def test_blocking_new_policies_leaves_the_one_that_is_there(scene: Scene, shop: str) -> None:
    scene.block("shop", BlockPublicAcls=True, IgnorePublicAcls=True, BlockPublicPolicy=True)
    scene.clock.sleep(10)
    assert scene.get(shop) == 200


def test_the_accounts_block_closes_a_bucket_that_has_none(scene: Scene, shop: str) -> None:
    boto3.client("s3control", EAST).put_public_access_block(
        AccountId=ACCOUNT, PublicAccessBlockConfiguration=dict.fromkeys(FOUR, True)
    )
    scene.clock.sleep(10)
    assert scene.get(shop) == 403


@pytest.mark.parametrize("dark", [EAST, f"s3/{EAST}", "shop.s3-website-us-east-1.amazonaws.com"])
def test_in_the_dark_a_connection_times_out_after_two_seconds(scene: Scene, shop: str, dark: str) -> None:
    scene.cloud.faults.dark.add(dark)
    before = scene.clock.now
    with pytest.raises(ConnectTimeoutError):
        scene.net.request("", "GET", shop)
    assert scene.clock.now - before == pytest.approx(2)


def test_parted_regions_do_not_reach_each_other_and_customers_reach_both(scene: Scene, shop: str) -> None:
    scene.cloud.faults.partitions.add(frozenset({EAST, WEST}))
    with pytest.raises(ConnectTimeoutError):
        scene.net.request(WEST, "GET", shop)
    assert scene.get(shop) == 200


def test_a_slow_host_goes_on_when_its_caller_has_given_up(scene: Scene) -> None:
    received = serve(scene, SHOP, EAST, seconds=30)
    before = scene.clock.now
    with pytest.raises(ReadTimeoutError):
        scene.net.request("", "POST", f"https://{SHOP}/orders", b"{}")
    assert scene.clock.now - before == pytest.approx(5)
    assert received == []
    scene.clock.sleep(30)
    assert [request.path for request in received] == ["/orders"]


def test_a_region_that_goes_dark_under_a_request_does_not_answer_it(scene: Scene) -> None:
    received = serve(scene, SHOP, EAST, seconds=2)
    scene.clock.after(1, lambda: scene.cloud.faults.dark.add(EAST))
    with pytest.raises(ReadTimeoutError):
        scene.net.request("", "POST", f"https://{SHOP}/orders")
    assert len(received) == 1


@pytest.mark.parametrize(
    ("kind", "status"), [("throttled", 429), ("500", 500), ("503", 503), ("denied", 403)]
)
def test_a_fault_can_answer_in_the_hosts_place(scene: Scene, kind: Kind, status: int) -> None:
    received = serve(scene, SHOP, EAST)
    inject(scene, kind)
    assert scene.get(f"https://{SHOP}/") == status
    assert received == []


@pytest.mark.parametrize(
    ("kind", "error", "seconds", "done"),
    [
        ("lost_before", ConnectTimeoutError, 2, 0),
        ("lost_after", ReadTimeoutError, 5, 1),
        ("slow", ReadTimeoutError, 5, 1),
    ],
)
def test_a_lost_request_costs_its_time_out_and_may_have_been_done(
    scene: Scene, kind: Kind, error: type[Exception], seconds: float, done: int
) -> None:
    received = serve(scene, SHOP, EAST)
    inject(scene, kind)
    before = scene.clock.now
    with pytest.raises(error):
        scene.net.request("", "POST", f"https://{SHOP}/")
    assert scene.clock.now - before == pytest.approx(seconds)
    scene.clock.sleep(1)
    assert len(received) == done


def test_a_fault_script_sees_who_asks_whom_for_what(scene: Scene) -> None:
    serve(scene, SHOP, EAST)
    seen: list[Request] = []
    scene.cloud.faults.injectors.append(lambda request: seen.append(request))
    with scene.cloud.acting_as("farshore-approval", WEST):
        scene.net.request(WEST, "POST", f"https://{SHOP}/orders", b"{}")
    parameters = {"url": f"https://{SHOP}/orders", "body": b"{}"}
    [request] = seen
    assert request == Request(
        "http", "POST", EAST, parameters, "farshore-approval", WEST, f"https://{SHOP}/orders"
    )


def test_a_customer_keeps_a_stale_address_until_its_time_to_live_is_over(scene: Scene) -> None:
    for region in EAST, WEST:
        serve(scene, f"alb-{region}", region)
    target = [EAST]
    scene.net.name("shop.example", lambda: f"alb-{target[0]}")
    customer = Resolver(scene.net, LONGEST_KEPT_TTL)
    assert customer.resolve("shop.example") == f"alb-{EAST}"
    target[0] = WEST
    scene.clock.sleep(59)
    stale = customer.resolve("shop.example")
    assert scene.net.request("", "GET", "https://shop.example/", host=stale)[1] == EAST.encode()
    assert scene.net.request("", "GET", "https://shop.example/")[1] == WEST.encode()
    scene.clock.sleep(1)
    assert customer.resolve("shop.example") == f"alb-{WEST}"


def test_a_host_gets_the_name_and_the_path_that_were_asked_for(scene: Scene) -> None:
    received = serve(scene, "alb-east", EAST)
    scene.net.name("www.example", lambda: "shop.example")
    scene.net.name("shop.example", lambda: "alb-east")
    scene.get("https://www.example/cart?item=7")
    assert [(request.host, request.path) for request in received] == [("www.example", "/cart?item=7")]


def test_a_name_that_stands_for_nothing_does_not_resolve(scene: Scene) -> None:
    scene.net.name("shop.example", lambda: None)
    scene.net.name("loop.example", lambda: "loop.example")
    for name in "shop.example", "loop.example", "never.example":
        with pytest.raises(NameResolutionError):
            scene.get(f"https://{name}/")


def test_the_edge_serves_the_primary_while_it_answers(scene: Scene, edge: str) -> None:
    assert scene.net.request("", "GET", edge) == (200, EAST.encode())


def test_the_edge_turns_to_the_secondary_on_403_and_back_by_itself(scene: Scene, edge: str) -> None:
    scene.block("shop", **dict.fromkeys(FOUR, True))
    scene.clock.sleep(10)
    assert scene.net.request("", "GET", edge) == (200, WEST.encode())
    scene.block("shop", **dict.fromkeys(FOUR, False))
    scene.clock.sleep(10)
    assert scene.net.request("", "GET", edge) == (200, EAST.encode())


def test_every_request_to_the_edge_waits_thirty_seconds_for_a_dark_primary(scene: Scene, edge: str) -> None:
    scene.cloud.faults.dark.add(EAST)
    for _ in range(2):
        before = scene.clock.now
        assert scene.net.request("", "GET", edge, read_timeout=60) == (200, WEST.encode())
        assert 30 < scene.clock.now - before < 31


def test_a_caller_with_five_seconds_never_learns_that_the_edge_has_moved(scene: Scene, edge: str) -> None:
    scene.cloud.faults.dark.add(EAST)
    with pytest.raises(ReadTimeoutError):
        scene.net.request(WEST, "GET", edge)


def test_the_edge_does_not_take_a_write_to_the_secondary(scene: Scene, edge: str) -> None:
    scene.cloud.faults.dark.add(EAST)
    assert scene.get(edge, "POST") == 504


def test_the_edge_sends_a_slow_write_once_and_a_slow_read_three_times(scene: Scene) -> None:
    received = serve(scene, SHOP, EAST, seconds=40)
    CloudFront.of(scene.cloud, scene.net).distribution(EDGE, SHOP, SHOP, criteria={500})
    for method, times in ("POST", 1), ("GET", 3):
        received.clear()
        assert scene.get(f"https://{EDGE}/", method) == 504
        scene.clock.sleep(60)
        assert len(received) == times


def test_the_edge_passes_on_a_status_that_is_no_failover_criterion(scene: Scene, shop: str) -> None:
    standby = a_website("shop-standby", WEST)
    boto3.client("s3", WEST).put_object(Bucket="shop-standby", Key="cart.html", Body=b"")
    CloudFront.of(scene.cloud, scene.net).distribution(EDGE, host(shop), host(standby), criteria={403})
    assert scene.get(f"https://{EDGE}/cart.html") == 404
    CloudFront.of(scene.cloud, scene.net).distribution(OTHER_EDGE, host(shop), host(standby), criteria={404})
    assert scene.get(f"https://{OTHER_EDGE}/cart.html") == 200


def test_it_is_the_edge_that_asks_an_origin_and_not_the_edges_customer(scene: Scene, edge: str) -> None:
    seen: list[Request] = []
    scene.cloud.faults.injectors.append(lambda request: seen.append(request))
    with scene.cloud.acting_as("farshore-approval", WEST):
        scene.net.request(WEST, "GET", edge)
    assert [(request.caller, request.origin, request.region) for request in seen] == [
        ("farshore-approval", WEST, ""),
        ("", "", EAST),
    ]


@pytest.mark.parametrize("wrong", [{"criteria": {418}}, {"attempts": 4}, {"timeout": 11}])
def test_cloudfront_refuses_what_an_origin_group_cannot_be(scene: Scene, wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"no failover criteria|1 to 3 attempts"):
        CloudFront.of(scene.cloud, scene.net).distribution(EDGE, "east", "west", **wrong)  # type: ignore[arg-type]
