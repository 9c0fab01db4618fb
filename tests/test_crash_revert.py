"""The program that takes routes back when its writer dies, with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlxtop.change.crash_revert import CrashRevert, take_back
from mlxtop.change.plan import Command

WRITER = r"""
import sys, time
from mlxtop.change.crash_revert import CrashRevert
from mlxtop.change.plan import Command
undo = Command(("/bin/tee", "-a", sys.argv[1]), "as before", "back\n")
crash_revert = CrashRevert([undo], "a test")
print("armed", flush=True)
if sys.argv[2] == "release":
    crash_revert.release()
else:
    time.sleep(60)
"""


def start(place: Path, what: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(place), what], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "armed\n"
    return process


def appears(place: Path, seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if place.exists() and place.read_text() == "back\n":
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_it_takes_back_when_its_writer_is_killed(tmp_path: Path, number: int) -> None:
    place = tmp_path / "said"
    with start(place, "wait") as process:
        os.kill(process.pid, number)
        process.wait()
    assert appears(place)


def test_it_takes_nothing_back_when_it_is_released(tmp_path: Path) -> None:
    place = tmp_path / "said"
    with start(place, "release") as process:
        process.wait()
    assert not appears(place, 0.3)


def test_every_command_is_tried(tmp_path: Path) -> None:
    place = tmp_path / "said"
    take_back([(["/nonexistent"], ""), (["false"], ""), (["tee", str(place)], "back\n")])
    assert place.read_text() == "back\n"


def test_it_is_told_where_it_cannot_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(OSError, match=r"mlxtop\.change\.crash_revert did not start"):
        CrashRevert([Command(("true",), "nothing")], "a test")
