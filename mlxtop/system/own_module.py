"""Start modules of this program as programs of their own, from a directory or a zip archive."""

from __future__ import annotations

import os
import sys

_FROM_ARCHIVE = (
    "import sys; sys.path.append(sys.argv.pop(1)); from {} import main; sys.exit(main())"
)
"""The standard library comes first, whatever lies in the archive."""


def alone(module: str) -> list[str]:
    """Return the words that start a loaded module with the standard library and no site packages.

    It has a function `main()`, and calls it when it is run.
    """
    path = sys.modules[module].__file__ or ""
    python = [sys.executable, "-I", "-S"]
    if os.path.isfile(path):
        return [*python, path]
    parts = module.count(".") + 1
    return [*python, "-c", _FROM_ARCHIVE.format(module), path.rsplit(os.sep, parts)[0]]
