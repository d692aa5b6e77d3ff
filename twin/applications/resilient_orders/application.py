"""Resilient Orders, small but real: orders as transactions over three global tables, in two Regions at once.

From AWS's guidance for resilient data applications with DynamoDB, with two changes: an order that is repeated
with the same words is the same order; and a function verifies the data of its Region. Latency leads customers
to the nearest Region whose routing control is On, and usually both are.
"""

from __future__ import annotations

from itertools import count

from botocore.exceptions import BotoCoreError

from ...application import Journey, Refusal, Visitor
from ...services.arc.model import Arc, AtLeast
from ...services.route53.model import Route53
from ..foundation import Foundation
from ..regional import ControlledName, FunctionEntry
from .api import SAMPLE, Api
from .names import API, CREATE, HOSTS, PRIMARY, REGIONS, api_host
from .tables import DATASETS, Cancelled, Tables, sale

SHELF, CHOICE = 25, 5
"""So many products are filled in at once, as BatchWriteItem takes them; one of so many is ordered."""


class Shoppers:
    """Everybody sees the same shelf, and takes something off it."""

    dataset, pace = "orders", (2.0, 6.0)

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._shelf: list[str] = []
        self._numbers = count(1)

    def visit(self, visitor: Visitor) -> None:
        """One order. What another has taken meanwhile, or what the Region does not have yet, is left, and the
        next thing tried. Whoever finds the shelf half empty has it filled, and nobody else with the same."""
        new: list[str] = []
        if len(self._shelf) < SHELF:
            new = [f"product-{next(self._numbers):05d}" for _ in range(SHELF)]
        visitor.ask("POST", f"https://{API}/fill", {"customerId": visitor.name, "products": new})
        self._shelf += new
        choice = self._shelf[:CHOICE]
        order = f"{visitor.name}-{visitor.number():04d}"
        for product in visitor.dice.sample(choice, len(choice)):
            asked = {"customerId": visitor.name, "productId": product, "orderId": order}
            try:
                answer = visitor.ask("POST", f"https://{API}/orders", asked)
            except Refusal:
                continue
            if product in self._shelf:
                self._shelf.remove(product)
            visitor.promised(f"orders {order}", "orders", order, answer["region"])
            visitor.promised(sale(product, order), "sales", product, answer["region"])
            return
        # Nobody can have them: the answer of whoever bought one was lost, or they are not here yet.
        self._shelf = [product for product in self._shelf if product not in choice]
        raise Refusal(f"none of {', '.join(choice)} could be ordered")

    def write(self, region: str, key: str) -> None:
        """An order past the API, of a product that nobody else wants."""
        try:
            self._tables.fill(region, "bare", [key])
            self._tables.order(region, "bare", key, key)
        except (BotoCoreError, Cancelled) as error:
            raise Refusal(str(error)) from None


class ResilientOrders:
    """The application in both Regions."""

    regions = REGIONS

    def __init__(self, on: Foundation) -> None:
        cloud = on.cloud
        tables = Tables(cloud)
        arc = Arc.of(cloud).cluster(
            "resilient-orders",
            dict.fromkeys(REGIONS, "On"),
            [AtLeast("at-least-one-region", REGIONS)],
            number=2,
        )
        api = Api(cloud, on.net, on.functions, tables)
        for region in REGIONS:
            api.deploy(region)
        dns = Route53.of(cloud, on.net)
        dns.latency_records(
            API, {region: (api_host(region), dns.health_check(arc, region)) for region in REGIONS}
        )
        self.datasets = tables.datasets()
        self.routes = (
            ControlledName("api", arc, lambda: {HOSTS[on.net.resolve(API, near)] for near in REGIONS}),
        )
        self.entries = tuple(
            FunctionEntry(cloud, on.functions, region, api_host(region), CREATE, DATASETS)
            for region in REGIONS
        )
        self.session = Shoppers(tables)

    def settings(self) -> dict[str, object]:
        """Reserved concurrencies."""
        return {entry.region: entry.glance() for entry in self.entries}

    def shall_serve(self, procedure: str, source: str, target: str) -> set[str]:
        """Both Regions, but after a failover."""
        return {target} if procedure == "failover" else set(REGIONS)

    def journey(self, region: str) -> Journey:
        """The primary's own endpoint: the name would lead a canary to the Region that is well."""
        return f"https://{api_host(PRIMARY)}/orders/{SAMPLE}"
