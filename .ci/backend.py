"""Builds as setuptools does, after the program wrote its manual page and its completions.

https://peps.python.org/pep-0517/#in-tree-build-backends
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403 (all other hooks are setuptools' own)

PRINTED = {
    "man/man1/mlxtop.1": ("manual",),
    "bash-completion/completions/mlxtop": ("completion", "bash"),
    "zsh/site-functions/_mlxtop": ("completion", "zsh"),
    "fish/vendor_completions.d/mlxtop.fish": ("completion", "fish"),
}
"""File below `share` to the subcommand that prints it."""


def _write_share() -> None:
    for name, words in PRINTED.items():
        argv = [sys.executable, "-X", "utf8", "-m", "mlxtop", *words]
        path = Path("mlxtop/share", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(subprocess.run(argv, stdout=subprocess.PIPE, check=True).stdout)


def build_sdist(*arguments: Any, **options: Any) -> str:
    """Write the files, then build the sdist with them."""
    _write_share()
    return build_meta.build_sdist(*arguments, **options)


def build_wheel(*arguments: Any, **options: Any) -> str:
    """Write the files, then build the wheel with them."""
    _write_share()
    return build_meta.build_wheel(*arguments, **options)
