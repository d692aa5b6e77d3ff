"""Mythical Mysfits' two services as containers: what answers on their ports.

A like is an increment, read and written back: two Regions that have not heard of each other lose one of two.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

from botocore.exceptions import BotoCoreError

from ...net import HttpAnswer, HttpRequest
from ...services.dynamodb.global_table import GlobalTable
from .names import PRIMARY

MYSFITS = tuple(f"da5303ae-5aba-495c-b5d6-eb5c4a66b9{number:02d}" for number in range(41, 53))
"""Twelve, by their IDs."""


class Containers:
    """Of both services, in both Regions."""

    def __init__(self, table: GlobalTable) -> None:
        self._table = table
        self._likes = count(1)

    def populate(self) -> None:
        for number, mysfit in enumerate(MYSFITS):
            sides = {
                "GoodEvil": ("Good", "Neutral", "Evil")[number % 3],
                "LawChaos": ("Lawful", "Neutral", "Chaotic")[number // 3 % 3],
            }
            self._table.put(PRIMARY, mysfit, {"Likes": 0, **sides}, f"mysfit {mysfit}")

    def core(self, region: str) -> Callable[[HttpRequest], HttpAnswer]:
        """Which mysfits there are; and trials, which show that their table takes writes."""
        return lambda request: self._answered(region, request, self._core)

    def like(self, region: str) -> Callable[[HttpRequest], HttpAnswer]:
        return lambda request: self._answered(region, request, self._like)

    def _answered(
        self,
        region: str,
        request: HttpRequest,
        act: Callable[[str, HttpRequest], tuple[int, Mapping[str, Any]]],
    ) -> HttpAnswer:
        try:
            status, body = act(region, request)
        except (BotoCoreError, LookupError, ValueError) as error:
            status, body = 500, {"error": str(error)}
        return status, json.dumps({**body, "region": region}).encode()

    def _core(self, region: str, request: HttpRequest) -> tuple[int, Mapping[str, Any]]:
        path = request.path.partition("?")[0]
        if path == "/":
            return 200, {"text": f"Current region: {region}"}
        if path == "/mysfits":
            known = {mysfit: self._table.get(region, mysfit) for mysfit in MYSFITS}
            return 200, {"mysfits": [{"MysfitId": mysfit, **item} for mysfit, item in known.items() if item]}
        if path == "/trials" and request.method == "POST":
            trial = json.loads(request.body)["trial"]
            self._table.put(region, trial, {"Trial": "yes"}, f"trial {trial}")
            return 201, {"trial": trial}
        trial = path.removeprefix("/trials/")
        if path == trial or self._table.get(region, trial) is None:
            return 404, {"error": f"there is no {path}"}
        return 200, {"trial": trial}

    def _like(self, region: str, request: HttpRequest) -> tuple[int, Mapping[str, Any]]:
        mysfit = request.path.split("/")[2]
        item = self._table.get(region, mysfit)
        if item is None:
            return 404, {"error": f"there is no mysfit {mysfit}"}
        name = like(mysfit, next(self._likes))
        self._table.put(region, mysfit, {**item, "Likes": item["Likes"] + 1}, name)
        return 200, {"like": name}


def like(mysfit: str, number: int) -> str:
    """How reports name a like."""
    return f"like {number} of mysfit {mysfit[-2:]}"
