"""functions/ of a repository of one's own: the Lambda package of the Farshore that compiles there.

`sam build` packs it, so it is committed, as everything is that is deployed. Steps of one's own stand in it
beside Farshore's; which files are Farshore's is listed in it, so that one which a newer version no longer has
is known to be left over.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import functions

FOLDER = "functions"
LIST = f"{FOLDER}/farshore.json"
MARK = "Farshore's own files: steps of yours stand beside them in steps/."
HOME = Path(functions.__path__[0])


def vendored(root: Path) -> dict[str, str]:
    """Every file of it by its path from the root, and the list of them; none in Farshore's own checkout."""
    if (root / FOLDER).resolve() == HOME.resolve():
        return {}
    files = {f"{FOLDER}/{path.relative_to(HOME).as_posix()}": path.read_text("utf-8") for path in _files()}
    listed = json.dumps({"$comment": MARK, "files": sorted(files)}, indent=2) + "\n"
    return {**files, LIST: listed}


def left_over(root: Path) -> list[str]:
    """Files that an older version of Farshore has put there, and this one has no more."""
    ours = vendored(root)
    try:
        listed = json.loads((root / LIST).read_text("utf-8"))["files"]
        return [name for name in listed if name not in ours and _is_below(root, name)] if ours else []
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _is_below(root: Path, name: object) -> bool:
    """Somebody may have edited the list: nothing elsewhere is ours to remove."""
    path = root / str(name)
    return path.is_file() and (root / FOLDER).resolve() in path.resolve().parents


def _files() -> Iterator[Path]:
    for folder in (HOME, HOME / "steps"):
        yield from sorted(folder.glob("*.py"))
    yield from (HOME / name for name in ("Makefile", "requirements.txt"))
