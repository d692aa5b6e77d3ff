"""A step's inputs, walked along their declared types: what a value is, its type says, not its looks."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal, NewType, get_args, get_origin, get_type_hints

from functions.inputs import AwsRegion, Region

from .wording import bare, is_union

Key = tuple[str | int, ...]
"""Where a value stands in the inputs: ("endpoints", "us-east-1"), ("functions", 0)."""


def mapped(model: Any, value: Any, change: Callable[[Any, Any], Any]) -> Any:
    """The value as JSON has it; each single one, and each key, becomes `change` of its type and itself."""
    declared = _fitting(model, value)
    if isinstance(value, Mapping):
        return {
            change(key_type, key): mapped(kind, item, change)
            for key, item, key_type, kind in _entries(declared, value)
        }
    if isinstance(value, list | tuple):
        return [mapped(_item(declared), item, change) for item in value]
    return change(declared, value)


def found(model: Any, value: Any, wanted: Any, at: Key = ()) -> Iterator[tuple[Key, Any]]:
    """Every value of a type, however deep, with its place."""
    declared = _fitting(model, value)
    if declared is wanted:
        yield at, value
    elif isinstance(value, Mapping):
        for key, item, _, kind in _entries(declared, value):
            yield from found(kind, item, wanted, (*at, key))
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from found(_item(declared), item, wanted, (*at, number))


@dataclasses.dataclass(frozen=True)
class Text:
    """A text of a type of its own, a key's included."""

    type: str
    """The type's name."""
    text: str
    at: Key
    """Where it stands; of a key, with the key itself."""
    region: str
    """Whose it is: the Region under which it stands, or the one beside it; "" where neither does."""


def texts(model: Any, value: Any, at: Key = (), region: str = "") -> Iterator[Text]:
    """Every text of a type of its own, Regions and durations apart, with the Region that it belongs to."""
    declared = _fitting(model, value)
    if isinstance(value, Mapping):
        beside = _region_beside(declared, value) or region
        for key, item, key_type, kind in _entries(declared, value):
            here = key if key_type in REGIONS else beside
            yield from _text(key_type, key, (*at, key), here)
            yield from texts(kind, item, (*at, key), here)
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from texts(_item(declared), item, (*at, number), region)
    else:
        yield from _text(declared, value, at, region)


REGIONS = (Region, AwsRegion)


def _text(declared: Any, value: Any, at: Key, region: str) -> Iterator[Text]:
    if isinstance(declared, NewType) and declared not in REGIONS and isinstance(value, str):
        yield Text(declared.__name__, value, at, region)


def _region_beside(declared: Any, value: Mapping[str, Any]) -> str:
    """The one Region among the fields, if there is one: first of those that are the same whichever way a run
    goes."""
    kinds = hints(declared) if dataclasses.is_dataclass(declared) else {}
    for kind in (AwsRegion, Region):
        beside = {str(item) for key, item in value.items() if kinds.get(key) is kind}
        if beside:
            return beside.pop() if len(beside) == 1 else ""
    return ""


def fields_of(model: type, wanted: Any) -> list[str]:
    """The names of the inputs whose type is this one."""
    return [name for name, declared in hints(model).items() if declared is wanted]


def hints(model: Any) -> Mapping[str, Any]:
    """The fields of a step type, or of another dataclass, with their types as declared."""
    if model not in _HINTS:
        declared = get_type_hints(model)
        _HINTS[model] = {field.name: declared[field.name] for field in dataclasses.fields(model)}
    return _HINTS[model]


_HINTS: dict[Any, Mapping[str, Any]] = {}


def _entries(declared: Any, value: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any, Any]]:
    """Key, item, and the types of both."""
    if dataclasses.is_dataclass(declared):
        assert isinstance(declared, type)
        kinds = hints(declared)
        yield from ((key, item, str, kinds.get(key, Any)) for key, item in value.items())
    else:
        key_type, kind = get_args(declared) or (Any, Any)
        yield from ((key, item, key_type, kind) for key, item in value.items())


def _item(declared: Any) -> Any:
    """The type of a list's items."""
    return (get_args(declared) or (Any,))[0]


def _fitting(declared: Any, value: Any) -> Any:
    """Of a union, the part that the value is of: a word of a Literal before any text."""
    if not is_union(declared):
        return declared
    parts = get_args(declared)
    literals = [part for part in parts if get_origin(part) is Literal and value in get_args(part)]
    return next(iter(literals), next((part for part in parts if _takes(part, value)), parts[0]))


def _takes(part: Any, value: Any) -> bool:
    if value is None or part is type(None):
        return value is None and part is type(None)
    while isinstance(part, NewType):
        part = part.__supertype__
    plain = get_origin(bare(part)) or part
    if plain is Literal:
        return False
    if isinstance(value, Mapping):
        return dataclasses.is_dataclass(plain) or (isinstance(plain, type) and issubclass(plain, Mapping))
    if isinstance(value, list | tuple):
        return plain is tuple
    if isinstance(value, bool):
        return plain is bool
    return plain in (int, float) if isinstance(value, int | float) else plain is type(value)


def every_type(declared: Any) -> Iterator[Any]:
    """The type, and every type that it is made of."""
    yield declared
    if dataclasses.is_dataclass(declared):
        parts: Iterable[Any] = hints(declared).values()
    else:
        parts = () if get_origin(declared) is Literal else get_args(declared)
    for part in parts:
        yield from every_type(part)
