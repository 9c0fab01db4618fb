"""The unit of `path keep`, checked by systemd's own tools, and run without systemd."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mlxtop.path.unit import unit
from tests.netns import own

ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    path = tmp_path / "mlxtop-path.service"
    path.write_text(unit(["/bin/true"]))
    return path


@needs_systemd
def test_systemd_finds_nothing_wrong(place: Path) -> None:
    done = subprocess.run(
        [str(ANALYZE), "verify", "--man=no", str(place)],
        capture_output=True,
        text=True,
        check=False,
    )
    complaints = [line for line in done.stderr.splitlines() if place.name in line]
    assert (done.returncode, complaints) == (0, [])


@needs_systemd
def test_it_is_hardened(place: Path) -> None:
    done = subprocess.run(
        [str(ANALYZE), "security", "--offline=yes", "--no-pager", str(place)],
        capture_output=True,
        text=True,
        check=False,
    )
    level = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    assert level is not None, done.stdout + done.stderr
    assert float(level[1]) < 4.0


def test_it_has_two_capabilities_and_a_watchdog() -> None:
    text = unit(["/usr/bin/mlxtop"])
    assert "ExecStart=/usr/bin/mlxtop path keep\n" in text
    assert "CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_RAW\n" in text
    assert "Type=notify\n" in text
    assert "WatchdogSec=10\n" in text


def test_odd_paths_stay_one_word() -> None:
    assert 'ExecStart="/opt/my tools/50%%/mlxtop" path keep' in unit(["/opt/my tools/50%/mlxtop"])


def test_a_program_of_several_words_below_a_home_can_be_started() -> None:
    text = unit(["/home/me/env/bin/python", "-m", "mlxtop"])
    assert "ExecStart=/home/me/env/bin/python -m mlxtop path keep\n" in text
    assert "ProtectHome=read-only\n" in text
    assert "ProtectHome=yes\n" in unit(["/usr/bin/mlxtop"])


def test_it_starts_once_the_routes_are_there() -> None:
    """Metrics are chosen by the routes of the start; the network's own must not come later."""
    text = unit(["/usr/bin/mlxtop"])
    assert "After=network-online.target\nWants=network-online.target\n" in text


def test_the_service_manager_hears_of_it(tmp_path: Path) -> None:
    """Ready, a life sign twice within its time, and the end, by a socket of the test."""
    home = tmp_path / "config"
    (home / "mlxtop-nic").mkdir(parents=True)
    (home / "mlxtop-nic" / "settings.toml").write_text(
        '[[path.peers]]\naddress = "10.9.9.9"\nways = [{ dev = "none0" }]\n'
    )
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(tmp_path / "notify"))
    manager.settimeout(20.0)
    environ = {
        "PATH": os.environ["PATH"],
        "XDG_CONFIG_HOME": str(home),
        "XDG_STATE_HOME": str(tmp_path),
        "NOTIFY_SOCKET": str(tmp_path / "notify"),
        "WATCHDOG_USEC": "1000000",
    }
    argv = [*own(), sys.executable, "-m", "mlxtop", "path", "watch"]
    with subprocess.Popen(argv, env=environ, stdout=subprocess.DEVNULL) as process, manager:
        heard = [manager.recv(4096).decode() for _ in range(5)]
        process.send_signal(signal.SIGTERM)
        while "STOPPING=1" not in heard[-1]:
            heard.append(manager.recv(4096).decode())
        assert process.wait(20) == 0
    assert heard[0].startswith("READY=1")
    assert sum("WATCHDOG=1" in word for word in heard) >= 2
    assert any("STATUS=" in word and "down" in word for word in heard)
