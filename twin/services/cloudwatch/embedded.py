"""Metrics that are embedded in a line of a log.

Source: docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring,
CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

Sample = tuple[str, str, Mapping[str, str], float]
"""Namespace, name, dimensions and value."""


def samples_of(line: str) -> Iterator[Sample]:
    """None of a line that is no JSON object with metrics."""
    try:
        given: Any = json.loads(line)
        directives = given["_aws"]["CloudWatchMetrics"]
    except (ValueError, KeyError, TypeError):
        return
    for directive in directives:
        for names in directive["Dimensions"]:
            dimensions = {name: str(given[name]) for name in names}
            for metric in directive["Metrics"]:
                values = given[metric["Name"]]
                for value in values if isinstance(values, list) else [values]:
                    yield directive["Namespace"], metric["Name"], dimensions, float(value)
