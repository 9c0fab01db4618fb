"""Ports that go, come back, change their names and flap, in namespaces of our own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import mlxtop
from tests import netns
from tests.terminal import Terminal

REPOSITORY = Path(mlxtop.__file__).parent.parent
pytestmark = pytest.mark.slow

Line = dict[str, Any]


@pytest.fixture
def hosts() -> Iterator[netns.Pair]:
    reason = netns.missing()
    if reason:
        pytest.skip(reason)
    with netns.pair() as made:
        yield made


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


class Stream:
    """`mlxtop --all --json-stream` in a namespace, read line by line."""

    def __init__(self, argv: list[str]) -> None:
        self.process = subprocess.Popen(
            argv,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=REPOSITORY,
            env={**os.environ, "XDG_CONFIG_HOME": "/nonexistent"},
        )

    def line(self) -> Line:
        assert self.process.stdout is not None
        text = self.process.stdout.readline()
        assert text, self.process.communicate()
        found: Line = json.loads(text)
        return found

    def ports(self) -> dict[str, Line]:
        """The next line's ports by the names of their network devices."""
        return {port["netdev"]: port for card in self.line()["adapters"] for port in card["ports"]}

    def until(self, holds: Callable[[dict[str, Line]], bool], lines: int = 100) -> dict[str, Line]:
        for _ in range(lines):
            if holds(ports := self.ports()):
                return ports
        raise AssertionError(f"it never came true: {ports}")

    def end(self) -> bytes:
        """Stop it; what it said on stderr."""
        self.process.send_signal(signal.SIGTERM)
        said = self.process.communicate(timeout=10)[1]
        assert self.process.returncode in (0, 128 + signal.SIGTERM)
        return said


@contextmanager
def streaming(hosts: netns.Pair, *words: str) -> Iterator[Stream]:
    argv = [sys.executable, "-m", "mlxtop", "--all", "--json-stream", *(words or ("-d", "0.1"))]
    stream = Stream(hosts.on(hosts.near, *argv))
    try:
        yield stream
    finally:
        stream.process.kill()
        stream.process.communicate()


def test_a_rename_a_move_to_another_namespace_and_a_return_are_followed(
    hosts: netns.Pair,
) -> None:
    with streaming(hosts) as stream:
        stream.until(lambda ports: "near0" in ports)
        ip("-n", hosts.near, "link", "set", "near0", "down")
        ip("-n", hosts.near, "link", "set", "near0", "name", "lan7")
        stream.until(lambda ports: set(ports) == {"lan7"})
        ip("-n", hosts.near, "link", "set", "lan7", "netns", hosts.far)
        stream.until(lambda ports: ports == {})
        ip("-n", hosts.far, "link", "set", "lan7", "netns", hosts.near)
        ip("-n", hosts.near, "link", "set", "lan7", "up")
        ports = stream.until(lambda ports: ports.get("lan7", {}).get("state") == "up")
        assert ports["lan7"]["rx_bytes"] is not None
        stream.until(lambda ports: ports["lan7"]["rx_bps"] is not None)
        assert stream.end() == b""


def test_ports_removed_in_mid_read_are_gone_and_the_others_go_on(hosts: netns.Pair) -> None:
    add = "\n".join(f"link add x{n} type veth peer name y{n}" for n in range(20))
    delete = "\n".join(f"link del x{n}" for n in range(20))
    with streaming(hosts) as stream:
        for _ in range(8):
            for batch in (add, delete):
                subprocess.run(
                    ["ip", "-n", hosts.near, "-batch", "-"],
                    input=batch,
                    text=True,
                    check=True,
                    capture_output=True,
                )
                assert "near0" in stream.ports()
        stream.until(lambda ports: set(ports) == {"near0"})
        assert stream.end() == b""


