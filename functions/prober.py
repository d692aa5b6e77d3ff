"""The prober: it asks each Region's own front door of an application, and says what it sees as a metric.

It is no step: it belongs to no run, holds no lease and needs no permission. A machine of its own invokes it
every few seconds, in Regions that only look on. One look at a probe is judged as a run's evidence is
(probes.py), and becomes a high-resolution metric, `Impaired`, of each Region but its own: 1 where it looks
impaired, 0 where it does not, and 0.5 where the look proves nothing, so that an alarm hears the difference
between that and nobody looking.

The metric is embedded in the log: of a few of them every two seconds PutMetricData would cost more than all
the rest. Sources: docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring,
CloudWatch_Embedded_Metric_Format_Specification.html and publishingMetrics.html#high-resolution-metrics
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from aws_lambda_powertools.metrics import MetricResolution, MetricUnit, single_metric

from .calls import HTTP_GET, Sight
from .evidence import Says
from .inputs import Region
from .outside import Outside
from .probes import judged
from .telemetry import NAMESPACE, logger

METRIC = "Impaired"
VALUES: Mapping[Says, float] = {"no": 0.0, "unknown": 0.5, "yes": 1.0}
Handler = Callable[[Mapping[str, Any], Any], dict[str, dict[str, Says]]]


def prober(outside: Outside | None = None) -> Handler:
    """The Lambda. An event has the `application`, its `probes` (`name`, `url` by Region, `search_string`) and
    the `execution` that asks; the answer is what each probe says of each Region."""
    home = outside or Outside()

    def handler(event: Mapping[str, Any], context: Any) -> dict[str, dict[str, Says]]:
        """One look at all probes, side by side."""
        here: str = event["execution"].split(":")[3]
        doors = [(probe, region) for probe in event["probes"] for region in probe["url"]]
        calls = [HTTP_GET(here, url=probe["url"][region]) for probe, region in doors]
        replies = cast(list[Sight], home.replies(calls, busy=frozenset()))  # HTTP denies nothing
        seen = {(probe["name"], of): reply for (probe, of), reply in zip(doors, replies, strict=True)}
        said: dict[str, dict[str, Says]] = {probe["name"]: {} for probe in event["probes"]}
        for probe, region in doors:
            if region != here:
                (other,) = probe["url"].keys() - {region}
                name, wanted = probe["name"], probe["search_string"]
                says, why, _ = judged(seen[name, region], seen[name, other], wanted)
                said[name][region] = says
                _note(event["application"], name, region, says, why)
        return said

    return handler


def _note(application: str, probe: str, region: Region, says: Says, why: str) -> None:
    about = {"application": application, "probe": probe, "region": region}
    if says != "no":
        logger.info(says, extra={**about, "why": why})
    with single_metric(
        name=METRIC,
        unit=MetricUnit.Count,
        value=VALUES[says],
        resolution=MetricResolution.High,
        namespace=NAMESPACE,
    ) as metric:
        for name, value in about.items():
            metric.add_dimension(name=name, value=value)


handler = prober()
