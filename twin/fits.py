"""A quick yes to what botocore's validator would pass.

botocore walks a shape's model anew for every value. A `Fit` is that walk made once. Its no means only "ask
botocore": every doubt (a document, a time in words, a mistake) goes to the real validator, which explains.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from botocore.model import OperationModel, Shape

Fit = Callable[[Any], bool]

KINDS: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (float, Decimal, int),
    "double": (float, Decimal, int),
}

SPECIAL = frozenset({"jsonvalue", "hostLabel", "eventstream"})
"""Traits under which a member is judged otherwise than its shape says."""


class Fits:
    """The fits of one service's shapes, by their names. Shapes may contain themselves."""

    def __init__(self) -> None:
        self._known: dict[str, Fit] = {}

    def of(self, shape: Shape) -> Fit:
        if SPECIAL & shape.serialization.keys() or getattr(shape, "is_document_type", False):
            return _doubt
        if shape.name not in self._known:
            self._known[shape.name] = lambda value: self._known[shape.name](value)  # while it is being made
            self._known[shape.name] = self._made(shape)
        return self._known[shape.name]

    def _made(self, shape: Any) -> Fit:
        if shape.type_name == "structure":
            return self._structure(shape)
        if shape.type_name == "list":
            return self._list(shape)
        if shape.type_name == "map":
            return self._map(shape)
        return _scalar(shape)

    def _structure(self, shape: Any) -> Fit:
        members = {name: self.of(member) for name, member in shape.members.items()}
        plain = {name: _only_kind(member) for name, member in shape.members.items()}
        required = frozenset(shape.required_members)
        is_union, kind_of = getattr(shape, "is_tagged_union", False), plain.get

        def fit(value: Any) -> bool:
            if not isinstance(value, dict) or (is_union and len(value) != 1):
                return False
            if required and not required <= value.keys():
                return False
            for name, given in value.items():
                if type(given) is kind_of(name):
                    continue
                member = members.get(name)
                if member is None or not member(given):
                    return False
            return True

        return fit

    def _list(self, shape: Any) -> Fit:
        member, least = self.of(shape.member), shape.metadata.get("min", 0)
        plain = _only_kind(shape.member)

        def fit(value: Any) -> bool:
            if not isinstance(value, list | tuple) or len(value) < least:
                return False
            return (plain is not None and set(map(type, value)) == {plain}) or all(map(member, value))

        return fit

    def _map(self, shape: Any) -> Fit:
        key, member = self.of(shape.key), self.of(shape.value)
        plain = _only_kind(shape.key)

        def fit(value: Any) -> bool:
            if not isinstance(value, dict):
                return False
            keys = set(map(type, value)) == {plain} or all(map(key, value))
            return keys and all(map(member, value.values()))

        return fit


def _scalar(shape: Shape) -> Fit:
    if shape.type_name == "blob":
        return lambda value: isinstance(value, bytes | bytearray | str) or hasattr(value, "read")
    if shape.type_name == "timestamp":
        return _is_instant
    kinds = KINDS.get(shape.type_name)
    if kinds is None:
        return _doubt
    least = shape.metadata.get("min")
    if least is None:
        return lambda value: isinstance(value, kinds)
    if shape.type_name == "string":
        return lambda value: isinstance(value, str) and len(value) >= least
    return lambda value: isinstance(value, kinds) and value >= least


def _only_kind(shape: Shape) -> type | None:
    """The type of which every value fits; None where there is more to it."""
    if SPECIAL & shape.serialization.keys() or shape.metadata.get("min") is not None:
        return None
    return {"string": str, "boolean": bool, "integer": int, "long": int}.get(shape.type_name)


def _is_instant(value: Any) -> bool:
    """A datetime, or seconds since 1970. botocore also parses words."""
    return isinstance(value, datetime.datetime) or (isinstance(value, int | float) and 0 <= value < 1e11)


def _doubt(value: Any) -> bool:
    return False


_FITS: dict[str, Fits] = {}
"""By service."""


def fits_of(model: OperationModel) -> Fits:
    """Those of the operation's service."""
    return _FITS.setdefault(service_of(model), Fits())


def service_of(model: OperationModel) -> str:
    """boto3's name for the operation's service."""
    return str(model.service_model.service_name)
