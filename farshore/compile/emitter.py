"""CloudFormation's YAML, written for people: block style, its tags, and a comment where one is due.

What is given is what a parser reads back: dicts, lists, texts, whole numbers, truths, and the three below.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

WIDTH = 110
PLAIN = r"[A-Za-z/$][\w ./:*$%{}=+()<>,-]*"
"""Texts that need no quotes, if they are none of `WORDS` and hold nothing that YAML would read otherwise."""
WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})


@dataclass(frozen=True)
class Tag:
    """A short-form function: Tag("Ref", "Pages") is `!Ref Pages`."""

    name: str
    value: Any


@dataclass(frozen=True)
class Flow:
    """A dict or list that stands on one line."""

    value: Any


@dataclass(frozen=True)
class Noted:
    """A value with a comment above it."""

    comment: str
    value: Any


def emit(value: Any, indent: int = 0) -> list[str]:
    """The lines of a dict or a list."""
    return _mapping(value, indent) if isinstance(value, dict) else _list(value, indent)


def comment(text: str, indent: int = 0) -> list[str]:
    pad = " " * indent + "# "
    return [pad + line for line in wrap(text, WIDTH - len(pad), break_on_hyphens=False)]


def _mapping(value: dict[str, Any], indent: int) -> list[str]:
    lines, pad = [], " " * indent
    for key, item in value.items():
        if isinstance(item, Noted):
            lines += comment(item.comment, indent)
            item = item.value
        text = _inline(item, WIDTH - indent - len(key) - 2)
        if (written := _literal(item)) is not None:
            tag, body = written
            lines += [f"{pad}{_scalar(key)}: {tag}|-", *(f"{pad}  {line}" for line in body)]
        elif text is None:
            lines += [f"{pad}{_scalar(key)}:", *emit(item, indent + 2)]
        else:
            lines.append(f"{pad}{_scalar(key)}: {text}")
    return lines


def _list(value: list[Any], indent: int) -> list[str]:
    lines, pad = [], " " * indent
    for item in value:
        if isinstance(item, Noted):
            lines += comment(item.comment, indent)
            item = item.value
        text = _inline(item, WIDTH - indent - 2)
        if text is None:
            first, *rest = emit(item, indent + 2)
            lines += [f"{pad}- {first.lstrip()}", *rest]
        else:
            lines.append(f"{pad}- {text}")
    return lines


def _literal(item: Any) -> tuple[str, list[str]] | None:
    """The tag and the lines of a text that has several, each with something to read and none indented."""
    tag, text = (f"!{item.name} ", item.value) if isinstance(item, Tag) else ("", item)
    body = text.split("\n") if isinstance(text, str) else []
    plain = all(line and line[0] != " " and line.isprintable() for line in body)
    return (tag, body) if len(body) > 1 and plain else None


def _inline(item: Any, room: int) -> str | None:
    """On one line where it is a scalar, where it is asked for, and where a list of scalars fits."""
    if isinstance(item, Tag) and not isinstance(item.value, list):
        return f"!{item.name} {_scalar(item.value)}"
    if isinstance(item, Tag | Flow) or item in ({}, []):
        return _flow(item)
    if isinstance(item, list):
        scalars = all(isinstance(part, str | int) for part in item)
        text = _flow(item) if scalars else ""
        return text if text and len(text) <= room else None
    return None if isinstance(item, dict) else _scalar(item)


def _flow(item: Any) -> str:
    if isinstance(item, Flow):
        return _flow(item.value)
    if isinstance(item, Tag):
        return f"!{item.name} {_flow(item.value)}"
    if isinstance(item, dict):
        return "{" + ", ".join(f"{_scalar(key)}: {_flow(part)}" for key, part in item.items()) + "}"
    if isinstance(item, list):
        return "[" + ", ".join(map(_flow, item)) + "]"
    return _scalar(item, within_flow=True)


def _scalar(value: str | int, within_flow: bool = False) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    plain = re.fullmatch(PLAIN, value) and value.lower() not in WORDS
    if (
        plain
        and ": " not in value
        and value[-1] not in ": "
        and not (within_flow and set(value) & set(",{}"))
    ):
        return value
    return json.dumps(value, ensure_ascii=False) if "'" in value or not value.isprintable() else f"'{value}'"
