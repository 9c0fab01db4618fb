"""Parts of RESULTS.md that a measurement writes by itself, each below its own heading."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

RESULTS = Path(__file__).parent / "RESULTS.md"


def _pattern(heading: str) -> str:
    return rf"\n?{re.escape(heading)}\n.*?(?=\n## |\Z)"


def part_of(results: str, heading: str) -> str:
    """Return the part below a heading, up to the next one; empty where there is none."""
    found = re.search(_pattern(heading), results, re.DOTALL)
    return f"\n{found[0].strip()}\n" if found else ""


def write_part(heading: str, lines: Iterable[str]) -> None:
    """Write a part anew, at the end; the other measurements stay as they are."""
    rest = re.sub(_pattern(heading), "", RESULTS.read_text(), flags=re.DOTALL)
    RESULTS.write_text(f"{rest.rstrip()}\n\n{heading}\n\n" + "\n".join(lines) + "\n")
