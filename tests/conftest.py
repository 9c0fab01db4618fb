"""What all tests share: a home, tries of properties, how time passes, how screens settle."""

import gc
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import textual._wait
from hypothesis import settings

from mlxtop.lab import ManualClock
from mlxtop.system.captured import CapturedSystem

HOME = tempfile.mkdtemp(prefix="mlxtop-tests-home-")
"""Where settings, runs and logs of the tests go, and not into the home of who runs them."""
DROPPED = ("MLXTOP_NIC_", "SUDO_", "XDG_", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE")
"""Variables that change where the program writes, or how, and that most users do not have."""

sys.dont_write_bytecode = False
"""Or each run would compile all tests, and each program that a test starts all of mlxtop."""


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Spread a run of everything over the cores; run here what was named, which begins sooner."""
    everything = config.args_source is config.ArgsSource.TESTPATHS
    return len(os.sched_getaffinity(0)) + 1 if everything else 0  # each waits a third of its time


def pytest_collection_finish() -> None:
    """Leave what lives until the end out of garbage collections: a sixth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def pytest_configure() -> None:
    """Give the tests the environment of a user who has set nothing."""
    for name in [name for name in os.environ if name.startswith(DROPPED)]:
        del os.environ[name]
    os.environ["HOME"] = HOME
    # An ordinary user's PATH lacks the directories where ethtool and others are.
    os.environ["PATH"] = f"{os.environ['PATH']}:/usr/local/sbin:/usr/sbin:/sbin"


def pytest_unconfigure() -> None:
    """Remove the home."""
    shutil.rmtree(HOME, ignore_errors=True)


settings.register_profile("quick", max_examples=15, deadline=None)
settings.register_profile("thorough", max_examples=100, deadline=None)
settings.load_profile("quick")
"""`--hypothesis-profile=thorough` tries each property more often."""

textual._wait.SLEEP_GRANULARITY = 0.005
"""Seconds. Pilot waits several of them for each key, 20 ms each: half of the time of all tests.

What takes longer is waited for by name, with `until()`.
"""


@pytest.fixture(autouse=True)
def _simulated_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let those who wait for a reader of a captured machine give up in simulated time alone."""
    monkeypatch.setattr(CapturedSystem, "clock", ManualClock())


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """One that other users may enter, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)
