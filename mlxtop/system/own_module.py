"""Start modules of this program as programs of their own, wherever they were loaded from."""

from __future__ import annotations

import os
import sys

import mlxtop

_FROM_ARCHIVE = (
    "import sys; sys.path.append(sys.argv.pop(1)); from {} import main; sys.exit(main())"
)
"""The standard library comes first, whatever lies in the archive."""


_MEMORY = "/proc/self/fd/"
"""Where a program is imported from that was sent to this machine: nobody else can open it."""
_WITH_PACKAGES = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); from {} import main; main(*sys.argv[1:])"
)


def with_packages(module: str) -> list[str]:
    """Return the words that start `main(…)` of a module with all that this program imports.

    What follows the words are its arguments.
    """
    place = os.path.dirname(os.path.dirname(mlxtop.__file__))
    return [sys.executable, "-I", "-c", _WITH_PACKAGES.format(module), place]


def alone(module: str) -> list[str]:
    """Return the words that start a loaded module with the standard library and no site packages.

    It has a function `main()`, and calls it when it is run. It lies in a directory, in a zip
    archive, or in memory alone; there it imports nothing of ours.
    """
    path = sys.modules[module].__file__ or ""
    python = [sys.executable, "-I", "-S"]
    if os.path.isfile(path):
        return [*python, path]
    place = path.rsplit(os.sep, module.count(".") + 1)[0]
    kept = not place.startswith(_MEMORY)
    if kept and (os.path.isfile(place) or os.path.isfile(os.path.dirname(place))):
        return [*python, "-c", _FROM_ARCHIVE.format(module), place]
    from inspect import getsource  # slow to load

    return [*python, "-c", getsource(sys.modules[module])]
