"""The Unicorn Shop, small but real: pages, API, users and unicorns in Aurora, baskets in a global table.

From the Hot Standby workshop of AWS's Well-Architected labs, with two changes: Lambda functions serve users,
where the workshop has an EC2 instance, and config.json names the one API host that ARC governs. `wiring =
"workshop"` brings the workshop's own wiring back, in which each bucket names its own Region's API, so that a
bucket which opens again sends customers' writes to a stale writer. `public = "acl"` opens the pages by each
object's ACL, and not by a bucket policy.
"""

from __future__ import annotations

from ...application import Journey
from ...services.arc.model import Arc, AtLeast
from ...services.aurora.model import Aurora
from ...services.dynamodb.model import DynamoDB
from ...services.route53.model import Route53
from ..foundation import Foundation
from ..regional import ControlledName, FunctionEntry
from .api import Api
from .contract import BasketData, Purchase, UserData
from .data_api import enable_data_api
from .names import API, CLUSTERS, FUNCTIONS, HOSTS, PRIMARY, REGIONS, STANDBY, USERS, api_host
from .pages import Pages, Public, Wiring
from .users import store_of, users_of


class UnicornShop:
    """The application in both Regions."""

    regions = REGIONS

    def __init__(self, on: Foundation, wiring: Wiring = "arc", public: Public = "policy") -> None:
        cloud, self.functions, self._net = on.cloud, on.functions, on.net
        store, close = store_of(on.data, REGIONS)
        on.stack.callback(close)
        self.table = DynamoDB.of(cloud).global_table("unishophotstandby", REGIONS, keys=("uuid",))
        self.database = Aurora.of(cloud, on.metrics.put).global_database("unicorn-shop", CLUSTERS, store)
        self.users = users_of(self.database)
        enable_data_api(cloud, self.database, real=on.data == "real")
        self.arc = Arc.of(cloud).cluster(
            "unicorn-shop",
            {PRIMARY: "On", STANDBY: "Off"},
            [AtLeast("at-least-one-region", REGIONS)],
        )
        self.pages = Pages(cloud, on.net, wiring, public)
        api = Api(on.net, on.functions, self.users, self.table)
        for region in REGIONS:
            api.deploy(region)
        dns = Route53.of(cloud, on.net)
        dns.record(API, [(api_host(region), dns.health_check(self.arc, region)) for region in REGIONS])
        self.datasets = (UserData(self.database, self.users), BasketData(cloud, self.table, "baskets"))
        self.routes = (ControlledName("api", self.arc, self._led_to),)
        self.entries = tuple(
            FunctionEntry(cloud, on.functions, region, api_host(region), USERS, ("users", "baskets"))
            for region in REGIONS
        )
        self.session = Purchase(self.users)

    def _led_to(self) -> set[str]:
        """Where the API is that the pages name."""
        return {HOSTS[self._net.resolve(host)] for host in self.pages.named_hosts()}

    def settings(self) -> dict[str, object]:
        """Reserved concurrencies, and whether the pages are open."""
        return {
            region: (
                tuple(self.functions.reserved(region, name) for name in FUNCTIONS),
                self.pages.is_open(region),
            )
            for region in REGIONS
        }

    def shall_serve(self, procedure: str, source: str, target: str) -> set[str]:
        """One Region: the other stands by."""
        return {target}

    def journey(self, region: str) -> Journey:
        """The list of unicorns, which needs the API and its database."""
        return f"https://{API}/unicorns"
