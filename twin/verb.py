"""What customers of a stand-in do: a write, by its path and body, and how it is read back."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from .net import HttpRequest

MARKER = "{marker}"
"""Stands in a runbook for a text of one write alone."""
AGAIN = ", too"
"""After the name of a second dataset of the same name."""
IN_A_MARKER = "[A-Za-z0-9_-]+"


@dataclass(frozen=True)
class Verb:
    """One thing that customers do: write something, and read it back."""

    host: str
    """Which they call; "" where the runbook names only the Regions' own."""
    write: str
    body: str
    read: str
    said: str
    """As they do it, in words."""
    through: frozenset[str] = frozenset()
    """What lets it in, by name: of a kind of which one stands here it meets no other. All, if empty."""
    data: frozenset[str] = frozenset()
    """The datasets that keep it; all, if empty."""

    @property
    def form(self) -> tuple[str, str, str]:
        """How its requests are told from those of others."""
        return self.write, self.body, self.read

    def sent(self, marker: str) -> Any:
        """The body of a write, as JSON takes it."""
        return _plain(self.body.replace(MARKER, marker))

    def written(self, request: HttpRequest) -> str:
        """The marker that the request writes; "" where it is another."""
        if request.method != "POST" or request.path != self.write:
            return ""
        return _marker(_text(_plain(self.body)), _text(_plain(request.body.decode(errors="replace"))))

    def asked(self, request: HttpRequest) -> str:
        """The marker that the request asks for; "" where it is another."""
        return _marker(self.read, request.path) if request.method in ("GET", "HEAD") else ""

    def keeps_in(self, dataset: str) -> bool:
        """The dataset of this name keeps it."""
        return not self.data or dataset.removesuffix(AGAIN) in self.data


MADE_UP = Verb("", "/made-up", f'{{"item": "{MARKER}"}}', f"/made-up/{MARKER}", "")


def _plain(text: str) -> Any:
    """As JSON, where it is; else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _marker(template: str, text: str) -> str:
    """What stands in the text where the template has the marker; "" where the text is not of the template."""
    pattern = re.escape(template).replace(re.escape(MARKER), f"(?P<marker>{IN_A_MARKER})", 1)
    pattern = pattern.replace(re.escape(MARKER), "(?P=marker)")
    found = re.fullmatch(pattern, text)
    return found["marker"] if found else ""
