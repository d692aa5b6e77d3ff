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

from ..runbook.mistakes import Mistake, Mistakes

FOLDER = "functions"
LIST = f"{FOLDER}/farshore.json"
MARK = "Farshore's own files: steps of yours stand beside them in steps/."
HOME = Path(functions.__path__[0])


def vendored(root: Path) -> dict[str, str]:
    """Every file of it by its path from the root, and the list of them; none in Farshore's own checkout.
    Raises Mistakes where a file of one's own stands where one of them is to stand."""
    if (root / FOLDER).resolve() == HOME.resolve():
        return {}
    files = {f"{FOLDER}/{path.relative_to(HOME).as_posix()}": path.read_text("utf-8") for path in _files()}
    listed = _listed(root)
    yours = [name for name, text in files.items() if name not in listed and _other(root / name, text)]
    if yours:
        what, instead = "Farshore has a file of this name, and this one is not its", "give yours another name"
        raise Mistakes([Mistake(str(root / name), 0, what, instead) for name in yours])
    text = json.dumps({"$comment": MARK, "files": sorted(files)}, indent=2) + "\n"
    return {**files, LIST: text}


def left_over(root: Path) -> list[str]:
    """Files that an older version of Farshore has put there, and this one has no more."""
    ours = vendored(root)
    return [name for name in _listed(root) if name not in ours and _is_below(root, name)] if ours else []


def _listed(root: Path) -> list[str]:
    """What some version of Farshore has put there; nothing of what cannot be read."""
    try:
        listed = json.loads((root / LIST).read_text("utf-8"))["files"]
        return [name for name in listed if isinstance(name, str)]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _other(path: Path, text: str) -> bool:
    try:
        return path.exists() and path.read_text("utf-8") != text
    except (OSError, UnicodeDecodeError):
        return True


def _is_below(root: Path, name: str) -> bool:
    """Somebody may have edited the list: nothing elsewhere is ours to remove."""
    path = root / name
    return path.is_file() and (root / FOLDER).resolve() in path.resolve().parents


def _files() -> Iterator[Path]:
    for folder in (HOME, HOME / "steps"):
        yield from sorted(folder.glob("*.py"))
    yield from (HOME / name for name in ("Makefile", "requirements.txt"))
