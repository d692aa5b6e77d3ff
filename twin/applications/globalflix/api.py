"""Globalflix's API: one API Gateway host a Region, before one Lambda function, before one global table.

As in the workshop, the function answers HTTP 200 with {"Error": …} to whatever goes wrong behind it: a client
that reads only the status never notices.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError

from ...net import HttpAnswer, HttpRequest, Net
from ...services.dynamodb.global_table import GlobalTable
from ...services.lambda_.model import Functions
from .names import FUNCTION, KEYS, PRIMARY, RESERVED, api_host

LIBRARY = {f"{number:02d}": f"Episode {number}" for number in range(1, 13)}
"""Titles by the number of their video."""


class Api:
    """In both Regions: the library, and everybody's bookmarks."""

    def __init__(self, net: Net, functions: Functions, table: GlobalTable) -> None:
        self._net, self._functions, self._table = net, functions, table

    def deploy(self, region: str) -> None:
        self._functions.deploy(region, FUNCTION, lambda event, _: self._handle(region, event), timeout=10)
        if region == PRIMARY:
            boto3.client("lambda", region_name=region).put_function_concurrency(
                FunctionName=FUNCTION, ReservedConcurrentExecutions=RESERVED
            )
            for number, title in LIBRARY.items():
                self._table.put(region, ("library", number), {"title": title}, f"library {number}")
        self._net.serve(api_host(region), region, lambda request: self._gateway(region, request))

    def _gateway(self, region: str, request: HttpRequest) -> HttpAnswer:
        event = {"method": request.method, "path": request.path, "body": request.body.decode()}
        try:
            answer = self._functions.invoke(region, FUNCTION, event)
        except Exception:  # whatever goes wrong behind it, API Gateway tells customers no more than this
            return 502, b'{"message": "Internal server error"}'
        return 200, json.dumps({**answer, "region": region}).encode()

    def _handle(self, region: str, event: Mapping[str, str]) -> dict[str, Any]:
        try:
            return self._route(region, event)
        except (BotoCoreError, LookupError, ValueError) as error:
            return {"Error": str(error)}

    def _route(self, region: str, event: Mapping[str, str]) -> dict[str, Any]:
        verb, *words = event["path"].strip("/").split("/")
        if verb == "update" and event["method"] == "POST":
            return self._update(region, json.loads(event["body"]))
        if verb == "get" and len(words) == 2:
            key = words[0], words[1]
            item = self._table.get(region, key)
            return {} if item is None else {"Item": {**dict(zip(KEYS, key, strict=True)), **item}}
        if not verb:
            return {"ping": "ok"}
        raise LookupError(f"no route {event['method']} {event['path']}")

    def _update(self, region: str, asked: Mapping[str, str]) -> dict[str, Any]:
        """A bookmark is set, never added to: again is the same."""
        name = bookmark(asked["PK"], asked["SK"], asked["bookmark"])
        item = {"bookmark": asked["bookmark"]}
        self._table.put(region, (asked["PK"], asked["SK"]), item, name)
        return {"Attributes": item}


def bookmark(viewer: str, video: str, at: str) -> str:
    """How reports name the write of a bookmark."""
    return f"bookmark {viewer} {video} {at}"
