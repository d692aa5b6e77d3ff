"""The Unicorn Shop's API: one API Gateway host a Region, each of its routes a Lambda function."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import boto3

from ...net import HttpRequest, Net
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
            self._functions.deploy(region, name, _in(region, handler), timeout=10)
            if region == PRIMARY and name in RESERVED:
                boto3.client("lambda", region_name=region).put_function_concurrency(
                    FunctionName=name, ReservedConcurrentExecutions=RESERVED[name]
                )
        self._net.serve(api_host(region), region, lambda request: self._gateway(region, request))

    def _gateway(self, region: str, request: HttpRequest) -> tuple[int, bytes]:
        route = "/" + request.path.strip("/").split("/")[0]
        if request.path.startswith("/unicorns/basket"):
            route = "/unicorns/basket"
        name = ROUTES.get(route)
        if name is None:
            return 404, b'{"message": "Not Found"}'
        event = {"method": request.method, "path": request.path, "body": request.body.decode()}
        try:
            answer = self._functions.invoke(region, name, event)
        except Exception:  # whatever goes wrong behind it, API Gateway tells customers no more than this
            return 502, b'{"message": "Internal server error"}'
        return answer["status"], json.dumps(answer["body"] | {"region": region}).encode()

    def _unicorns(self, region: str, event: Mapping[str, Any]) -> dict[str, Any]:
        return _answer(200, unicorns=[{"name": name} for name in self._users.unicorns(region)])

    def _user(self, region: str, event: Mapping[str, Any]) -> dict[str, Any]:
        if event["method"] == "GET":
            email = event["path"].split("/")[-1]
            known = self._users.emails(region, email)
            return _answer(200, email=email) if known else _answer(404, message="no such user")
        user = json.loads(event["body"])
        self._users.sign_up(region, user)
        return _answer(201, email=user["email"])

    def _basket(self, region: str, event: Mapping[str, Any]) -> dict[str, Any]:
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


def _in(region: str, handler: Callable[[str, Mapping[str, Any]], dict[str, Any]]) -> Callable[..., Any]:
    return lambda event, context: handler(region, event)


def _answer(status: int, **body: Any) -> dict[str, Any]:
    return {"status": status, "body": body}
