"""What a service tells systemd, read from a socket as systemd does."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlxtop.system.notify import ServiceManager


@pytest.fixture
def heard(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        one.bind(str(tmp_path / "notify"))
        one.setblocking(False)
        yield one


def told(heard: socket.socket) -> list[str]:
    texts = []
    while True:
        try:
            texts.append(heard.recv(4096).decode())
        except BlockingIOError:
            return texts


def test_it_tells_that_it_is_ready_and_that_it_ends(heard: socket.socket) -> None:
    one = ServiceManager({"NOTIFY_SOCKET": str(heard.getsockname())})
    one.ready("recording")
    one.alive(1.0)
    one.status("one\ntwo")
    one.stopping()
    assert told(heard) == ["READY=1\nSTATUS=recording", "STATUS=one two", "STOPPING=1"]


def test_it_lives_twice_in_the_time_that_systemd_waits(heard: socket.socket) -> None:
    one = ServiceManager({"NOTIFY_SOCKET": heard.getsockname(), "WATCHDOG_USEC": "10000000"})
    for tick in (1.0, 2.0, 5.9, 6.0, 7.0, 11.0):
        one.alive(tick)
    assert told(heard) == ["WATCHDOG=1"] * 3


@pytest.mark.parametrize(("beside", "count"), [(0, 1), (1, 0)])
def test_a_watchdog_of_another_process_is_not_ours(
    heard: socket.socket, beside: int, count: int
) -> None:
    pid = str(os.getpid() + beside)
    environ = {"NOTIFY_SOCKET": heard.getsockname(), "WATCHDOG_USEC": "5", "WATCHDOG_PID": pid}
    ServiceManager(environ).alive(1.0)
    assert len(told(heard)) == count


def test_an_abstract_socket_is_heard() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        name = f"mlxtop-test-{os.getpid()}"
        one.bind(f"\0{name}")
        ServiceManager({"NOTIFY_SOCKET": f"@{name}"}).stopping()
        assert one.recv(100) == b"STOPPING=1"


@pytest.mark.parametrize("name", ["", "relative", "/nonexistent/socket", "@" + "x" * 200])
def test_without_anybody_who_listens_nothing_happens(name: str) -> None:
    one = ServiceManager({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "x"})
    one.ready("recording")
    one.alive(1.0)
