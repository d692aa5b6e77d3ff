"""Resilient Orders' three global tables, and what their items must say of one another.

An order is one transaction, in one Region: all of it or nothing. Global tables replicate it item by item, so
that another Region can see half of it; and two Regions that have not heard of each other can sell the same
product. Source: docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from ...cloud import Cloud
from ...services.dynamodb.dataset import GlobalTableData
from ...services.dynamodb.model import DynamoDB
from ...services.dynamodb.writes import Item
from .names import CUSTOMERS, ORDERS, PRODUCTS, REGIONS

LAG_SECONDS = 10.0
"""What is younger may be under way."""
DATASETS = ("customers", "sales", "orders")


class Cancelled(Exception):
    """The transaction was not made; nothing of it was."""


class Tables:
    """All three, in both Regions."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        made = DynamoDB.of(cloud).global_table
        self.customers = made(CUSTOMERS, REGIONS, ("CustomerId",))
        self.products = made(PRODUCTS, REGIONS, ("ProductId",))
        self.orders = made(ORDERS, REGIONS, ("OrderId",))

    def datasets(self) -> tuple[GlobalTableData, ...]:
        tables = (self.customers, self.products, self.orders)
        return tuple(
            GlobalTableData(self._cloud, table, name) for table, name in zip(tables, DATASETS, strict=True)
        )

    def fill(self, region: str, customer: str, products: Sequence[str]) -> None:
        """A customer, and products in stock, each by itself."""
        if self.customers.get(region, customer) is None:
            self.customers.put(region, customer, {"Name": customer}, f"customer {customer}")
        for product in products:
            if self.products.get(region, product) is None:
                self.products.put(region, product, {"ProductStatus": "IN_STOCK"}, f"stock of {product}")

    def try_out(self, region: str, order: str) -> None:
        """An order of nothing, which shows that orders can be written."""
        self.orders.put(region, order, {"OrderStatus": "TEST"}, f"trial {order}")

    def order(self, region: str, customer: str, product: str, order: str) -> None:
        """The transaction. Raises Cancelled where a condition fails; again is the same."""
        wanted = {"OrderStatus": "CONFIRMED", "CustomerId": customer, "ProductId": product}
        there = self.orders.get(region, order)
        if there is not None and wanted.items() <= there.items():
            return
        if there is not None:
            raise Cancelled(f"there is an order {order}")
        if self.customers.get(region, customer) is None:
            raise Cancelled(f"there is no customer {customer}")
        if (self.products.get(region, product) or {}).get("ProductStatus") != "IN_STOCK":
            raise Cancelled(f"{product} is not in stock")
        sold = {"ProductStatus": "SOLD", "OrderId": order}
        self.products.put(region, product, sold, sale(product, order))
        placed = {**wanted, "OrderedAt": int(self._cloud.clock.now)}
        self.orders.put(region, order, placed, f"orders {order}")

    def half(self, region: str) -> Iterator[str]:
        """Confirmed orders of which the Region lacks something by now: a product's sale, or a customer."""
        customers, products = self.customers.items(region), self.products.items(region)
        for order, item in self._by_now(region):
            sold = products.get(item["ProductId"], {}).get("ProductStatus") == "SOLD"
            if not sold or item["CustomerId"] not in customers:
                yield order

    def sold_twice(self, region: str) -> list[str]:
        """Products of which the Region has several confirmed orders."""
        counted = Counter(item["ProductId"] for _, item in self._confirmed(region))
        return sorted(product for product, orders in counted.items() if orders > 1)

    def under_way(self, region: str) -> list[str]:
        """Orders that the other Region has, and this one should have by now."""
        here = self.orders.items(region)
        (other,) = set(REGIONS) - {region}
        return sorted(order for order, _ in self._by_now(other) if order not in here)

    def _by_now(self, region: str) -> Iterator[tuple[str, Item]]:
        """Confirmed orders that any Region should have by now."""
        now = self._cloud.clock.now
        return (
            (order, item) for order, item in self._confirmed(region) if item["OrderedAt"] < now - LAG_SECONDS
        )

    def _confirmed(self, region: str) -> Iterator[tuple[str, Item]]:
        for order, item in self.orders.items(region).items():
            if item.get("OrderStatus") == "CONFIRMED":
                yield str(order), item


def sale(product: str, order: str) -> str:
    """How reports name that a product was sold."""
    return f"sale of {product} to {order}"
