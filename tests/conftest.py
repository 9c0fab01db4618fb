"""What all tests share: a home, tries of properties, how time passes, how screens settle."""

import os
import shutil
import tempfile

import pytest
import textual._wait
from hypothesis import settings

from mlxtop.lab import ManualClock
from mlxtop.system.captured import CapturedSystem

HOME = tempfile.mkdtemp(prefix="mlxtop-tests-home-")
"""Where settings, runs and logs of the tests go, and not into the home of who runs them."""
DROPPED = ("MLXTOP_NIC_", "SUDO_", "XDG_", "PYTHONUNBUFFERED")
"""Variables that change where the program writes, or how, and that most users do not have."""


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
