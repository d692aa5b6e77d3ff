"""Websites send customers where the routing controls say, and nowhere else.

In the workshop that the Unicorn Shop comes from, each Region's bucket names its own Region's API. CloudFront
asks the primary bucket first on every request, so a bucket that opens again sends customers' writes to that
Region at once, whoever is the writer. Each bucket must name the one host that the routing controls govern.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from ..calls import HTTP_GET, Sight
from ..errors import Refused
from ..handler import lambda_handler
from ..inputs import WEBSITE, JsonKey, Origin, Region, Url
from ..step import Decision, Done, Step, Wait
from ..world import World


@dataclass(frozen=True)
class Seen:
    answers: Mapping[str, Sight]


@dataclass(frozen=True, kw_only=True)
class WebsiteConfig(Step[Seen]):
    """Each Region's website sends customers to the one API host that routing controls govern."""

    configs: Annotated[Mapping[Region, Url], "URL of each Region's JSON configuration"]
    key: Annotated[JsonKey, "the configuration's key that names the API host"] = JsonKey("host")
    host: Annotated[Origin, "what it must name, such as https://api.shop.example"]

    name: ClassVar = "website_config"
    reads: ClassVar = (HTTP_GET,)
    keeps: ClassVar = WEBSITE

    def observe(self, world: World) -> Seen:
        urls = list(self.configs.values())
        answers = world.ask(*(HTTP_GET(world.run.target, url=url) for url in urls))
        return Seen(dict(zip(urls, answers, strict=True)))

    def decide(self, seen: Seen) -> Decision:
        named = {url: self._named(answer) for url, answer in seen.answers.items()}
        if silent := [url for url, host in named.items() if host is None]:
            return Wait(f"no configuration at {', '.join(silent)}")
        if wrong := [f"{url} names {host}" for url, host in named.items() if host != self.host]:
            raise Refused(
                f"{'; '.join(wrong)}: should be {self.host}, or the website leads customers to a stale writer"
            )
        return Done()

    def _named(self, answer: Sight) -> str | None:
        if not isinstance(answer, Mapping) or answer["status"] != 200:
            return None
        try:
            named = json.loads(answer["body"]).get(self.key)
        except (ValueError, AttributeError):
            return "nothing: it is not a JSON object"
        return str(named) if named else f"nothing under {self.key!r}"


handler = lambda_handler(WebsiteConfig)
