"""Every step type, found by its file: the one list that schema, functions, policies and docs derive from."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import functions.steps
from functions.inputs import Whole
from functions.step import Step

StepType = type[Step[Any]]
Registry = Mapping[str, StepType]

STEPS = "functions/steps"
COMPILED = {"written": False}
"""Metadata of a dataclass field that is filled in by the program, not read from YAML."""


@dataclass(frozen=True)
class Input:
    """One input of a step, or one key of another mapping that runbooks write."""

    name: str
    type: Any
    doc: str
    required: bool
    default: Any = None
    whole: Whole | None = None
    """How many entries AWS has of it."""


@functools.cache
def steps() -> Registry:
    """Every step type by its name, sorted. One's own that cannot be read are left out: see `broken`."""
    return MappingProxyType(dict(sorted(_found()[0].items())))


def broken() -> Mapping[str, str]:
    """Files with steps of one's own that cannot be read, and why. Whoever speaks to a run does without."""
    return _found()[1]


@functools.cache
def _found() -> tuple[dict[str, StepType], dict[str, str]]:
    found: dict[str, StepType] = {}
    wrong: dict[str, str] = {}
    own = look_here()
    for module in pkgutil.iter_modules(functions.steps.__path__):
        name = f"{functions.steps.__name__}.{module.name}"
        is_ours = getattr(module.module_finder, "path", None) != own
        try:
            for step_type in _defined_in(name):
                other = found.setdefault(step_type.name, step_type)
                if other is not step_type:
                    raise TypeError(f"{step_type.name} is a step of {other.__module__} already")
        except (Exception, SystemExit) as why:
            if is_ours:
                raise
            wrong[f"{STEPS}/{module.name}.py"] = f"{type(why).__name__}: {why}"
    return found, wrong


def look_here() -> str:
    """Steps of one's own stand in the repository, beside a copy of ours: they are found from here on. What
    both have is ours. Gives their folder; "" where there is none."""
    own = ""
    for package in (functions, functions.steps):
        here = Path(*package.__name__.split("."))
        if here.is_dir() and here.resolve() not in {Path(folder).resolve() for folder in package.__path__}:
            package.__path__.append(str(here.resolve()))
        own = str(here.resolve()) if str(here.resolve()) in package.__path__[1:] else ""
    return own


def _defined_in(module_name: str) -> list[StepType]:
    module = importlib.import_module(module_name)
    return [
        thing
        for thing in vars(module).values()
        if isinstance(thing, type)
        and issubclass(thing, Step)
        and thing.__module__ == module_name
        and hasattr(thing, "name")
    ]


def written(registry: Registry) -> Registry:
    """The step types that a runbook may name."""
    return {name: step_type for name, step_type in registry.items() if step_type.written}


def inputs(model: type) -> list[Input]:
    """What a runbook writes of a step type (or of any dataclass with annotated fields), in their order."""
    hints = _hints(model)
    derived: frozenset[str] = getattr(model, "derived", frozenset())
    return [
        _input(field, hints[field.name])
        for field in dataclasses.fields(model)
        if field.name not in derived and field.metadata.get("written", True)
    ]


@functools.cache
def _hints(model: Any) -> Mapping[str, Any]:
    return get_type_hints(model, include_extras=True)


def _input(field: dataclasses.Field[Any], hint: Any) -> Input:
    kind, *notes = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    doc = next((note for note in notes if isinstance(note, str)), "")
    whole = next((note for note in notes if isinstance(note, Whole)), None)
    required, default = False, field.default
    if field.default_factory is not dataclasses.MISSING:
        default = field.default_factory()
    elif default is dataclasses.MISSING:
        required, default = True, None
    return Input(field.name, kind, doc, required, default, whole)
