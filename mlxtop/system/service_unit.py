"""What the systemd units that subcommands print share: the program that they start.

https://man7.org/linux/man-pages/man5/systemd.service.5.html and systemd.exec.5
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Sequence


def own_program() -> list[str]:
    """Return the words that start this very program."""
    archive = os.path.dirname(getattr(sys.modules["__main__"], "__file__", None) or "")
    if os.path.isfile(archive):
        return [sys.executable, os.path.abspath(archive)]
    beside = os.path.join(os.path.dirname(sys.executable), "mlxtop")
    for path in (os.path.abspath(sys.argv[0]), beside, shutil.which("mlxtop")):
        if path and os.path.basename(path) == "mlxtop" and os.access(path, os.X_OK):
            return [path]
    return [sys.executable, "-m", "mlxtop"]


def exec_start(words: Iterable[str]) -> str:
    """Return a command as it stands behind `ExecStart=`.

    >>> exec_start(["/usr/bin/python3", "-m", "mlxtop", "record", "/var/lib/my data"])
    '/usr/bin/python3 -m mlxtop record "/var/lib/my data"'
    """
    return " ".join(map(_quoted, words))


def protect_home(program: Sequence[str]) -> str:
    """Return the value of `ProtectHome=` with which a program can be started.

    >>> protect_home(["/usr/bin/mlxtop"]), protect_home(["/home/me/bin/python", "-m", "mlxtop"])
    ('yes', 'read-only')
    """
    at_home = any(word.startswith(("/home/", "/root/", "/run/user/")) for word in program)
    return "read-only" if at_home else "yes"


def _quoted(word: str) -> str:
    """Return a word as it stands in ExecStart.

    >>> _quoted("/opt/my tools/mlxtop"), _quoted("50%"), _quoted("$HOME")
    ('"/opt/my tools/mlxtop"', '50%%', '$$HOME')
    """
    word = word.replace("\\", "\\\\").replace("%", "%%").replace("$", "$$").replace('"', '\\"')
    plain = word.replace("/", "").replace("-", "").replace(".", "").replace("_", "")
    special = plain.replace("%", "").replace("$", "")
    return word if special.isalnum() and special.isascii() else f'"{word}"'
