"""Route 53's data plane: what DNS answers, by the health of the records behind a name.

Nothing here can be edited while the twin runs: record changes are a control plane in us-east-1, which no
failover may need. Health checkers are all over the world; here one asks for all of them. Sources:
docs.aws.amazon.com/Route53/latest/DeveloperGuide/dns-failover.html,
.../health-checks-how-route-53-chooses-records.html (where no record is healthy, all count as healthy),
.../dns-failover-determining-health-of-endpoints.html (the threshold),
docs.aws.amazon.com/Route53/latest/APIReference/API_HealthCheckConfig.html (intervals, inverted)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile, zip_longest
from typing import Any, ClassVar

from urllib3.exceptions import HTTPError

from ...cloud import Answer, AwsError, Cloud, Operation, stamp
from ...faults import Request
from ...net import Net
from ...service import APART, WIRING, Service, Stateful
from ..arc.model import Cluster
from ..s3.model import Websites

Health = Callable[[], bool]
INTERVALS = (10, 30)
THRESHOLDS = range(1, 11)
CHECKERS = (
    *("us-east-1", "us-west-1", "us-west-2", "eu-west-1"),
    *("ap-southeast-1", "ap-southeast-2", "ap-northeast-1", "sa-east-1"),
)
"""Where health checkers are.
Source: docs.aws.amazon.com/Route53/latest/APIReference/API_HealthCheckConfig.html (Regions)"""


class HealthCheck(Stateful):
    """A health check of type RECOVERY_CONTROL: follows the routing control after a drawn delay."""

    not_state: ClassVar = {"_cloud": APART, "_cluster": APART, "_control": WIRING, "id": WIRING}

    def __init__(self, cloud: Cloud, check_id: str, cluster: Cluster, control: str) -> None:
        self._cloud, self._cluster, self._control = cloud, cluster, control
        self.id = check_id
        self._shows = cluster.states[control]
        self._to_look = 0
        cluster.on_change.append(self._changed)

    def __call__(self) -> bool:
        return self._shows == "On"

    def config(self) -> dict[str, Any]:
        return {"Type": "RECOVERY_CONTROL", "RoutingControlArn": self._cluster.arns[self._control]}

    def state(self) -> object:
        return self._shows, self._to_look > 0

    def _changed(self) -> None:
        self._to_look += 1
        self._cloud.clock.after(self._cloud.latency.draw("route53_routing_control"), self._look)

    def _look(self) -> None:
        """It reads the state when it arrives, so that two changes cannot overtake one another."""
        self._to_look -= 1
        self._shows = self._cluster.states[self._control]


class EndpointCheck(Stateful):
    """A health check of type HTTPS that asks for a path of a host, as anybody may. An inverted one is healthy
    while that is not answered well."""

    not_state: ClassVar = {
        "_cloud": APART,
        "_look": APART,
        "id": WIRING,
        "_host": WIRING,
        "asked_at": "the last look is never longer ago than the interval",
    }

    def __init__(
        self,
        cloud: Cloud,
        check_id: str,
        host: str,
        path: str,
        look: Callable[[], bool],
        *,
        inverted: bool,
        interval: int = 30,
        threshold: int = 3,
    ) -> None:
        """`look` tells whether it is answered well, and may take its time."""
        if interval not in INTERVALS or threshold not in THRESHOLDS:
            raise ValueError(f"every 10 or 30 seconds, 1 to 10 times; not {interval} and {threshold}")
        self._cloud, self.id, self._look = cloud, check_id, look
        self._host, self.path = host, path
        self.inverted, self.disabled = inverted, False
        self.interval, self.threshold = interval, threshold
        self.answered = not inverted
        """As it last was, often enough."""
        self.last, self.asked_at = self.answered, cloud.clock.now
        """As it was at the last look, and when that was, in seconds since 1970."""
        self.against = 0
        """Looks in a row that have said otherwise."""
        cloud.clock.every(interval, self._begin)

    def __call__(self) -> bool:
        return self.disabled or self.answered is not self.inverted

    def config(self) -> dict[str, Any]:
        return {
            "Type": "HTTPS",
            "Port": 443,
            "FullyQualifiedDomainName": self._host,
            "ResourcePath": self.path,
            "RequestInterval": self.interval,
            "FailureThreshold": self.threshold,
            "Inverted": self.inverted,
            "Disabled": self.disabled,
        }

    def state(self) -> object:
        configured = self.path, self.inverted, self.disabled, self.interval, self.threshold
        return *configured, self.answered, self.last, self.against

    def observations(self) -> list[dict[str, Any]]:
        """The same of every Region's checkers. An inverted check tells what they see."""
        status = (
            "Success: HTTP Status Code 200, OK" if self.last else "Failure: Endpoint did not respond well"
        )
        report = {"Status": status, "CheckedTime": stamp(self.asked_at)}
        return [{"Region": region, "IPAddress": "192.0.2.1", "StatusReport": report} for region in CHECKERS]

    def _begin(self) -> None:
        self._cloud.clock.spawn(self._ask)

    def _ask(self) -> None:
        well = self._look()
        self.last, self.asked_at = well, self._cloud.clock.now
        self.against = 0 if well == self.answered else self.against + 1
        if self.against >= self.threshold:
            self.answered, self.against = well, 0


