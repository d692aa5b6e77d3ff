"""The files that a repository begins with, by their paths. What follows from its runbooks `farshore compile`
writes, and nothing here is written twice: the frame of the template is that of Farshore's own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

import jinja2
import yaml

from functions.ledger import REGION_SETS

from ..compile.template import MARKER
from ..runbook.regions import partitions

HERE = Path(__file__).parent
ACCOUNT = "111122223333"
"""As in AWS's own examples: no account has it."""
TEXTS: Mapping[str, str] = {
    "runbook.yaml": "runbooks/{application}.yaml",
    "Makefile": "Makefile",
    "README.md": "README.md",
    "requirements.txt": "requirements.txt",
    "gitignore": ".gitignore",
    "workflow.yaml": ".github/workflows/farshore.yaml",
    "test_runbooks.py": "tests/test_runbooks.py",
}
"""Of each text in templates/, where it goes."""


@dataclass(frozen=True)
class Beginning:
    """What is known before anything is written."""

    application: str
    primary: str
    standby: str

    @property
    def ledger(self) -> Sequence[str]:
        """Three Regions of one set, the two among them where they are."""
        ours = {self.primary, self.standby}
        best = max(REGION_SETS, key=lambda one: (len(one & ours), self.primary in one))
        return sorted(sorted(best, key=lambda region: (region not in ours, region))[:3])

    @property
    def observer(self) -> str:
        """One that is neither of the two."""
        return next(region for region in self.ledger if region not in (self.primary, self.standby))


def wrong(beginning: Beginning) -> Iterator[str]:
    """What no runbook could say."""
    if not re.fullmatch(r"[a-z][a-z0-9-]{1,28}[a-z0-9]", beginning.application):
        instead = "write --application NAME: a small letter first, then up to 29 more, digits or hyphens"
        yield f"{beginning.application!r} is no application's name: {instead}"
    elif not isinstance(yaml.safe_load(beginning.application), str):
        yield f"{beginning.application!r} is no text in YAML: write another --application"
    for region in (beginning.primary, beginning.standby):
        if partitions().get(region) != "aws":
            yield f"{region} is no Region of the partition aws: write one such as us-east-1"
    if beginning.primary == beginning.standby:
        yield f"{beginning.primary} cannot stand by for itself: write another --standby"


def texts(beginning: Beginning) -> dict[str, str]:
    """Every file that people write on, by its path."""
    made = jinja2.Environment(
        autoescape=False,  # noqa: S701  no page is made of them
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    known = {
        "application": beginning.application,
        "primary": beginning.primary,
        "standby": beginning.standby,
        "observer": beginning.observer,
        "ledger": beginning.ledger,
        "account": ACCOUNT,
        "requirement": _requirement(),
    }
    frame, _, _ = (HERE / "frame").read_text("utf-8").partition(f"{MARKER}\n")
    return {
        "template.yaml": f"{frame}{MARKER}\n",
        **{
            path.format(application=beginning.application): made.from_string(
                (HERE / "templates" / f"{name}.jinja").read_text("utf-8")
            ).render(known)
            for name, path in TEXTS.items()
        },
    }


def _requirement() -> str:
    """This very Farshore, for pip: its version, or where it was installed from.
    Source: packaging.python.org/en/latest/specifications/direct-url"""
    installed = [*distributions(name="farshore")]  # a checkout has notes of itself, too, which do not say
    said = next(filter(None, (each.read_text("direct_url.json") for each in installed)), "{}")
    origin = json.loads(said)
    if "url" not in origin:
        return f"farshore=={installed[0].version}"
    vcs, url = origin.get("vcs_info"), origin["url"]
    return f"farshore @ {vcs['vcs']}+{url}@{vcs['commit_id']}" if vcs else f"farshore @ {url}"
