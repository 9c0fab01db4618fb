"""What cannot be told of a machine for want of a library, which the program can do without."""

from __future__ import annotations

from importlib.util import find_spec

from mlxtop.model.sample import Problem
from mlxtop.system.door import System

WITHOUT = {
    "psutil": "is not installed: the load of the cores is not told",
    "pyudev": "is not installed: new devices are found by looking, not at once",
}


def lacking(system: System) -> tuple[Problem, ...]:
    """Return what this machine's Python lacks; nothing where nothing of it is read."""
    if system.demo or system.captured:
        return ()
    return tuple(Problem(name, text) for name, text in WITHOUT.items() if find_spec(name) is None)
