"""CloudFront: distributions whose only behaviour goes to an origin group. Nothing is cached.

Its data plane is at the edge and lives while any Region does. Every GET, HEAD or OPTIONS asks the primary
first, on each request anew, and so moves back by itself; other methods never reach the secondary. Sources:
docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/high_availability_origin_failover.html,
docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/DownloadDistValuesOrigin.html (attempts, time-outs)
"""

from __future__ import annotations

from collections.abc import Set
from typing import ClassVar

from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, ReadTimeoutError

from ...cloud import Cloud
from ...net import HttpAnswer, HttpRequest, Net
from ...service import APART, WIRING, Service, register

FAILOVER_STATUSES = frozenset({400, 403, 404, 416, 429, 500, 502, 503, 504})
"""What an origin group can fail over on. Source: the first page above."""

FAILOVER_METHODS = ("GET", "HEAD", "OPTIONS")
RESPONSE_SECONDS = 30.0
"""How long an origin may take to answer; the default."""


class CloudFront(Service):
    """Every distribution. Its data plane remembers nothing."""

    service: ClassVar = "cloudfront"
    not_state: ClassVar = {"cloud": APART, "_net": APART, "distributions": WIRING}

    def __init__(self, cloud: Cloud, net: Net) -> None:
        super().__init__(cloud)
        self._net = net
        self.distributions: dict[str, Distribution] = {}

    def distribution(
        self,
        domain: str,
        primary_host: str,
        secondary_host: str,
        criteria: Set[int] = frozenset({403, 404, 500, 502, 503, 504}),
        attempts: int = 3,
        timeout: float = 10.0,
    ) -> Distribution:
        """One more, under a domain of its own. ValueError for what CloudFront would refuse."""
        made = register(
            self.distributions,
            domain.lower(),
            lambda: Distribution(
                self.cloud, self._net, primary_host, secondary_host, criteria, attempts, timeout
            ),
        )
        self._net.serve(domain, "", made.answer, service=self.service)
        return made


class Distribution:
    """A domain at the edge, before two origins that it asks over HTTP: website endpoints speak no other."""

    def __init__(
        self,
        cloud: Cloud,
        net: Net,
        primary_host: str,
        secondary_host: str,
        criteria: Set[int],
        attempts: int,
        timeout: float,
    ) -> None:
        if not criteria <= FAILOVER_STATUSES:
            raise ValueError(f"no failover criteria: {sorted(criteria - FAILOVER_STATUSES)}")
        if not (1 <= attempts <= 3 and 1 <= timeout <= 10):
            raise ValueError(f"1 to 3 attempts of 1 to 10 seconds, not {attempts} of {timeout:g}")
        self._cloud = cloud
        self._net = net
        self._primary, self._secondary = primary_host, secondary_host
        self._criteria = criteria
        self._attempts, self._timeout = attempts, timeout

    def answer(self, asked: HttpRequest) -> HttpAnswer:
        with self._cloud.acting_as("", ""):
            answer = self._ask(self._primary, asked)
            if answer[0] in self._criteria and asked.method in FAILOVER_METHODS:
                answer = self._ask(self._secondary, asked)
        return answer

    def _ask(self, host: str, asked: HttpRequest) -> HttpAnswer:
        """The origin's answer, or the edge's own where there is none."""
        url = f"http://{host}{asked.path}"
        for _ in range(self._attempts):
            try:
                return self._net.request(
                    "",
                    asked.method,
                    url,
                    asked.body,
                    connect_timeout=self._timeout,
                    read_timeout=RESPONSE_SECONDS,
                )
            except NameResolutionError:
                return 502, b"the origin's name does not resolve"
            except ConnectTimeoutError:
                continue
            except ReadTimeoutError:
                if asked.method not in ("GET", "HEAD"):
                    break  # the origin may have done it
        return 504, b"the origin did not answer"
