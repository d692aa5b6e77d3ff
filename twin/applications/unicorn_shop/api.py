"""The Unicorn Shop's API: one API Gateway host a Region, each of its routes a Lambda function."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import boto3

from ...net import Net
from ...services.apigateway.host import Answer, Gateway, deploy
from ...services.dynamodb.global_table import GlobalTable
from ...services.lambda_.model import Functions
from .names import BASKET, FUNCTIONS, PRIMARY, RESERVED, UNICORNS, USERS, api_host
from .users import Users

ROUTES = {"/unicorns": UNICORNS, "/unicorns/basket": BASKET, "/user": USERS}


class Api:
    """In both Regions: what customers ask for, and what their baskets and names are kept in."""

    def __init__(self, net: Net, functions: Functions, users: Users, table: GlobalTable) -> None:
        self._net, self._functions, self._users, self._table = net, functions, users, table

    def deploy(self, region: str) -> None:
        handlers = (self._unicorns, self._user, self._basket)
        for name, handler in zip(FUNCTIONS, handlers, strict=True):
            deploy(self._functions, region, name, handler)
            if region == PRIMARY and name in RESERVED:
                boto3.client("lambda", region_name=region).put_function_concurrency(
                    FunctionName=name, ReservedConcurrentExecutions=RESERVED[name]
                )
        Gateway(self._net, self._functions, region, api_host(region), ROUTES)

    def _unicorns(self, region: str, event: Mapping[str, Any]) -> Answer:
        return _answer(200, unicorns=[{"name": name} for name in self._users.unicorns(region)])

    def _user(self, region: str, event: Mapping[str, Any]) -> Answer:
        if event["method"] == "GET":
            email = event["path"].split("/")[-1]
            known = self._users.emails(region, email)
            return _answer(200, email=email) if known else _answer(404, message="no such user")
        user = json.loads(event["body"])
        self._users.sign_up(region, user)
        return _answer(201, email=user["email"])

    def _basket(self, region: str, event: Mapping[str, Any]) -> Answer:
        """The workshop's own way: load the whole item, edit the list, save the whole item."""
        if event["method"] == "GET":
            item = self._table.get(region, event["path"].split("/")[-1])
            return _answer(200, unicorns=(item or {}).get("unicorns", []))
        asked = json.loads(event["body"])
        basket = self._table.get(region, asked["uuid"]) or {"uuid": asked["uuid"], "unicorns": []}
        unicorns = [*basket["unicorns"], *(u for u in asked["unicorns"] if u not in basket["unicorns"])]
        item = {**basket, "unicorns": unicorns}
        self._table.put(region, asked["uuid"], item, name=f"basket {asked['uuid']}")
        return _answer(200, unicorns=unicorns)


def _answer(status: int, **body: Any) -> Answer:
    return status, body
