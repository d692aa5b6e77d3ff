"""CloudWatch Synthetics: canaries that do what a customer does, every minute, from one Region.

What a run found is in that Region's metrics, so a canary belongs where the application is not. Source:
docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Synthetics_Canaries_metrics.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Protocol

from ...clock import Killed, Task
from ...cloud import Cloud
from ...service import APART, WIRING, Service, Stateful, register
from ..cloudwatch.model import Metrics

NAMESPACE = "CloudWatchSynthetics"


class Requests(Protocol):
    """What a canary needs of the network."""

    def request(self, origin: str, method: str, url: str) -> tuple[int, bytes]: ...


class Synthetics(Service):
    """Every Region's canaries."""

    service: ClassVar = "synthetics"
    not_state: ClassVar = {"cloud": APART, "_net": APART, "_metrics": APART}

    def __init__(self, cloud: Cloud, net: Requests, metrics: Metrics) -> None:
        super().__init__(cloud)
        self._net, self._metrics = net, metrics
        self.canaries: dict[tuple[str, str], Canary] = {}

    def canary(self, region: str, name: str, journey: str | Callable[[], bool], every: float = 60) -> Canary:
        """One more: `journey` is a URL, or a function, to be run every so many seconds."""
        return register(
            self.canaries,
            (region, name),
            lambda: Canary(self.cloud, self._net, self._metrics, region, name, journey, every),
        )

    def alarmed(self, region: str, name: str, journey: str | Callable[[], bool]) -> Canary:
        """One more, and an alarm of the same name: two of three journeys in a row have failed."""
        made = self.canary(region, name, journey)
        self._metrics.alarm(
            region,
            name,
            NAMESPACE,
            "SuccessPercent",
            {"CanaryName": name},
            90,
            "LessThanThreshold",
            evaluation_periods=3,
            datapoints_to_alarm=2,
            treat_missing="notBreaching",
        )
        return made

    def state(self) -> object:
        return [canary.state() for canary in self.canaries.values()]


class Canary(Stateful):
    """Runs `journey`, a URL that must answer 2xx or a function that must give True, again and again.

    A journey fails when it gives False, raises, or is not done when the next one is due. Metrics, by
    CanaryName: SuccessPercent (0 or 100), Failed (0 or 1), Duration (milliseconds).
    """

    not_state: ClassVar = {
        "cloud": APART,
        "metrics": APART,
        "region": WIRING,
        "name": WIRING,
        "_journey": WIRING,
    }

    def __init__(
        self,
        cloud: Cloud,
        net: Requests,
        metrics: Metrics,
        region: str,
        name: str,
        journey: str | Callable[[], bool],
        every: float,
    ) -> None:
        self.cloud, self.metrics, self.region, self.name = cloud, metrics, region, name
        self.failure = ""
        """Why the last run failed; "" where it did not."""
        self._journey = journey if callable(journey) else _visit(net, region, journey)
        self.broken = False
        """Its own script is at fault: every journey fails."""
        self._run: Task | None = None
        cloud.clock.after(0, self._start)
        cloud.clock.every(every, self._start)

    def state(self) -> object:
        return self.failure, self.broken, self._run is not None and not self._run.done

    def _start(self) -> None:
        if self._run is not None and not self._run.done:
            self._run.kill()
        if not self.cloud.faults.is_dark(self.region, "synthetics"):
            self._run = self.cloud.clock.spawn(self._once)

    def _once(self) -> None:
        began = self.cloud.clock.now
        try:
            with self.cloud.acting_as("", self.region):
                self.failure = "" if not self.broken and self._journey() else "the journey did not end well"
        except Exception as error:  # whatever a canary's script raises is a failed run
            self.failure = f"{type(error).__name__}: {error}"
        except Killed:
            self.failure = "timed out"
            raise
        finally:
            self._report(self.cloud.clock.now - began)

    def _report(self, seconds: float) -> None:
        failed = self.failure != ""
        samples = {
            "SuccessPercent": 0.0 if failed else 100.0,
            "Failed": float(failed),
            "Duration": seconds * 1000,
        }
        for metric, value in samples.items():
            self.metrics.put(self.region, NAMESPACE, metric, {"CanaryName": self.name}, value)


def _visit(net: Requests, region: str, url: str) -> Callable[[], bool]:
    return lambda: 200 <= net.request(region, "GET", url)[0] < 300
