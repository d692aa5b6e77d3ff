"""What a step's function may do: IAM statements, derived from its declared calls and the runbooks' inputs.

A runbook names every resource, so a policy can name them too. Where an action cannot be scoped, its
`Api` says why. What a line does as another account's role, that role may do, and the function only assume it.
"""

from __future__ import annotations

import itertools
import re
from collections import abc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from functions.assume import BEGIN
from functions.calls import Api
from functions.inputs import FORMS
from functions.later import ITSELF
from functions.ledger import QUERY
from functions.run import machine_name

from ..runbook.mistakes import Mistake, quoted
from ..runbook.model import Runbook
from ..runbook.regions import REGION_FORM
from ..runbook.registry import StepType, steps
from ..runbook.typed import every_type, hints
from ..runbook.wording import bare
from .machine import LEASED, Machine
from .states import Use, function_name

NAMED = r"{([\w.]+)}"
"""A word of a resource's template."""

UNNAMEABLE = re.compile(r"[*?{}\[\]$\"\\\s]|[^ -ÿ]")
"""What IAM would read as a wildcard or a variable, or not at all, and what no AWS resource has in its name.
Source: docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html"""


@dataclass(frozen=True)
class Statement:
    """Allowed actions on ARNs, which may hold {partition}, {account} and {prefix}. The account is that of
    whoever is allowed."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    why: str = ""
    """Why the resource is "*"; empty where it is not."""
    only: tuple[str, tuple[str, ...]] | None = None
    """A condition key, and all the values that a request may have of it."""

    @property
    def condition(self) -> Mapping[str, Mapping[str, str | list[str]]]:
        """As IAM has it. That no value is another holds of a request that has none, too, so that is excluded.
        Source: docs.aws.amazon.com/IAM/latest/UserGuide,
        reference_policies_condition-single-vs-multi-valued-context-keys"""
        if self.only is None:
            return {}
        key, values = self.only
        return {"ForAllValues:StringEquals": {key: list(values)}, "Null": {key: "false"}}


class NoArn(ValueError):
    """An input of which no ARN can be made."""

    def __init__(self, what: str, instead: str) -> None:
        super().__init__(f"{what}: {instead}")
        self.what, self.instead = what, instead


def statements(step: str, uses: Iterable[tuple[Runbook, Machine]]) -> tuple[Statement, ...]:
    """What the function of this step may do, for all machines that call it. Raises NoArn."""
    kind, granted = steps()[step], _Granted()
    for runbook, machine in uses:
        for use in (use for use in machine.uses if use.step == step):
            for api in _calls(kind):
                if use.assume is None or api.ours:
                    granted.add(api, _of_application(api, runbook, use))
            if use.assume is not None:
                granted.add(BEGIN, arns(BEGIN, (), {"role": use.assume.roles}))
        for api in (QUERY, *kind.ledger_writes()):
            granted.add(api, _of_ledger(api, runbook), api.only)
    return granted.statements()


def of_role(role: str, uses: Iterable[tuple[Runbook, Machine]]) -> tuple[Statement, ...]:
    """What this role of another account must allow, for all lines whose calls are made as it. Raises
    NoArn."""
    granted = _Granted()
    for runbook, machine in uses:
        for use in (use for use in machine.uses if use.assume is not None and role in use.assume.roles):
            for api in (api for api in _calls(steps()[use.step]) if not api.ours):
                granted.add(api, _of_application(api, runbook, use, role))
    return granted.statements()


class _Granted:
    """Actions on resources, as they are found."""

    def __init__(self) -> None:
        self._resources: dict[tuple[str, Any], set[str]] = {}
        self._whys: dict[str, str] = {}

    def add(self, api: Api, resources: Iterable[str], only: Any = None) -> None:
        found = set(resources)
        for action in (api.action, *api.dependents):
            self._resources.setdefault((action, only), set()).update(found)
            self._whys[action] = api.why or self._whys.get(action, "")

    def statements(self) -> tuple[Statement, ...]:
        alike: dict[tuple[Any, ...], list[str]] = {}
        for (action, only), resources in sorted(self._resources.items(), key=lambda each: each[0][0]):
            if resources:
                alike.setdefault((tuple(sorted(resources)), only), []).append(action)
        return tuple(
            Statement(tuple(actions), resources, _why(resources, actions, self._whys), condition)
            for (resources, condition), actions in alike.items()
        )


def _why(resources: tuple[str, ...], actions: Iterable[str], whys: Mapping[str, str]) -> str:
    return "; ".join(sorted({whys[action] for action in actions})) if resources == ("*",) else ""


def by_machine(runbook: Runbook, machine: Machine) -> Iterator[Statement]:
    """What Step Functions itself calls for the machine: to read the items of its Maps, and to write their
    results."""
    for use in machine.uses[:1]:
        kind = steps()[use.step]
        for api in filter(None, (kind.read_by_machine, kind.written_by_machine)):
            resources = tuple(_of_application(api, runbook, use))
            yield Statement((api.action, *api.dependents), resources, api.why)


def nameless(runbook: Runbook, made: Iterable[Machine]) -> Iterator[Mistake]:
    """Every line of which no ARN can be made, and why."""
    try:
        list(_of_ledger(QUERY, runbook))
    except NoArn as wrong:
        yield Mistake(runbook.path, runbook.lines.get("ledger", 0), f"ledger: {wrong.what}", wrong.instead)
    for use in (use for machine in made for use in machine.uses):
        for api in _calls(steps()[use.step]):
            try:
                list(_of_application(api, runbook, use))
            except NoArn as wrong:
                line = use.line or runbook.lines["application"]
                yield Mistake(runbook.path, line, f"{use.step}: {wrong.what}", wrong.instead)


def _calls(kind: StepType) -> list[Api]:
    """Those that need IAM."""
    return [api for api in (*kind.reads, *kind.writes) if not api.is_http]


def _of_application(api: Api, runbook: Runbook, use: Use, role: str = "") -> Iterator[str]:
    """In the Regions in which that is the role, where one is given. Raises NoArn for one of the ledger's,
    which no step may change but by its notes."""
    ledgers = api in steps()[use.step].writes and use.assume is None
    taken = set(_of_ledger(QUERY, runbook)) if ledgers else set()
    if api.only_for and not use.inputs.get(api.only_for):
        return
    for arn in _arns_of_application(api, runbook, use, role):
        if arn in taken:
            raise NoArn(f"{runbook.ledger.table} is the ledger", "name a table of the application")
        yield arn


def _arns_of_application(api: Api, runbook: Runbook, use: Use, role: str) -> Iterator[str]:
    regions = [
        region
        for region in (runbook.regions.primary, runbook.regions.standby)
        if use.assume is None or not role or use.assume.role_in(region) == role
    ]
    # By their whole names: what begins like the application's own may be another's.
    named = [machine_name(runbook.application, procedure) for procedure in LEASED]
    declared = hints(steps()[use.step])
    given = {name: _keys_or(value, declared.get(name)) for name, value in use.inputs.items()}
    yield from arns(api, regions, {ITSELF: (), **given, "machines": named})


def _keys_or(value: Any, declared: Any) -> Any:
    """Of a mapping by names, the names: they are what is named."""
    kinds = [bare(get_args(kind)[0]) for kind in every_type(declared) if get_origin(kind) is abc.Mapping]
    return list(value) if isinstance(value, Mapping) and any(kind in FORMS for kind in kinds[:1]) else value


def _of_ledger(api: Api, runbook: Runbook) -> Iterator[str]:
    return arns(api, runbook.ledger.regions, {"table": runbook.ledger.table})


def arns(api: Api, regions: Iterable[str], words: Mapping[str, Any]) -> Iterator[str]:
    templates = (api.resource,) if isinstance(api.resource, str) else api.resource
    for template in templates:
        if template == "*":
            yield "*"
            continue
        for region in regions if "{region}" in template else ("",):
            yield from _filled(template, region, words)


def _filled(template: str, region: str, words: Mapping[str, Any]) -> Iterator[str]:
    """Every way to fill the template in: a list stands for each of its items, a mapping for its Region's."""
    names = [name for name in re.findall(NAMED, template) if name not in ("region", "account")]
    inputs = dict.fromkeys(name.partition(".")[0] for name in names)
    for values in itertools.product(*(_choices(each, names, words, region) for each in inputs)):
        given = {"region": region, "account": "{account}"}
        for value in values:
            given |= value
        # At once, so that nothing in a value is filled in, too.
        text = re.sub(NAMED, lambda found, given=given: given[found[1]], template)  # type: ignore[misc]
        yield text if text.startswith("arn:") else "arn:{partition}:" + text


