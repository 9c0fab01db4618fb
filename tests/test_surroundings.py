"""The tests themselves: they leave the home of who runs them alone, and see what a user has."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import mlxtop
from mlxtop.change.log import log_path
from mlxtop.load.run_log import own_runs
from mlxtop.settings import config_path
from mlxtop.system.owner import invoking_owner
from tests.conftest import HOME

REPOSITORY = Path(mlxtop.__file__).parent.parent


def test_what_the_program_keeps_goes_into_a_home_of_the_tests_own() -> None:
    places = (config_path(os.environ), log_path(invoking_owner(), os.environ), own_runs())
    assert [place for place in places if not Path(place).is_relative_to(HOME)] == []
    assert Path.home() == Path(HOME)


@pytest.mark.slow
def test_a_run_of_the_tests_leaves_the_home_empty_whatever_is_set(tmp_path: Path) -> None:
    if shutil.which("fish") is None:
        pytest.skip("fish, which writes into its user's home at each start, is not installed")
    home = {f"XDG_{name}_HOME": str(tmp_path) for name in ("CONFIG", "STATE", "CACHE", "DATA")}
    sudo = {"SUDO_UID": str(os.getuid()), "SUDO_GID": str(os.getgid()), "SUDO_USER": "me"}
    odd = {"MLXTOP_NIC_INTERVAL": "60", "MLXTOP_NIC_ASCII": "true", "PYTHONUNBUFFERED": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests/test_manual.py"],
        cwd=REPOSITORY,
        env={**os.environ, "HOME": str(tmp_path), **home, **sudo, **odd},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.slow
def test_every_snapshot_is_that_of_a_test() -> None:
    """Runs that are spread over the cores cannot tell: each process knows its own tests alone."""
    kept = (REPOSITORY / "tests/__snapshots__").iterdir()
    names = sorted(f"tests/{one.stem}.py" for one in kept)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-m", "", *names],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
    assert "unused" not in done.stdout
