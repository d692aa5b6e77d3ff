"""The command line, in rooms that each know only those below: from what operators write to what survives.

Read runbook/, compile/, lint/ and operate/, then checkers/, simulate/ and explore/; init/ has what a
repository of one's own begins with, testing/ what its tests stand on, and commands/ a file a verb.
"""

import sys
from pathlib import Path


def _find_what_stands_beside() -> None:
    """`functions` and `twin` are beside this package in a checkout. Installed they are inside it: these are
    everybody's words. They come first, since a repository of one's own has a functions/, too."""
    here = Path(__file__).parent
    bundled = here / "bundled"
    sys.path.insert(0, str(bundled if bundled.is_dir() else here.parent))


_find_what_stands_beside()
