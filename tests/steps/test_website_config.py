"""Pages send customers where the routing controls say: the real handler against made-up websites."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from farshore.testing.ticker import EAST, WEST, Ticker, ticking
from functions.steps.website_config import WebsiteConfig
from twin.net import HttpAnswer, HttpRequest

HOST = "https://api.shop.example"
URLS = {region: f"http://pages.{region}.example/config.json" for region in (EAST, WEST)}
INPUTS = {"configs": URLS, "host": HOST}


class Pages(Ticker):
    """Each Region's website, with its own config.json."""

    def __init__(self, cloud: Any) -> None:
        super().__init__(cloud)
        self.configs: dict[str, HttpAnswer] = {}
        self.deploy(WebsiteConfig)
        for region in (EAST, WEST):
            self.says(region, json.dumps({"host": HOST, "title": "Unicorns"}))
            self.net.serve(f"pages.{region}.example", region, lambda r, region=region: self.answer(region, r))

    def says(self, region: str, text: str, status: int = 200) -> None:
        self.configs[region] = status, text.encode()

    def answer(self, region: str, request: HttpRequest) -> HttpAnswer:
        return self.configs[region] if request.path == "/config.json" else (404, b"")

    def look(self, **more: Any) -> dict[str, Any]:
        return self.tick("website_config", INPUTS | more)

    def wrong(self, **more: Any) -> str:
        return self.fails("website_config", INPUTS | more)


@pytest.fixture
def pages() -> Iterator[Pages]:
    with ticking(1, Pages) as pages:
        assert isinstance(pages, Pages)
        yield pages


def test_it_holds_where_every_page_names_the_governed_host(pages: Pages) -> None:
    assert pages.look()["outcome"] == "done"


def test_a_page_that_names_its_own_regions_api_is_refused_saying_which_and_why(pages: Pages) -> None:
    """As the workshop leaves it: the primary's page leads to the primary, whoever is the writer."""
    pages.says(EAST, json.dumps({"host": "https://east.example"}))
    said = pages.wrong()
    assert said.startswith(f"Refused: the state: {URLS[EAST]} names https://east.example: should be {HOST}")
    assert URLS[WEST] not in said


@pytest.mark.parametrize("text", ["<html>", "[]", "null", '"host"', "{}", '{"host": null}', "\xff"])
def test_a_configuration_that_names_no_host_is_refused(pages: Pages, text: str) -> None:
    pages.says(WEST, text)
    assert pages.wrong().startswith(f"Refused: the state: {URLS[WEST]} names nothing")


@pytest.mark.parametrize("status", [403, 404, 500, 503])
def test_a_page_that_is_not_served_is_waited_for(pages: Pages, status: int) -> None:
    pages.says(EAST, json.dumps({"host": HOST}), status)
    assert pages.wrong() == f"NotYet: the state: no configuration at {URLS[EAST]}"


def test_a_dark_region_is_waited_for(pages: Pages) -> None:
    pages.cloud.faults.dark.add(EAST)
    assert pages.wrong() == f"NotYet: the state: no configuration at {URLS[EAST]}"
    pages.cloud.faults.dark.clear()
    assert pages.look()["outcome"] == "done"


def test_both_are_asked_at_once(pages: Pages) -> None:
    pages.cloud.faults.dark |= {EAST, WEST}
    before = pages.clock.now
    assert URLS[EAST] in pages.wrong()
    assert pages.clock.now - before < 2 * 2 + 3  # the ledger's dark replica, then both pages together


def test_another_key_can_hold_the_host(pages: Pages) -> None:
    for region in (EAST, WEST):
        pages.says(region, json.dumps({"api": HOST}))
    assert pages.wrong().startswith("Refused: ")
    assert pages.look(key="api")["outcome"] == "done"