class Route53(Service):
    """Failover records of hosted zones, and health checks."""

    service: ClassVar = "route53"
    not_state: ClassVar = {"cloud": APART, "_net": APART}

    def __init__(self, cloud: Cloud, net: Net) -> None:
        super().__init__(cloud)
        self._net = net
        self._checks: list[HealthCheck | EndpointCheck] = []

    def operations(self) -> Mapping[str, Operation]:
        return {"GetHealthCheck": self._get, "GetHealthCheckStatus": self._status}

    def state(self) -> object:
        return [check.state() for check in self._checks]

    def record(self, name: str, hosts: Sequence[tuple[str, Health]]) -> None:
        """`name` stands for the first healthy host; for the first of all where none is healthy."""
        assert hosts, f"{name} needs a host"

        def answer() -> str:
            return next((host for host, healthy in hosts if healthy()), hosts[0][0])

        self._net.name(name, answer)

    def latency_records(self, name: str, hosts: Mapping[str, tuple[str, Health]]) -> None:
        """`name` stands for the host of the nearest Region whose record is healthy; of the nearest of all
        where none is. AWS measures what is near, and here a Region's name tells: the same one, one beside it
        (us-east), one of the same continent (us), any."""

        def answer(near: str) -> str:
            healthy = [region for region, (_, healthy) in hosts.items() if healthy()] or list(hosts)
            return hosts[min(healthy, key=lambda region: _apart(region, near))][0]

        self._net.name_by_place(name, answer)

    def health_check(self, cluster: Cluster, control: str) -> Health:
        """Follows one of the cluster's controls."""
        self._checks.append(HealthCheck(self.cloud, self._new_id(), cluster, control))
        return self._checks[-1]

    def object_check(
        self, region: str, bucket: str, key: str, interval: int = 30, threshold: int = 3, check_id: str = ""
    ) -> EndpointCheck:
        """Asks for an object in a bucket, and is inverted: ill once that is there for everybody. Its id is
        drawn, unless it is given."""
        host, sites, faults = (
            f"{bucket}.s3.{region}.amazonaws.com",
            Websites.of(self.cloud, self._net),
            self.cloud.faults,
        )

        def look() -> bool:
            ill = faults.is_dark(region, "s3", host) or faults.ailment(region, "s3", host)
            return not ill and sites.shows(bucket, key)

        often = {"interval": interval, "threshold": threshold}
        return self._new(
            EndpointCheck(
                self.cloud, check_id or self._new_id(), host, f"/{key}", look, inverted=True, **often
            )
        )

    def endpoint_check(
        self, host: str, path: str = "/", interval: int = 30, check_id: str = ""
    ) -> EndpointCheck:
        """Asks a host, from all over the world. Its id is drawn, unless it is given."""

        def look() -> bool:
            try:
                status, _ = self._net.request("", "GET", f"https://{host}{path}", connect_timeout=4)
            except HTTPError:
                return False
            return 200 <= status < 400

        return self._new(
            EndpointCheck(
                self.cloud, check_id or self._new_id(), host, path, look, inverted=False, interval=interval
            )
        )

    def has(self, check_id: str) -> bool:
        return any(check.id == check_id for check in self._checks)

    def _new(self, check: EndpointCheck) -> EndpointCheck:
        self._checks.append(check)
        return check

    def _new_id(self) -> str:
        return f"{len(self._checks) + 1:08x}-0000-4000-8000-000000000000"

    def _get(self, request: Request) -> Answer:
        check = self._asked(request)
        told = {"Id": check.id, "CallerReference": check.id, "HealthCheckVersion": 1}
        return {"HealthCheck": {**told, "HealthCheckConfig": check.config()}}

    def _status(self, request: Request) -> Answer:
        check = self._asked(request)
        if not isinstance(check, EndpointCheck):
            raise AwsError("InvalidInput", "The status of such a health check is not told.")
        return {"HealthCheckObservations": check.observations()}

    def _asked(self, request: Request) -> HealthCheck | EndpointCheck:
        asked = request.parameters["HealthCheckId"]
        for check in self._checks:
            if check.id == asked:
                return check
        raise AwsError("NoSuchHealthCheck", f"A health check with id {asked} does not exist.", 404)


def _apart(one: str, other: str) -> int:
    """How little two Regions' names have in common, in parts from the left: 0 where they are the same."""
    words = zip_longest(one.replace("-", " ").split(), other.replace("-", " ").split())
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], words))
    return 3 - same
