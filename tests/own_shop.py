"""The tests' own runbook of the shop, and repositories in which runbooks are compiled.

`python tests/own_shop.py FOLDER` makes one of it, with the MockConfigFile.json for Step Functions Local.
"""

from __future__ import annotations

import atexit
import functools
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from farshore.commands.compile import derived_from
from farshore.runbook.topology import is_one

TESTS = Path(__file__).parent
"""Where `farshore` finds the runbook by its name."""
ROOT = TESTS.parent
SHOP = TESTS / "runbooks" / "unicorn-shop.yaml"
STAND_INS = TESTS / "stand_ins"
BOOKWORM, HOTEL, KIOSK = (STAND_INS / f"{name}.yaml" for name in ("bookworm", "grand-hotel", "kiosk"))
FOUR = BOOKWORM, HOTEL, KIOSK, SHOP
"""Runbooks that one repository may have: each has an alarm that starts it."""


def repository(folder: Path, runbooks: Sequence[Path] = (SHOP,)) -> Path:
    """One with these runbooks and the frame of our template; nothing is compiled."""
    (folder / "runbooks").mkdir()
    for path in runbooks:
        shutil.copy(path, folder / "runbooks")
    shutil.copy(ROOT / "template.yaml", folder)
    return folder


@functools.cache
def compiled(*runbooks: Path) -> Path:
    """A repository in which these are compiled, once."""
    folder = Path(tempfile.mkdtemp(prefix="farshore-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    derived_from(repository(folder, runbooks)).write()
    return folder


def house() -> Path:
    """Our repository, whatever its runbooks; while it has none, one with the shop's."""
    return ROOT if runbooks_of(ROOT) else compiled(SHOP)


def runbooks_of(house: Path) -> list[Path]:
    return sorted(path for path in (house / "runbooks").glob("*.yaml") if not is_one(path))


if __name__ == "__main__":
    (folder := Path(sys.argv[1])).mkdir(parents=True)
    derived_from(repository(folder)).write()
