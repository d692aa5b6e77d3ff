"""The JSON Schemas that editors complete and check runbooks and topologies with, derived from the same types
as the loaders.

Each accepts whatever its loader accepts. It cannot say all that the loader says: that a Region, or a name, is
the runbook's own, or one of AWS, that both Regions have an entry, that a one-way step needs a failback, that
a port or a duration is too large.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

from functions.inputs import FORMS, AwsRegion, Region, Seconds

from ..runbook.model import PROCEDURES, Head, common
from ..runbook.regions import REGION_FORM
from ..runbook.registry import Input, Registry, StepType, inputs, steps, written
from ..runbook.topology import written as written_in_a_topology
from ..runbook.values import LARGEST
from ..runbook.wording import DURATION_FORM, bare, expected, is_list, is_union

Json = dict[str, Any]

TOGETHER = "steps carried out side by side"


def json_schema(registry: Registry | None = None) -> Json:
    """A JSON Schema (draft 2020-12) of one runbook."""
    known = written(registry or steps())
    model = _object(inputs(Head))
    for name, doc in PROCEDURES.items():
        model["properties"][name] = {"$ref": "#/$defs/procedure", "description": doc}
    model["required"].append("failover")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A Farshore runbook",
        **model,
        "$defs": {
            "procedure": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/entry"}},
            "entry": _one_of_steps(known, together=True),
            "branch": _one_of_steps(known, together=False),
            **{f"step.{name}": _step(step_type) for name, step_type in known.items()},
        },
    }


def topology_schema() -> Json:
    """The same of a topology beside a runbook."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A topology of Farshore's twin",
        **_object(written_in_a_topology()),
    }


def _one_of_steps(known: Registry, together: bool) -> Json:
    """An object with one key, which names a step."""
    properties: Json = {name: {"$ref": f"#/$defs/step.{name}"} for name in known}
    if together:
        branches = {"type": "array", "minItems": 2, "items": {"$ref": "#/$defs/branch"}}
        properties["together"] = {**branches, "description": TOGETHER}
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }


def _step(step_type: StepType) -> Json:
    model = _object(inputs(step_type) + common(step_type))
    model["description"] = (step_type.__doc__ or step_type.name).strip().splitlines()[0]
    if not model["required"]:
        model["type"] = ["object", "null"]
    return model


def _object(fields: list[Input]) -> Json:
    return {
        "type": "object",
        "properties": {each.name: _described(each) for each in fields},
        "required": [each.name for each in fields if each.required],
        "additionalProperties": False,
    }


def _described(field: Input) -> Json:
    model = _value(field.type)
    return {**model, "description": field.doc} if field.doc else model


def _value(declared: Any) -> Json:
    declared = bare(declared)
    origin, parts = get_origin(declared), get_args(declared)
    single: dict[Any, Json] = {
        str: {"type": "string", "pattern": r"\S"},
        int: {"type": "integer", "minimum": 0, "maximum": LARGEST},
        float: {"type": "number", "minimum": 0},
        bool: {"type": "boolean"},
        Seconds: {"type": "string", "pattern": f"^{DURATION_FORM}$"},
        Region: {"type": "string", "pattern": rf"^(\$from|\$to|{REGION_FORM})$"},
        AwsRegion: {"type": "string", "pattern": f"^{REGION_FORM}$"},
        type(None): {"type": "null"},
    }
    if declared in single:
        return single[declared]
    if declared in FORMS:
        return {"type": "string", "pattern": f"^({FORMS[declared].pattern})$"}
    if origin is Literal:
        return {"enum": list(parts)}
    if is_union(declared):
        return {"anyOf": [_value(part) for part in parts]}
    if is_list(declared):
        return _list(parts)
    if dataclasses.is_dataclass(declared):
        assert isinstance(declared, type)
        return _object(inputs(declared))
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(*map(bare, parts))
    raise TypeError(expected(declared))


def _list(parts: tuple[Any, ...]) -> Json:
    length = {"minItems": 1} if parts[-1] is ... else {"minItems": len(parts), "maxItems": len(parts)}
    return {"type": "array", "items": _value(parts[0]), "uniqueItems": True, **length}


def _mapping(keys: Any, values: Any) -> Json:
    least = 2 if keys is Region else 1
    return {
        "type": "object",
        "propertyNames": _value(keys),
        "additionalProperties": _value(values),
        "minProperties": least,
    }
