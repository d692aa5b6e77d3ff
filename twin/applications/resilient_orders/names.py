"""How Resilient Orders' resources are called, and where they are."""

from __future__ import annotations

PRIMARY, STANDBY = "us-west-2", "us-east-1"
REGIONS = (PRIMARY, STANDBY)
CUSTOMERS, PRODUCTS, ORDERS = "resilientdynamo-Customers", "resilientdynamo-Product", "resilientdynamo-Order"
READ, CREATE, FILL = "OrderReadFn", "OrderCreateFn", "TestFillFn"
VERIFY = "resilient-orders-verify"
API = "api.resilient-orders.example"


def api_host(region: str) -> str:
    return f"api.{region}.resilient-orders.example"


HOSTS = {api_host(region): region for region in REGIONS}
