"""CloudFront: distributions of two origins and a group of both, which behaviours ask. Nothing is cached.

Its data plane is at the edge and lives while any Region does; its control plane lives in us-east-1 alone, and
what is changed there reaches every edge some minutes later. Of an origin group, every GET, HEAD or OPTIONS
asks the primary first, on each request anew, and so moves back by itself; other methods never reach the
secondary. An update replaces the whole configuration, of the version that it names. Sources:
docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/high_availability_origin_failover.html,
docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/DownloadDistValuesOrigin.html (time-outs),
docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/DownloadDistValuesCacheBehavior.html (paths),
docs.aws.amazon.com/cloudfront/latest/APIReference/API_UpdateDistribution.html
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, ClassVar

from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, ReadTimeoutError

from ...cloud import ACCOUNT, Answer, AwsError, Cloud, Operation, stamp
from ...faults import Request
from ...net import HttpAnswer, HttpRequest, Net
from ...service import APART, WIRING, Service, Stateful, register, seconds_until

FAILOVER_STATUSES = frozenset({400, 403, 404, 416, 429, 500, 502, 503, 504})
"""What an origin group can fail over on. Source: the first page above."""

FAILOVER_METHODS = ("GET", "HEAD", "OPTIONS")
PRIMARY, SECONDARY, GROUP = "primary", "secondary", "both"
"""The ids of a distribution's origins, where they have no others, and of their group."""
RESPONSE_SECONDS = 30.0
"""How long an origin may take to answer; the default."""


@dataclass(frozen=True)
class Names:
    """What a distribution and its parts are called."""

    id: str
    origins: tuple[str, str] = (PRIMARY, SECONDARY)
    """The ids of both."""
    behaviours: tuple[str, ...] = ()
    """Path patterns, the default one apart."""


class CloudFront(Service):
    """Every distribution, by domain."""

    service: ClassVar = "cloudfront"
    not_state: ClassVar = {"cloud": APART, "_net": APART}

    def __init__(self, cloud: Cloud, net: Net) -> None:
        super().__init__(cloud)
        self._net = net
        self.distributions: dict[str, Distribution] = {}

    def operations(self) -> Mapping[str, Operation]:
        return {"GetDistribution": self._get, "UpdateDistribution": self._update}

    def state(self) -> object:
        return [it.state() for it in self.distributions.values()]

    def distribution(
        self,
        domain: str,
        primary_host: str,
        secondary_host: str,
        criteria: Set[int] = frozenset({403, 404, 500, 502, 503, 504}),
        attempts: int = 3,
        timeout: float = 10.0,
        named: Names | None = None,
    ) -> Distribution:
        """One more, under a domain of its own. ValueError for what CloudFront would refuse."""
        names = named or Names(f"E{len(self.distributions) + 1:013d}")
        made = register(
            self.distributions,
            domain.lower(),
            lambda: Distribution(
                self.cloud,
                self._net,
                names,
                domain,
                primary_host,
                secondary_host,
                criteria,
                attempts,
                timeout,
            ),
        )
        self._net.serve(domain, "", made.answer, service=self.service)
        return made

    def _get(self, request: Request) -> Answer:
        return self._asked(request).shown()

    def _update(self, request: Request) -> Answer:
        asked: Mapping[str, Any] = request.parameters
        it = self._asked(request)
        if not asked.get("IfMatch"):
            raise AwsError("InvalidIfMatchVersion", "The If-Match version is missing or not valid.")
        if asked["IfMatch"] != it.etag:
            raise AwsError(
                "PreconditionFailed", "The request failed because it did not meet the precondition", 412
            )
        config = copy.deepcopy(asked["DistributionConfig"])
        if config["CallerReference"] != it.config["CallerReference"]:
            raise AwsError("IllegalUpdate", "CallerReference cannot be changed")
        ids = {
            each["Id"]
            for kind in ("Origins", "OriginGroups")
            for each in config.get(kind, {}).get("Items", ())
        }
        if not {target for _, target in _targets(config)} <= ids:
            raise AwsError("NoSuchOrigin", "One or more of your origins do not exist.", 404)
        it.change(config)
        return it.shown()

    def _asked(self, request: Request) -> Distribution:
        for it in self.distributions.values():
            if it.id == request.parameters["Id"]:
                return it
        raise AwsError("NoSuchDistribution", "The specified distribution does not exist.", 404)


