"""How the Unicorn Shop's resources are called, and where they are."""

from __future__ import annotations

PRIMARY, STANDBY = "us-east-1", "us-west-1"
REGIONS = (PRIMARY, STANDBY)
BUCKETS = {PRIMARY: "active-primary-uibucket", STANDBY: "passive-secondary-uibucket"}
PAGES = "shop.unicorn-shop.example"
API = "api.unicorn-shop.example"
CLUSTERS = {PRIMARY: "unicorn-shop-east", STANDBY: "unicorn-shop-west"}
UNICORNS, USERS, BASKET = "unicorn-shop-unicorns", "unicorn-shop-users", "unicorn-shop-basket"
FUNCTIONS = (UNICORNS, USERS, BASKET)
RESERVED = {USERS: 40, BASKET: 40}
"""What a restore must bring back; unicorn-shop-unicorns has no reservation."""


def api_host(region: str) -> str:
    return f"api.{region}.unicorn-shop.example"


HOSTS = {api_host(region): region for region in REGIONS}
