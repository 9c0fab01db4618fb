"""The table of faults: every row names a test that there is."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.bench.faults import TABLE

FOLDER = Path(__file__).parent


def names_in(file: Path) -> set[str]:
    """Names of the tests of a file."""
    body = ast.parse(file.read_text()).body
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {one.name for one in body if isinstance(one, functions) and "test" in one.name[:4]}


def test_every_row_names_a_test() -> None:
    for test in TABLE.values():
        file, _, name = test.partition("::")
        assert name in names_in(FOLDER / f"{file}.py"), test


def test_no_test_stands_for_two_faults() -> None:
    assert len(set(TABLE.values())) == len(TABLE)
