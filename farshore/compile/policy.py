"""What a step's function may do: IAM statements, derived from its declared calls and the runbooks' inputs.

A runbook names every resource, so a policy can name them too. Where an action cannot be scoped, its
`Api` says why.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from functions.calls import Api
from functions.ledger import QUERY

from ..runbook.load import Runbook
from ..runbook.registry import steps
from .machine import Machine


@dataclass(frozen=True)
class Statement:
    """Allowed actions on ARNs, which may hold {partition} and {account}."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    why: str = ""
    """Why the resource is "*"; empty where it is not."""


def function_name(step: str) -> str:
    """The deployed function's name: farshore-aurora-writer."""
    return "farshore-" + step.replace("_", "-")


def statements(step: str, uses: Iterable[tuple[Runbook, Machine]]) -> tuple[Statement, ...]:
    """What the function of this step may do, for all machines that call it."""
    kind = steps()[step]
    granted: dict[str, set[str]] = {}
    whys: dict[str, str] = {}
    for runbook, machine in uses:
        regions = (runbook.regions.primary, runbook.regions.standby)
        for use in (use for use in machine.uses if use.step == step):
            words = {**use.inputs, "application": runbook.application}
            for api in (*kind.reads, *kind.writes):
                if not api.is_http:
                    granted.setdefault(api.action, set()).update(_arns(api, regions, words))
                    whys[api.action] = api.why
        for api in (QUERY, *kind.notes):
            granted.setdefault(api.action, set()).update(
                _arns(api, runbook.ledger.regions, {"table": runbook.ledger.table})
            )
    alike: dict[tuple[str, ...], list[str]] = {}
    for action, resources in sorted(granted.items()):
        alike.setdefault(tuple(sorted(resources)), []).append(action)
    return tuple(
        Statement(tuple(actions), resources, "; ".join(sorted({whys[action] for action in actions})))
        if resources == ("*",)
        else Statement(tuple(actions), resources)
        for resources, actions in alike.items()
    )


def _arns(api: Api, regions: Iterable[str], words: Mapping[str, Any]) -> Iterator[str]:
    templates = (api.resource,) if isinstance(api.resource, str) else api.resource
    for template in templates:
        if template == "*":
            yield "*"
            continue
        for region in regions if "{region}" in template else ("",):
            yield from _filled(template, region, words)


def _filled(template: str, region: str, words: Mapping[str, Any]) -> Iterator[str]:
    """Every way to fill the template in: a list stands for each of its items, a mapping for its Region's."""
    names = [name for name in re.findall(r"{(\w+)}", template) if name not in ("region", "account")]
    for values in itertools.product(*(_values(words[name], region) for name in names)):
        text = template.replace("{region}", region)
        for name, value in zip(names, values, strict=True):
            text = text.replace("{" + name + "}", value)
        yield text if text.startswith("arn:") else "arn:{partition}:" + text


def _values(word: Any, region: str) -> list[str]:
    if isinstance(word, Mapping):
        if "function" in word:
            return [function_name(_snake(word["function"])) + ":*"]
        return [str(value) for key, value in word.items() if region in ("", key)]
    if isinstance(word, list | tuple):
        return [value for item in word for value in _values(item, region)]
    return [str(word)]


def _snake(substitution: str) -> str:
    """${AuroraWriter} is the function of aurora_writer."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", substitution.strip("${}")).lower()
