"""Commands in the virtual lab: a small VM with ConnectX-like devices behind a real kernel."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import mlxtop

REPOSITORY = Path(mlxtop.__file__).parent.parent
FOR_OTHERS = """
# The interpreter and the source may be in a home that is root's alone: opened, in the lab only.
for place in "$PYTHON" "$(readlink -f "$PYTHON")" "$PWD"; do
  while [ "$place" != / ]; do chmod o+rx "$place"; place=$(dirname "$place"); done
done
"""


def in_lab(
    script: str, *, seconds: int = 600, options: Sequence[str] = ("-M",), stdin: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run a bash script as root in the lab, in the repository; `$PYTHON` is this interpreter.

    Skips the test, with the reason, where there is no lab.
    """
    folder = os.environ.get("MLXTOP_LAB")
    if not folder:
        pytest.skip("MLXTOP_LAB does not name the folder of lab.sh")
    if os.geteuid() != 0:
        pytest.skip("the virtual lab needs root")
    return subprocess.run(
        [f"{folder}/lab.sh", "-t", str(seconds), *options, "--", "bash", "-euc", script],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        env={**os.environ, "PYTHON": sys.executable, "PYTHONPATH": str(REPOSITORY)},
        timeout=seconds + 600,
        check=False,
        stdin=None if stdin else subprocess.DEVNULL,
    )
