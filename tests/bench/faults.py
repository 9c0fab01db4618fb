"""The faults that mlxtop has to survive, each with the test that injects it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

TABLE: Mapping[str, str] = {
    "a reader raises an errno": "test_live::test_a_reader_that_fails_is_told_and_the_rest_is_there",
}
"""What is injected, and the test that does it: its file, its function."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A row of the table."""

    injected: str
    survived: str
    """`yes`, `**no**`, or why it could not be tried."""
    test: str


def measure() -> list[Fault]:
    """Run the tests and tell what they said."""
    files = sorted({f"tests/{test.partition('::')[0]}.py" for test in TABLE.values()})
    with tempfile.NamedTemporaryFile(suffix=".xml") as report:
        subprocess.run(
            [sys.executable, "-m", "pytest", "-m", "", f"--junitxml={report.name}", *files],
            check=False,
            stdout=subprocess.DEVNULL,
            cwd=Path(__file__).parents[2],
        )
        outcomes = _outcomes(ElementTree.parse(report.name).getroot())
    return [Fault(fault, _said(outcomes.get(test, [])), test) for fault, test in TABLE.items()]


def _outcomes(report: ElementTree.Element) -> dict[str, list[str]]:
    """What each run of a test said, parametrised ones together."""
    found: dict[str, list[str]] = {}
    for case in report.iter("testcase"):
        module = case.get("classname", "").rpartition(".")[2]
        name = case.get("name", "").partition("[")[0]
        said = "yes"
        for child in case:
            if child.tag in ("failure", "error"):
                said = "**no**"
            elif child.tag == "skipped":
                said = f"not tried: {child.get('message', '')}"
        found.setdefault(f"{module}::{name}", []).append(said)
    return found


def _said(outcomes: list[str]) -> str:
    if "**no**" in outcomes:
        return "**no**"
    if "yes" in outcomes:
        return "yes"
    return outcomes[0] if outcomes else "**no such test**"