class Distribution(Stateful):
    """A domain at the edge, before two origins that it asks over HTTP: website endpoints speak no other."""

    not_state: ClassVar = {
        "_cloud": APART,
        "_net": APART,
        **dict.fromkeys(
            ("id", "_domain", "_primary", "_secondary", "_hosts", "_criteria", "_attempts", "_timeout"),
            WIRING,
        ),
        "_version": "distinguishes configurations",
    }

    def __init__(
        self,
        cloud: Cloud,
        net: Net,
        named: Names,
        domain: str,
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
        self.id, self._domain = named.id, domain
        self._primary, self._secondary = named.origins
        self._hosts = {self._primary: primary_host, self._secondary: secondary_host}
        self._criteria = criteria
        self._attempts, self._timeout = attempts, timeout
        self.config = self._first_config(named.behaviours)
        self._edges = list(_targets(self.config))
        """What each path pattern asks, as the edges have it yet."""
        self._version = 1
        self.deployed_at = 0.0
        """When the edges have what was changed last, in seconds since 1970."""

    def state(self) -> object:
        self._deploy()
        return self.config, self._edges, seconds_until(self.deployed_at, self._cloud.clock.now)

    @property
    def etag(self) -> str:
        return f"E{self._version:06d}"

    def change(self, config: dict[str, Any]) -> None:
        self._deploy()
        self._version += 1
        self.config = config
        self.deployed_at = self._cloud.clock.now + self._cloud.latency.draw("cloudfront_deployed")

    def shown(self) -> Answer:
        status = "InProgress" if self._cloud.clock.now < self.deployed_at else "Deployed"
        told = {
            "Id": self.id,
            "ARN": f"arn:aws:cloudfront::{ACCOUNT}:distribution/{self.id}",
            "Status": status,
            "LastModifiedTime": stamp(self.deployed_at),
            "InProgressInvalidationBatches": 0,
            "DomainName": self._domain,
            "DistributionConfig": copy.deepcopy(self.config),
        }
        return {"ETag": self.etag, "Distribution": told}

    def answer(self, asked: HttpRequest) -> HttpAnswer:
        self._deploy()
        path = asked.path.partition("?")[0]
        target = next(target for pattern, target in self._edges if fnmatchcase(path, pattern))
        with self._cloud.acting_as("", ""):
            if target != GROUP:
                return self._ask(self._hosts[target], asked)
            answer = self._ask(self._hosts[self._primary], asked)
            if answer[0] in self._criteria and asked.method in FAILOVER_METHODS:
                answer = self._ask(self._hosts[self._secondary], asked)
        return answer

    def _deploy(self) -> None:
        if self._cloud.clock.now >= self.deployed_at:
            self._edges = list(_targets(self.config))

    def _first_config(self, patterns: Sequence[str]) -> dict[str, Any]:
        """Each behaviour asks the group."""
        origins = [{"Id": name, "DomainName": host} for name, host in self._hosts.items()]
        codes = {"Quantity": len(self._criteria), "Items": sorted(self._criteria)}
        members = {"Quantity": 2, "Items": [{"OriginId": name} for name in self._hosts]}
        asks = {"TargetOriginId": GROUP, "ViewerProtocolPolicy": "allow-all"}
        behaviours = [{"PathPattern": pattern, **asks} for pattern in patterns]
        group = {"Id": GROUP, "FailoverCriteria": {"StatusCodes": codes}, "Members": members}
        return {
            "CallerReference": self.id,
            "Comment": "",
            "Enabled": True,
            "Origins": {"Quantity": 2, "Items": origins},
            "OriginGroups": {"Quantity": 1, "Items": [group]},
            "DefaultCacheBehavior": asks,
            "CacheBehaviors": {"Quantity": len(patterns), **({"Items": behaviours} if patterns else {})},
        }

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


def _targets(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Path patterns in the order in which they are tried, with what each asks; the default one is last."""
    for behaviour in config.get("CacheBehaviors", {}).get("Items", ()):
        yield behaviour["PathPattern"], behaviour["TargetOriginId"]
    yield "*", config["DefaultCacheBehavior"]["TargetOriginId"]