def test_a_thousand_flaps_are_counted_and_delay_no_sample(hosts: netns.Pair) -> None:
    with streaming(hosts, "-d", "0.2") as stream:
        first = stream.until(lambda ports: "near0" in ports)["near0"]["carrier_changes"]
        flap = "link set near0 down\nlink set near0 up\n"
        with subprocess.Popen(
            ["ip", "-n", hosts.near, "-batch", "-"], stdin=subprocess.PIPE, text=True
        ) as flapper:
            assert flapper.stdin is not None
            for _ in range(40):
                flapper.stdin.write(flap * 25)
                flapper.stdin.flush()
                assert "near0" in stream.ports()
        ports = stream.until(
            lambda ports: (
                ports["near0"]["state"] == "up"
                and ports["near0"]["carrier_changes"] >= first + 2000
            )
        )
        threads = len(os.listdir(f"/proc/{stream.process.pid}/task"))
        assert threads < 20
        times = [stream.line()["time"] for _ in range(6)]
        assert times[-1] - times[0] < 2.0
        assert ports["near0"]["carrier_changes"] >= first + 2000
        assert stream.end() == b""


def test_a_driver_that_takes_a_device_away_under_the_reader_is_an_error_and_no_crash(
    hosts: netns.Pair,
) -> None:
    with streaming(hosts) as stream:
        stream.until(lambda ports: "near0" in ports)
        ip("-n", hosts.near, "link", "del", "near0")
        stream.until(lambda ports: ports == {})
        ip("-n", hosts.near, "link", "add", "near0", "type", "veth", "peer", "name", "n1")
        ports = stream.until(lambda ports: "near0" in ports)
        assert ports["near0"]["rx_bytes"] == 0
        assert stream.end() == b""


@pytest.fixture(scope="module")
def crowd() -> Iterator[netns.Pair]:
    """A namespace of 10 001 devices besides lo."""
    if reason := netns.missing():
        pytest.skip(reason)
    with netns.pair() as made:
        batch = "\n".join(f"link add v{n} type veth peer name w{n}" for n in range(5000))
        subprocess.run(
            ["ip", "-n", made.near, "-batch", "-"], input=batch, text=True, check=True, timeout=300
        )
        yield made


def test_ten_thousand_ports_are_streamed(crowd: netns.Pair) -> None:
    begin = time.monotonic()
    with streaming(crowd, "-d", "1") as stream:
        assert len(stream.ports()) == 10001
        assert time.monotonic() - begin < 30
        assert len(stream.ports()) == 10001
        assert stream.end() == b""


def test_ten_thousand_ports_are_on_a_screen_that_answers_and_quits(crowd: netns.Pair) -> None:
    argv = crowd.on(crowd.near, sys.executable, "-m", "mlxtop", "--all")
    with Terminal(argv, cwd=str(REPOSITORY), environ={"XDG_CONFIG_HOME": "/nonexistent"}) as screen:
        assert screen.shows(r"near0[^\n]*b/s|v\d+[^\n]*b/s", 30), screen.screen().text()
        screen.send("?")
        assert screen.shows("Next port", 10)
        screen.send("q")
        assert screen.wait(10) == 0
        assert screen.leftovers() == []


def without_sysfs(*argv: str) -> list[str]:
    """Run as nobody, where /sys and the PCI devices are hidden."""
    hide = 'mount -t tmpfs none /sys && chmod 000 /sys && exec setpriv --reuid=65534 --regid=65534 \
--clear-groups --inh-caps=-all --bounding-set=-all -- "$@"'
    return ["unshare", "-m", "sh", "-c", hide, "sh", *argv]


def test_as_nobody_without_sysfs_netlink_still_tells(tmp_path: Path) -> None:
    if netns.missing() or shutil.which("setpriv") is None:
        pytest.skip("needs root and setpriv to become nobody")
    tried = subprocess.run(
        without_sysfs(sys.executable, "-c", "import mlxtop"),
        cwd=REPOSITORY,
        capture_output=True,
        check=False,
    )
    hidden = subprocess.run(without_sysfs("ls", "/sys/class/net"), capture_output=True, check=False)
    assert b"Permission denied" in hidden.stderr
    if tried.returncode:
        pytest.skip(f"nobody may not read this repository: {tried.stderr.decode()[-80:]}")
    for words in (["--all", "--once", "-d", "0.1"], ["--once"], ["--all", "--once", "--json"]):
        done = subprocess.run(
            without_sysfs(sys.executable, "-m", "mlxtop", *words),
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, "HOME": "/nonexistent", "XDG_CONFIG_HOME": "/root"},
        )
        assert "Traceback" not in done.stderr
        assert done.returncode == (0 if "--all" in words else 1), done.stderr
