"""Messages to the service manager, by a socket of the test."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from mlxtop.system.notify import Notifier, watchdog_s


def manager(place: str) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listening.bind(place)
    listening.settimeout(5.0)
    return listening


def test_lines_arrive_in_one_message(tmp_path: Path) -> None:
    place = str(tmp_path / "notify")
    with manager(place) as listening:
        assert Notifier({"NOTIFY_SOCKET": place}).send("READY=1", "STATUS=two\nlines")
        assert listening.recv(100) == b"READY=1\nSTATUS=two lines"


def test_a_socket_without_a_file_is_reached() -> None:
    name = f"mlxtop-test-{os.getpid()}"
    with manager("\0" + name) as listening:
        assert Notifier({"NOTIFY_SOCKET": f"@{name}"}).send("READY=1")
        assert listening.recv(100) == b"READY=1"


@pytest.mark.parametrize("place", ["", "relative", "/nonexistent/socket"])
def test_nobody_to_tell_is_no_failure(place: str) -> None:
    assert not Notifier({"NOTIFY_SOCKET": place}).send("READY=1")


def test_the_life_sign_comes_twice_within_its_time(tmp_path: Path) -> None:
    place = str(tmp_path / "notify")
    environ = {"NOTIFY_SOCKET": place, "WATCHDOG_USEC": "2000000"}
    with manager(place) as listening:
        notifier = Notifier(environ, pid=7)
        for tick in (0.0, 0.5, 0.99, 1.0, 1.5, 2.1):
            notifier.alive(tick)
        listening.setblocking(False)
        signs = 0
        try:
            while listening.recv(100) == b"WATCHDOG=1":
                signs += 1
        except BlockingIOError:
            pass
    assert signs == 3


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "7"}, 0.5),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "8"}, None),
    ],
)
def test_the_watchdog_is_ours_or_nobodys(environ: dict[str, str], seconds: float | None) -> None:
    assert watchdog_s(environ, 7) == seconds
