"""Log lines and metrics of a tick: Powertools' Logger, and EMF metrics, by the run's id."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol, TextIO, cast

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit, single_metric

from .planned import ANSWER, NOT_READY

NAMESPACE, SERVICE = "Farshore", "farshore"
NOT_READY_METRIC = "NotReady"


class _Output(io.TextIOBase):
    """Standard output as it is when a line is written, not as it was at import."""

    def write(self, text: str) -> int:
        return sys.stdout.write(text)

    def flush(self) -> None:
        sys.stdout.flush()


logger = Logger(service=SERVICE, stream=cast(TextIO, _Output()))


class Report(Protocol):
    def __call__(self, outcome: str, why: str, waited: float, facts: Mapping[str, Any]) -> None: ...


class Telemetry(Protocol):
    """Notes one tick of a run, once it is reported how the tick ended."""

    def __call__(self, run: Any, /) -> AbstractContextManager[Report]: ...


@contextmanager
def tick_of(run: Any) -> Iterator[Report]:
    """Gives the function that reports how the tick ended; flushes the metrics after it.

    Nothing is kept from tick to tick: in the twin, ticks interleave in one process. No dry tick counts.
    """
    metrics = EphemeralMetrics(namespace=NAMESPACE, service=SERVICE)
    metrics.add_dimension(name="application", value=run.application)
    metrics.add_dimension(name="step", value=run.step)
    always = {
        "correlation_id": run.execution,
        "application": run.application,
        "procedure": run.procedure,
        "step": run.step,
        "purpose": run.purpose,
        "state": run.state,
        "mode": run.mode,
    } | ({"dry_run": True} if run.dry_run else {})

    def report(outcome: str, why: str, waited: float, facts: Mapping[str, Any]) -> None:
        logged = {name: fact for name, fact in facts.items() if name != ANSWER}
        seconds = {"why": why, "waited_seconds": round(waited, 3), "facts": logged}
        logger.info(outcome, extra=always | seconds)
        if not run.dry_run:
            metrics.add_metric(name="Ticks", unit=MetricUnit.Count, value=1)
            metrics.add_metric(name="SecondsWaited", unit=MetricUnit.Seconds, value=max(waited, 0.0))
        if isinstance(facts.get("lag_seconds"), int | float):
            metrics.add_metric(name="LagSeen", unit=MetricUnit.Seconds, value=facts["lag_seconds"])
        for state, troubles in facts.get(NOT_READY, {}).items():
            with single_metric(
                name=NOT_READY_METRIC, unit=MetricUnit.Count, value=troubles, namespace=NAMESPACE
            ) as metric:
                metric.add_dimension(name="application", value=run.application)
                metric.add_dimension(name="state", value=state)

    yield report
    if metrics.metric_set:
        metrics.flush_metrics()
