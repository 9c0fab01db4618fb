"""`.ci/run`: every part runs, the summary says which failed, and what users lack is unset."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import mlxtop

REPOSITORY = Path(mlxtop.__file__).parent.parent
TOOL = """#!/bin/sh
[ "$1 $2 $3" != "-m pytest -m" ] || echo "12 passed in 3.40s"
case "$0 $*" in *"{broken}"*) exit 1;; esac
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A repository with stand-ins for its tools, and an `id` that says that we are not root."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(REPOSITORY / ".ci/run", tmp_path / ".ci/run")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/id").write_text("#!/bin/sh\necho 1000\n")
    (tmp_path / "bin/id").chmod(0o755)
    return tmp_path


def run(place: Path, test: str, broken: str) -> tuple[int, dict[str, tuple[str, str]]]:
    """The status of `.ci/run`, and of each part its verdict and last line."""
    (place / "README.md").write_text(f"<!-- test -->\n```\n{test}\n```\n<!-- end -->\n")
    (place / ".venv/bin").mkdir(parents=True, exist_ok=True)
    for name in ("ruff", "mypy", "python"):
        tool = place / ".venv/bin" / name
        tool.write_text(TOOL.format(broken=broken))
        tool.chmod(0o755)
    done = subprocess.run(
        ["bash", place / ".ci/run"],
        env={**os.environ, "PATH": f"{place}/bin:{os.environ['PATH']}", "PYTHONUNBUFFERED": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr == ""
    summary = done.stdout.partition("== summary")[2]
    parts = re.findall(r"^(ok|FAILED) +\d+ s  ([^:]*): ?(.*)$", summary, re.MULTILINE)
    return done.returncode, {name: (verdict, last) for verdict, name, last in parts}


def test_all_is_well_when_every_part_is(place: Path) -> None:
    status, parts = run(place, "echo ${PYTHONUNBUFFERED-unset}", "nothing")
    assert status == 0
    assert parts == {
        "the README's test command": ("ok", "unset -rfEs"),
        "source": ("ok", ""),
        "slow tests": ("ok", "12 passed in 3.40s"),
        "slow tests that measure": ("ok", "12 passed in 3.40s"),
    }


@pytest.mark.parametrize(
    ("broken", "failed"),
    [("mypy", "source"), ("ruff", "source"), ("not alone", "slow tests")],
)
def test_a_part_that_fails_is_named_and_the_others_run(
    place: Path, broken: str, failed: str
) -> None:
    status, parts = run(place, "echo 3 passed", broken)
    assert status == 1
    assert [name for name, (verdict, _) in parts.items() if verdict == "FAILED"] == [failed]
    assert len(parts) == 4


def test_the_parts_after_a_failing_first_one_run(place: Path) -> None:
    status, parts = run(place, "echo 1 failed; false", "nothing")
    assert status == 1
    assert parts["the README's test command"] == ("FAILED", "1 failed")
    assert parts["slow tests"] == ("ok", "12 passed in 3.40s")
