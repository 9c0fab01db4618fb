"""Echo requests and replies: their bytes, and real ones on loopback in a namespace."""

from __future__ import annotations

import errno
import socket
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.cli.errors import explain
from mlxtop.system.icmp import MAGIC, LocalPinger, checksum, parse_reply, request
from tests.netns import own

NONCE = bytes(range(16))


def reply(nonce: bytes = NONCE, kind: int = 0) -> bytes:
    return bytes((kind, 0)) + request(8, 1, 1, nonce)[2:]


def test_a_request_has_a_checksum_that_adds_up() -> None:
    packet = request(8, 0x1234, 70000, NONCE)
    assert checksum(packet) == 0
    assert packet[8:] == MAGIC + NONCE


def test_a_reply_gives_its_nonce_with_a_header_and_without() -> None:
    assert parse_reply(reply(), ipv6=False, with_header=False) == NONCE
    assert parse_reply(b"\x45" + bytes(19) + reply(), ipv6=False, with_header=True) == NONCE
    assert parse_reply(b"\x46" + bytes(23) + reply(), ipv6=False, with_header=True) == NONCE
    assert parse_reply(reply(kind=129), ipv6=True, with_header=True) == NONCE


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"\x45",
        reply()[:-1],
        reply(kind=8),
        reply(kind=3),
        reply().replace(MAGIC, b"x" * len(MAGIC)),
    ],
)
def test_other_packets_give_nothing(packet: bytes) -> None:
    assert parse_reply(packet, ipv6=False, with_header=False) is None


@given(st.binary(max_size=80), st.booleans(), st.booleans())
def test_any_bytes_are_taken(packet: bytes, ipv6: bool, with_header: bool) -> None:
    nonce = parse_reply(packet, ipv6, with_header)
    assert nonce is None or len(nonce) == 16


def test_who_may_send_pings_is_said_where_neither_socket_is_allowed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(socket, "socket", refused)
    with pytest.raises(PermissionError) as caught:
        LocalPinger()
    assert caught.value.errno == errno.EPERM
    assert "run it as root" in explain(caught.value)
    assert "net.ipv4.ping_group_range" in explain(caught.value)


REAL = """
import errno, subprocess, sys, time
from threading import Event, Thread
from mlxtop.system.icmp import LocalPinger
for words in ("link set lo up", "link add a0 type veth peer name b0", "link set a0 up",
              "link set b0 up", "addr add 10.98.1.1/24 dev a0"):
    subprocess.run(["ip", *words.split()], check=True)
if sys.argv[1] == "dgram":
    with open("/proc/sys/net/ipv4/ping_group_range", "w") as file:
        file.write("0 0")
pinger = LocalPinger()
assert pinger._channels[False].raw is (sys.argv[1] == "raw")
for address in ("127.0.0.1", "::1"):
    pinger.send(address, "lo", b"n" * 16)
    (echo,) = pinger.wait(5.0, Event())
    assert (echo.nonce, echo.source, echo.device) == (b"n" * 16, address, "lo"), echo
try:
    pinger.send("127.0.0.1", "gone0", b"n" * 16)
except OSError as error:
    assert error.errno == errno.ENODEV
else:
    raise AssertionError("no device")
began = time.monotonic()
Thread(target=pinger.wake).start()
assert pinger.wait(30.0, Event()) == [] and time.monotonic() - began < 10
stop = Event()
stop.set()
assert pinger.wait(30.0, stop) == []
pinger.close()
pinger.close()
pinger.wake()
print("well")
"""


@pytest.mark.parametrize("kind", ["raw", "dgram"])
def test_real_answers_come_back_by_both_kinds_of_socket(kind: str) -> None:
    done = subprocess.run(
        [*own(), sys.executable, "-c", REAL, kind], capture_output=True, text=True, check=False
    )
    if kind == "dgram" and "Permission denied" in done.stderr:
        pytest.skip("the range of groups cannot be set here")
    assert done.stdout == "well\n", done.stderr
