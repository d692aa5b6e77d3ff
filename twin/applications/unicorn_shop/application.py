"""The Unicorn Shop, small but real: pages, API, users and unicorns in Aurora, baskets in a global table.

From the Hot Standby workshop of AWS's Well-Architected labs, with two changes: Lambda functions serve users,
where the workshop has an EC2 instance, and config.json names the one API host that ARC governs. `wiring =
"workshop"` brings the workshop's own wiring back, in which each bucket names its own Region's API, so that a
bucket which opens again sends customers' writes to a stale writer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import boto3

from ...cloud import Cloud
from ...customers import Customer, Notebook, Pulse, crowd
from ...net import HttpRequest, Net
from ...services.arc.model import Arc, AtLeast
from ...services.aurora.model import Aurora, Metrics, Store
from ...services.cloudfront.model import CloudFront
from ...services.dynamodb.model import DynamoDB
from ...services.lambda_.model import Functions
from ...services.route53.model import Route53
from ...services.s3.model import Websites, website
from .users import users_of

PRIMARY, STANDBY = "us-east-1", "us-west-1"
REGIONS = (PRIMARY, STANDBY)
BUCKETS = {PRIMARY: "active-primary-uibucket", STANDBY: "passive-secondary-uibucket"}
PAGES = "shop.unicorn-shop.example"
API = "api.unicorn-shop.example"
CLUSTERS = {PRIMARY: "unicorn-shop-east", STANDBY: "unicorn-shop-west"}
FUNCTIONS = ("unicorn-shop-unicorns", "unicorn-shop-users", "unicorn-shop-basket")
RESERVED = {"unicorn-shop-users": 40, "unicorn-shop-basket": 40}
"""What a restore must bring back; unicorn-shop-unicorns has no reservation."""

Wiring = Literal["arc", "workshop"]
STALE_FOR_EVER = float("inf")


class UnicornShop:
    """The application in both Regions, and what keeps score of it."""

    def __init__(
        self,
        cloud: Cloud,
        net: Net,
        functions: Functions,
        store: Store,
        metrics: Metrics,
        seed: int,
        wiring: Wiring = "arc",
    ) -> None:
        self.cloud, self.net, self.functions = cloud, net, functions
        self.notebook = Notebook()
        self.customers: list[Customer] = []
        self.pulse: Pulse | None = None
        self.table = DynamoDB.of(cloud).global_table("unishophotstandby", REGIONS)
        self.database = Aurora.of(cloud, metrics).global_database("unicorn-shop", CLUSTERS, store)
        self.users = users_of(self.database)
        self.arc = Arc.of(cloud).cluster(
            "unicorn-shop",
            {PRIMARY: "On", STANDBY: "Off"},
            [AtLeast("at-least-one-region", REGIONS)],
        )
        self._seed = seed
        self._pages(wiring)
        for region in REGIONS:
            self._api(region)
        self._doors = [functions.function(region, "unicorn-shop-users") for region in REGIONS]
        """Every write comes through one of them."""
        dns = Route53.of(cloud, net)
        dns.record(API, [(api_host(region), dns.health_check(self.arc, region)) for region in REGIONS])

    def open(self) -> None:
        """Lets customers in: six with well-kept DNS caches, and one that never looks a name up twice."""
        ttls = [60.0] * 6 + [STALE_FOR_EVER]
        self.customers = crowd(self.cloud.clock, self.net, self.notebook, self._seed, PAGES, ttls)

    def writers(self) -> set[str]:
        """Regions whose Aurora cluster takes writes."""
        return self.database.writers()

    def routes(self) -> set[str]:
        """Regions whose routing control is On."""
        return {region for region, state in self.arc.states.items() if state == "On"}

    def open_regions(self) -> set[str]:
        """Regions whose API lets a write in: not dark, and its users' function not throttled to nothing."""
        return {
            region
            for region in REGIONS
            if not self.cloud.faults.is_dark(region)
            and self.functions.reserved(region, "unicorn-shop-users") != 0
        }

    def traits(self) -> tuple[object, ...]:
        """What `writers`, `routes` and `open_regions` are made of, but for what is dark."""
        writable, (primary, standby) = self.database.store.writable, self._doors
        return (
            writable(PRIMARY),
            writable(STANDBY),
            primary.reserved,
            standby.reserved,
            *self.arc.states.values(),
        )

    def pages_open(self, region: str) -> bool:
        """Its website lets the public in."""
        return self.websites.is_open(BUCKETS[region])

    def settings(self) -> dict[str, object]:
        """By Region, what a run may change and must give back: reserved concurrencies, and open pages."""
        return {
            region: (
                tuple(self.functions.reserved(region, name) for name in FUNCTIONS),
                self.pages_open(region),
            )
            for region in REGIONS
        }

    def led_to(self) -> set[str]:
        """Regions that names lead new customers to."""
        return {HOSTS[self.net.resolve(host)] for host in self._named_hosts()}

    def stale(self) -> set[str]:
        """Regions that some customer would still go to, by an address it has cached."""
        return {HOSTS[address] for customer in self._all() for address in customer.addresses()}

    def _all(self) -> Sequence[Customer | Pulse]:
        return self.customers if self.pulse is None else [self.pulse]

    def host(self, region: str) -> str:
        return api_host(region)

    def write(self, region: str, key: str) -> None:
        """A sign-up, past the API: for a pulse."""
        self.users.sign_up(region, {"email": key, "firstName": key, "lastName": "Pulse"})

    def written(self, region: str) -> set[str]:
        """Who has signed up, as the Region knows it."""
        return self.users.emails(region)

    def _named_hosts(self) -> set[str]:
        return {self._wired(region).split("/")[2] for region in REGIONS if self.pages_open(region)}

    def _wired(self, region: str) -> str:
        return f"https://{API if self._wiring == 'arc' else api_host(region)}"

    def _pages(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self.websites = Websites(self.cloud, self.net)
        for region in REGIONS:
            config = {"host": self._wired(region), "region": region}
            _bucket(region, BUCKETS[region], json.dumps(config))
        primary, standby = (website(BUCKETS[region], region) for region in REGIONS)
        # The workshop's own settings are 3 attempts of 10 seconds, which no customer waits for.
        CloudFront.of(self.cloud, self.net).distribution(PAGES, primary, standby, attempts=1, timeout=2)

    def _api(self, region: str) -> None:
        """API Gateway: one host a Region, each route a Lambda function."""
        handlers = (self._unicorns, self._users, self._basket)
        for name, handler in zip(FUNCTIONS, handlers, strict=True):
            self.functions.deploy(region, name, _in(region, handler), timeout=10)
            if region == PRIMARY and name in RESERVED:
                boto3.client("lambda", region_name=region).put_function_concurrency(
                    FunctionName=name, ReservedConcurrentExecutions=RESERVED[name]
                )
        self.net.serve(api_host(region), region, lambda request: self._gateway(region, request))

    def _gateway(self, region: str, request: HttpRequest) -> tuple[int, bytes]:
        route = "/" + request.path.strip("/").split("/")[0]
        if request.path.startswith("/unicorns/basket"):
            route = "/unicorns/basket"
        name = {
            "/unicorns": "unicorn-shop-unicorns",
            "/unicorns/basket": "unicorn-shop-basket",
            "/user": "unicorn-shop-users",
        }.get(route)
        if name is None:
            return 404, b'{"message": "Not Found"}'
        event = {"method": request.method, "path": request.path, "body": request.body.decode()}
        try:
            answer = self.functions.invoke(region, name, event)
        except Exception:  # whatever goes wrong behind it, API Gateway tells customers no more than this
            return 502, b'{"message": "Internal server error"}'
        return answer["status"], json.dumps(answer["body"] | {"region": region}).encode()

    def _unicorns(self, region: str, event: Mapping[str, Any]) -> dict[str, Any]:
        return _answer(200, unicorns=[{"name": name} for name in self.users.unicorns(region)])

    def _users(self, region: str, event: Mapping[str, Any]) -> dict[str, Any]:
        if event["method"] == "GET":
            email = event["path"].split("/")[-1]
            known = self.users.emails(region, email)
            return _answer(200, email=email) if known else _answer(404, message="no such user")
        user = json.loads(event["body"])
        self.users.sign_up(region, user)
        return _answer(201, email=user["email"])

    def _basket(self, region: str, event: Mapping[str, Any]) -> dict[str, Any]:
        """The workshop's own way: load the whole item, edit the list, save the whole item."""
        if event["method"] == "GET":
            item = self.table.get(region, event["path"].split("/")[-1])
            return _answer(200, unicorns=(item or {}).get("unicorns", []))
        asked = json.loads(event["body"])
        basket = self.table.get(region, asked["uuid"]) or {"uuid": asked["uuid"], "unicorns": []}
        unicorns = [*basket["unicorns"], *(u for u in asked["unicorns"] if u not in basket["unicorns"])]
        self.table.put(
            region, asked["uuid"], {**basket, "unicorns": unicorns}, name=f"basket {asked['uuid']}"
        )
        return _answer(200, unicorns=unicorns)


def api_host(region: str) -> str:
    return f"api.{region}.unicorn-shop.example"


HOSTS = {api_host(region): region for region in REGIONS}


def _in(region: str, handler: Callable[[str, Mapping[str, Any]], dict[str, Any]]) -> Callable[..., Any]:
    return lambda event, context: handler(region, event)


def _answer(status: int, **body: Any) -> dict[str, Any]:
    return {"status": status, "body": body}


def _bucket(region: str, name: str, config: str) -> None:
    s3 = boto3.client("s3", region_name=region)
    where: Any = (
        {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    )
    s3.create_bucket(Bucket=name, **where)
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": "*",
                "Action": "s3:GetObject",
                "Resource": f"arn:aws:s3:::{name}/*",
            }
        ],
    }
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))
    s3.put_bucket_website(Bucket=name, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})
    s3.put_object(Bucket=name, Key="index.html", Body=f"<h1>The Unicorn Shop - {region}</h1>".encode())
    s3.put_object(Bucket=name, Key="config.json", Body=config.encode())
