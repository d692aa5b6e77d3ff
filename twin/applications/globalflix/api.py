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

from ...net import Net
from ...services.apigateway.host import Answer, Gateway, deploy
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
        deploy(self._functions, region, FUNCTION, self._handle)
        if region == PRIMARY:
            boto3.client("lambda", region_name=region).put_function_concurrency(
                FunctionName=FUNCTION, ReservedConcurrentExecutions=RESERVED
            )
            for number, title in LIBRARY.items():
                self._table.put(region, ("library", number), {"title": title}, f"library {number}")
        Gateway(self._net, self._functions, region, api_host(region), {"/": FUNCTION})

    def _handle(self, region: str, event: Mapping[str, str]) -> Answer:
        try:
            return 200, self._route(region, event)
        except (BotoCoreError, LookupError, ValueError) as error:
            return 200, {"Error": str(error)}

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
