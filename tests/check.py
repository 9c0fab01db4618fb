"""Run all quick checks by one command: `python -m tests.check`.

With `--coverage` only the tests are run, under coverage, with `--slow` the slow ones too but those
of the virtual lab. It fails where they reach less than 90 % of what lies outside `tui/`
(`pyproject.toml`).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
QUICK = (
    ("ruff", "format", "--check", "."),
    ("ruff", "check", "."),
    ("mypy",),
    ("pytest",),
)


def steps(coverage: bool, slow: bool) -> tuple[tuple[str, ...], ...]:
    """Return the modules to run, with their arguments."""
    if not coverage:
        return QUICK
    chosen = ("-m", "not vm") if slow else ()
    return (
        ("coverage", "erase"),
        ("coverage", "run", "-m", "pytest", "-n0", *chosen),
        ("coverage", "combine"),
        ("coverage", "report"),
    )


def main() -> int:
    """Run them one after the other; return the status of the first that fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.check", description=__doc__)
    parser.add_argument("--coverage", action="store_true", help="run tests under coverage")
    parser.add_argument("--slow", action="store_true", help="with --coverage: the slow ones too")
    args = parser.parse_args()
    for words in steps(args.coverage, args.slow):
        print("==", *words, flush=True)
        status = subprocess.run([sys.executable, "-m", *words], cwd=ROOT, check=False).returncode
        if status:
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main())