def _choices(
    given: str, names: Sequence[str], words: Mapping[str, Any], region: str
) -> Iterator[dict[str, str]]:
    """What an input gives to the template: its names one by one; of one that is a list of entries, whose keys
    are named as `orders.table` is, those of each entry together. What an entry leaves out nobody asks."""
    keys = {name: name.partition(".")[2] for name in names if name.startswith(f"{given}.")}
    if not keys:
        yield from ({given: value} for value in _named(given, words.get(given, ()), region))
        return
    for entry in words[given]:
        if not all(entry.get(key) for key in keys.values()):
            continue
        values = (_named(name, entry[key], region) for name, key in keys.items())
        yield from (dict(zip(keys, each, strict=True)) for each in itertools.product(*values))


def _named(name: str, value: Any, region: str) -> list[str]:
    """None for an input that is left out: nothing is asked of it either."""
    found = list(_values(name, value, region))
    if not found and value:
        raise NoArn(f"{name} names nothing in {region}", f"write an entry for {region}")
    return found


def _values(name: str, value: Any, region: str) -> Iterator[str]:
    """The names that an input holds, of one Region where its entries are by Region."""
    if isinstance(value, str):
        if wrong := UNNAMEABLE.search(value):
            what = f"{name}: {quoted(value)} has {quoted(wrong[0])} in it, and becomes part of an ARN"
            raise NoArn(what, "write the resource's own name")
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _values(name, item, region)
    elif isinstance(value, Mapping) and "event" in value:
        # A later step, which the compiler filled in: its function in any version.
        yield function_name(value["event"]["run"]["step"], "{prefix}") + ":*"
    elif isinstance(value, Mapping) and all(re.fullmatch(REGION_FORM, key) for key in value):
        for key, item in value.items():
            if region in ("", key):
                yield from _values(name, item, region)
    else:
        what = f"{name}: no ARN can be made of {quoted(str(value))}"
        raise NoArn(what, "only names, lists of them, and entries by Region can be part of an ARN")
